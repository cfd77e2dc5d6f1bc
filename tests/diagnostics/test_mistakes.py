"""Mistakes that people make: code, place and exact text of the finding, and fixes that give a spec that checks.

`python tests/diagnostics/test_mistakes.py` writes the golden texts anew; read the difference before it is committed.
"""

from __future__ import annotations

import pytest
from cases import CASES, GOLDEN, Case

from netspec.diagnostics import Diagnostic
from netspec.diagnostics.mending import apply_fixes
from netspec.diagnostics.terminal import render
from netspec.model import check
from netspec.source import SourceFile


def findings(text: str) -> tuple[Diagnostic, ...]:
    return check(SourceFile(text, "spec.net")).diagnostics


def rendered(case: Case) -> str:
    return "\n".join(render(d, color=False, columns=80) for d in findings(case.text))


def test_there_are_enough() -> None:
    assert len(CASES) >= 120
    assert len({case.golden for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_code_and_place(case: Case) -> None:
    found = findings(case.text)
    assert sorted(d.code for d in found) == sorted(case.codes)
    if case.places:
        places = sorted((d.span.line, d.span.column) for d in found if d.span is not None)
        assert places == sorted(case.places)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_exact_text(case: Case) -> None:
    assert rendered(case) == case.golden.read_text("utf-8")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_text_keeps_to_80_columns(case: Case) -> None:
    assert all(len(line) <= 80 for line in rendered(case).splitlines())


FIXABLE = [case for case in CASES if len(case.codes) == 1 and any(d.fixes for d in findings(case.text))]


def test_many_have_a_fix() -> None:
    assert len(FIXABLE) >= 75


@pytest.mark.parametrize("case", FIXABLE, ids=str)
def test_every_fix_works(case: Case) -> None:
    (finding,) = findings(case.text)
    for fix in finding.fixes:
        mended = apply_fixes(case.text, [fix])
        left = [str(d) for d in findings(mended) if d.is_error or d.code == finding.code]
        assert left == [], f"{fix.title}:\n{mended}"


if __name__ == "__main__":
    for old in GOLDEN.glob("*.txt"):
        old.unlink()
    for each in CASES:
        each.golden.write_text(rendered(each), "utf-8")
