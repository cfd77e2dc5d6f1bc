"""Lines of a level as paths: straight along the flow, smooth where they change lanes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from netspec.scene.figure import Path
from netspec.scene.level_geometry import Point

__all__ = ["ARROW", "arrow_head", "flow_path"]

ARROW = 6.0
"""How long the head of an arrow is."""


def flow_path(points: Sequence[Point], colour: str, *, sideways: bool, arrow: bool) -> list[Path]:
    """A line through points (x, y); `sideways` where the flow runs from left to right."""
    placed = _without_repeats(points)
    end = placed[-1]
    if arrow:
        placed[-1] = (end[0] - ARROW, end[1]) if sideways else (end[0], end[1] - ARROW)
    pieces = tuple(_piece(a, b, sideways) for a, b in itertools.pairwise(placed))
    made = [Path(placed[0], pieces, colour, line=1.2)] if pieces else []
    return [*made, arrow_head(end, colour, sideways=sideways)] if arrow else made


def arrow_head(end: Point, colour: str, *, sideways: bool) -> Path:
    x, y = end
    corners = ((x - ARROW, y - 3), (x - ARROW, y + 3)) if sideways else ((x - 3, y - ARROW), (x + 3, y - ARROW))
    return Path(end, tuple((corner,) for corner in corners), fill=colour, closed=True)


def _piece(a: Point, b: Point, sideways: bool) -> tuple[Point, ...]:
    """Straight along the flow, else a curve that leaves and arrives along it."""
    if abs(a[1] - b[1]) < 0.5 if sideways else abs(a[0] - b[0]) < 0.5:
        return (b,)
    if sideways:
        middle = (a[0] + b[0]) / 2
        return (middle, a[1]), (middle, b[1]), b
    middle = (a[1] + b[1]) / 2
    return (a[0], middle), (b[0], middle), b


def _without_repeats(points: Sequence[Point]) -> list[Point]:
    """Without points that stand where the one before stands, or on the straight line between its neighbours."""
    found: list[Point] = []
    for point in points:
        if found and abs(found[-1][0] - point[0]) < 0.01 and abs(found[-1][1] - point[1]) < 0.01:
            continue
        straight = len(found) > 1 and any(
            abs(found[-2][k] - found[-1][k]) < 0.01 and abs(found[-1][k] - point[k]) < 0.01 for k in (0, 1)
        )
        if straight:
            found[-1] = point
        else:
            found.append(point)
    return found
