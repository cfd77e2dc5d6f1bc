"""Where everything stands in one level, in numbers alone: levels of equal wires and sizes have equal geometry.

Positions are `across` and `along` the flow: x and y where it runs from top to bottom, y and x from left to right.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TypeAlias

from netspec.scene.order import Edge, Ordered
from netspec.scene.spread import placed_between, spread

__all__ = ["Frame", "Geometry", "Line", "Outline", "Point", "Spacing", "geometry"]

Point: TypeAlias = "tuple[float, float]"
_Ports: TypeAlias = "tuple[tuple[int, float], ...]"
_BELOW_TITLE = 6.0
"""How much further down lines bend that do so below the title of their frame."""


@dataclass(frozen=True, slots=True)
class Spacing:
    """Distances in pixels: between neighbours, between the ranks (straight and where lines bend), and within a frame."""

    neighbours: float = 22.0
    ranks: float = 12.0
    bend: float = 18.0
    before: Point = (12.0, 24.0)
    """Within a frame, (across, along) from its first corner to its contents."""
    behind: Point = (12.0, 10.0)
    ports: float = 1.0
    """The share of the side of an item, around its middle, at which lines arrive and leave."""
    lane: float = 0.0
    """What each further tensor adds to the room in which lines bend."""
    air: float = 4.0
    """How much later lines bend where there are labels."""
    beside: float = 0.0
    """From a line to the first edge of its label, across."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A member: its size (across, along); of an open one also where tensors, by number, cross its border; `ports` is a share
    of its own of its side, at which lines meet it."""

    size: Point
    entries: _Ports = ()
    exits: _Ports = ()
    ports: float | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """What a level is made of: its members; edges (from, to, tensor), where numbers beyond the members are the tensors that
    come in and then those that go out; the size of the label of each tensor; `head` is the room for its title, None
    for what has no frame; how long it is along the flow, at least."""

    members: tuple[Frame, ...]
    edges: tuple[Edge, ...]
    entries: tuple[int, ...]
    exits: tuple[int, ...]
    labels: tuple[Point, ...]
    head: float | None
    least: float = 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """From one item to another through `points`, smooth between those that are not straight behind each other; or `curved`:
    they are curves of three points each, behind the start, then the tip of the arrow if it has one."""

    source: int
    target: int
    tensor: int
    points: tuple[Point, ...]
    arrow: bool
    curved: bool = False


@dataclass(frozen=True, slots=True)
class Geometry:
    """The size of a level, the first corner of each member, its lines, the labels of tensors with their first corners, and
    where tensors cross its border."""

    size: Point
    corners: tuple[Point, ...]
    lines: tuple[Line, ...]
    labels: tuple[tuple[int, Point], ...]
    entries: _Ports
    exits: _Ports


def geometry(outline: Outline, plan: Ordered, spacing: Spacing) -> Geometry:
    return _Solver(outline, plan, spacing).solve()


class _Solver:
    def __init__(self, outline: Outline, plan: Ordered, spacing: Spacing) -> None:
        self.outline, self.plan, self.spacing = outline, plan, spacing
        self.members = len(outline.members)
        self.first_exit = self.members + len(outline.entries)
        self.count = self.first_exit + len(outline.exits)
        self.framed = outline.head is not None
        self.sizes = [m.size for m in outline.members] + [(0.0, 0.0)] * (self.count - self.members)
        self.entries = [dict(m.entries) for m in outline.members] + [{}] * (self.count - self.members)
        shares = [spacing.ports if m.ports is None else m.ports for m in outline.members]
        self.ports = shares + [spacing.ports] * (self.count - self.members)
        self.exits = [dict(m.exits) for m in outline.members] + [{}] * (self.count - self.members)
        self.rank = {item: r for r, row in enumerate(plan.ranks) for item in row}
        self.paths = list(zip(plan.paths, outline.edges, strict=True))
        self.emits: dict[int, list[int]] = {}
        self.into: dict[int, dict[int, int]] = {}
        place = {item: i for row in plan.ranks for i, item in enumerate(row)}
        goes: dict[tuple[int, int], list[int]] = {}
        for path, (a, b, tensor) in self.paths:
            goes.setdefault((a, tensor), []).append(place[path[1]])
            if a < self.members and tensor not in self.emits.setdefault(a, []):
                self.emits[a].append(tensor)
            self.into.setdefault(b, {})[tensor] = path[-2]
        for a, tensors in self.emits.items():  # side by side as where they lead to
            tensors.sort(key=lambda t, a=a: sum(goes[a, t]) / len(goes[a, t]))  # type: ignore[misc]
        self.arrivals: dict[int, dict[int, float]] = {}

    def solve(self) -> Geometry:
        self._place_across()
        self.arrivals = {item: self._places_into(item) for item in self.into}
        self._place_along()
        outline = self.outline
        inside = {tensor for _, b, tensor in outline.edges if b < self.members}
        labels = tuple(
            (tensor, self._label(item, tensor))
            for item, tensors in self.emits.items()
            for tensor in tensors
            if tensor in inside  # one that only goes out is labelled outside
        )
        return Geometry(
            self._size(),
            tuple((self.corner[i], self.top[i]) for i in range(self.members)),
            tuple(self._lines()),
            labels,
            tuple((tensor, self.at[self.members + i]) for i, tensor in enumerate(outline.entries)),
            tuple((tensor, self.at[self.first_exit + i]) for i, tensor in enumerate(outline.exits)),
        )

    def _label(self, item: int, tensor: int) -> Point:
        """Its corner: in the middle of the first stretch of its line, up to the next rank or to where lines bend."""
        start = self.top[item] + self.sizes[item][1]
        free = self.ends[self.rank[item]] - start - self.outline.labels[tensor][1]
        return self._leaves(item, tensor) + self.spacing.beside, start + free / 2

    # Across the flow

    def _place_across(self) -> None:
        before, after = [], []
        for item in range(self.count):
            pin = self._pin(item)
            ends = [self._leaves_at(item, t) - pin + self.outline.labels[t][0] for t in self.emits.get(item, ())]
            if item >= self.first_exit and len(self.outline.exits) > 1:  # their labels stand below the frame
                ends = [self.outline.labels[self.outline.exits[item - self.first_exit]][0]]
            before.append(pin)
            after.append(max([self.sizes[item][0] - pin, *ends]))
        at = spread(self.plan, before, after, self.spacing.neighbours)
        shift = self.spacing.before[0] if self.framed else 0.0
        if self.outline.head and self.outline.entries:
            shift = max(shift, self.outline.head - min(at[self.members : self.first_exit]))
        self.at = [x + shift for x in at]
        self.corner = [self.at[i] - before[i] for i in range(self.count)]
        self.right = max([0.0, *self.at, *(self.at[i] + after[i] for i in range(self.count))])

    def _pin(self, item: int) -> float:
        """The place of an item that its lines meet, from its first edge."""
        entries = self.entries[item]
        return next(iter(entries.values())) if entries else self.sizes[item][0] / 2

    def _leaves_at(self, item: int, tensor: int) -> float:
        """Where a tensor leaves an item, from its first edge."""
        if tensor in self.exits[item]:
            return self.exits[item][tensor]
        tensors = self.emits.get(item, [tensor])
        width, share = self.sizes[item][0], self.ports[item]
        return width / 2 + width * share * ((tensors.index(tensor) + 1) / (len(tensors) + 1) - 0.5)

    def _leaves(self, item: int, tensor: int) -> float:
        return self.corner[item] + self._leaves_at(item, tensor) if item < self.members else self.at[item]

    def _places_into(self, item: int) -> dict[int, float]:
        """Where tensors meet an item: at its entries, or as straight as its width allows, side by side."""
        width = self.sizes[item][0]
        if self.entries[item]:
            return {tensor: self.corner[item] + x for tensor, x in self.entries[item].items()}
        if not width:
            return dict.fromkeys(self.into[item], self.at[item])
        wanted = {t: self._leaves(i, t) if i < self.count else self.at[i] for t, i in self.into[item].items()}
        tensors = sorted(wanted, key=lambda t: (wanted[t], t))
        edge = max(min(10.0, width / 4), width * (1 - self.ports[item]) / 2)
        low, high = self.corner[item] + edge, self.corner[item] + width - edge
        if len(tensors) == 1 and not low <= wanted[tensors[0]] <= high:  # it bends whatever its end
            return {tensors[0]: (low + high) / 2}
        own = item < self.members and self.outline.members[item].ports is not None
        gap = (high - low) / (len(tensors) + 1) if own else 14.0  # as they leave such an item
        return dict(zip(tensors, placed_between([wanted[t] for t in tensors], low, high, gap), strict=True))

    # Along the flow

    def _place_along(self) -> None:
        rows = self.plan.ranks
        bends = self._bending()
        along = self.spacing.before[1] if self.framed else 0.0
        if self.outline.entries:
            along -= self.spacing.ranks
        if 0 in bends and any(self.at[i] < (self.outline.head or 0.0) for i in rows[1]):
            along += _BELOW_TITLE
        self.top = [0.0] * self.count
        self.stop, self.turn, self.ends = [0.0] * len(rows), [0.0] * len(rows), [0.0] * len(rows)
        for r, row in enumerate(rows):
            real = [i for i in row if i < self.count]
            height = max((self.sizes[i][1] for i in real), default=0.0)
            for i in real:
                self.top[i] = along + (height - self.sizes[i][1]) / 2
            label = max((self.outline.labels[t][1] for i in real for t in self.emits.get(i, ())), default=0.0)
            air = self.spacing.air if label and r in bends else 0.0  # taken from what is straight behind the bend
            along += height + label + air
            self.turn[r] = along
            along += self.spacing.bend + self.spacing.lane * (len(bends[r]) - 1) if r in bends else 0.0
            self.stop[r] = along
            along += self.spacing.ranks - air
            self.ends[r] = self.turn[r] if r in bends else along
        self.bottom = self.turn[-1] if rows else along
        if self.framed and not self.outline.exits:
            self.bottom += self.spacing.behind[1]
        short = max(0.0, self.outline.least - self.bottom)
        self.bottom += short
        self.top[self.first_exit :] = [top + short for top in self.top[self.first_exit :]]

    def _bending(self) -> dict[int, set[int]]:
        """The ranks after which a line does not go straight on, with the tensors whose lines do not."""
        found: dict[int, set[int]] = {}
        for path, (a, b, tensor) in self.paths:
            last = len(path) - 2
            for k, (here, there) in enumerate(itertools.pairwise(path)):
                start = self._leaves(a, tensor) if k == 0 else self.at[here]
                stop = self.arrivals[b][tensor] if k == last else self.at[there]
                if abs(start - stop) > 0.5:
                    found.setdefault(self.rank[here], set()).add(tensor)
        return found

    def _size(self) -> Point:
        if self.outline.head is None:
            return self.right, self.bottom
        behind = self.spacing.behind[0]
        return max(self.right, self.outline.head) + behind, self.bottom

    def _lines(self) -> list[Line]:
        """The longest line of a tensor runs from its source, the others from where they leave it."""
        made = []
        drawn: set[int] = set()
        for path, (a, b, tensor) in sorted(self.paths, key=lambda pair: -len(pair[0])):
            first = max(k for k in range(len(path) - 1) if k == 0 or path[k] in drawn)
            drawn.update(path[1:-1])
            points = (
                self._start(a, tensor) if first == 0 else [(self.at[path[first]], self.turn[self.rank[path[first]]])]
            )
            for item in path[first + 1 : -1]:
                r = self.rank[item]
                points += [(self.at[item], self.stop[r - 1]), (self.at[item], self.turn[r])]
            arrives = self.arrivals[b][tensor]
            points += [(arrives, self.stop[self.rank[b] - 1]), (arrives, self.top[b])]
            made.append(Line(a, b, tensor, tuple(points), b < self.members and not self.entries[b]))
        return made

    def _start(self, item: int, tensor: int) -> list[Point]:
        leaves, turn = self._leaves(item, tensor), self.turn[self.rank[item]]
        start = self.top[item] + self.sizes[item][1] if item < self.members else 0.0
        return [(leaves, start), (leaves, turn)]
