"""Columns of text: what gives where a line is too short."""

from __future__ import annotations

import pytest

from netspec.diagnostics.display import width
from netspec.report.columns import in_columns
from netspec.report.table_formats import Entry, Heading, Row

HEADINGS = (
    Heading("layer", "layer", narrow="cut"),
    Heading("what", "what", narrow="fold"),
    Heading("params", "params", True),
)
ROW = Row((Entry("block1.convolution1"), Entry("3x3-64, stride 2, pad 1, no bias"), Entry("1,792", 1792, "bold")))

TOTAL = Row((Entry("all"), Entry("1,792", 1792)), role="total")


def drawn(room: int, *, color: bool = False) -> list[str]:
    return list(in_columns(HEADINGS, [ROW], room=room, color=color))


def test_columns_are_as_wide_as_their_cells() -> None:
    assert drawn(100) == [
        "layer                 what                               params",
        "───────────────────────────────────────────────────────────────",
        "block1.convolution1   3x3-64, stride 2, pad 1, no bias    1,792",
    ]


def test_words_are_folded_first() -> None:
    assert drawn(50) == [
        "layer                 what                  params",
        "──────────────────────────────────────────────────",
        "block1.convolution1   3x3-64, stride 2,      1,792",
        "                      pad 1, no bias",
    ]


def test_names_are_cut_next_but_not_their_numbers() -> None:
    assert drawn(40)[2:4] == ["block1.convolu…1   3x3-64,         1,792", "                   stride 2,"]


@pytest.mark.parametrize("room", range(1, 90))
def test_numbers_are_never_cut(room: int) -> None:
    lines = drawn(room)
    assert lines[2].endswith("1,792")
    assert max(map(len, lines)) <= max(room, 12 + 3 + 6)


def test_the_total_is_below_a_rule() -> None:
    lines = list(in_columns(HEADINGS[::2], [ROW._replace(entries=ROW.entries[::2]), TOTAL], room=80, color=False))
    assert lines[3:] == ["─" * len(lines[2]), "all                    1,792"]


def test_levels_are_indented_and_count_for_the_width() -> None:
    rows = [Row((Entry("part"), Entry("5")), role="part"), Row((Entry("conv1"), Entry("5")), level=1)]
    assert list(in_columns(HEADINGS[::2], rows, room=80, color=False))[2:] == ["part           5", "  conv1        5"]


@pytest.mark.parametrize("room", range(26, 200, 7))
def test_more_columns_than_fit_are_continued_below(room: int) -> None:
    numbers = [Heading(f"n{i}", f"n{i}", right=True) for i in range(9)]
    values = [f"{10**i:,}" for i in range(9)]
    row = Row((*ROW.entries[:2], *map(Entry, values)))
    lines = list(in_columns((*HEADINGS[:2], *numbers), [row], room=room, color=False))
    assert all(len(line) <= room for line in lines)
    parts = "\n".join(lines).split("\n\n")
    assert [cell for part in parts for cell in part.split("\n")[2].split() if cell in values] == values
    assert all(part.split("\n")[2].startswith("bl") for part in parts)


@pytest.mark.parametrize("room", range(13, 60))
def test_wide_characters_are_cut_by_what_they_take(room: int) -> None:
    row = Row((Entry("畳み込み層の名前が長い"), Entry("5x5-6 漢字 と 仮名"), Entry("1,792")))
    lines = list(in_columns(HEADINGS, [row], room=room, color=False))
    assert all(width(line) <= max(room, 12 + 3 + 6) for line in lines)
    assert "1,792" in lines[2]


def test_colors_take_no_room() -> None:
    plain, colored = drawn(50), drawn(50, color=True)
    assert colored[2] == plain[2].replace("1,792", "\x1b[1m1,792\x1b[0m")
