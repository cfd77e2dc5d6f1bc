"""Mistakes written by people who had the documentation alone, each with the right spec: what is found, and the edits.

A case is `### name what codes`, then the spec: lines of the mistaken one begin with `-|`, those of the right one with `+|`.
`right`: one of the edits gives the right spec. `checks`: one of them gives a spec that checks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from netspec.diagnostics import Diagnostic
from netspec.diagnostics.mending import apply_fixes
from netspec.model import check
from netspec.source import SourceFile


@dataclass(frozen=True)
class Case:
    name: str
    what: str
    codes: tuple[str, ...]
    mistaken: str
    right: str

    def __str__(self) -> str:
        return self.name


def _cases() -> list[Case]:
    text = (Path(__file__).parent / "edits.txt").read_text("utf-8")
    found = []
    for part in re.split(r"^### ", text, flags=re.M)[1:]:
        head, _, body = part.partition("\n")
        name, what, *codes = head.split()
        rows = body.rstrip("\n").split("\n")
        mistaken = "\n".join(row.removeprefix("-|") for row in rows if not row.startswith("+|"))
        right = "\n".join(row.removeprefix("+|") for row in rows if not row.startswith("-|"))
        found.append(Case(name, what, tuple(codes), mistaken + "\n", right + "\n"))
    return found


CASES = _cases()


def findings(text: str) -> tuple[Diagnostic, ...]:
    return check(SourceFile(text, "spec.net")).diagnostics


def plain(text: str) -> list[str]:
    """The lines without comments and without spaces that mean nothing."""
    rows = (" ".join(row.split("#")[0].split()) for row in text.splitlines())
    return [row for row in rows if row]


def test_there_are_enough() -> None:
    assert len(CASES) >= 380
    assert sum(case.what == "right" for case in CASES) >= 270


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_right_spec_checks_without_a_word(case: Case) -> None:
    assert findings(case.right) == ()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_edit_mends_it(case: Case) -> None:
    found = findings(case.mistaken)
    assert tuple(d.code for d in found) == case.codes
    mended = [apply_fixes(case.mistaken, [fix]) for d in found for fix in d.fixes]
    if case.what == "right":
        assert plain(case.right) in [plain(text) for text in mended]
    assert any(not any(d.is_error for d in findings(text)) for text in mended)
