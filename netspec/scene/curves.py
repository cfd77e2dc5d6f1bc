"""Cubic curves, one behind the other: the first point, then three for each curve."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from netspec.scene.level_geometry import Point

__all__ = ["cut_along", "level_places", "places_on"]

_STEPS = 12
_HALVINGS = 30
_LEVEL = 0.06
"""The slope up to which a curve runs along the flow."""


def places_on(points: Sequence[Point]) -> Iterator[Point]:
    """Places on the curves, close to each other."""
    yield points[0]
    for piece in _pieces(points):
        yield from (_halves(piece, step / _STEPS)[0][-1] for step in range(1, _STEPS + 1))


def level_places(points: Sequence[Point]) -> list[Point]:
    """Places, close to each other, at which the curves run along the flow."""
    found = []
    for piece in _pieces(points):
        for step in range(2 * _STEPS + 1):
            before, behind = _halves(piece, step / (2 * _STEPS))
            across, along = behind[1][0] - before[-2][0], behind[1][1] - before[-2][1]
            if abs(across) < _LEVEL * along:
                found.append(behind[0])
    return found


def cut_along(points: Sequence[Point], along: float) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """The curves before and behind the first place that lies at `along`, which all of them are to pass."""
    for i, piece in enumerate(_pieces(points)):
        if piece[-1][1] < along:
            continue
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if _halves(piece, middle)[0][-1][1] < along else (low, middle)
        before, behind = _halves(piece, high)
        return (*points[: 3 * i + 1], *before[1:]), (*behind, *points[3 * i + 4 :])
    raise ValueError(f"no curve passes {along}")


def _pieces(points: Sequence[Point]) -> list[Sequence[Point]]:
    return [points[i : i + 4] for i in range(0, len(points) - 3, 3)]


def _halves(curve: Sequence[Point], share: float) -> tuple[list[Point], list[Point]]:
    """A curve in two, by de Casteljau's construction."""
    before, behind, row = [], [], list(curve)
    while row:
        before.append(row[0])
        behind.append(row[-1])
        row = [_between(a, b, share) for a, b in itertools.pairwise(row)]
    return before, behind[::-1]


def _between(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share
