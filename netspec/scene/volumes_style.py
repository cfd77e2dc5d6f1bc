"""The style `volumes`: feature maps as boxes in true proportions, as lectures and papers draw them.

The thickness of a box stands for its channels, its side for height and width, both on a root scale within bounds
(7x7x512 beside 224x224x64 would vanish on a plain one). The window of a convolution or pooling is drawn in what it reads.
Long networks are broken into rows, and encoders with decoders are drawn as a U.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from netspec.analysis.analysis import Analysis
from netspec.graph import Graph
from netspec.scene.faces import SIZE, SMALL, head_text, totals_text
from netspec.scene.figure import Figure, Item, Path, Rect, Text
from netspec.scene.flow import square_path
from netspec.scene.heading import MARGIN, heading
from netspec.scene.lanes import Way, in_lanes
from netspec.scene.layout import Box, Inside, Measure, Route, laid_out
from netspec.scene.lettering import text_width
from netspec.scene.level_geometry import Point, Spacing
from netspec.scene.opening import depth_for_a_page, opened
from netspec.scene.options import DrawOptions
from netspec.scene.parts import Part, Parts
from netspec.scene.rows import in_rows, page_scale, row_limit, unwrap
from netspec.scene.theme import THEMES, Theme, section
from netspec.scene.u_shape import as_u, skips_of
from netspec.scene.volume_captions import Captions, Place, keeps_the_volume, only_layer
from netspec.scene.volume_lines import arriving_apart
from netspec.scene.volume_shapes import CAPTION, STACK, Sketch, dot, painted

__all__ = ["drawn_as_volumes"]

_MOST = 44
"""How many boxes a page shows well."""
_SMALLEST = 0.7
"""What A4 would show smaller, with letters of less than 5 points, is opened a level less."""
_LINES = 4
"""More lines than these meet a box in one point, as one line does."""
_Room: TypeAlias = "tuple[float, float, float, float]"
_TURN = 14.0
"""From a circle to a line that turns below or above it."""
_STEEP = 1.5
"""Down or up for each step to the right: lines to a window that are steeper are not drawn."""


def drawn_as_volumes(graph: Graph, analysis: Analysis, options: DrawOptions) -> Figure:
    """From left to right; what keeps the shape (activations, norms, dropout) is drawn with the layer before it."""
    painter = _Painter(graph, analysis, options)
    figure = painter.figure()
    if options.depth is not None or options.expand or options.open is not None:
        return figure
    depth = depth_for_a_page(painter.parts, _MOST)
    while depth > 0 and page_scale(figure.width, figure.height) < _SMALLEST:
        depth -= 1
        figure = _Painter(graph, analysis, replace(options, depth=depth)).figure()
    return figure


class _Painter:
    def __init__(self, graph: Graph, analysis: Analysis, options: DrawOptions) -> None:
        self.graph, self.analysis = graph, analysis
        self.theme: Theme = THEMES[options.theme]
        self.parts = Parts(graph, folded="all" not in options.expand, joins=keeps_the_volume)
        unwrap(self.parts)
        self.is_open, self.titled = opened(self.parts, options, _MOST), options.title
        self.captions = Captions(self.parts, analysis, self.theme)
        self.items: list[Item] = []
        self.places: dict[int, Point] = {}
        self.beside: set[int] = set()
        self.sizes: dict[int, Place] = {}
        self.in_one_point: set[int] = set()
        self.upwards: dict[int, tuple[str, ...]] = {}

    def figure(self) -> Figure:
        spacing = Spacing(
            neighbours=10.0,
            ranks=9.0,
            bend=12.0,
            before=(10.0, 10.0),
            behind=(22.0, 10.0),
            ports=0.15,
            lane=6.0,
            air=0.0,
        )
        self.sizes.update((id(part), "left") for part in self._forks(self.parts.root))
        measure = Measure(
            lambda part: self._sketch(part).room, lambda _: 0.0, lambda _: (0.0, 4.0), self.captions.ports
        )
        inside = self._arranged(laid_out(self.parts, self.is_open, measure, spacing, skips_first=True))
        height, width = inside.size
        total = totals_text(self.analysis)
        head, least, top = heading(self.graph.name, total, self.theme, shown=self.titled)
        self.items += head
        wide = max(width, least) + 2 * MARGIN
        self._paint(inside, (wide - width) / 2, top)
        return Figure(
            wide, top + height + MARGIN, f"{self.graph.name}: {total}",
            f"The feature maps of {self.graph.name} as boxes, from left to right.", self.theme.background, self.items,
        )  # fmt: skip

    # The arrangement

    def _arranged(self, inside: Inside) -> Inside:
        level = self.parts.level(self.parts.root)
        found = skips_of(level, self.graph)
        if found is None:
            return in_rows(inside, row_limit(inside))
        main, skips = found
        hidden: dict[int, float] = {}
        for skip in skips:
            up = main[main.index(skip.stop) - 1]
            if self._is_upsampling(level.members[up]) and self._joins_channels(level.members[skip.stop]):
                words = self.captions.sketch(level.members[up]).above
                self.upwards[id(inside.boxes[skip.stop])] = words
                hidden[up] = max(text_width(line, SMALL, bold=True) for line in words)
        starts = {skip.start for skip in skips}
        places: dict[int, Place] = {skip.stop: "right" for skip in skips}
        places.update(dict.fromkeys(starts, "left"))
        for member, place in places.items():  # where no line runs down, or comes up
            box = inside.boxes[member]
            self.sizes[id(box.part)] = place
            if box.inside is None:
                box.size = self._sketch(box.part).room
        shown = [member for member in main if member not in hidden]
        for before, member in itertools.pairwise(shown):
            if before in starts:
                self.beside.add(id(inside.boxes[member].part))
        return as_u(level, inside, found, self._port, self._reach, hidden)

    def _forks(self, part: Part) -> Iterator[Part]:
        """What so many lines leave that some would cross the size at its slanted edge; one written upright reaches further out."""
        level = self.parts.level(part)
        targets = Counter(source for source, _ in {(wire.source, wire.target) for wire in level.wires})
        for i, member in enumerate(level.members):
            if member.members and self.is_open(member):
                yield from self._forks(member)
            elif targets[i] > (2 if self.captions.sketch(member).is_short else 4):
                yield member

    def _is_upsampling(self, part: Part) -> bool:
        node = self.graph.nodes[part.start]
        return part.is_layer and part.count == 1 and node.kind in ("convT", "upsample", "resize")

    def _joins_channels(self, part: Part) -> bool:
        return part.is_layer and self.graph.nodes[part.start].kind == "concat"

    def _port(self, box: Box, side: str) -> Point:
        if box.inside is not None:
            across, along = box.size
            return {"left": (0.0, across / 2), "right": (along, across / 2), "top": (along / 2, 0.0)}.get(
                side, (along / 2, across)
            )
        return self._sketch(box.part).port(box.size, side)

    def _reach(self, box: Box) -> tuple[float, float]:
        return self._sketch(box.part).reach(box.size) if box.inside is None else (0.0, box.size[1])

    def _sketch(self, part: Part) -> Sketch:
        return self.captions.sketch(part, beside=id(part) in self.beside, place=self.sizes.get(id(part), ""))

    # Painting

    def _paint(self, inside: Inside, x: float, y: float) -> None:
        for box in inside.boxes:
            across, along = box.corner
            if box.inside is not None:
                self._frame(box, x + along, y + across)
                self._paint(box.inside, x + along, y + across)
            else:
                front = self._sketch(box.part).front(box.size)
                self.places[id(box)] = (x + along + front[0], y + across + front[1])
        arrivals = Counter(id(route.target) for route in inside.routes)
        wide = {id(box) for box in inside.boxes if self.captions.ports(box.part) is not None}
        self.in_one_point = {at for at, lines in arrivals.items() if lines == 1 or (lines > _LINES and at not in wide)}
        lines = [(r, self._ends(r, x, y, inside.boxes)) for r in inside.routes if self._window_of(r) is None]
        lines = self._apart(lines)
        ways = [Way((id(r.source), r.node), _goal(r), tuple(points)) for r, points in lines]
        for (route, _), points in zip(lines, in_lanes(ways), strict=True):
            self._route(route, points)
        for box in inside.boxes:
            if box.inside is None:
                self._box(box, x)
        for route in inside.routes:
            self._window(route)

    def _frame(self, box: Box, x: float, y: float) -> None:
        across, along = box.size
        titles = (head_text(box.part, whole=True), head_text(box.part))
        fitting = (title for title in titles if text_width(title, SIZE, bold=True) <= along - 14)
        title = next(fitting, self.captions.name(box.part))
        self.items.append(Rect(x, y, along, across, self.theme.frame_fill, self.theme.frame, 6.0, tip=box.part.name))
        self.items.append(Text(x + 9, y + 15, title, SIZE, self.theme.faint, bold=True))

    def _box(self, box: Box, x: float) -> None:
        left, top = self.places[id(box)]
        part, sketch = box.part, self._sketch(box.part)
        if sketch.form == "text":
            start = x + box.corner[1]
            middle = top + sketch.volume.high / 2
            self.items.append(Text(start + 3, middle + 0.36 * SMALL, sketch.above[0], SMALL, self.theme.ink, bold=True))
            return
        tip = self.captions.tip(part)
        pieces = self.captions.pieces(part)
        self.items += painted(sketch, left, top, pieces, self.theme, tip, stacked=_is_stacked(part))

    def _ends(self, route: Route, x: float, y: float, boxes: Sequence[Box]) -> list[Point]:
        """The points of a line, from the back of one volume to the front of the next, or to the sheet behind it."""
        points = [(x + along, y + across) for across, along in route.points]
        source, target = route.source, route.target
        if source is not None and id(source) in self.places and _is_level(points[0], points[1]):
            sketch = self._sketch(source.part)
            back = self.places[id(source)][0] + sketch.volume.thick + sketch.volume.slant[0] / 2
            points.insert(0, (back, points[0][1]))
        if target is not None and id(target) in self.places and _is_level(points[-2], points[-1]):
            stack = STACK if _is_stacked(target.part) else 0.0
            sketch = self._sketch(target.part)
            if id(target) in self.in_one_point:
                middle = y + target.corner[0] + target.size[0] / 2
                points[-2:] = [(at, middle) for at, _ in points[-2:]]
            front = self.places[id(target)][0] - stack if sketch.form != "text" else points[-1][0]
            points = [*points[:-1], (front, points[-1][1])]
            if sketch.form == "circle":
                others = [_room(box, x, y) for box in boxes if box is not target]
                points = self._into_circle(points, target, others)
        return points

    def _apart(self, lines: Sequence[tuple[Route, list[Point]]]) -> list[tuple[Route, list[Point]]]:
        """Lines that meet the front of one volume, but those that end in one point, far enough from each other."""
        found = [points for _, points in lines]
        into: dict[int, list[int]] = {}
        heights: dict[int, float] = {}
        for i, (route, _) in enumerate(lines):
            target = route.target
            if target is None or route.shape == "square" or id(target) not in self.places:
                continue
            if id(target) not in self.in_one_point and self._sketch(target.part).form == "volume":
                into.setdefault(id(target), []).append(i)
                heights[id(target)] = self._sketch(target.part).volume.high
        for at, those in into.items():
            if len(those) > 1:
                top = self.places[at][1]
                moved = arriving_apart([found[i] for i in those], top, top + heights[at])
                for i, points in zip(those, moved, strict=True):
                    found[i] = points
        return [(route, points) for (route, _), points in zip(lines, found, strict=True)]

    def _into_circle(self, points: list[Point], target: Box, others: Sequence[_Room]) -> list[Point]:
        """The main way comes from the left, what runs beside it from above or below, if no other box is in the way."""
        left, top = self.places[id(target)]
        side = self._sketch(target.part).volume.high
        centre = (left + side / 2, top + side / 2)
        if abs(points[-1][1] - centre[1]) < 1.0 or len(points) < 3:
            return [*points[:-1], (points[-1][0], centre[1])]
        found = list(points)
        while len(found) > 1 and abs(found[-1][1] - centre[1]) < side / 2 + 2:
            found.pop()
        y, start = found[-1][1], centre[0]
        if _is_between(others, (centre[0], y), centre):  # turn once more, close to the circle
            start, y = points[len(found)][0], centre[1] + math.copysign(side / 2 + _TURN, y - centre[1])
            found.append((start, y))
        if _is_between(others, (start, y), centre):
            return points
        if y > top:
            self.beside.add(id(target.part))
        return [*found, (centre[0], y), (centre[0], top if y < top else top + side)]

    def _route(self, route: Route, points: list[Point]) -> None:
        self.items += square_path(points, self.theme.wire, arrow=route.arrow)
        words = self.upwards.get(id(route.target), ()) if route.shape == "square" else ()
        for i, line in enumerate(words if points[-2][0] != points[-1][0] and points[0][1] > points[-1][1] else ()):
            place = (points[-2][0] - 6, points[-2][1] + CAPTION * (i + 1) + 4)
            self.items.append(Text(*place, line, SMALL, self.theme.ink, bold=i == 0, anchor="end"))

    # Windows

    def _window_of(self, route: Route) -> tuple[int, int] | None:
        """The window with which the target looks at a feature map that stands before it."""
        source, target = route.source, route.target
        if source is None or target is None or id(source) not in self.places or id(target) not in self.places:
            return None
        if route.shape == "square" or len(route.points) > 4 or not target.part.is_layer or target.part.is_output:
            return None
        node = self.graph.nodes[target.part.start]
        kernel = getattr(node.op, "kernel", None)
        read = self.graph.nodes[route.node].type
        if read.layout != "map" or len(read.spatial) != 2 or not self._sketch(source.part).volume.slant[0]:
            return None
        sides = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        if len(sides) == 1:
            sides = (sides[0], sides[0])
        if not all(isinstance(side, int) for side in sides) or node.kind == "convT" or self._is_steep(source, target):
            return None
        return int(sides[0]), int(sides[1])

    def _is_steep(self, source: Box, target: Box) -> bool:
        """Whether lines from one to the other would run through what is written between them: one of many branches."""
        (x, y), (front, top) = self.places[id(source)], self.places[id(target)]
        there = top + self._sketch(target.part).volume.high / 2
        here = y + self._sketch(source.part).volume.high / 2
        return abs(there - here) > _STEEP * max(1.0, front - x)

    def _window(self, route: Route) -> None:
        """On the face of what is read, with lines to the place that it computes."""
        window = self._window_of(route)
        if window is None or route.source is None or route.target is None:
            return
        (x, y), volume = self.places[id(route.source)], self._sketch(route.source.part).volume
        read = self.graph.nodes[route.node].type
        high = max(3.0, volume.high * min(1.0, window[0] / read.spatial[0]))
        share = min(1.0, max(0.1, window[1] / read.spatial[1]))
        (dx, dy), left = volume.slant, x + volume.thick
        place = 0.55 if share < 0.45 else (1 - share) / 2
        low = (volume.high - high) * 0.35
        a = (left + dx * place, y + dy * place + low)
        b = (a[0] + dx * share, a[1] + dy * share)
        _, border = self.theme.fill(section(self.graph.nodes[route.target.part.start]))
        corners = ((b[0], b[1]), (b[0], b[1] + high), (a[0], a[1] + high))
        self.items.append(Path(a, tuple((c,) for c in corners), border, line=1.2, closed=True))
        front, top = self.places[id(route.target)]
        seen = self._sketch(route.target.part).volume
        stack = STACK if _is_stacked(route.target.part) else 0.0
        end = (front - stack, top + seen.high / 2)
        self.items += [Path(start, ((end,),), border, line=0.8) for start in (b, (b[0], b[1] + high))]
        self.items.append(dot(end, border))


def _is_between(rooms: Sequence[_Room], a: Point, b: Point) -> bool:
    """Whether anything is in the rectangle between two points."""
    left, right, low, high = min(a[0], b[0]), max(a[0], b[0]), min(a[1], b[1]), max(a[1], b[1])
    return any(x <= right and r >= left and y < high and s > low for x, y, r, s in rooms)


def _room(box: Box, x: float, y: float) -> _Room:
    """Left, top, right and bottom of a box in a level that begins at (x, y)."""
    across, along = box.corner
    return x + along, y + across, x + along + box.size[1], y + across + box.size[0]


def _goal(route: Route) -> tuple[int, int]:
    """The box to which a line leads, and of an open one, which takes tensors apart, also the tensor."""
    return id(route.target), route.node if route.target is None or route.target.inside is not None else -1


def _is_stacked(part: Part) -> bool:
    return (only_layer(part) or part).count > 1


def _is_level(a: Point, b: Point) -> bool:
    return abs(a[1] - b[1]) < 0.5
