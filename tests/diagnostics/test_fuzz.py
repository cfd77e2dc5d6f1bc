"""A bounded share of `tests/fuzzing.py`: mutated examples and random text never give more than diagnostics."""

from __future__ import annotations

import random

import pytest
from conftest import explored
from fuzzing import mutated, seeds, trial
from hypothesis import given
from hypothesis import strategies as st

TEXTS = seeds()


@pytest.mark.slow
@explored(500)
@given(st.integers(0, 2**32))
def test_mutated_specs(seed: int) -> None:
    text = mutated(random.Random(seed), TEXTS)
    wrong = trial(text)
    assert wrong is None, f"{text!r}\n{wrong}"


@explored(300)
@given(st.text(max_size=200))
def test_random_text(text: str) -> None:
    wrong = trial(text)
    assert wrong is None, f"{text!r}\n{wrong}"


@explored(300)
@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    from netspec.diagnostics import SpecError
    from netspec.elaborate.limits import Limits
    from netspec.elaborate.project import decode

    try:
        source = decode(data, "fuzz.net", None, Limits())
    except SpecError:
        return
    assert trial(source.text) is None
