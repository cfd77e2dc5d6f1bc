"""A bounded share of `tests/fuzzing.py`: mutated examples and random text never give more than diagnostics, and take
neither more than 2 seconds of the processor nor 256 MB."""

from __future__ import annotations

import random

import pytest
from conftest import explored
from fuzzing import Examiner, corpus, mutated, seeds, trial
from hypothesis import given
from hypothesis import strategies as st

TEXTS = seeds()


@pytest.mark.parametrize("text", corpus())
def test_what_once_broke_a_promise(text: str) -> None:
    wrong = Examiner().wrong(text)
    assert wrong is None, wrong


@pytest.mark.slow
def test_what_takes_too_much_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("fuzzing", "measuring"):
        monkeypatch.setattr(f"{module}.SECONDS", -1.0)  # which nothing keeps, whatever the clock says
    wrong = Examiner().wrong("input 3x8x8; FC-2")
    assert wrong is not None
    assert "s of CPU" in wrong
    monkeypatch.setattr("fuzzing.UNROLLED", 2)
    assert Examiner().wrong("input 3x8x8; FC-2") is None


@pytest.mark.slow
@explored(250)
@given(st.integers(0, 2**32))
def test_mutated_specs(seed: int) -> None:
    text = mutated(random.Random(seed), TEXTS)
    wrong = Examiner().wrong(text)
    assert wrong is None, f"{text!r}\n{wrong}"


@pytest.mark.slow
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
