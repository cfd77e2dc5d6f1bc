"""Where the labels of curved lines stand: beside their own line, and on nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from netspec.scene.curves import places_on
from netspec.scene.level_geometry import Line, Point

__all__ = ["Label", "settled"]

_BESIDE = 4.0
"""How far a label stands from its line."""
_CLEAR = 5.0
"""How far it stands from others, if it can."""
_Rect: TypeAlias = "tuple[float, float, float, float]"
"""Left, top, right, bottom."""


@dataclass(frozen=True, slots=True)
class Label:
    """Of the lines with these numbers, centred beside the first where the layout has room for it."""

    lines: tuple[int, ...]
    centre: Point
    size: Point


def settled(labels: Sequence[Label], lines: Sequence[Line], boxes: Sequence[_Rect], size: Point) -> list[Point]:
    """The first corner of each label: the free place beside its line that is nearest to where the layout has room for it, or else there.
    `size` is that of the whole."""
    ways = [list(places_on(line.points[:-1] if line.arrow else line.points)) for line in lines]
    taken = [_around(label.centre, label.size) for label in labels]
    for i, label in enumerate(labels):
        others = [*boxes, *taken[:i], *taken[i + 1 :]]
        own = [ways[k] for k in label.lines]
        foreign = [way for k, way in enumerate(ways) if k not in label.lines]
        places = [place for way in own for place in _places(label, way) if place[0] >= 0 and place[2] <= size[0]]
        free = [place for place in places if _is_free(place, others, own)]
        for air in (_CLEAR, 0.0):
            clear = next((place for place in free if _is_free(_grown(place, air), (), foreign)), None)
            if clear is not None:
                taken[i] = clear
                break
    return [(left, top) for left, top, _, _ in taken]


def _places(label: Label, way: Sequence[Point]) -> Iterator[_Rect]:
    (x, y), (wide, high) = label.centre, label.size
    for along in (y, *(py for _, py in sorted(way, key=lambda point: (abs(point[1] - y), abs(point[0] - x))))):
        if way[0][1] + high / 2 < along < way[-1][1] - high / 2:
            beside = [px for px, py in way if abs(along - py) <= high / 2 + _BESIDE]
            if beside:
                yield _around((max(beside) + _BESIDE + wide / 2, along), label.size)
                yield _around((min(beside) - _BESIDE - wide / 2, along), label.size)


def _around(centre: Point, size: Point) -> _Rect:
    (x, y), (wide, high) = centre, size
    return x - wide / 2, y - high / 2, x + wide / 2, y + high / 2


def _grown(rect: _Rect, by: float) -> _Rect:
    return rect[0] - by, rect[1] - by, rect[2] + by, rect[3] + by


def _is_free(rect: _Rect, others: Sequence[_Rect], ways: Sequence[Sequence[Point]]) -> bool:
    left, top, right, bottom = rect
    if any(a < right and c > left and b < bottom and d > top for a, b, c, d in others):
        return False
    return not any(_meets(a, b, rect) for way in ways for a, b in itertools.pairwise(way))


def _meets(a: Point, b: Point, rect: _Rect) -> bool:
    """Whether a straight piece runs through a rectangle (Liang & Barsky, 1984)."""
    low, high = 0.0, 1.0
    for k in (0, 1):
        step, near, far = b[k] - a[k], rect[k] - a[k], rect[k + 2] - a[k]
        if step == 0.0:
            if near > 0.0 or far < 0.0:
                return False
            continue
        ends = sorted((near / step, far / step))
        low, high = max(low, ends[0]), min(high, ends[1])
        if low > high:
            return False
    return True
