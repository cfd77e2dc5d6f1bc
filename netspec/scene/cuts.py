"""Lines cut where a long picture is broken: straight out of what stands before the break, straight into what stands behind it, and
elsewhere only where they run along the flow."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from netspec.scene.curves import cut_along, level_places
from netspec.scene.flow import ARROW
from netspec.scene.layout import Box, Route
from netspec.scene.level_geometry import Point

__all__ = ["CUT", "Break", "Free", "Tensor", "arrivals", "cut_in_two", "is_straight", "passing", "resumes", "tensor_of"]

CUT = 3.0
"""How far behind what stands before it a line is cut."""
_ALIKE = 0.5
_CORNER = 6.0
"""How far from the corner of a box lines leave and arrive."""
_APART = 10.0
"""Between lines of several tensors that arrive at one box."""

Tensor: TypeAlias = "tuple[int, int]"
Free: TypeAlias = "Callable[[float, float, float], bool]"
"""Whether nothing stands at a place across, from one place along the flow to another."""


@dataclass(frozen=True, slots=True)
class Break:
    """Where a drawing can be broken: lines end at `cut` and go on from `start`."""

    cut: float
    start: float
    last: float
    """Where the box begins that ends last before it."""
    first: float
    """Where the first box behind it ends."""
    arrivals: Mapping[tuple[Tensor, int], float] = field(default_factory=dict)
    """Where lines arrive at their targets in the first rank behind it, across."""

    def is_left_by(self, box: Box | None) -> bool:
        """Whether a box stands in the last rank before the break."""
        return box is not None and _end(box) > self.last

    def leads_to(self, box: Box | None) -> bool:
        """Whether a box stands in the first rank behind the break."""
        return box is not None and box.corner[1] < self.first


def tensor_of(route: Route) -> Tensor:
    return id(route.source), route.node


def arrivals(routes: Iterable[Route], cut: float, first: float) -> dict[tuple[Tensor, int], float]:
    """Where curves that are cut arrive at boxes of the rank that ends at `first`, across: those of several tensors side by side, in
    the order in which they come."""
    into: dict[int, tuple[Box, dict[Tensor, Route]]] = {}
    for route in routes:
        if route.shape == "spline" and route.target is not None and route.target.corner[1] < first:
            into.setdefault(id(route.target), (route.target, {}))[1].setdefault(tensor_of(route), route)
    found = {}
    for box, lines in into.values():
        order = sorted(lines.values(), key=lambda route: cut_along(_curve(route), cut)[0][-1])
        places = [_on(box, route.points[-1][0]) for route in order]
        if box.inside is None and any(b - a < _APART for a, b in itertools.pairwise(places)):
            middle = sum(places) / len(places)
            places = [middle + _APART * (k - (len(places) - 1) / 2) for k in range(len(places))]
        found.update({(tensor_of(route), id(box)): place for route, place in zip(order, places, strict=True)})
    return found


def passing(routes: Iterable[Route], stop: float) -> list[Route]:
    """Those that pass the place where they would be cut behind what ends at `stop`."""
    return [r for r in routes if r.points[0][1] <= stop + CUT < r.points[-1][1]]


def is_straight(route: Route, stop: float) -> bool:
    """Whether a line with corners runs straight on where it would be cut behind what ends at `stop`."""
    (x, _), (further, _) = _around(route, stop + CUT)
    return abs(x - further) < _ALIKE


def resumes(route: Route, stop: float) -> float:
    """Where a line goes on that was cut behind what ends at `stop`: a curve at once, another where it turns or ends."""
    return stop + CUT if route.shape == "spline" else _around(route, stop + CUT)[1][1]


def cut_in_two(route: Route, at: Break, free: Free) -> tuple[Route, Route] | None:
    """A line up to a break and on from it, the second without length where the line ends there. None where it cannot be cut
    without a corner."""
    if route.shape == "spline":
        before, behind = _leaving(route, at, free), _entering(route, at, free)
    else:
        (x, _), _ = _around(route, at.cut)
        before = (*(point for point in route.points if point[1] <= at.cut), (x, at.cut))
        behind = ((x, at.start), *(point for point in route.points if point[1] > at.cut))
    if not before or not behind:
        return None
    return replace(route, points=before, arrow=False), replace(route, points=behind)


def _leaving(route: Route, at: Break, free: Free) -> tuple[Point, ...]:
    """From its source, or from the last place before the break that it passes along the flow, straight to the break."""
    box = route.source
    if box is not None and at.is_left_by(box):
        across = _on(box, route.points[0][0])
        if free(across, _end(box), at.cut):
            return _straight((across, _end(box)), (across, at.cut))
    before, _ = cut_along(_curve(route), at.cut)
    for across, along in reversed(level_places(before)):
        if free(across, along, at.cut):
            return (*cut_along(before, along)[0], *_straight((across, along), (across, at.cut))[1:])
    return ()


def _entering(route: Route, at: Break, free: Free) -> tuple[Point, ...]:
    """From the break straight to its target, or to the first place behind the break that it passes along the flow."""
    curve, tip = _curve(route), route.points[-1:] if route.arrow else ()
    box = route.target
    if box is not None and at.leads_to(box):
        across, end = at.arrivals[tensor_of(route), id(box)], box.corner[1]
        if free(across, at.start, end):
            straight = _straight((across, at.start), (across, end - ARROW if tip else end))
            return (*straight, (across, end)) if tip else straight
    _, behind = cut_along(curve, at.cut)
    for across, along in level_places(behind):
        if free(across, at.start, along):
            return (*_straight((across, at.start), (across, along)), *cut_along(behind, along)[1][1:], *tip)
    return ()


def _curve(route: Route) -> tuple[Point, ...]:
    return route.points[:-1] if route.arrow else route.points


def _straight(start: Point, end: Point) -> tuple[Point, ...]:
    """A straight line as a curve."""
    third = (end[1] - start[1]) / 3
    return start, (start[0], start[1] + third), (end[0], end[1] - third), end


def _on(box: Box, across: float) -> float:
    """The place on the side of a box that is nearest to another."""
    if box.inside is not None:
        return across  # where the line inside goes on
    return min(max(across, box.corner[0] + _CORNER), box.corner[0] + box.size[0] - _CORNER)


def _end(box: Box) -> float:
    return box.corner[1] + box.size[1]


def _around(route: Route, along: float) -> tuple[Point, Point]:
    """The points before and behind a place along a line that passes it."""
    return next((a, b) for a, b in itertools.pairwise(route.points) if a[1] <= along < b[1])
