"""Mistakes written by people who had the documentation alone, each with the right spec: what is found, and the edits."""

from __future__ import annotations

import pytest
from edit_cases import EDIT_CASES, EditCase, findings, outcome_of


def test_the_right_edit_is_offered_and_mostly_first() -> None:
    """Of 475 mistakes, as recorded case by case."""
    recorded = [case.outcome for case in EDIT_CASES]
    assert sum(outcome in ("first", "right") for outcome in recorded) >= 351
    assert recorded.count("first") >= 320


A_QUARTER = [pytest.param(case, marks=pytest.mark.slow if i % 4 else ()) for i, case in enumerate(EDIT_CASES)]
"""One case in four is in the fast part: they take time only together."""


@pytest.mark.parametrize("case", A_QUARTER, ids=str)
def test_the_right_spec_checks_without_a_word(case: EditCase) -> None:
    assert findings(case.right) == ()


@pytest.mark.parametrize("case", A_QUARTER, ids=str)
def test_what_is_found_and_offered(case: EditCase) -> None:
    found = findings(case.mistaken)
    assert tuple(d.code for d in found) == case.codes
    assert outcome_of(case) == case.outcome
