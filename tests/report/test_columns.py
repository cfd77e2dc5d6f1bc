"""Columns of text: what gives where a line is too short."""

from __future__ import annotations

import pytest

from netspec.report.columns import Cell, Column, in_columns

COLUMNS = (Column("layer", narrow="cut"), Column("what", narrow="fold"), Column("params", right=True))
ROW = [Cell("block1.convolution1"), Cell("3x3-64, stride 2, pad 1, no bias"), Cell("1,792", "bold")]


def drawn(room: int, *, color: bool = False) -> list[str]:
    return list(in_columns(COLUMNS, [ROW], room=room, color=color))


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


def test_names_are_cut_next() -> None:
    assert drawn(40)[2:4] == ["block1.convolut…   3x3-64,         1,792", "                   stride 2,"]


@pytest.mark.parametrize("room", range(1, 90))
def test_numbers_are_never_cut(room: int) -> None:
    lines = drawn(room)
    assert lines[2].endswith("1,792")
    assert max(map(len, lines)) <= max(room, 4 + 3 + 4 + 3 + 6)


def test_colors_take_no_room() -> None:
    plain, colored = drawn(50), drawn(50, color=True)
    assert colored[2] == plain[2].replace("1,792", "\x1b[1m1,792\x1b[0m")
