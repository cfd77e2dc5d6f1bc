"""Where a long picture can be broken, what each break costs, and the rows that cost least."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from netspec.scene.cuts import CUT, Break, Free, Tensor, arrivals, cut_in_two, is_straight, passing, resumes, tensor_of
from netspec.scene.flow import ARROW
from netspec.scene.layout import Box, Inside, Route
from netspec.scene.level_geometry import Point

__all__ = ["LabelSize", "Obstacles", "Piece", "arrangements", "pieces_of"]

_AIR = 6.0
"""How much nearer to a label than to a box a line turns at the end of a row: the label is in the middle of what is before it."""
_SIDE_BY_SIDE = 4
"""Tensors that run back together at most."""
_STRAIGHT = 4
"""The points of a line from one rank to the next."""
_APART = 8.0
"""Between the lines of two tensors where they are cut."""
_CLEAR = 3.0
"""Between a line and what it passes."""

_FIRST, _DIRECT, _FROM, _SKIP = 0.05, 0.2, 0.2, 0.3
"""How much larger a page must show a picture for each tensor at a break: for the first from the last rank before it to the first behind it,
for each other of them, for one that goes on further, and for one that comes from further up."""
_UNEVEN = 0.3
"""The same for a row twice as long as all would be if they were alike."""
_ALONE = 0.15
"""The same for one or two boxes that are a row."""
_FEW = 2
_ROOM = (1.02, 1.08, 1.15, 1.25, 1.4)
"""How long rows may be, beside their length if all were alike."""
_MOST = 100
"""Places for breaks that are weighed at most."""

LabelSize: TypeAlias = "Callable[[int], Point]"
"""The size of the label of a tensor (across, along)."""


@dataclass(slots=True)
class Piece:
    """Boxes that stay together, from `start` to `stop` along the flow."""

    start: float
    stop: float
    boxes: list[Box]
    place: Break
    """Where lines to it are cut."""
    cost: float = 0.0
    """Of a break before it."""
    edge: float = 0.0
    """How far across its labels reach."""
    near: float = math.inf
    """Where its labels begin, across."""


class Obstacles:
    """What a line must not run through: boxes, and labels."""

    def __init__(self, inside: Inside, label: LabelSize | None) -> None:
        self._boxes = [(*box.corner, *box.size) for box in inside.boxes]
        self._labels = [(node, (*corner, *label(node))) for node, corner in inside.labels] if label else []

    def beside(self, routes: Iterable[Route]) -> Free:
        """Whether a straight line is clear of them. The labels of `routes` make way for it."""
        own = {route.node for route in routes}

        def free(across: float, start: float, end: float) -> bool:
            labels = (rect for node, rect in self._labels if node not in own)
            return not any(
                a - _CLEAR < across < a + wide + _CLEAR and max(b, start) < min(b + high, end) - 1.0
                for a, b, wide, high in itertools.chain(self._boxes, labels)
            )

        return free


# Places for breaks


def pieces_of(inside: Inside, label: LabelSize | None, *, cuts: bool) -> list[Piece]:
    """With `cuts`, a few lines that pass a break are cut there, whatever they lead to."""
    pieces = _pieces(inside, Obstacles(inside, label), cuts=cuts)
    if label is not None:
        _with_labels(pieces, inside, label)
    return pieces


def _pieces(inside: Inside, obstacles: Obstacles, *, cuts: bool) -> list[Piece]:
    boxes = sorted(inside.boxes, key=lambda box: (box.corner[1], box.corner[0]))
    place = {id(box): i for i, box in enumerate(boxes)}
    ended = max(
        (i + 1 for i, box in enumerate(boxes) if not box.part.is_output), default=0
    )  # no row is an output alone
    begin: list[list[Route]] = [[] for _ in boxes]
    end: list[list[Route]] = [[] for _ in boxes]
    for route in inside.routes:
        begin[place[id(route.source)]].append(route)
        end[place[id(route.target)]].append(route)
    found: list[Piece] = []
    going: dict[int, Route] = {}
    stop = last = 0.0
    for i, box in enumerate(boxes):
        lines = passing(going.values(), stop) if cuts else list(going.values())
        start = min([box.corner[1], *(resumes(route, stop) for route in lines if cuts)])
        first = box.corner[1] + box.size[1]
        at = Break(stop + CUT, start, last, first, arrivals(lines, stop + CUT, first) if cuts else {})
        cost = 0.0 if not found else _cost(lines, box, at, obstacles, cuts=cuts) if i < ended else None
        if cost is not None:
            found.append(Piece(start, 0.0, [], at, cost))
        found[-1].boxes.append(box)
        stop, last = max((stop, last), (first, box.corner[1]))
        found[-1].stop = stop
        for route in end[i]:
            going.pop(id(route), None)
        going.update((id(route), route) for route in begin[i])
    return found


def _with_labels(pieces: list[Piece], inside: Inside, label: LabelSize) -> None:
    starts = [piece.start for piece in pieces]
    for node, (across, along) in inside.labels:
        wide, high = label(node)
        piece = pieces[max(bisect_right(starts, along + high / 2) - 1, 0)]
        piece.stop = max(piece.stop, along + high - _AIR)
        piece.edge = max(piece.edge, across + wide)
        piece.near = min(piece.near, across)


def _cost(lines: Collection[Route], box: Box, at: Break, obstacles: Obstacles, *, cuts: bool) -> float | None:
    """What a break before `box` costs that these lines pass; None where there can be none."""
    tensors = {tensor_of(route) for route in lines}
    if len(tensors) > _SIDE_BY_SIDE:
        return None
    if not cuts:
        possible = at.cut <= box.corner[1] + CUT and _goes_on(lines, box, len(tensors))
        return _FIRST + _DIRECT * (len(tensors) - 1) if possible else None
    if box.corner[1] - at.cut < 2 * ARROW or not _can_be_cut(lines, at, obstacles.beside(lines)):
        return None
    costs = dict.fromkeys(tensors, 0.0)
    for route in lines:
        kind = _DIRECT if at.leads_to(route.target) else _FROM
        costs[tensor_of(route)] = max(costs[tensor_of(route)], kind if at.is_left_by(route.source) else _SKIP)
    return sum(costs.values()) - (_DIRECT - _FIRST) * (_DIRECT in costs.values())


def _goes_on(lines: Collection[Route], box: Box, tensors: int) -> bool:
    """Whether these are lines of one tensor to what stands right behind it, `box` and its neighbors, or of a few tensors to the
    box alone."""
    sources = {id(route.source) for route in lines}
    to_one = tensors > 1 and len(sources) == 1 and all(route.target is box for route in lines)
    return (tensors == 1 or to_one) and all(len(route.points) <= _STRAIGHT for route in lines)


def _can_be_cut(lines: Collection[Route], at: Break, free: Free) -> bool:
    """Whether all go on in the next row, without a corner, and those of different tensors apart from each other."""
    if any(route.target is not None and route.target.part.is_output for route in lines):
        return False  # which stands where its tensor is made
    leaving: list[tuple[float, Tensor]] = []
    arriving: list[tuple[float, Tensor]] = []
    for route in lines:
        if route.shape != "spline":
            if not is_straight(route, at.cut - CUT):
                return False
            continue
        halves = cut_in_two(route, at, free)
        if halves is None:
            return False
        leaving.append((halves[0].points[-1][0], tensor_of(route)))
        arriving.append((halves[1].points[0][0], tensor_of(route)))
    return not any(
        b[0] - a[0] < _APART and a[1] != b[1]
        for places in (leaving, arriving)
        for a, b in itertools.pairwise(sorted(places))
    )


# Rows


def arrangements(pieces: list[Piece], limit: float) -> Iterator[tuple[float, list[list[Piece]]]]:
    """What they cost, and rows: as many as fill `limit`, or a few fewer or more, of about equal length and of less equal
    ones that are broken where it costs less."""
    table = _Table(_thinned(pieces))
    fit = math.ceil(table.whole / limit)
    tried = set()
    for count in (1, *range(max(2, fit - 2), fit + 5)):
        for room in _ROOM:
            found = table.cheapest(max(table.widest, room * table.whole / count), count)
            if found is not None and found[1] not in tried:
                tried.add(found[1])
                yield found[0], [table.pieces[a:b] for a, b in itertools.pairwise((0, *found[1]))]


def _thinned(pieces: list[Piece]) -> list[Piece]:
    """Of very many, so few that all ways to break them can be weighed: each stretch keeps its cheapest break."""
    step = -(-len(pieces) // _MOST)
    if step == 1:
        return pieces
    kept = [
        min(range(i, min(i + step, len(pieces))), key=lambda k: pieces[k].cost) for i in range(0, len(pieces), step)
    ]
    return [_joined(pieces[a:b]) for a, b in itertools.pairwise((0, *kept[1:], len(pieces)))]


def _joined(pieces: list[Piece]) -> Piece:
    boxes = [box for piece in pieces for box in piece.boxes]
    edge, near = max(piece.edge for piece in pieces), min(piece.near for piece in pieces)
    return replace(pieces[0], stop=max(piece.stop for piece in pieces), boxes=boxes, edge=edge, near=near)


class _Table:
    """The pieces in numbers: where they start and stop, what a break before each costs, and how many boxes and open parts stand
    before each."""

    def __init__(self, pieces: list[Piece]) -> None:
        self.pieces = pieces
        self.starts, self.stops = [p.start for p in pieces], [p.stop for p in pieces]
        self.costs = [0.0, *(p.cost for p in pieces[1:])]
        self.boxes = [0, *itertools.accumulate(len(p.boxes) for p in pieces)]
        self.open = [0, *itertools.accumulate(sum(box.inside is not None for box in p.boxes) for p in pieces)]
        self.whole = self.stops[-1] - self.starts[0]
        self.widest = max(stop - start for start, stop in zip(self.starts, self.stops, strict=True))

    def cheapest(self, limit: float, count: int) -> tuple[float, tuple[int, ...]] | None:
        """The cost of the cheapest rows up to `limit` long and behind which piece each ends, if there are so many. `best` has the cost
        of the rows up to each piece, and where the last of them begins."""
        total, even = len(self.pieces), self.whole / count
        best: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]
        for _ in range(count):
            found: dict[int, tuple[float, int]] = {}
            for first, (cost, _) in best[-1].items():
                for behind in range(first + 1, total + 1):
                    if self.stops[behind - 1] - self.starts[first] > limit:
                        break
                    sum_ = cost + self._row_cost(first, behind, even)
                    if sum_ < found.get(behind, (math.inf, 0))[0]:
                        found[behind] = sum_, first
            best.append(found)
        if total not in best[-1]:
            return None
        ends = [total]
        for found in best[:1:-1]:
            ends.append(found[ends[-1]][1])
        return best[-1][total][0], tuple(reversed(ends))

    def _row_cost(self, first: int, behind: int, even: float) -> float:
        uneven = (self.stops[behind - 1] - self.starts[first]) / even - 1.0
        alone = self.boxes[behind] - self.boxes[first] <= _FEW and self.open[behind] == self.open[first]
        return _UNEVEN * uneven * uneven + self.costs[first] + _ALONE * alone
