"""The layout of Graphviz: each level goes to `dot` as numbers and sizes, without a word of the spec, and comes back with places
and curves. Levels are drawn from the inside out, as by netspec's own layout, so that no line leaves the frame of its block.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netspec.scene.label_places import Label, settled
from netspec.scene.level_geometry import Frame, Geometry, Line, Outline, Point, Spacing
from netspec.scene.order import Edge, Ordered
from netspec.scene.parts import Part, Parts

__all__ = ["MOST", "DotFailed", "box_count", "geometry_by_dot", "reason_against_dot"]

_DOT = "dot"
_PATIENCE = 300.0
"""Seconds after which dot is given up."""
MOST = 300
"""Boxes for which dot needs a second; its time grows faster than their number."""
_INCH = 72.0
_POINT = 1.0
"""The side of what stands for a tensor that comes in or goes out."""
_STRAIGHT = 50
"""The weight of a line of the main way, which dot then draws straight: one that skips parts has a weight of up to 8."""
_BELOW = 10.0
"""How far below the top of a frame, or above its bottom, its lines may bend."""


class DotFailed(Exception):
    """dot gave no layout; the argument says why, for a note."""


def reason_against_dot(boxes: int) -> str:
    """Why dot cannot draw so many boxes, in words; empty where it can."""
    if shutil.which(_DOT) is None:
        return "Graphviz is not installed (there is no program dot)"
    return f"{boxes:,} boxes are too many for dot (at most {MOST})" if boxes > MOST else ""


def box_count(parts: Parts, is_open: Callable[[Part], bool]) -> int:
    """How many boxes are drawn closed."""
    boxes, within = 0, [parts.root]
    while within:
        for member in parts.level(within.pop()).members:
            if member.members and is_open(member):
                within.append(member)
            else:
                boxes += 1
    return boxes


def geometry_by_dot(outline: Outline, order: Ordered, spacing: Spacing, *, across: bool) -> Geometry:
    """Where everything stands in one level; several tensors meet a closed part in an order of the level. `across`: the flow is
    from left to right. Raises DotFailed."""
    request = _Request(outline, order, spacing, across)
    answer = _answer_to("\n".join(request.lines()))
    try:
        return _Answer(request, answer).geometry()
    except (KeyError, ValueError):
        raise DotFailed("dot left something without a place") from None


def _answer_to(text: str) -> Mapping[str, Any]:
    """What dot prints."""
    try:
        done = subprocess.run([_DOT, "-Tjson0"], input=text.encode(), capture_output=True, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        raise DotFailed(f"dot did not finish within {_PATIENCE:.0f} seconds") from None
    except OSError as error:
        raise DotFailed(f"dot cannot be started: {error.strerror}") from None
    try:
        found: dict[str, Any] = json.loads(done.stdout)
        if done.returncode == 0 and "bb" in found:
            return found
    except ValueError:
        pass
    said = done.stderr.decode(errors="replace").strip().splitlines()[:1]
    raise DotFailed(": ".join(["dot failed", *said]))


@dataclass(slots=True)
class _Request:
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
        branching = sum(a >= self.members for a, _, _ in outline.edges) > len(outline.entries)
        for i, (a, b, tensor) in enumerate(outline.edges):
            self.labelled.append(tensor not in done)
            done.add(tensor)
            words = [f"id={i}"]
            if a >= self.members and branching:
                words.append("minlen=2")
            if self.labelled[-1]:
                words.append(f"label={_room(outline.labels[tensor])}")
            if (a, b) in straight:
                words.append(f"weight={_STRAIGHT}")
            if self.crosses(a, tensor, leaves=True):
                words += [f'tailport="x{tensor}:s"'] if a < self.members else []
            elif self._is_long(a):
                words.append("tailport=behind")
            if self.crosses(b, tensor, leaves=False):
                words.append(f'headport="e{tensor}:n"' if b < self.members else "headport=n")
            elif self._is_long(b):
                words.append("headport=before")
            if b >= self.members or outline.members[b].entries:
                words.append("arrowhead=none")
            yield f"n{a} -> n{b} [{' '.join(words)}]"
        yield "}"

    def _border(self, rank: str, tensors: Sequence[int], first: int) -> Iterator[str]:
        if tensors:
            wide = [self.outline.labels[t][0] if rank == "sink" and len(tensors) > 1 else _POINT for t in tensors]
            nodes = (f"n{first + i} [{_sides(w, _POINT)}]" for i, w in enumerate(wide))
            yield f"{{rank={rank} {'; '.join(nodes)}}}"

    def _is_long(self, item: int) -> bool:
        return item < self.members and _is_long(self.outline.members[item])

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
        rows = (_cell(width, width, "before"), _cell(width, height - 2 * width), _cell(width, width, "behind"))
        return f" label=<{_table(width, height, *rows)}>"
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


class _Answer:
    def __init__(self, request: _Request, found: Mapping[str, Any]) -> None:
        self.request, self.outline, self.spacing = request, request.outline, request.spacing
        self.found = found
        self.left, _, self.right, self.top = _numbers(found["bb"])
        self.high = self.top - _numbers(found["bb"])[1]
        self.centre = {item["name"]: _numbers(item["pos"]) for item in found["objects"] if item["name"][0] == "n"}
        self.shift = self._shift()

    def _shift(self) -> Point:
        """From the corner of the drawing of dot to that of the frame, whose title stands to the left of what comes in."""
        outline = self.outline
        if outline.head is None:
            return 0.0, 0.0
        x, y = self.spacing.before
        if outline.head and outline.entries:
            entering = range(self.request.members, self.request.first_exit)
            x = max(x, outline.head - min(self.centre[f"n{i}"][0] - self.left for i in entering))
        return float(math.ceil(x)), y - _BELOW if outline.entries else y

    def geometry(self) -> Geometry:
        outline, request = self.outline, self.request
        edges = sorted(self.found.get("edges", ()), key=lambda edge: int(edge["id"]))
        lines, labels = [], []
        self.bottom = self.high + self.shift[1]
        if outline.head is not None:
            self.bottom += _BELOW / 2 if outline.exits else self.spacing.behind[1]
        for i, ((a, b, tensor), edge) in enumerate(zip(outline.edges, edges, strict=True)):
            lines.append(self._line(a, b, tensor, edge["pos"]))
            if request.labelled[i]:
                labels.append(Label(i, self._place(*_numbers(edge["lp"])), outline.labels[tensor]))
        corners = tuple(self._corner(i) for i in range(request.members))
        boxes = [(x, y, x + m.size[0], y + m.size[1]) for (x, y), m in zip(corners, outline.members, strict=True)]
        size = (self.right - self.left + self.shift[0], self.bottom)
        if outline.head is not None:
            size = (max(size[0], outline.head) + self.spacing.behind[0], size[1])
        places = settled(labels, lines, boxes, size)
        return Geometry(
            (2.0 * math.ceil(size[0] / 2), float(math.ceil(size[1]))), corners, tuple(lines),
            tuple((lines[label.line].tensor, place) for label, place in zip(labels, places, strict=True)),
            tuple((t, self._at(request.members + i)) for i, t in enumerate(outline.entries)),
            tuple((t, self._at(request.first_exit + i)) for i, t in enumerate(outline.exits)),
        )  # fmt: skip

    def _place(self, x: float, y: float) -> Point:
        """dot counts upwards."""
        return x - self.left + self.shift[0], self.top - y + self.shift[1]

    def _at(self, item: int) -> float:
        return self._place(*self.centre[f"n{item}"])[0]

    def _corner(self, item: int) -> Point:
        (x, y), (wide, high) = self._place(*self.centre[f"n{item}"]), self.outline.members[item].size
        return x - wide / 2, y - high / 2

    def _line(self, a: int, b: int, tensor: int, text: str) -> Line:
        """`e,END START CURVES`: the start, three points for each curve, and the tip of the arrow. Where lines cross borders, they are led up to
        them."""
        arrow = text.startswith("e,")
        tip, *curve = (self._place(*_numbers(point)) for point in text.removeprefix("e,").split())
        if not arrow:
            curve = [tip, *curve]
        if (start := self._crossing(a, tensor, leaves=True)) is not None:
            curve[:1] = _led(start, curve[0])
        if (end := self._crossing(b, tensor, leaves=False)) is not None:
            curve[-1:] = _led(end, curve[-1])[::-1]
        return Line(a, b, tensor, (*curve, tip) if arrow else tuple(curve), arrow, curved=True)

    def _crossing(self, item: int, tensor: int, *, leaves: bool) -> Point | None:
        """Where a border is crossed: that of a member, or that of the level."""
        request = self.request
        if not request.crosses(item, tensor, leaves=leaves):
            return None
        if item >= request.members:
            return self._at(item), 0.0 if leaves else self.bottom
        (x, y), member = self._corner(item), request.ports[item]
        return x + dict(member.exits if leaves else member.entries)[tensor], y + (member.size[1] if leaves else 0.0)


def _led(end: Point, start: Point) -> list[Point]:
    """A straight piece from where a line is to end to where its curve does; none between places that are one but for rounding."""
    if math.dist(end, start) < 2 * _POINT:
        return [end]
    return [end, end, start, start]


def _numbers(text: str) -> Sequence[float]:
    return [float(number) for number in text.split(",")]
