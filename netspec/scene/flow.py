"""Lines of a level as paths: straight along the flow, smooth where they change lanes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from netspec.scene.figure import Path
from netspec.scene.level_geometry import Point

__all__ = ["ARROW", "arrow_head", "flow_path", "spline_path", "square_path"]

ARROW = 6.0
"""How long the head of an arrow is."""
_ROUND = 6.0


def flow_path(points: Sequence[Point], colour: str, *, sideways: bool, arrow: bool) -> list[Path]:
    """A line through points (x, y); `sideways` where the flow runs from left to right."""
    placed = _without_repeats(points)
    end = placed[-1]
    if arrow:
        placed[-1] = (end[0] - ARROW, end[1]) if sideways else (end[0], end[1] - ARROW)
    pieces = tuple(_piece(a, b, sideways) for a, b in itertools.pairwise(placed))
    made = [Path(placed[0], pieces, colour, line=1.2)] if pieces else []
    return [*made, arrow_head(end, colour, sideways=sideways)] if arrow else made


def square_path(points: Sequence[Point], colour: str, *, arrow: bool) -> list[Path]:
    """A line through points (x, y) from left to right or upright, at right angles, its corners rounded."""
    placed = _without_repeats(_squared(points))
    (px, py), (x, y) = placed[-2:]
    step = (_sign(x - px), _sign(y - py))
    if arrow:
        placed[-1] = (x - step[0] * ARROW, y - step[1] * ARROW)
    pieces: list[tuple[Point, ...]] = []
    for before, corner, behind in zip(placed, placed[1:], placed[2:], strict=False):
        enter, leave = _towards(corner, before), _towards(corner, behind)
        pieces += [(enter,), (corner, corner, leave)]
    made = [Path(placed[0], (*pieces, (placed[-1],)), colour, line=1.2)]
    if not arrow:
        return made
    back, side = (x - step[0] * ARROW, y - step[1] * ARROW), (step[1] * 3, step[0] * 3)
    head = ((back[0] - side[0], back[1] - side[1]), (back[0] + side[0], back[1] + side[1]))
    return [*made, Path((x, y), tuple((corner,) for corner in head), fill=colour, closed=True)]


def spline_path(points: Sequence[Point], colour: str, *, arrow: bool) -> list[Path]:
    """A line whose first point three others follow for each of its curves, and then the tip of its arrow."""
    pieces = tuple((points[i], points[i + 1], points[i + 2]) for i in range(1, len(points) - 2, 3))
    if not arrow:
        return [Path(points[0], pieces, colour, line=1.2)]
    *curve, tip = points
    (bx, by), (x, y) = curve[-1], tip
    far = math.hypot(x - bx, y - by) or 1.0
    dx, dy = (x - bx) / far, (y - by) / far
    back = (x - dx * ARROW, y - dy * ARROW)
    head = ((back[0] - dy * 3, back[1] + dx * 3), (back[0] + dy * 3, back[1] - dx * 3))
    return [
        Path(curve[0], (*pieces, (back,)), colour, line=1.2),
        Path(tip, tuple((corner,) for corner in head), fill=colour, closed=True),
    ]


def _squared(points: Sequence[Point]) -> list[Point]:
    """What leads aslant turns half-way."""
    found = [points[0]]
    for (ax, ay), (bx, by) in itertools.pairwise(points):
        if abs(ax - bx) > 0.5 and abs(ay - by) > 0.5:
            found += [((ax + bx) / 2, ay), ((ax + bx) / 2, by)]
        found.append((bx, by))
    return found


def _sign(value: float) -> int:
    return (value > 0.5) - (value < -0.5)


def _towards(corner: Point, end: Point) -> Point:
    """A little way from a corner, at most half of the way."""
    dx, dy = end[0] - corner[0], end[1] - corner[1]
    share = min(_ROUND / max(abs(dx) + abs(dy), 1.0), 0.5)
    return corner[0] + dx * share, corner[1] + dy * share


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
