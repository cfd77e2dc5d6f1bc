"""Empty lanes of a row closed up: what stood beside other rows in the drawing of one."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import replace

from netspec.scene.curves import places_on
from netspec.scene.layout import Route
from netspec.scene.level_geometry import Point

__all__ = ["Interval", "closed_up", "depth", "levels", "moved_across"]

_LEFT = 24.0
"""What is left of an empty lane."""
_BESIDE = 5.0
"""What stays on both sides of what stands there."""
_LEVEL = 0.05
_LONG = 12.0
"""A line runs along the flow where it is less steep than this for so long."""
_SAME = 0.01

Interval = tuple[float, float]


def depth(taken: Iterable[Interval]) -> float:
    """How far what stands at these places across reaches, closed up."""
    merged = _merged(taken)
    return sum(b - a for a, b in merged) + _LEFT * (len(merged) - 1)


def closed_up(taken: Iterable[Interval]) -> Callable[[float], float]:
    """A map of places across that keeps what is taken as it is, and narrows what lies between."""
    merged = _merged(taken)
    knots = [(merged[0][0], merged[0][0])] if merged else [(0.0, 0.0)]
    for k, (start, stop) in enumerate(merged):
        if k:
            knots.append((start, knots[-1][1] + _LEFT))
        knots.append((stop, knots[-1][1] + stop - start))
    places = [a for a, _ in knots]

    def moved(across: float) -> float:
        k = bisect_right(places, across)
        if k in (0, len(knots)):
            end = knots[min(k, len(knots) - 1)]
            return across - end[0] + end[1]
        (a, x), (b, y) = knots[k - 1], knots[k]
        return x + (y - x) * (across - a) / (b - a)

    return moved


def _merged(taken: Iterable[Interval]) -> list[Interval]:
    found: list[Interval] = []
    for start, stop in sorted((a - _BESIDE, b + _BESIDE) for a, b in taken):
        if found and start - found[-1][1] <= _LEFT:
            found[-1] = found[-1][0], max(stop, found[-1][1])
        else:
            found.append((start, stop))
    return found


def levels(route: Route) -> list[Interval]:
    """Where a line runs along the flow, across."""
    curve = route.points[:-1] if route.arrow else route.points
    way = list(places_on(curve)) if route.shape == "spline" else route.points
    return [
        (min(a[0], b[0]), max(a[0], b[0]))
        for a, b in itertools.pairwise(way)
        if b[1] - a[1] > _LONG and abs(b[0] - a[0]) < _LEVEL * (b[1] - a[1])
    ]


def moved_across(route: Route, moved: Callable[[float], float]) -> Route:
    """A line with its places moved; a curve stays without corners."""
    points = [(moved(across), along) for across, along in route.points]
    if route.shape == "spline":
        for k in range(3, len(points) - 3, 3):
            points[k - 1], points[k + 1] = _in_line(*points[k - 1 : k + 2])
    return replace(route, points=tuple(points))


def _in_line(before: Point, place: Point, behind: Point) -> tuple[Point, Point]:
    """The control points beside a place on a curve, so that it has no corner there."""
    back, on = place[1] - before[1], behind[1] - place[1]
    if min(back, on) <= 0:
        return before, behind
    is_level = min(abs(place[0] - before[0]), abs(behind[0] - place[0])) < _SAME
    slope = 0.0 if is_level else (behind[0] - before[0]) / (back + on)
    return (place[0] - slope * back, before[1]), (place[0] + slope * on, behind[1])
