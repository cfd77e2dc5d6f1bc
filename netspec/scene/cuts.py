"""Lines cut where a long picture is broken: behind what stands before the break, and on from where they turn next."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

from netspec.scene.curves import cut_along
from netspec.scene.layout import Route

__all__ = ["CUT", "cut_in_two", "is_straight", "passing", "resumes"]

CUT = 3.0
"""How far behind what stands before it a line is cut."""
_ALIKE = 0.5


def passing(routes: Iterable[Route], stop: float) -> list[Route]:
    """Those that pass the place where they would be cut behind what ends at `stop`."""
    return [r for r in routes if r.points[0][1] <= stop + CUT < r.points[-1][1]]


def is_straight(route: Route, stop: float) -> bool:
    """Whether a line can be cut behind what ends at `stop`: a curve, or one that runs straight on there."""
    if route.shape == "spline":
        return True
    (x, _), (further, _) = _around(route, stop + CUT)
    return abs(x - further) < _ALIKE


def resumes(route: Route, stop: float) -> float:
    """Where a line goes on that was cut behind what ends at `stop`: a curve at once, another where it turns or ends."""
    return stop + CUT if route.shape == "spline" else _around(route, stop + CUT)[1][1]


def cut_in_two(route: Route, cut: float, start: float) -> tuple[Route, Route]:
    """A line up to `cut`, and on from `start`. The second has no length where the line ends there."""
    if route.shape == "spline":
        curve, tip = (route.points[:-1], route.points[-1:]) if route.arrow else (route.points, ())
        before, behind = cut_along(curve, cut)
        return replace(route, points=before, arrow=False), replace(route, points=(*behind, *tip))
    (x, _), _ = _around(route, cut)
    before = tuple(point for point in route.points if point[1] <= cut)
    behind = tuple(point for point in route.points if point[1] > cut)
    return replace(route, points=(*before, (x, cut)), arrow=False), replace(route, points=((x, start), *behind))


def _around(route: Route, along: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """The points before and behind a place along a line that passes it."""
    return next((a, b) for a, b in itertools.pairwise(route.points) if a[1] <= along < b[1])
