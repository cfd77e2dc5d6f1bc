"""What Graphviz answers: places and curves, which become the geometry of a level."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netspec.scene.curves import places_on
from netspec.scene.graphviz_request import POINT, Request
from netspec.scene.label_places import Label, settled
from netspec.scene.level_geometry import Geometry, Line, Point

__all__ = ["Answer"]

_BELOW = 10.0
"""How far below the top of a frame, or above its bottom, its lines may bend."""
_ALMOST = 8.0
"""How far a line may lean that is drawn straight."""
_EDGE = 6.0
"""How near to the corner of a box a line may meet it."""
_TITLE = 24.0
"""The height of the title of a frame."""


class Answer:
    def __init__(self, request: Request, found: Mapping[str, Any]) -> None:
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
        self._measured()
        lines = self._lines()
        if (low := self._above_title(lines)) > 0.0:
            self.shift = (self.shift[0], self.shift[1] + low)
            self._measured()
            lines = self._lines()
        size = (2.0 * math.ceil(self._width() / 2), float(math.ceil(self.bottom)))
        places = settled(self._labels(), lines, self.boxes, size)
        return Geometry(
            size, tuple((x, y) for x, y, _, _ in self.boxes), tuple(lines),
            tuple((lines[label.lines[0]].tensor, place) for label, place in zip(self._labels(), places, strict=True)),
            tuple((t, self._at(request.members + i)) for i, t in enumerate(outline.entries)),
            tuple((t, self._at(request.first_exit + i)) for i, t in enumerate(outline.exits)),
        )  # fmt: skip

    def _measured(self) -> None:
        """Where boxes stand, and where all ends along the flow."""
        outline = self.outline
        self.bottom = self.high + self.shift[1]
        if outline.head is not None:
            self.bottom += _BELOW / 2 if outline.exits else self.spacing.behind[1]
        self.bottom = math.ceil(max(self.bottom, outline.least))
        corners = [self._corner(i) for i in range(self.request.members)]
        self.boxes = [(x, y, x + m.size[0], y + m.size[1]) for (x, y), m in zip(corners, outline.members, strict=True)]

    def _width(self) -> float:
        wide = self.right - self.left + self.shift[0]
        head = self.outline.head
        return wide if head is None else max(wide, head) + self.spacing.behind[0]

    def _above_title(self, lines: Sequence[Line]) -> float:
        """How far lines that turn towards the title of their frame rise above its lower edge."""
        head = self.outline.head
        if not head:
            return 0.0
        beside = [y for line in lines for x, y in places_on(line.points) if x < head - 1.0 and y > 0.0]
        return max(0.0, _TITLE - min(beside, default=_TITLE))

    def _edges(self) -> list[Mapping[str, Any]]:
        return sorted(self.found.get("edges", ()), key=lambda edge: int(edge["id"]))

    def _lines(self) -> list[Line]:
        edges = zip(self.outline.edges, self._edges(), strict=True)
        return [self._line(a, b, tensor, edge["pos"]) for (a, b, tensor), edge in edges]

    def _labels(self) -> list[Label]:
        """Each of all lines of its tensor, first of the one that dot has given it to."""
        edges = self.outline.edges
        found = []
        for i, edge in enumerate(self._edges()):
            if self.request.labelled[i]:
                tensor = edges[i][2]
                others = tuple(
                    k for k, (_, b, t) in enumerate(edges) if t == tensor and k != i and b < self.request.members
                )
                found.append(Label((i, *others), self._place(*_numbers(edge["lp"])), self.outline.labels[tensor]))
        return found

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
            tip = end
            curve[-1:] = curve[-1:] if arrow else _led(end, curve[-1])[::-1]
        points = self._straightened(a, b, tensor, (*curve, tip) if arrow else tuple(curve), arrow=arrow)
        return Line(a, b, tensor, points, arrow, curved=True)

    def _straightened(self, a: int, b: int, tensor: int, points: Sequence[Point], *, arrow: bool) -> tuple[Point, ...]:
        """A line that leans so little that it looks like a mistake, drawn along the flow where its ends and what is beside it
        leave room for that."""
        xs = [x for x, _ in points]
        if not 0.0 < max(xs) - min(xs) <= _ALMOST:
            return tuple(points)
        spans = self._span(a, tensor, leaves=True), self._span(b, tensor, leaves=False)
        low, high = max(span[0] for span in spans), min(span[1] for span in spans)
        if low > high:
            return tuple(points)
        x = min(max((xs[0] + xs[-1]) / 2, low), high)
        start, stop = points[0][1], points[-2 if arrow else -1][1]
        if any(
            left - 2 < x < right + 2 and top < stop and bottom > start
            for left, top, right, bottom in self._between(a, b)
        ):
            return tuple(points)
        return ((x, start), (x, start), (x, stop), (x, stop), *([(x, points[-1][1])] if arrow else []))

    def _span(self, item: int, tensor: int, *, leaves: bool) -> Point:
        """From where to where a line may meet an item, across."""
        if (place := self._crossing(item, tensor, leaves=leaves)) is not None:
            return place[0], place[0]
        left, _, right, _ = self.boxes[item]
        return left + _EDGE, right - _EDGE

    def _between(self, a: int, b: int) -> Iterator[tuple[float, float, float, float]]:
        return (box for i, box in enumerate(self.boxes) if i not in (a, b))

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
    if math.dist(end, start) < 2 * POINT:
        return [end]
    return [end, end, start, start]


def _numbers(text: str) -> Sequence[float]:
    return [float(number) for number in text.split(",")]
