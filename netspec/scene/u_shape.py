"""Encoders and decoders as a U (Ronneberger, Fischer & Brox, 2015, Figure 1): each halving of the feature maps one lane
further down, and each skip straight across in its lane."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from netspec.graph import Graph
from netspec.scene.layout import Box, Inside, Route
from netspec.scene.level_geometry import Point
from netspec.scene.parts import Level

__all__ = ["Skip", "as_u", "skips_of"]

_GAP = 14.0
_LANES = 12.0
_ELBOW = 9.0
_LEAST = 2
"""A single skip over a smaller map is no U yet."""


@dataclass(frozen=True, slots=True)
class Skip:
    """From the member `start` of the main way through the members `between` to the join `stop`."""

    start: int
    stop: int
    between: tuple[int, ...] = ()


def skips_of(level: Level, graph: Graph) -> tuple[list[int], list[Skip]] | None:
    """The main way through the net and its skips from the outermost to the innermost; None where the net is no U."""
    members = [i for i, part in enumerate(level.members) if not part.is_output]
    before: dict[int, list[int]] = {i: [] for i in members}
    after: dict[int, list[int]] = {i: [] for i in members}
    for wire in level.wires:
        if wire.target in before and wire.source >= 0 and wire.source not in before[wire.target]:
            before[wire.target].append(wire.source)
            after[wire.source].append(wire.target)
    main = _longest(members, before)
    on_main = set(main)
    skips, seen = [], set(main)
    for join in main:
        for source in before[join]:
            chain: list[int] = []
            at = source
            while at not in on_main:
                chain.insert(0, at)
                if len(before[at]) != 1 or len(after[at]) != 1:
                    return None
                at = before[at][0]
            if chain or main.index(at) != main.index(join) - 1:
                skips.append(Skip(at, join, tuple(chain)))
                seen.update(chain)
    skips.sort(key=lambda skip: skip.start)
    ends = {wire.source for wire in level.wires if level.members[wire.target].is_output}
    if ends != set(main[-1:]):
        return None
    return (main, skips) if seen == set(members) and _nested(level, graph, skips) else None


def _longest(members: list[int], before: dict[int, list[int]]) -> list[int]:
    """The way through most members, by their order."""
    length: dict[int, int] = {}
    for i in members:
        length[i] = 1 + max((length[j] for j in before[i]), default=0)
    if not members:
        return []
    way = [max(members, key=lambda i: (length[i], i))]
    while before[way[-1]]:
        way.append(max(before[way[-1]], key=lambda j: (length[j], j)))
    return way[::-1]


def _nested(level: Level, graph: Graph, skips: list[Skip]) -> bool:
    """Whether each skip but the first lies within the one before it, over smaller maps."""
    sides = [
        tuple(graph.nodes[level.members[i].stop - 1].type.spatial for i in (skip.start, skip.stop)) for skip in skips
    ]
    if len(skips) < _LEAST or not all(kind for pair in sides for kind in pair):
        return False
    return all(
        outer.start < inner.start < inner.stop < outer.stop
        and all(a[-1] > b[-1] for a, b in zip(out, in_, strict=True))
        for outer, inner, out, in_ in zip(skips, skips[1:], sides, sides[1:], strict=False)
    )


Port = Callable[[Box, str], Point]
Reach = Callable[[Box], "tuple[float, float]"]


@dataclass(slots=True)
class _Lane:
    boxes: list[Box] = field(default_factory=list)
    end: float = 0.0
    y: float = 0.0


def as_u(
    level: Level,
    inside: Inside,
    found: tuple[list[int], list[Skip]],
    port: Port,
    reach: Reach,
    hidden: Mapping[int, float],
) -> Inside:
    """The boxes of `inside` in lanes. `port` says where a line meets a box, from its corner (x, y), `reach` from where to where
    it stands in its room; members in `hidden` (upsampling that a line stands for) get no room, but the words beside that line, of the given width."""
    return _Solver(level, inside, found, port, reach, hidden).solve()


class _Solver:
    def __init__(
        self, level: Level, inside: Inside, found: tuple[list[int], list[Skip]], port: Port, reach: Reach,
        hidden: Mapping[int, float],
    ) -> None:  # fmt: skip
        self.level, self.inside, self.port, self.reach, self.hidden = level, inside, port, reach, hidden
        self.main, self.skips = found
        self.lanes = [_Lane() for _ in range(len(self.skips) + 1)]
        self.lane: dict[int, int] = {}
        self.skipped = {
            (id(inside.boxes[wire.target]), wire.node)
            for skip in self.skips
            for wire in level.wires
            if (wire.source, wire.target) == ((skip.start, *skip.between)[-1], skip.stop)
        }
        self.x: dict[int, float] = {}

    def solve(self) -> Inside:
        starts = {skip.start: k for k, skip in enumerate(self.skips)}
        stops = {skip.stop: k for k, skip in enumerate(self.skips)}
        lane, last = 0, -1
        for member in self.main:
            if member in self.hidden:
                continue
            if member in stops:
                lane = stops[member]
                self._put(member, lane, self._above(last, member))
            elif last in starts:
                lane = starts[last] + 1
                x = self.x[last] + self.port(self.inside.boxes[last], "bottom")[0]
                self._put(member, lane, x - self.port(self.inside.boxes[member], "top")[0])
                self.lanes[lane].end = self.x[member] + self.reach(self.inside.boxes[member])[1]
            else:
                self._put(member, lane, self.lanes[lane].end + _GAP if last >= 0 else 0.0)
            if member in starts:
                for between in self.skips[starts[member]].between:
                    self._put(between, lane, self.lanes[lane].end + _GAP)
            last = member
        for i, part in enumerate(self.level.members):
            if part.is_output:
                source = next(w.source for w in self.level.wires if w.target == i)
                self._put(i, self.lane[source], self.lanes[self.lane[source]].end + _GAP)
        self._settle()
        boxes = [box for i, box in enumerate(self.inside.boxes) if i in self.x]
        width = max(box.corner[1] + box.size[1] for box in boxes)
        return Inside((self.height, width), boxes, self._routes())

    def _put(self, member: int, lane: int, x: float) -> None:
        box = self.inside.boxes[member]
        self.x[member], self.lane[member] = x, lane
        self.lanes[lane].boxes.append(box)
        self.lanes[lane].end = max(self.lanes[lane].end, x + self.reach(box)[1])

    def _above(self, last: int, member: int) -> float:
        """Right of what stands in the lane below: a line comes up into its front, or into a circle from below."""
        box = self.inside.boxes[member]
        right = self.x[last] + self.inside.boxes[last].size[1]
        x = (
            right + (4 if box.inside else 2) * _ELBOW - self.port(box, "left")[0]
            if self._elbow(box)
            else right - self.port(box, "bottom")[0] + 4
        )
        words = max(
            (self.hidden[w.source] for w in self.level.wires if w.target == member and w.source in self.hidden),
            default=0.0,
        )
        room = words + 2 * _ELBOW + _GAP - self.port(box, "left")[0] if words else _GAP
        return max(x, self.lanes[self.lane_of(member)].end + room)

    def lane_of(self, join: int) -> int:
        return next(k for k, skip in enumerate(self.skips) if skip.stop == join)

    def _elbow(self, box: Box) -> bool:
        """Whether what comes from below turns into the front, under which its size is written."""
        return abs(self.port(box, "bottom")[0] - box.size[1] / 2) > 0.5 or box.inside is not None

    def _pin(self, box: Box) -> float:
        """Where the main way meets a box, from its upper edge: a skip enters an open one elsewhere."""
        entries = box.inside.entries if box.inside else {}
        return next((y for node, y in entries.items() if (id(box), node) not in self.skipped), box.size[0] / 2)

    def _settle(self) -> None:
        y = 0.0
        for lane in self.lanes:
            up = max((self._pin(box) for box in lane.boxes), default=0.0)
            down = max((box.size[0] - self._pin(box) for box in lane.boxes), default=0.0)
            lane.y = y + up
            y += up + down + _LANES
        self.height = y - _LANES
        least = min(self.x[m] + self.reach(self.inside.boxes[m])[0] for m in self.x)
        for member in self.x:
            self.x[member] -= least
            box = self.inside.boxes[member]
            box.corner = (self.lanes[self.lane[member]].y - self._pin(box), self.x[member])

    def _routes(self) -> list[Route]:
        made: dict[tuple[int, int], Route] = {}
        over = {wire.source: wire for wire in self.level.wires if wire.target in self.hidden}
        for wire in self.level.wires:
            source, node = wire.source, wire.node
            if wire.target in self.hidden:
                continue
            if source in self.hidden:
                before = next(w for w in over.values() if w.target == source)
                source, node = before.source, before.node
            made.setdefault((source, wire.target), self._route(source, wire.target, node))
        return list(made.values())

    def _route(self, source: int, target: int, node: int) -> Route:
        a, b = self.inside.boxes[source], self.inside.boxes[target]
        y, z = self.lanes[self.lane[source]].y, self.lanes[self.lane[target]].y
        arrow = b.inside is None or not b.inside.entries
        if a.inside is not None and node in a.inside.exits:
            y = a.corner[0] + a.inside.exits[node]
        if b.inside is not None and node in b.inside.entries:
            z = b.corner[0] + b.inside.entries[node]
        if self.lane[source] == self.lane[target]:
            return Route(a, b, node, self._along((y, a.corner[1] + a.size[1]), (z, b.corner[1])), arrow)
        if self.lane[source] < self.lane[target]:
            (x, below), (_, top) = self.port(a, "bottom"), self.port(b, "top")
            points = ((a.corner[0] + below, a.corner[1] + x), (b.corner[0] + top, a.corner[1] + x))
            return Route(a, b, node, points, True, shape="square")
        right = a.corner[1] + a.size[1]
        if not self._elbow(b):
            x, low = self.port(b, "bottom")
            points_up: tuple[Point, ...] = ((y, right), (y, b.corner[1] + x), (b.corner[0] + low, b.corner[1] + x))
            return Route(a, b, node, points_up, True, shape="square")
        x = b.corner[1] + self.port(b, "left")[0]
        enters, turn = z if not arrow else z + min(9.0, b.size[0] / 8), x - 1.6 * _ELBOW
        return Route(a, b, node, ((y, right), (y, turn), (enters, turn), (enters, x)), arrow, shape="square")

    def _along(self, start: Point, end: Point) -> tuple[Point, ...]:
        """Within a lane; what enters a frame elsewhere than the main way turns to there left of what comes up."""
        if abs(start[0] - end[0]) < 0.5:
            return start, end
        turn = end[1] - 3.2 * _ELBOW
        return start, (start[0], turn), (end[0], turn), end
