"""Texts that nest too deep: the limit is reported, and no tree grows that a browser could not take apart."""

from __future__ import annotations

import pytest

from netspec.diagnostics import Diagnostics
from netspec.source import SourceFile
from netspec.syntax import parse

DEEP = 2000
TEXTS = {
    "lists": f"let a = {'[' * DEEP}1{']' * DEEP}",
    "braces": f"{'{' * DEEP} relu {'}' * DEEP}",
    "joins": f"add {'[ add ' * DEEP}[ identity; relu ]{' ]' * DEEP}",
    "calls": f"let a = {'max(1, ' * DEEP}1{')' * DEEP}",
    "signs": f"let a = {'-' * DEEP}1",
    "sums": f"let a = 1{' + 1' * DEEP}",
}


def _reported(text: str, *, recover: bool = False) -> list[tuple[str, str]]:
    found = Diagnostics()
    assert parse(SourceFile(f"input 3x8x8\n{text}\n"), found, recover=recover) is None
    return [(d.code, d.message) for d in found]


@pytest.mark.parametrize("name", TEXTS)
def test_deep_nesting_is_reported(name: str) -> None:
    assert _reported(TEXTS[name]) == [("NS005", "this nests deeper than 100 levels")]


def test_deep_nesting_is_reported_before_an_error_after_it() -> None:
    assert _reported(f"{TEXTS['lists']}\nFC-10 dense (", recover=True)[0][0] == "NS005"


@pytest.mark.parametrize(("levels", "fits"), [(60, True), (120, False)])
def test_the_limit(levels: int, fits: bool) -> None:
    found = Diagnostics()
    tree = parse(SourceFile(f"let a = {'[' * levels}1{']' * levels}\n"), found)
    assert (tree is not None, [d.code for d in found]) == (fits, [] if fits else ["NS005"])


def test_no_tree_grows_beyond_what_can_be_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    from netspec.syntax import parser

    highest = 0
    build = parser._Part.__init__

    def watched(part: parser._Part, *arguments: object) -> None:
        nonlocal highest
        build(part, *arguments)  # type: ignore[arg-type]
        highest = max(highest, part.height)

    monkeypatch.setattr(parser._Part, "__init__", watched)
    for text in TEXTS.values():
        _reported(text)
    assert 100 < highest <= parser._MAX_NESTED
