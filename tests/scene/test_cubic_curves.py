"""Cubic curves: places on them, and cuts."""

from __future__ import annotations

import math

import pytest

from netspec.scene.curves import cut_along, places_on

CURVES = ((0.0, 0.0), (0.0, 10.0), (20.0, 10.0), (20.0, 20.0), (20.0, 30.0), (5.0, 30.0), (5.0, 50.0))


@pytest.mark.parametrize("along", [0.5, 7.0, 20.0, 33.0, 50.0])
def test_the_parts_of_a_cut_curve_lie_on_it(along: float) -> None:
    before, behind = cut_along(CURVES, along)
    assert before[0] == CURVES[0]
    assert behind[-1] == pytest.approx(CURVES[-1])
    assert before[-1] == pytest.approx(behind[0])
    assert before[-1][1] == pytest.approx(along)
    assert len(before) % 3 == len(behind) % 3 == 1
    fine = [place for curve in (before, behind) for place in places_on(curve)]
    whole = [(a, b) for first in (0, 3) for a, b in (_at(CURVES[first : first + 4], n / 2000) for n in range(2001))]
    assert all(min(math.dist(place, other) for other in whole) < 0.05 for place in fine)


def _at(curve: tuple[tuple[float, float], ...], t: float) -> tuple[float, float]:
    """By the polynomials of Bernstein."""
    weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3]
    x, y = (sum(w * point[k] for w, point in zip(weights, curve, strict=True)) for k in (0, 1))
    return x, y


def test_a_curve_that_does_not_pass_is_not_cut() -> None:
    with pytest.raises(ValueError, match="passes 51"):
        cut_along(CURVES, 51.0)
