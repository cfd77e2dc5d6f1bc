"""A drawing broken where one tensor alone goes on, or a few: from left to right into rows of a page's width, from top to bottom into
columns of its height."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from netspec.scene.cuts import CUT, cut_in_two, is_straight, passing, resumes
from netspec.scene.flow import ARROW
from netspec.scene.layout import Box, Inside, Route
from netspec.scene.level_geometry import Point
from netspec.scene.parts import Parts

__all__ = ["column_limit", "in_rows", "page_scale", "row_limit", "unwrap"]

_GAP = 26.0
"""Between two rows at least, where lines run back."""
_LEAD = 16.0
"""How far that line reaches to the left and right of what it joins."""
_APART = 7.0
"""Between lines that run back side by side."""
_AIR = 6.0
"""How much nearer to a label than to a box a line turns at the end of a row: the label is in the middle of what is before it."""
_SIDE_BY_SIDE = 3
"""Lines that run back together at most."""
_LINE = 0.1
"""How much larger a page must show a picture for each line that is cut."""
_STRAIGHT = 4
"""The points of a line from one rank to the next."""


_A4 = (1047.0, 718.0)
"""Its sides without margins of a centimetre, in CSS pixels."""
_MOST = 60
_READABLE = 0.85


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


@dataclass(slots=True)
class _Piece:
    """Boxes that stay together, from `start` to `stop` along the flow."""

    start: float
    stop: float
    boxes: list[Box]
    cut: float = 0.0
    """Where lines to it are cut."""
    edge: float = 0.0
    """How far across its labels reach."""
    near: float = math.inf
    """Where its labels begin, across."""
    lines: int = 1
    """How many run to it from what stands before."""


_Cut: TypeAlias = "tuple[Point, Route]"
"""Where a line was cut, and its rest."""


@dataclass(slots=True)
class _Row:
    pieces: list[_Piece] = field(default_factory=list)
    cuts: bool = False
    """Whether lines of any shape are cut before it."""
    routes: list[Route] = field(default_factory=list)
    top: float = 0.0
    """Where its drawing begins, across, in the drawing of one row."""
    bottom: float = 0.0
    y: float = 0.0
    gap: float = 0.0
    """Between it and the one before, where lines run back."""

    @property
    def start(self) -> float:
        return self.pieces[0].start

    @property
    def width(self) -> float:
        return self.pieces[-1].stop - self.start


def unwrap(parts: Parts) -> None:
    """Where the whole network is one block, its inside is drawn without a frame, so that it can be broken."""
    root = parts.root
    while True:
        inputs = [m for m in root.members if not parts.graph.nodes[m.start].inputs]
        rest = [m for m in root.members if parts.graph.nodes[m.start].inputs]
        if len(rest) != 1 or not rest[0].members or rest[0].count > 1:
            return
        root.members[:] = [*inputs, *rest[0].members]


def in_rows(inside: Inside, limit: float, label: Callable[[int], Point] | None = None) -> Inside:
    """As few rows as fit, of about equal width, or one more or fewer; one row where it fits, or where breaking is not worth the
    lines that it cuts. `label` gives the size of the label of a tensor (across, along)."""
    if inside.size[1] <= limit:
        return inside
    curved = any(route.shape == "spline" for route in inside.routes)  # whose ways nothing says
    ways = (True,) if curved else (False,) if label is None else (False, True)  # labels tell lines that were cut
    choices = (rows for cuts in ways for rows in _choices(inside, limit, label, cuts=cuts))
    found = max(choices, key=lambda rows: _worth(inside, rows))
    return _stacked(inside, found, label or (lambda _: (0.0, 0.0))) if len(found) > 1 else inside


def _choices(inside: Inside, limit: float, label: Callable[[int], Point] | None, *, cuts: bool) -> Iterator[list[_Row]]:
    """Rows of about equal width. With `cuts`, a few lines that pass a break are cut there, whatever they lead to."""
    pieces = _pieces(inside, cuts=cuts)
    if label is not None:
        _with_labels(pieces, inside, label)
    widest, whole = max(p.stop - p.start for p in pieces), pieces[-1].stop - pieces[0].start
    fit = len(_filled(pieces, limit))
    for count in (1, *range(max(2, fit - 2), fit + 2)):
        low, high = widest, whole
        for _ in range(24):
            middle = (low + high) / 2
            low, high = (low, middle) if len(_filled(pieces, middle)) <= count else (middle, high)
        yield [_Row(pieces=row, cuts=cuts) for row in _filled(pieces, high)]


def _worth(inside: Inside, rows: list[_Row]) -> float:
    """How large A4 shows these rows, but what is larger than as drawn is no better, less for each line that is cut."""
    return min(_scale(inside, rows), 1.0) / (1.0 + _LINE * sum(row.pieces[0].lines for row in rows[1:]))


def _scale(inside: Inside, rows: list[_Row]) -> float:
    """How large A4 shows these rows, about."""
    boxes = [[box for piece in row.pieces for box in piece.boxes] for row in rows]
    deep = sum(max(b.corner[0] + b.size[0] for b in row) - min(b.corner[0] for b in row) + _GAP for row in boxes)
    return page_scale(deep, max(row.width for row in rows) + 2 * _LEAD)


def _pieces(inside: Inside, *, cuts: bool) -> list[_Piece]:
    boxes = sorted(inside.boxes, key=lambda box: (box.corner[1], box.corner[0]))
    place = {id(box): i for i, box in enumerate(boxes)}
    last = max((i + 1 for i, box in enumerate(boxes) if not box.part.is_output), default=0)  # no row is an output alone
    begin: list[list[Route]] = [[] for _ in boxes]
    end: list[list[Route]] = [[] for _ in boxes]
    for route in inside.routes:
        begin[place[id(route.source)]].append(route)
        end[place[id(route.target)]].append(route)
    found: list[_Piece] = []
    going: dict[int, Route] = {}
    stop = 0.0
    for i, box in enumerate(boxes):
        if not found or (i < last and _goes_on(list(going.values()), box, stop, cuts=cuts)):
            start = _start(box, stop, going.values(), cuts=cuts)
            found.append(_Piece(start, 0.0, [], stop + CUT, lines=_line_count(going.values(), stop, cuts=cuts)))
        found[-1].boxes.append(box)
        stop = max(stop, box.corner[1] + box.size[1])
        found[-1].stop = stop
        for route in end[i]:
            going.pop(id(route), None)
        going.update((id(route), route) for route in begin[i])
    return found


def _start(box: Box, stop: float, going: Iterable[Route], *, cuts: bool) -> float:
    """Where a piece begins: at its first box, or where the first line that was cut goes on to it."""
    return min([box.corner[1], *(resumes(r, stop) for r in passing(going, stop) if cuts)])


def _line_count(going: Iterable[Route], stop: float, *, cuts: bool) -> int:
    return len({_tensor(route) for route in (passing(going, stop) if cuts else going)})


def _tensor(route: Route) -> tuple[int, int]:
    return id(route.source), route.node


def _with_labels(pieces: list[_Piece], inside: Inside, label: Callable[[int], Point]) -> None:
    starts = [piece.start for piece in pieces]
    for node, (across, along) in inside.labels:
        wide, high = label(node)
        piece = pieces[max(bisect_right(starts, along + high / 2) - 1, 0)]
        piece.stop = max(piece.stop, along + high - _AIR)
        piece.edge = max(piece.edge, across + wide)
        piece.near = min(piece.near, across)


def _goes_on(routes: list[Route], box: Box, stop: float, *, cuts: bool) -> bool:
    """Whether these are lines of one tensor to what stands right behind it, `box` and its neighbors, or of a few tensors to the
    box alone; with `cuts`, a few lines of any kind that can be cut. What stands before ends at `stop`."""
    gap = box.corner[1] - stop
    if cuts:
        found = passing(routes, stop)
        led_on = all(is_straight(r, stop) and not _ends(r) for r in found)
        return gap >= CUT + 2 * ARROW and len({_tensor(r) for r in found}) <= _SIDE_BY_SIDE and led_on
    tensors = {_tensor(r) for r in routes}
    to_one = 1 < len(tensors) <= _SIDE_BY_SIDE and all(r.target is box and r.source is routes[0].source for r in routes)
    return gap >= 0 and (len(tensors) == 1 or to_one) and all(len(r.points) <= _STRAIGHT for r in routes)


def _ends(route: Route) -> bool:
    """Whether a line leads to an output, which stands where its tensor is made."""
    return route.target is not None and route.target.part.is_output


def _filled(pieces: list[_Piece], limit: float) -> list[list[_Piece]]:
    rows: list[list[_Piece]] = []
    for piece in pieces:
        if rows and piece.stop - rows[-1][0].start <= limit:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return rows


def _stacked(inside: Inside, rows: list[_Row], label: Callable[[int], Point]) -> Inside:
    number = {id(box): i for i, row in enumerate(rows) for piece in row.pieces for box in piece.boxes}
    between: list[Route] = []
    cut: list[list[_Cut]] = [[] for _ in rows]
    led: dict[tuple[int, int, int], Point] = {}
    for route in inside.routes:
        if rows[0].cuts:
            _cut_at_rows(route, rows, cut, led)
            continue
        a, b = number[id(route.source)], number[id(route.target)]
        (rows[a].routes if a == b else between).append(route)
    y = 0.0
    for row, lines in zip(rows, cut, strict=True):
        boxes = [box for piece in row.pieces for box in piece.boxes]
        ends = [a for route in row.routes for a, _ in route.points]
        row.top = min([*ends, *(piece.near for piece in row.pieces), *(box.corner[0] for box in boxes)])
        edges = (piece.edge for piece in row.pieces)
        row.bottom = max([*ends, *edges, *(box.corner[0] + box.size[0] for box in boxes)])
        row.gap = max(_GAP, 2 * _APART + _APART * len({place for place, _ in lines})) if row is not rows[0] else 0.0
        row.y = y + row.gap
        y = row.y + row.bottom - row.top
        for box in boxes:
            box.corner = (box.corner[0] - row.top + row.y, box.corner[1] - row.start + _LEAD)
        row.routes = [
            replace(r, points=tuple((a - row.top + row.y, b - row.start + _LEAD) for a, b in r.points))
            for r in row.routes
        ]
    routes = (
        [route for row in rows for route in row.routes]
        + [_back(r, rows, number, _beside(r, between)) for r in between]
        + [back for i, ways in enumerate(cut[1:]) for back in _backs(ways, rows[i], rows[i + 1])]
    )
    labels = [(node, _moved(corner, label(node)[1] / 2, rows)) for node, corner in inside.labels]
    return Inside((y, max(row.width for row in rows) + 2 * _LEAD), inside.boxes, routes, labels)


def _cut_at_rows(route: Route, rows: list[_Row], cut: list[list[_Cut]], led: dict[tuple[int, int, int], Point]) -> None:
    """Gives each row that a line passes its part of it, and notes where it was cut. Lines of one tensor are one up to the row
    in which they part: `led` are the places where those seen before were cut, by tensor and row."""
    first, last = _row_of(route.points[0][1], rows), _row_of(route.points[-1][1], rows)
    for i in range(first + 1, last + 1):
        before, route = cut_in_two(route, rows[i].pieces[0].cut, rows[i].start)
        place = led.setdefault((*_tensor(route), i), before.points[-1])
        if place is before.points[-1]:
            rows[i - 1].routes.append(before)
        elif i > first + 1:
            cut[i - 1].pop()
        cut[i].append((place, route))
    if _has_length(route):
        rows[last].routes.append(route)


def _has_length(route: Route) -> bool:
    return route.points[-1][1] > route.points[0][1]


def _row_of(along: float, rows: list[_Row]) -> int:
    """The row in which a line that begins or ends there does."""
    return sum(row.pieces[0].cut < along for row in rows[1:])


def _backs(cut: list[_Cut], above: _Row, below: _Row) -> Iterator[Route]:
    """The lines that lead others from the end of a row to the start of the next, the first to leave outside."""
    places = sorted({place for place, _ in cut})
    for (across, along), rest in cut:
        beside = _APART * (places.index((across, along)) - (len(places) - 1) / 2)
        leaves, arrives = across - above.top + above.y, rest.points[0][0] - below.top + below.y
        way = _way_back((leaves, along - above.start + _LEAD), above, below, beside)
        arrow = rest.arrow and not _has_length(rest)
        yield replace(rest, points=(*way, (arrives, -beside), (arrives, _LEAD)), arrow=arrow, shape="square")


def _moved(corner: Point, half: float, rows: list[_Row]) -> Point:
    """Where something of twice `half` along the flow, at a place in the drawing of one row, stands now."""
    row = next((row for row in reversed(rows) if row.start <= corner[1] + half), rows[0])
    return corner[0] - row.top + row.y, corner[1] - row.start + _LEAD


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
    leaves, arrives = (
        route.points[0][0] - above.top + above.y,
        route.points[-1][0] - below.top + below.y,
    )
    start = route.source.corner[1] + route.source.size[1]
    back = _way_back((leaves, start), above, below, beside)
    return replace(route, points=(*back, (arrives, -beside), (arrives, route.target.corner[1])), shape="square")


def _way_back(start: Point, above: _Row, below: _Row, beside: float) -> tuple[Point, ...]:
    """From the end of one row to before the start of the next."""
    right = above.width + 2 * _LEAD - 4.0 - beside
    turn = below.y - below.gap / 2 - beside
    return start, (start[0], right), (turn, right), (turn, -beside)
