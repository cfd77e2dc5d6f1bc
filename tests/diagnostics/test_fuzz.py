"""A bounded share of benchmarks/fuzz.py: mutated examples and random text never give more than findings."""

from __future__ import annotations

import random
import runpy

import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

FUZZ = runpy.run_path(str(ROOT / "benchmarks" / "fuzz.py"), run_name="fuzz")
TEXTS = FUZZ["seeds"]()


@pytest.mark.slow
@settings(max_examples=3000, deadline=20_000, derandomize=True, database=None)
@given(st.integers(0, 2**32))
def test_mutated_specs(seed: int) -> None:
    text = FUZZ["mutated"](random.Random(seed), TEXTS)
    wrong = FUZZ["trial"](text)
    assert wrong is None, f"{text!r}\n{wrong}"


@settings(max_examples=300, deadline=20_000, derandomize=True, database=None)
@given(st.text(max_size=200))
def test_random_text(text: str) -> None:
    wrong = FUZZ["trial"](text)
    assert wrong is None, f"{text!r}\n{wrong}"


@settings(max_examples=300, deadline=20_000, derandomize=True, database=None)
@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    from netspec.diagnostics import SpecError
    from netspec.elaborate.limits import Limits
    from netspec.elaborate.project import decode

    try:
        source = decode(data, "fuzz.net", None, Limits())
    except SpecError:
        return
    assert FUZZ["trial"](source.text) is None
