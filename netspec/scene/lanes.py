"""Lines at right angles whose turns stand side by side, where one place would make two tensors look like one."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from netspec.scene.level_geometry import Point

__all__ = ["Way", "in_lanes"]


@dataclass(frozen=True, slots=True)
class Way:
    """A line from left to right: the tensor that it is, what it leads to, and its points."""

    tensor: Hashable
    target: Hashable
    points: tuple[Point, ...]


@dataclass(slots=True, eq=False)
class _Turn:
    """All upright pieces of one tensor in one gap; `lines` lead from the first height to the second."""

    tensor: Hashable
    targets: set[Hashable]
    lines: list[tuple[float, float]]

    @property
    def reach(self) -> tuple[float, float]:
        heights = [y for line in self.lines for y in line]
        return min(heights), max(heights)

    def meets(self, other: _Turn) -> bool:
        """Whether both would be read as one: what leads to one target alone may meet before it."""
        (a, b), (c, d) = self.reach, other.reach
        return min(b, d) - max(a, c) > -1.0 and self.targets != other.targets

    def crossings(self, right: _Turn) -> int:
        """How often the two cross where `right` turns after this one."""
        (a, b), (c, d) = self.reach, right.reach
        return sum(a <= start <= b for start, _ in right.lines) + sum(c <= stop <= d for _, stop in self.lines)


def in_lanes(ways: Sequence[Way]) -> list[list[Point]]:
    """The points of each line, with a corner at each turn: half-way, or beside each other where turns of different tensors
    would meet."""
    gaps: dict[tuple[int, int], dict[Hashable, _Turn]] = defaultdict(dict)
    for way in ways:
        for (ax, ay), (bx, by) in itertools.pairwise(way.points):
            if _slants((ax, ay), (bx, by)):
                turn = gaps[round(ax), round(bx)].setdefault(way.tensor, _Turn(way.tensor, set(), []))
                turn.targets.add(way.target)
                turn.lines.append((ay, by))
    places = {gap: _places(list(turns.values())) for gap, turns in gaps.items()}
    return [_turned(way, places) for way in ways]


def _slants(a: Point, b: Point) -> bool:
    return abs(a[0] - b[0]) > 0.5 and abs(a[1] - b[1]) > 0.5


def _turned(way: Way, places: dict[tuple[int, int], dict[Hashable, float]]) -> list[Point]:
    found = [way.points[0]]
    for a, b in itertools.pairwise(way.points):
        if _slants(a, b):
            x = a[0] + (b[0] - a[0]) * places[round(a[0]), round(b[0])][way.tensor]
            found += [(x, a[1]), (x, b[1])]
        found.append(b)
    return found


def _places(turns: list[_Turn]) -> dict[Hashable, float]:
    """Where in its gap each tensor turns, as a share of it."""
    found: dict[Hashable, float] = {}
    left = list(turns)
    while left:  # those that meet, directly or by others
        group = [left.pop(0)]
        for turn in group:
            met = [other for other in left if turn.meets(other)]
            group += met
            left = [other for other in left if other not in met]
        found |= {turn.tensor: (i + 1) / (len(group) + 1) for i, turn in enumerate(_ordered(group))}
    return found


def _ordered(group: list[_Turn]) -> list[_Turn]:
    """From left to right, each put where it crosses the others least."""
    found: list[_Turn] = []
    for turn in group:
        costs = [
            sum(other.crossings(turn) for other in found[:i]) + sum(turn.crossings(other) for other in found[i:])
            for i in range(len(found) + 1)
        ]
        found.insert(costs.index(min(costs)), turn)
    return found
