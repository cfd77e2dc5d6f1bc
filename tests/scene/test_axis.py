"""Round numbers for axes."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from conftest import explored
from hypothesis import given
from hypothesis import strategies as st

from netspec.scene.axis import round_steps, round_ticks


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0.3, 3.2, [0, 1, 2, 3, 4]), (2.0, 2.0, [2.0, 2.1]), (0.0, 0.0, [0, 0.1]),
        (-11, 27.7, [-20, -10, 0, 10, 20, 30]), (1e-4, 9e-4, [0, 2e-4, 4e-4, 6e-4, 8e-4, 1e-3]),
    ],
)  # fmt: skip
def test_round_steps(low: float, high: float, wanted: list[float]) -> None:
    assert round_steps(low, high, 5) == pytest.approx(wanted)


@explored(200)
@given(st.floats(-1e6, 1e6), st.floats(1.0, 1e6), st.integers(3, 8))
def test_steps_enclose_what_is_shown(low: float, span: float, most: int) -> None:
    steps = round_steps(low, low + span, most)
    assert len(steps) <= most + 1
    assert steps[0] <= low + 1e-6 * span
    assert steps[-1] >= low + span - 1e-6 * span
    widths = {round((b - a) / (steps[1] - steps[0]), 6) for a, b in pairwise(steps)}
    assert widths == {1.0}
    assert all(low - 1e-9 <= tick <= low + span + 1e-9 for tick in round_ticks(low, low + span, most))
    assert all(map(math.isfinite, steps))
