"""Mistakes that people make: code, place and exact text of what is reported, and fixes that give a spec that checks.

`python tests/diagnostics/test_mistakes.py` writes the snapshots anew; read the difference before it is committed.
"""

from __future__ import annotations

import pytest
from cases import CASES, Case, findings, read_snapshots, rendered, write_snapshots

from netspec.diagnostics.mending import apply_fixes

SNAPSHOTS = read_snapshots()


def test_every_case_has_a_name_and_a_snapshot_of_its_own() -> None:
    assert sorted(SNAPSHOTS) == sorted(case.name for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_code_place_and_text(case: Case) -> None:
    found = findings(case.text)
    assert sorted(d.code for d in found) == sorted(case.codes)
    if case.places:
        places = sorted((d.span.line, d.span.column) for d in found if d.span is not None)
        assert places == sorted(case.places)
    text = rendered(case)
    assert text == SNAPSHOTS[case.name]
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize("case", [case for case in CASES if len(case.codes) == 1], ids=str)
def test_every_fix_works(case: Case) -> None:
    for finding in findings(case.text):
        for fix in finding.fixes:
            left = findings(apply_fixes(case.text, [fix]))
            wrong = [str(d) for d in left if d.is_error or d.code == finding.code]
            assert wrong == [], fix.title


if __name__ == "__main__":
    write_snapshots()
