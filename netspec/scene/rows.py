"""A drawing broken where one tensor alone goes on, or a few: from left to right into rows of a page's width, from top to bottom into
columns of its height."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from netspec.scene.breaks import LabelSize, Obstacles, Piece, arrangements, pieces_of
from netspec.scene.closing import Interval, closed_up, depth, levels, moved_across
from netspec.scene.curves import places_on
from netspec.scene.cuts import cut_in_two, tensor_of
from netspec.scene.label_places import Label, settled
from netspec.scene.layout import Box, Inside, Route
from netspec.scene.level_geometry import Line, Point
from netspec.scene.parts import Parts

__all__ = ["column_limit", "in_rows", "page_scale", "row_limit", "unwrap"]

_GAP = 26.0
"""Between two rows at least, where lines run back."""
_LEAD = 16.0
"""How far that line reaches to the left and right of what it joins."""
_APART = 7.0
"""Between lines that run back side by side."""
_SHORT = 5.0
"""How much less far the first of them to turn may reach than one alone."""
_CUT = 0.1
"""How much larger a page must show a picture of lines whose ways are known, if any of them are cut."""
_INSIDE = 1.5
"""How far within a box or a label a line runs through it."""


_A4 = (1047.0, 718.0)
"""Its sides without margins of a centimetre, in CSS pixels."""
_MOST = 60
_READABLE = 0.85
_LEGIBLE = 0.8
"""As small as a page can show letters without pain."""


def page_scale(width: float, height: float) -> float:
    """How large a picture appears on A4, upright or across."""
    return max(min(a / width, b / height) for a, b in (_A4, _A4[::-1]))


def row_limit(inside: Inside) -> float:
    """How long rows should be, so that a page shows them as large as can be: the width of A4 across, or more where there
    are many."""
    return max(_A4[0] + 40.0, _limit(inside, lambda w, h: (h, w)))


def column_limit(inside: Inside) -> float:
    """How high columns should be, so that a page shows them as large as can be."""
    return max(_A4[0], _limit(inside, lambda w, h: (w, h)))


def _limit(inside: Inside, turned: Callable[[float, float], tuple[float, float]]) -> float:
    across, along = inside.size
    best, found = 0.0, along
    for count in range(1, _MOST):
        width, height = turned(count * (across + _GAP), along / count + 60.0)
        scale = page_scale(width, height)
        if scale > best:
            best, found = scale, along / count
        if best > _READABLE:
            break
    return found * 1.05


_Cut: TypeAlias = "tuple[Point, Route]"
"""Where a line was cut, and its rest."""


@dataclass(slots=True)
class _Row:
    pieces: list[Piece] = field(default_factory=list)
    cuts: bool = False
    """Whether lines of any shape are cut before it."""
    routes: list[Route] = field(default_factory=list)
    labels: list[tuple[int, Point]] = field(default_factory=list)
    cut: list[_Cut] = field(default_factory=list)
    """Lines to it that were cut before it."""
    moved: Callable[[float], float] = lambda across: across
    """Where a place across in the drawing of one row is in it."""
    top: float = 0.0
    """Where its drawing begins, across, in itself."""
    bottom: float = 0.0
    y: float = 0.0
    gap: float = 0.0
    """Between it and the one before, where lines run back."""
    room: float = 0.0
    """What many lines need behind it beyond what few do, to turn back."""

    @property
    def start(self) -> float:
        return self.pieces[0].start

    @property
    def width(self) -> float:
        return self.pieces[-1].stop - self.start

    @property
    def boxes(self) -> list[Box]:
        return [box for piece in self.pieces for box in piece.boxes]

    def at(self, place: Point) -> Point:
        """Where a place in the drawing of one row is now."""
        return self.shifted((self.moved(place[0]), place[1]))

    def shifted(self, place: Point) -> Point:
        """The same for a place that was moved across."""
        return place[0] - self.top + self.y, place[1] - self.start + _LEAD


def unwrap(parts: Parts) -> None:
    """Where the whole network is one block, its inside is drawn without a frame, so that it can be broken."""
    root = parts.root
    while True:
        inputs = [m for m in root.members if not parts.graph.nodes[m.start].inputs]
        rest = [m for m in root.members if parts.graph.nodes[m.start].inputs]
        if len(rest) != 1 or not rest[0].members or rest[0].count > 1:
            return
        root.members[:] = [*inputs, *rest[0].members]


def in_rows(inside: Inside, limit: float, label: LabelSize | None = None) -> Inside:
    """Rows about as long as `limit`, broken where it costs least; one row where it fits and is legible, or where breaking is not worth it.
    `label` gives the size of the label of a tensor."""
    if inside.size[1] <= limit and page_scale(*inside.size) >= _LEGIBLE:
        return inside
    curved = any(route.shape == "spline" for route in inside.routes)  # whose ways nothing says
    ways = (True,) if curved else (False,) if label is None else (False, True)  # labels tell lines that were cut
    found, best = [_Row()], 0.0
    for cuts in ways:
        for cost, parted in arrangements(pieces_of(inside, label, cuts=cuts), limit):
            worth = _legible(_scale(parted)) / (1.0 + cost + _CUT * (cuts and not curved))
            if worth > best:
                found, best = [_Row(pieces, cuts=cuts) for pieces in parted], worth
    return _stacked(inside, found, label) if len(found) > 1 else inside


def _legible(scale: float) -> float:
    """How good it is that A4 shows a picture so large: larger than as drawn is no better, and small letters are worse than small."""
    return min(scale, 1.0) * min(scale / _LEGIBLE, 1.0)


def _scale(rows: list[list[Piece]]) -> float:
    """How large A4 shows these rows, about."""
    deep = sum(depth([*_across(row), *((p.near, p.edge) for p in row if p.edge)]) + _GAP for row in rows)
    return page_scale(deep, max(row[-1].stop - row[0].start for row in rows) + 2 * _LEAD)


def _across(pieces: Iterable[Piece]) -> list[Interval]:
    return [(box.corner[0], box.corner[0] + box.size[0]) for piece in pieces for box in piece.boxes]


def _stacked(inside: Inside, rows: list[_Row], label: LabelSize | None) -> Inside:
    size = label or (lambda _: (0.0, 0.0))
    number = {id(box): i for i, row in enumerate(rows) for box in row.boxes}
    between: list[Route] = []
    led: dict[tuple[int, int, int], Point] = {}
    obstacles = Obstacles(inside, label)
    for route in sorted(inside.routes, key=_from_middle):
        if rows[0].cuts:
            _cut_at_rows(route, rows, obstacles, led)
            continue
        a, b = number[id(route.source)], number[id(route.target)]
        (rows[a].routes if a == b else between).append(route)
    for node, corner in inside.labels:
        middle = corner[1] + size(node)[1] / 2
        next((row for row in reversed(rows) if row.start <= middle), rows[0]).labels.append((node, corner))
    for row, following in zip(rows, [*rows[1:], _Row()], strict=True):
        if any(route.shape == "spline" for route in row.routes):
            _settle(row, {route.node for _, route in (*row.cut, *following.cut)}, size, inside.size[0])
        _close(row, size)
    return _placed(inside, rows, between, number)


def _cut_at_rows(route: Route, rows: list[_Row], obstacles: Obstacles, led: dict[tuple[int, int, int], Point]) -> None:
    """Gives each row that a line passes its part of it, and notes where it was cut. Lines of one tensor are one up to the row
    in which they part: `led` are the places where those seen before were cut, by tensor and row."""
    first, last = _row_of(route.points[0][1], rows), _row_of(route.points[-1][1], rows)
    free = obstacles.beside([route])
    for i in range(first + 1, last + 1):
        place = rows[i].pieces[0].place
        halves = cut_in_two(route, place, free) or cut_in_two(route, place, lambda *_: True)
        assert halves is not None  # or this were no place for a break
        before, route = halves
        cut = led.setdefault((*tensor_of(route), i), before.points[-1])
        if cut is before.points[-1]:
            rows[i - 1].routes.append(before)
        elif i > first + 1:
            rows[i - 1].cut.pop()
        rows[i].cut.append((cut, route))
    if _has_length(route):
        rows[last].routes.append(route)


def _has_length(route: Route) -> bool:
    return route.points[-1][1] > route.points[0][1]


def _row_of(along: float, rows: list[_Row]) -> int:
    """The row in which a line that begins or ends there does."""
    return sum(row.pieces[0].place.cut < along for row in rows[1:])


def _from_middle(route: Route) -> float:
    """How far from the middle of its source a line begins."""
    box = route.source
    return abs(route.points[0][0] - box.corner[0] - box.size[0] / 2) if box is not None else 0.0


def _settle(row: _Row, nodes: set[int], size: LabelSize, across: float) -> None:
    """Places labels of lines that were cut beside what they have become; the whole drawing is so wide, `across`."""
    own = [i for i, (node, _) in enumerate(row.labels) if node in nodes and any(r.node == node for r in row.routes)]
    lines = [Line(0, 0, route.node, route.points, route.arrow, curved=True) for route in row.routes]
    rects = [_rect(corner, size(node)) for node, corner in row.labels]
    solid = [_rect(box.corner, box.size) for box in row.boxes]
    labels = []
    for i in own:
        left, top, right, bottom = rects[i]
        centre = (left + right) / 2, (top + bottom) / 2
        mine = [k for k, line in enumerate(lines) if line.tensor == row.labels[i][0]]
        mine.sort(key=lambda k: min(math.dist(place, centre) for place in _way(row.routes[k])))
        labels.append(Label(tuple(mine), centre, (right - left, bottom - top)))
    others = [rect for i, rect in enumerate(rects) if i not in own]
    for i, place in zip(own, settled(labels, lines, [*solid, *others], (across, 0.0)), strict=True):
        row.labels[i] = row.labels[i][0], place


def _way(route: Route) -> Iterator[Point]:
    return places_on(route.points[:-1] if route.arrow else route.points)


def _rect(corner: Point, size: Point) -> tuple[float, float, float, float]:
    return *corner, corner[0] + size[0], corner[1] + size[1]


def _close(row: _Row, size: LabelSize) -> None:
    """Closes up the lanes in which nothing stands, and finds how far the row reaches."""
    boxes = [(box.corner[0], box.corner[0] + box.size[0]) for box in row.boxes]
    labels = [(corner[0], corner[0] + size(node)[0]) for node, corner in row.labels]
    lines = [interval for route in row.routes for interval in levels(route)]
    lines += [(route.points[0][0],) * 2 for _, route in row.cut]
    moved = closed_up([*boxes, *labels, *lines])
    routes = [moved_across(route, moved) for route in row.routes]
    if not _meets(row, routes, moved, size):
        row.moved, row.routes = moved, routes
    places = [row.moved(a) for interval in (*boxes, *labels) for a in interval]
    places += [a for route in row.routes for a, _ in (_way(route) if route.shape == "spline" else route.points)]
    row.top, row.bottom = min(places), max(places)


def _meets(row: _Row, routes: list[Route], moved: Callable[[float], float], size: LabelSize) -> bool:
    """Whether curves run through boxes or labels of a row that was closed up."""
    rects = [((moved(box.corner[0]), box.corner[1]), box.size) for box in row.boxes]
    rects += [((moved(corner[0]), corner[1]), size(node)) for node, corner in row.labels]
    return any(
        a + _INSIDE < x < a + wide - _INSIDE and b + _INSIDE < y < b + high - _INSIDE
        for route in routes
        if route.shape == "spline"
        for x, y in _way(route)
        for (a, b), (wide, high) in rects
    )


def _placed(inside: Inside, rows: list[_Row], between: list[Route], number: dict[int, int]) -> Inside:
    """Everything where it stands in the rows, one beside the other, with lines from each to the next."""
    y = 0.0
    for above, row in itertools.pairwise(rows):
        lines = len({place for place, _ in row.cut})
        row.gap = max(_GAP, 2 * _APART + _APART * lines)
        above.room = max(0.0, _APART * (lines - 1) / 2 - _SHORT)
    for row in rows:
        row.y = y + row.gap
        y = row.y + row.bottom - row.top
        for box in row.boxes:
            box.corner = row.at(box.corner)
        row.routes = [replace(r, points=tuple(map(row.shifted, r.points))) for r in row.routes]
    routes = (
        [route for row in rows for route in row.routes]
        + [_back(r, rows, number, _beside(r, between)) for r in between]
        + [back for above, row in itertools.pairwise(rows) for back in _backs(row.cut, above, row)]
    )
    labels = [(node, row.at(corner)) for row in rows for node, corner in row.labels]
    return Inside((y, max(row.width + row.room for row in rows) + 2 * _LEAD), inside.boxes, routes, labels)


def _backs(cut: list[_Cut], above: _Row, below: _Row) -> Iterator[Route]:
    """The lines that lead others from the end of a row to the start of the next, the first to leave outside."""
    places = sorted({place for place, _ in cut})
    for place, rest in cut:
        beside = _APART * (places.index(place) - (len(places) - 1) / 2)
        way = _way_back(above.at(place), above, below, beside)
        arrives = below.at(rest.points[0])[0]
        arrow = rest.arrow and not _has_length(rest)
        yield replace(rest, points=(*way, (arrives, -beside), (arrives, _LEAD)), arrow=arrow, shape="square")


def _beside(route: Route, between: list[Route]) -> float:
    """How far from the middle a line runs back beside those of other tensors; the first to leave outside."""
    tensors = sorted({(r.points[0], r.node) for r in between if r.source is route.source})
    return _APART * (tensors.index((route.points[0], route.node)) - (len(tensors) - 1) / 2)


def _back(route: Route, rows: list[_Row], number: dict[int, int], beside: float) -> Route:
    """Out of one row to the right, back between the two, and into the next from the left; what leaves outside is inside where
    the line turns the other way."""
    assert route.source is not None
    assert route.target is not None
    above, below = rows[number[id(route.source)]], rows[number[id(route.target)]]
    leaves, arrives = above.at(route.points[0])[0], below.at(route.points[-1])[0]
    start = route.source.corner[1] + route.source.size[1]
    back = _way_back((leaves, start), above, below, beside)
    return replace(route, points=(*back, (arrives, -beside), (arrives, route.target.corner[1])), shape="square")


def _way_back(start: Point, above: _Row, below: _Row, beside: float) -> tuple[Point, ...]:
    """From the end of one row to before the start of the next."""
    right = above.width + above.room + 2 * _LEAD - 4.0 - beside
    turn = below.y - below.gap / 2 - beside
    return start, (start[0], right), (turn, right), (turn, -beside)
