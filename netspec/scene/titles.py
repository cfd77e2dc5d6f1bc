"""Titles of frames where no line runs: as far left as there is room, for a layout that leaves it open where lines enter."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TypeAlias

from netspec.scene.curves import places_on
from netspec.scene.layout import Inside, Route
from netspec.scene.level_geometry import Point
from netspec.scene.parts import Part

__all__ = ["TITLE", "place_titles"]

TITLE = 9.0
"""How far a title stands from the side of its frame."""
_STRIP = 19.0
"""The height of the top of a frame in which its title stands."""
_AIR = 4.0
_Span: TypeAlias = "tuple[float, float]"


def place_titles(inside: Inside, width: Callable[[Part], float], *, across: bool) -> dict[int, float]:
    """Places the titles of all frames. Returns the room needed by each title that lines leave none, by the number of its frame.

    `width` is that of a title; `across`: the flow is from left to right.
    """
    ways = [[_turned(place, across) for place in _places(route)] for route in inside.routes]
    tight = {}
    for number, frame in enumerate(box for box in inside.boxes if box.inside is not None):
        (x, y), (room, _) = _turned(frame.corner, across), _turned(frame.size, across)
        lines = _crossing(ways, x, y, room)
        place = _free(lines, room, width(frame.part))
        frame.title = TITLE if place is None else place
        if place is None:  # of equal parts between the lines, none is larger than the largest
            tight[number] = (len(lines) + 1) * (width(frame.part) + TITLE + 2 * _AIR)
    return tight


def _places(route: Route) -> Sequence[Point]:
    return list(places_on(route.points)) if route.shape == "spline" else route.points


def _crossing(ways: list[list[Point]], x: float, y: float, room: float) -> list[_Span]:
    """Where lines run through the strip at the top of a frame, from left to right and counted from its side."""
    spans = []
    for way in ways:
        for (ax, ay), (bx, by) in itertools.pairwise(way):
            if min(ay, by) < y + _STRIP and max(ay, by) > y and min(ax, bx) < x + room and max(ax, bx) > x:
                spans.append((min(ax, bx) - x, max(ax, bx) - x))
    joined: list[_Span] = []
    for left, right in sorted(spans):
        if joined and left <= joined[-1][1] + 2 * _AIR:
            joined[-1] = (joined[-1][0], max(joined[-1][1], right))
        else:
            joined.append((left, right))
    return joined


def _free(lines: list[_Span], room: float, wide: float) -> float | None:
    """The first place between the lines, and between them and the sides, where so much has room."""
    start = TITLE
    for left, right in [*lines, (room - TITLE + _AIR, room)]:
        if start + wide + _AIR <= left:
            return start
        start = max(start, right + _AIR)
    return None


def _turned(point: Point, across: bool) -> Point:
    return (point[1], point[0]) if across else point
