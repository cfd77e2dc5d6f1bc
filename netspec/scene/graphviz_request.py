"""What Graphviz is asked: a level as numbers and sizes, without a word of the spec."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from netspec.scene.level_geometry import Frame, Outline, Point, Spacing
from netspec.scene.order import Edge, Ordered

__all__ = ["POINT", "Request"]

_INCH = 72.0
POINT = 1.0
"""The side of what stands for a tensor that comes in or goes out."""
_STRAIGHT = 50
"""The weight of a line of the main way, which dot then draws straight: one that skips parts has a weight of up to 8."""


@dataclass(slots=True)
class Request:
    """A digraph from top to bottom, whose nodes are the items of an outline by number."""

    outline: Outline
    order: Ordered
    spacing: Spacing
    across: bool
    labelled: list[bool] = field(default_factory=list)
    """Whether each edge carries the label of its tensor, which one edge of a tensor does."""
    ports: list[Frame] = field(default_factory=list)
    """The members, with places on the sides of those closed parts that give several tensors."""

    @property
    def members(self) -> int:
        return len(self.outline.members)

    @property
    def first_exit(self) -> int:
        return self.members + len(self.outline.entries)

    def lines(self) -> Iterator[str]:
        outline = self.outline
        yield "digraph {"
        yield f"nodesep={self.spacing.neighbours / _INCH:.4f} ranksep={16 / _INCH:.4f}"
        yield 'node [shape=box fixedsize=true margin=0 label=""]'
        yield "edge [arrowsize=0.6]"
        self.ports = spread_ports(outline, self.order)
        for i, member in enumerate(self.ports):
            yield f"n{i} [{_sides(*member.size)}{_ports(member)}]"
        yield from self._border("source", outline.entries, self.members)
        yield from self._border("sink", outline.exits, self.first_exit)
        labelled = {tensor for _, b, tensor in outline.edges if b >= self.members}  # it is outside
        inside = {tensor for _, b, tensor in outline.edges if b < self.members}
        done = (labelled - inside) | set(outline.entries)
        straight = _straight(outline.edges)
        rank = {item: r for r, row in enumerate(self.order.ranks) for item in row}
        branching = sum(a >= self.members for a, _, _ in outline.edges) > len(outline.entries)
        for i, (a, b, tensor) in enumerate(outline.edges):
            self.labelled.append(tensor not in done)
            done.add(tensor)
            near = rank[b] - rank[a] == 1
            words = [f"id={i}"]
            if a >= self.members and branching:
                words.append("minlen=2")
            if self.labelled[-1]:
                words.append(f"label={_room(outline.labels[tensor])}")
            if (a, b) in straight:
                words.append(f"weight={_STRAIGHT + rank[b]}")  # what could stand anywhere stands near what reads it
            if self.crosses(a, tensor, leaves=True):
                words += [f'tailport="x{tensor}:s"'] if a < self.members else []
            elif near and _is_long(outline.members[a]):
                words.append("tailport=behind")
            if self.crosses(b, tensor, leaves=False):
                words.append(f'headport="e{tensor}:n"' if b < self.members else "headport=n")
            elif near and _is_long(outline.members[b]):
                words.append("headport=before")
            if b >= self.members or outline.members[b].entries:
                words.append("arrowhead=none")
            yield f"n{a} -> n{b} [{' '.join(words)}]"
        yield "}"

    def _border(self, rank: str, tensors: Sequence[int], first: int) -> Iterator[str]:
        if tensors:
            wide = [self.outline.labels[t][0] if rank == "sink" and len(tensors) > 1 else POINT for t in tensors]
            nodes = (f"n{first + i} [{_sides(w, POINT)}]" for i, w in enumerate(wide))
            yield f"{{rank={rank} {'; '.join(nodes)}}}"

    def crosses(self, item: int, tensor: int, *, leaves: bool) -> bool:
        """Whether a line meets an item where the border of a frame is crossed, which is a fixed place."""
        if item >= self.members:
            return True
        member = self.ports[item]
        return tensor in dict(member.exits if leaves else member.entries)


def spread_ports(outline: Outline, order: Ordered) -> list[Frame]:
    """The members of a level, with places for tensors on the sides of closed parts that give several, as an order of the level
    has them: those that run beside each other do not cross."""
    place = {item: i for row in order.ranks for i, item in enumerate(row)}
    leaving: list[dict[int, list[int]]] = [{} for _ in outline.members]
    entering: list[dict[int, int]] = [{} for _ in outline.members]
    for path, (a, b, tensor) in zip(order.paths, outline.edges, strict=True):
        if a < len(outline.members):
            leaving[a].setdefault(tensor, []).append(place[path[1]])
        if b < len(outline.members):
            entering[b][tensor] = place[path[-2]]
    found = []
    for member, out, into in zip(outline.members, leaving, entering, strict=True):
        if member.entries or member.exits or len(out) < 2:
            found.append(member)
            continue
        exits = sorted(out, key=lambda tensor, out=out: sum(out[tensor]) / len(out[tensor]))  # type: ignore[misc]
        found.append(Frame(member.size, _spread(sorted(into, key=into.__getitem__), member), _spread(exits, member)))
    return found


def _spread(tensors: Sequence[int], member: Frame) -> tuple[tuple[int, float], ...]:
    step = member.size[0] / (len(tensors) or 1)
    return tuple((tensor, step * (i + 0.5)) for i, tensor in enumerate(tensors))


def _straight(edges: Sequence[Edge]) -> set[tuple[int, int]]:
    """The edges of the main way: where others lead to the same item, they skip what is on it."""
    into: dict[int, set[int]] = {}
    for a, b, _ in edges:
        into.setdefault(b, set()).add(a)
    above: dict[int, set[int]] = {}

    def before(item: int) -> set[int]:
        """What leads to an item."""
        if item not in above:
            above[item] = set()
            for a in into.get(item, ()):
                above[item] |= {a} | before(a)
        return above[item]

    return {(a, b) for b, sources in into.items() for a in sources if sources - {a} <= before(a)}


def _is_long(frame: Frame) -> bool:
    """Whether a closed part is long along the flow, so that lines to its middle would meet its sides aslant."""
    return not frame.entries and not frame.exits and frame.size[1] > 2 * frame.size[0] + 1.0


def _sides(width: float, height: float) -> str:
    return f"width={width / _INCH:.5f} height={height / _INCH:.5f}"


def _ports(frame: Frame) -> str:
    """A label that has the places of a frame at which tensors cross its border: a row of cells above one of others."""
    if not frame.entries and not frame.exits:
        width, height = (math.floor(side) for side in frame.size)
        if not _is_long(frame):
            return ""
        ends = (_cell(width, width, "before"), _cell(width, height - 2 * width), _cell(width, width, "behind"))
        return f" label=<{_table(width, height, *ends)}>"
    width, height = math.floor(frame.size[0]), math.floor(frame.size[1] / 2)
    rows = (_row("e", frame.entries, width, height), _row("x", frame.exits, width, height))
    return f" label=<{_table(width, 2 * height, *rows)}>"


def _row(prefix: str, places: Sequence[tuple[int, float]], width: int, height: int) -> str:
    cells, at = [], 0
    for tensor, x in sorted(places, key=lambda place: place[1]):
        start = min(max(round(x) - 1, at), width - 2)
        cells += [_cell(start - at, height), _cell(2, height, f"{prefix}{tensor}")]
        at = start + 2
    cells.append(_cell(width - at, height))
    return f"<TD>{_table(width, height, ''.join(cells))}</TD>"


def _cell(width: int, height: int, port: str = "") -> str:
    name = f' PORT="{port}"' if port else ""
    return f'<TD{name} FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height}"></TD>' if width > 0 else ""


def _table(width: int, height: int, *rows: str) -> str:
    size = f'FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height}"'
    inside = "".join(f"<TR>{row}</TR>" for row in rows)
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" {size}>{inside}</TABLE>'


def _room(size: Point) -> str:
    """An empty label of a width and height."""
    width, height = (max(1, round(side)) for side in size)
    return f"<{_table(width, height, _cell(width, height))}>"
