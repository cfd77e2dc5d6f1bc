"""The drawing of findings in a terminal: every case is the whole picture."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.diagnostics import Diagnostic, Edit, Fix, Label
from netspec.diagnostics.display import printable, width, wrapped
from netspec.diagnostics.terminal import render, render_plain, summary
from netspec.source import SourceFile, Span


def at(source: SourceFile, marked: str, nth: int = 0) -> Span:
    """The span of the nth place where some words stand."""
    start = -1
    for _ in range(nth + 1):
        start = source.text.index(marked, start + 1)
    return Span(source, start, start + len(marked))


def drawn(span: Span | None, label: str = "", *secondary: Label, columns: int = 80, **more: object) -> str:
    """The picture without its first line."""
    found = Diagnostic("NS101", "error", "wrong", span, label, secondary, **more)  # type: ignore[arg-type]
    first, _, rest = render(found, color=False, columns=columns).partition("\n")
    assert first == "error[NS101]: wrong"
    return rest


def test_a_label_stands_beside_its_underline() -> None:
    source = SourceFile("input 784\nFC-10 pda=1\n", "a.net")
    assert drawn(at(source, "pda"), "not an option") == (
        " --> a.net:2:7\n"
        "  |\n"
        "2 | FC-10 pda=1\n"
        "  |       ^^^ not an option\n"
    )  # fmt: skip


def test_the_gutter_is_as_wide_as_the_largest_line_number() -> None:
    source = SourceFile("relu\n" * 99 + "gelu\n", "a.net")
    assert drawn(at(source, "gelu"), "", Label(at(source, "relu", 8), "before"), notes=("a fact",)) == (
        "   --> a.net:100:1\n"
        "    |\n"
        "  9 | relu\n"
        "    | ---- before\n"
        "...\n"
        "100 | gelu\n"
        "    | ^^^^\n"
        "    = note: a fact\n"
    )  # fmt: skip


# Several labels


def test_two_labels_on_a_line_are_drawn_together() -> None:
    source = SourceFile("conv3-8/2 -> conv3-9 pad=1\n", "a.net")
    assert drawn(at(source, "conv3-9"), "the sum is here", Label(at(source, "conv3-8/2"), "halved here")) == (
        " --> a.net:1:14\n"
        "  |\n"
        "1 | conv3-8/2 -> conv3-9 pad=1\n"
        "  | ---------    ^^^^^^^ the sum is here\n"
        "  | |\n"
        "  | halved here\n"
    )  # fmt: skip


def test_four_labels_hang_from_right_to_left() -> None:
    source = SourceFile("a -> b -> c -> d\n", "a.net")
    others = [Label(at(source, letter), f"about {letter}") for letter in "bcd"]
    assert drawn(at(source, "a"), "about a", *others) == (
        " --> a.net:1:1\n"
        "  |\n"
        "1 | a -> b -> c -> d\n"
        "  | ^    -    -    - about d\n"
        "  | |    |    |\n"
        "  | |    |    about c\n"
        "  | |    about b\n"
        "  | about a\n"
    )  # fmt: skip


def test_a_label_inside_of_another() -> None:
    source = SourceFile("add [ conv3-8; identity ]\n", "a.net")
    assert drawn(at(source, source.text.strip()), "the join", Label(at(source, "conv3-8"), "smaller")) == (
        " --> a.net:1:1\n"
        "  |\n"
        "1 | add [ conv3-8; identity ]\n"
        "  | ^^^^^^-------^^^^^^^^^^^^\n"
        "  | |     |\n"
        "  | |     smaller\n"
        "  | the join\n"
    )  # fmt: skip


def test_two_labels_on_one_span() -> None:
    source = SourceFile("relu\n", "a.net")
    assert drawn(at(source, "relu"), "one", Label(at(source, "relu"), "other")) == (
        " --> a.net:1:1\n"
        "  |\n"
        "1 | relu\n"
        "  | ^^^^ one\n"
        "  | |\n"
        "  | other\n"
    )  # fmt: skip


def test_neighbouring_lines_are_joined_and_one_between_is_shown() -> None:
    source = SourceFile("a\nb\nc\nd\n", "a.net")
    assert drawn(at(source, "d"), "here", Label(at(source, "a"), "first"), Label(at(source, "b"), "second")) == (
        " --> a.net:4:1\n"
        "  |\n"
        "1 | a\n"
        "  | - first\n"
        "2 | b\n"
        "  | - second\n"
        "3 | c\n"
        "4 | d\n"
        "  | ^ here\n"
    )  # fmt: skip


def test_a_label_in_another_file() -> None:
    source, other = SourceFile("a\n", "a.net"), SourceFile("\nblock b { relu }\n", "b.net")
    assert drawn(at(source, "a"), "", Label(at(other, "b {"), "declared here")) == (
        " --> a.net:1:1\n"
        "  |\n"
        "1 | a\n"
        "  | ^\n"
        " ::: b.net:2:7\n"
        "  |\n"
        "2 | block b { relu }\n"
        "  |       --- declared here\n"
    )  # fmt: skip


# Spans of several lines


def test_a_span_of_several_lines_has_a_bar_in_the_margin() -> None:
    source = SourceFile("input 8x8x8\nresidual {\n  conv3-8/2\n  relu\n}\n", "a.net")
    span = Span(source, source.text.index("residual"), len(source.text))
    assert drawn(span, "changes the shape", Label(at(source, "conv3-8/2"), "here")) == (
        " --> a.net:2:1\n"
        "  |\n"
        "2 | / residual {\n"
        "3 | |   conv3-8/2\n"
        "  | |   --------- here\n"
        "4 | |   relu\n"
        "5 | | }\n"
        "  | |_^ changes the shape\n"
    )  # fmt: skip


def test_a_span_that_begins_within_a_line() -> None:
    source = SourceFile("a: residual {\n  relu\n} x2\n", "a.net")
    span = Span(source, source.text.index("residual"), source.text.index("}") + 1)
    assert drawn(span, "this") == (
        " --> a.net:1:4\n"
        "  |\n"
        "1 |   a: residual {\n"
        "  |  ____^\n"
        "2 | |   relu\n"
        "3 | | } x2\n"
        "  | |_^ this\n"
    )  # fmt: skip


def test_a_long_span_is_elided_in_the_middle() -> None:
    source = SourceFile("repeat 2 {\n" + "  relu\n" * 20 + "  gelu\n}\n", "a.net")
    assert drawn(Span(source, 0, len(source.text)), "", Label(at(source, "relu", 9), "the tenth")) == (
        "  --> a.net:1:1\n"
        "   |\n"
        " 1 | / repeat 2 {\n"
        " 2 | |   relu\n"
        " 3 | |   relu\n"
        "...  |\n"
        "11 | |   relu\n"
        "   | |   ---- the tenth\n"
        "...  |\n"
        "22 | |   gelu\n"
        "23 | | }\n"
        "   | |_^\n"
    )  # fmt: skip


def test_two_spans_of_several_lines() -> None:
    source = SourceFile("add [\n  {\n    relu\n  }\n  gelu\n]\n", "a.net")
    inner = Span(source, source.text.index("{"), source.text.index("}") + 1)
    assert drawn(Span(source, 0, len(source.text)), "outer", Label(inner, "inner")) == (
        " --> a.net:1:1\n"
        "  |\n"
        "1 | /   add [\n"
        "2 | | /   {\n"
        "3 | | |     relu\n"
        "4 | | |   }\n"
        "  | | |___- inner\n"
        "5 | |     gelu\n"
        "6 | |   ]\n"
        "  | |___^ outer\n"
    )  # fmt: skip


# Characters


def test_a_tab_takes_four_columns() -> None:
    source = SourceFile("\tconv3-8\tpda=1\n", "a.net")
    assert drawn(at(source, "pda"), "this") == (
        " --> a.net:1:10\n"
        "  |\n"
        "1 |     conv3-8    pda=1\n"
        "  |                ^^^ this\n"
    )  # fmt: skip


def test_wide_characters_take_two_columns() -> None:
    source = SourceFile("relu 漢字 ab\n", "a.net")
    assert drawn(at(source, "漢字"), "these", Label(at(source, "ab"), "behind")) == (
        " --> a.net:1:6\n"
        "  |\n"
        "1 | relu 漢字 ab\n"
        "  |      ^^^^ -- behind\n"
        "  |      |\n"
        "  |      these\n"
    )  # fmt: skip


def test_combining_characters_take_none() -> None:
    source = SourceFile("e\u0301e\u0301 relu\n", "a.net")
    assert drawn(at(source, "relu"), "this").splitlines()[-1] == "  |    ^^^^ this"
    alone = Span(source, 1, 2)
    assert drawn(alone).splitlines()[-1] == "  | ^", "under the letter that it combines with"


@pytest.mark.parametrize("char", ["\x1b", "\x07", "\x7f", "\u202e", "\u2066", "\u200b", "\u2028", "\ue000"])
def test_nothing_from_a_file_drives_the_terminal(char: str) -> None:
    escaped = char.encode("unicode_escape").decode()
    source = SourceFile(f"relu {char} gelu\n", f"{char}.net")
    picture = drawn(at(source, char), f"a{char}b", notes=(char,), helps=(char,))
    assert char not in picture
    assert f"1 | relu {escaped} gelu\n  |      ^" in picture
    assert f"^ a{escaped}b" in picture


def test_crlf_and_a_byte_order_mark() -> None:
    source = SourceFile("\ufeffinput 784\r\nFC-10 pda=1\r\n", "a.net")
    assert drawn(at(source, "pda"), "this").splitlines()[2:] == ["2 | FC-10 pda=1", "  |       ^^^ this"]


# Ends of files


@pytest.mark.parametrize(
    ("text", "line", "picture"),
    [
        ("", 1, ["1 |", "  | ^ here"]),
        ("relu", 1, ["1 | relu", "  |     ^ here"]),
        ("relu\n", 2, ["2 |", "  | ^ here"]),
        ("relu\n\n\n", 4, ["4 |", "  | ^ here"]),
    ],
)
def test_at_the_end_of_a_file(text: str, line: int, picture: list[str]) -> None:
    source = SourceFile(text, "a.net")
    found = drawn(Span(source, len(text), len(text)), "here").splitlines()
    assert found[0].startswith(f" --> a.net:{line}:")
    assert found[2:] == picture


def test_an_empty_span_is_one_caret() -> None:
    source = SourceFile("relu gelu\n", "a.net")
    assert drawn(Span(source, 4, 4)).splitlines()[-1] == "  |     ^"


def test_a_span_over_the_end_of_its_line() -> None:
    source = SourceFile("relu\n\n\ngelu\n", "a.net")
    assert drawn(Span(source, 0, 6)).splitlines()[2:] == ["1 | relu", "  | ^^^^"]


def test_without_a_place() -> None:
    assert drawn(None, helps=("look again",)) == "  = help: look again\n"


# Width


def test_a_long_line_is_cut_around_its_span() -> None:
    source = SourceFile("a" * 100 + " here " + "b" * 100, "a.net")
    assert drawn(at(source, "here"), "this", columns=40).splitlines()[2:] == [
        "1 | …aaaaaaaaaaaaaa here bbbbbbbbbbbbbb…",
        "  |                 ^^^^ this",
    ]


@pytest.mark.parametrize(
    ("marked", "row", "under"),
    [("aa", "1 | aa" + "x" * 33 + "…", "  | ^^"), ("bb", "1 | …" + "x" * 33 + "bb", "  |" + " " * 35 + "^^")],
)
def test_cut_at_either_end(marked: str, row: str, under: str) -> None:
    source = SourceFile("aa" + "x" * 100 + "bb", "a.net")
    assert drawn(at(source, marked), columns=40).splitlines()[2:] == [row, under]


def test_labels_far_apart_on_a_long_line_stand_in_rows_of_their_own() -> None:
    source = SourceFile("one" + " " * 200 + "two", "a.net")
    assert drawn(at(source, "two"), "b", Label(at(source, "one"), "a"), columns=40).splitlines()[2:] == [
        "1 | one" + " " * 32 + "…",
        "  | --- a",
        "1 | …" + " " * 32 + "two",
        "  |" + " " * 34 + "^^^",
        "  |" + " " * 34 + "b",
    ]


def test_a_span_longer_than_the_terminal() -> None:
    source = SourceFile("x" * 300, "a.net")
    row, under = drawn(Span(source, 0, 300), columns=40).splitlines()[2:]
    assert (width(row), width(under)) == (40, 40)
    assert under == "  | " + "^" * 36


def test_wide_characters_cut_in_half() -> None:
    source = SourceFile("漢" * 100, "a.net")
    for i in range(0, 100, 7):
        row, under = drawn(Span(source, i, i + 1), columns=41).splitlines()[2:]
        assert width(row) == 41
        assert row[len("1 | ") :].strip("… ") == "漢" * row.count("漢")
        assert under.count("^") == 2
        column = under.index("^")
        assert "漢" in [char for n, char in enumerate(row) if width(row[:n]) == column]


def test_long_words_and_texts_are_broken() -> None:
    text = "word " * 30 + "x" * 200
    source = SourceFile("relu\n" * 12, "a.net")
    found = Diagnostic("NS101", "warning", text, at(source, "relu", 9), text, notes=(text,), helps=(text,))
    for columns in (40, 80, 100):
        picture = render(found, color=False, columns=columns).splitlines()
        assert max(map(width, picture)) <= columns
        assert sum(row.count("x") for row in picture) == 4 * 200
    assert render(found, color=False, columns=1) == render(found, color=False, columns=40), "the fewest"
    assert render_plain(found) == render(found, color=False, columns=100)


@pytest.mark.slow
@given(st.text(max_size=120), st.integers(10, 80), st.integers(0, 8))
def test_wrapping_keeps_every_letter(text: str, columns: int, hang: int) -> None:
    text = printable(text)  # as everything is before it is wrapped
    lines = wrapped(text, columns, hang=hang)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(width(line) <= max(columns, hang + 4) for line in lines)


@given(
    st.text(st.sampled_from("ab \t\n漢e\u0301\x1b\r"), max_size=200),
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 60), st.sampled_from(["", "why", "some longer words " * 3]))
    ),
    st.sampled_from([40, 60, 80]),
)
def test_any_labels_on_any_text(text: str, places: list[tuple[int, int, str]], columns: int) -> None:
    source = SourceFile(text, "a.net")
    size = len(source.text)
    labels = [Label(Span(source, min(a, size), min(a + n, size)), words) for a, n, words in places[:6]]
    found = Diagnostic("NS101", "error", "wrong", Span(source, 0, min(1, size)), "this", tuple(labels))
    picture = render(found, color=False, columns=columns)
    assert all(width(row) <= columns for row in picture.splitlines())
    assert all(label.text.split()[0] in picture for label in labels if label.text)
    plain = re.sub(r"\x1b\[[\d;]*m", "", render(found, color=True, columns=columns))
    assert [row.rstrip() for row in plain.splitlines()] == [row.rstrip() for row in picture.splitlines()]


# Colors


def test_colors() -> None:
    source = SourceFile("conv3-8/2 -> conv3-9\n", "a.net")
    found = Diagnostic(
        "NS306", "error", "wrong", at(source, "conv3-9"), "sum", (Label(at(source, "conv3-8"), "half"),), ("so",)
    )
    red, blue, bold, cyan, off = "\x1b[1;31m", "\x1b[1;34m", "\x1b[1m", "\x1b[1;36m", "\x1b[0m"
    assert render(found, color=True, columns=80).splitlines() == [
        f"{red}error[NS306]{off}{bold}: wrong{off}",
        f" {blue}-->{off} a.net:1:14",
        f"  {blue}|{off}",
        f"{blue}1{off} {blue}|{off} conv3-8/2 -> conv3-9",
        f"  {blue}|{off} {blue}-------{off}      {red}^^^^^^^{off} {red}sum{off}",
        f"  {blue}|{off} {blue}|{off}",
        f"  {blue}|{off} {blue}half{off}",
        f"  {blue}={off} {cyan}note{off}: so",
    ]
    assert "\x1b" not in render(found, color=False, columns=80)
    assert "\x1b[1;33mwarning" in render(Diagnostic("NS905", "warning", "w"), color=True, columns=80)


# Fixes


def test_a_fix_whose_title_says_it_all_is_not_drawn() -> None:
    source = SourceFile("FC-10 pda=1\n", "a.net")
    fix = Fix.replace(at(source, "pda"), "pad", "did you mean `pad`?")
    assert drawn(at(source, "pda"), fixes=(fix,)).splitlines()[-1] == "  = help: did you mean `pad`?"


def test_a_fix_in_several_places_is_drawn_as_lines_out_and_in() -> None:
    source = SourceFile("a: relu\nb: relu\ngelu\nc: relu\n", "a.net")
    fix = Fix("all of them", tuple(Edit(at(source, "relu", n), "silu") for n in range(3)))
    assert drawn(at(source, "relu"), helps=("all of them",), fixes=(fix,)).splitlines()[4:] == [
        "  = help: all of them",
        "1 - a: relu",
        "2 - b: relu",
        "1 + a: silu",
        "2 + b: silu",
        "4 - c: relu",
        "4 + c: silu",
    ]
    colored = render(Diagnostic("NS101", "error", "w", at(source, "relu"), fixes=(fix,)), color=True, columns=80)
    assert "\x1b[31m- c: relu\x1b[0m" in colored
    assert "\x1b[32m+ c: silu\x1b[0m" in colored


def test_a_fix_that_adds_a_line_counts_on() -> None:
    source = SourceFile("block b {\nrelu\nnet A\ngelu\n", "a.net")
    fix = Fix("close it", (Edit(Span(source, 14, 14), "\n}"), Edit(at(source, "gelu"), "silu")))
    assert drawn(at(source, "b"), fixes=(fix,)).splitlines()[5:] == [
        "3 + }",
        "4 - gelu",
        "5 + silu",
    ]


def test_a_change_too_wide_or_too_long_is_not_drawn() -> None:
    wide = SourceFile("relu" + " " * 90 + "relu\n", "a.net")
    long = SourceFile("relu\n" * 9, "a.net")
    for source, count in ((wide, 2), (long, 9)):
        fix = Fix("all", tuple(Edit(at(source, "relu", n), "silu") for n in range(count)))
        assert drawn(at(source, "relu"), fixes=(fix,)).splitlines()[-1] == "  = help: all"


def test_the_summary() -> None:
    error, warning = Diagnostic("NS101", "error", "e"), Diagnostic("NS905", "warning", "w")
    assert summary([error, warning, error]) == "2 errors, 1 warning"
    assert summary([warning] * 3) == "3 warnings"
    assert summary([]) == ""
