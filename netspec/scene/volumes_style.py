"""The style `volumes`: feature maps as boxes in true proportions, as lectures and papers draw them.

The thickness of a box stands for its channels, its side for height and width, both on a root scale within bounds
(7x7x512 beside 224x224x64 would vanish on a plain one). The window of a convolution or pooling is drawn in what it reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from netspec.analysis.analysis import Analysis
from netspec.graph import Graph, Node, TensorType
from netspec.scene.faces import SIZE, SMALL, Faces, head_text, totals_text, type_text
from netspec.scene.figure import Figure, Item, Path, Rect, Text
from netspec.scene.flow import flow_path
from netspec.scene.layout import Box, Inside, Measure, Route, laid_out
from netspec.scene.lettering import text_width
from netspec.scene.level_geometry import Point, Spacing
from netspec.scene.opening import opened
from netspec.scene.options import DrawOptions
from netspec.scene.parts import Part, Parts, written_together
from netspec.scene.theme import THEMES, Theme, section

__all__ = ["drawn_as_volumes"]

_SIDE = (10.0, 104.0)
"""The smallest and largest height of a box."""
_THICK = (4.0, 42.0)
_VECTOR = 9.0
_SLANT = (0.34, -0.26)
"""Where the width of a feature map runs: to the right and up, as shares of its length."""
_CAPTION = 12.0
_MARGIN = 16.0
_TITLE = 15.0
_STACK = 3.0
"""How far the second box of a repeated part looks out."""
_QUIET = frozenset({"Activation", "Normalization", "Regularization"})


@dataclass(frozen=True, slots=True)
class Volume:
    """The box of a tensor: thickness, height and length of the slanted side, in pixels."""

    thick: float
    high: float
    deep: float

    @property
    def slant(self) -> Point:
        return self.deep * _SLANT[0], self.deep * _SLANT[1]

    @property
    def width(self) -> float:
        return self.thick + self.slant[0]

    @property
    def height(self) -> float:
        return self.high - self.slant[1]


class Scale:
    """Sizes in pixels: the root of the share in the largest of the network."""

    def __init__(self, graph: Graph) -> None:
        types = [node.type for node in graph.nodes]
        self.side = max((s for t in types for s in t.spatial), default=1)
        self.channels = max((t.features for t in types if t.spatial), default=1)
        self.units = max((t.size for t in types if not t.spatial), default=1)

    def volume(self, kind: TensorType) -> Volume:
        if kind.layout in ("vector", "ids"):
            return Volume(_VECTOR, _rooted(kind.size, self.units, (16.0, _SIDE[1])), 0.0)
        thick = _rooted(kind.features, self.channels, _THICK)
        high = self.length(kind.spatial[-2] if len(kind.spatial) > 1 else kind.spatial[0])
        return Volume(thick, high, self.length(kind.spatial[-1]) if len(kind.spatial) > 1 else 0.0)

    def length(self, side: int) -> float:
        return _rooted(side, self.side, _SIDE)


def _rooted(value: int, largest: int, bounds: tuple[float, float]) -> float:
    return bounds[0] + (bounds[1] - bounds[0]) * sqrt(value / max(1, largest))


def drawn_as_volumes(graph: Graph, analysis: Analysis, options: DrawOptions) -> Figure:
    """From left to right; what keeps the shape (activations, norms, dropout) is drawn with the layer before it."""
    return _Painter(graph, analysis, options).figure()


def _keeps_the_volume(before: Node, node: Node) -> bool:
    if not before.inputs:
        return False
    return written_together(before, node) or node.kind in ("flatten", "identity") or section(node) in _QUIET


class _Painter:
    def __init__(self, graph: Graph, analysis: Analysis, options: DrawOptions) -> None:
        self.graph, self.analysis = graph, analysis
        self.theme: Theme = THEMES[options.theme]
        self.parts = Parts(graph, folded="all" not in options.expand, joins=_keeps_the_volume)
        self.is_open = opened(self.parts, options)
        self.faces = Faces(graph, analysis)
        self.scale = Scale(graph)
        self.items: list[Item] = []
        self.places: dict[int, tuple[float, float, Volume]] = {}

    def figure(self) -> Figure:
        spacing = Spacing(
            neighbours=10.0, ranks=10.0, bend=14.0, before=(22.0, 10.0), behind=(10.0, 10.0), arrivals=0.15
        )
        inside = laid_out(self.parts, self.is_open, Measure(self._size, lambda _: 0.0, lambda _: (0.0, 4.0)), spacing)
        height, width = inside.size
        total = totals_text(self.analysis)
        wide = max(width, text_width(self.graph.name, _TITLE, bold=True), text_width(total, SIZE)) + 2 * _MARGIN
        self.items.append(Text(_MARGIN, _MARGIN + 10, self.graph.name, _TITLE, self.theme.ink, bold=True))
        self.items.append(Text(_MARGIN, _MARGIN + 27, total, SIZE, self.theme.faint))
        self._paint(inside, (wide - width) / 2, _MARGIN + 40.0)
        return Figure(
            wide, height + 2 * _MARGIN + 40.0, f"{self.graph.name}: {total}",
            f"The feature maps of {self.graph.name} as boxes, from left to right.", self.theme.background, self.items,
        )  # fmt: skip

    # What is written

    def _giver(self, part: Part) -> int:
        """The node whose tensor a part stands for: of a layer with those that keep its volume, the layer itself."""
        if part.is_output:
            return part.start
        return part.stop - (part.round_stop - part.start) if part.is_layer else part.stop - 1

    def _type(self, part: Part) -> TensorType:
        return self.graph.nodes[self._giver(part)].type

    def _shown(self, part: Part) -> TensorType:
        return self.graph.shown(self._giver(part))

    def _captions(self, part: Part) -> list[str]:
        """Above the box what is computed; the last line stands nearest."""
        if part.is_output:
            return [part.name]
        if part.members:
            return [head_text(part)]
        first = self.graph.nodes[part.start]
        face = self.faces.face(part)
        if not first.inputs:
            return [first.name]
        times = f" ×{part.count}" if part.count > 1 and not face.plain.endswith(f"×{part.count}") else ""
        words = [word.strip() for word in face.plain.removesuffix(f" ×{part.count}").split(",") if word.strip()]
        lines = [f"{first.kind} {words[0]}".strip() if words else first.kind, *words[1:]]
        if part.count > 1 and not times:
            times = f" ×{part.count}"
        lines[0] += times
        return lines[:4]

    def _below(self, part: Part) -> list[str]:
        nodes = self.graph.nodes[part.start + 1 : part.round_stop] if part.is_layer and not part.is_output else []
        quiet = [n.kind for n in nodes if n.kind != "identity"]
        return [type_text(self._shown(part)), *([" · ".join(quiet)] if quiet else [])]

    def _size(self, part: Part) -> Point:
        """(across, along): as much room above the middle as below it, so that lines meet the box."""
        volume = self.scale.volume(self._type(part))
        lines = [*self._captions(part), *self._below(part)]
        wide = max(text_width(line, SMALL, bold=i == 0) for i, line in enumerate(lines))
        captions = max(len(self._captions(part)), len(self._below(part)))
        return volume.height + 2 * (captions * _CAPTION + 4.0), max(volume.width + 8.0, wide + 4.0)

    # Painting

    def _paint(self, inside: Inside, x: float, y: float) -> None:
        for box in inside.boxes:
            across, along = box.corner
            if box.inside is not None:
                self._frame(box, x + along, y + across)
                self._paint(box.inside, x + along, y + across)
            else:
                self.places[id(box)] = (x + along, y + across, self.scale.volume(self._type(box.part)))
        for route in inside.routes:
            self._route(route, x, y)
        for box in inside.boxes:
            if box.inside is None:
                self._box(box)
        for route in inside.routes:
            self._window(route)

    def _frame(self, box: Box, x: float, y: float) -> None:
        across, along = box.size
        self.items.append(Rect(x, y, along, across, self.theme.frame_fill, self.theme.frame, 6.0, tip=box.part.name))
        self.items.append(Text(x + 9, y + 15, head_text(box.part), SIZE, self.theme.faint, bold=True))

    def _corner(self, box: Box) -> tuple[float, float, Volume]:
        """The upper left corner of the front of a volume: it stands in the middle of its room."""
        x, y, volume = self.places[id(box)]
        across, along = box.size
        return x + (along - volume.width) / 2, y + (across - volume.height) / 2 - volume.slant[1], volume

    def _front(self, box: Box) -> float:
        """Where lines arrive: the front, or that of the sheet behind it."""
        return self._corner(box)[0] - (_STACK if box.part.count > 1 else 0.0)

    def _box(self, box: Box) -> None:
        x, y, volume = self._corner(box)
        part = box.part
        fill, border = self._colours(part)
        (dx, dy), t, h = volume.slant, volume.thick, volume.high
        tip = f"{part.name}: {type_text(self._shown(part))}"
        if part.count > 1:
            self.items.append(Rect(x - _STACK, y + _STACK, t, h, fill, border))
        if dx:
            right = ((x + t + dx, y + dy), (x + t + dx, y + dy + h), (x + t, y + h))
            top = ((x + dx, y + dy), (x + t + dx, y + dy), (x + t, y))
            self.items.append(_face((x + t, y), right, _mixed(fill, border, 0.25), border, tip))
            self.items.append(_face((x, y), top, _mixed(fill, self.theme.background, 0.4), border, tip))
        self.items.append(Rect(x, y, t, h, fill, border, tip=tip))
        middle = x + volume.width / 2
        over = y + dy - 5
        captions = self._captions(part)
        for i, line in enumerate(reversed(captions)):
            bold = i == len(captions) - 1
            self.items.append(Text(middle, over - i * _CAPTION, line, SMALL, self.theme.ink, bold, "middle"))
        for i, line in enumerate(self._below(part)):
            colour = self.theme.faint if i else self.theme.ink
            self.items.append(Text(middle, y + h + _CAPTION + i * _CAPTION, line, SMALL, colour, anchor="middle"))

    def _colours(self, part: Part) -> tuple[str, str]:
        node = self.graph.nodes[part.start]
        if part.is_output:
            return self.theme.closed
        if not node.inputs:
            return self.theme.fill("Shape")
        return self.theme.fill(section(node)) if part.is_layer else self.theme.closed

    def _route(self, route: Route, x: float, y: float) -> None:
        """From the back of one volume to the front of the next; through a window where there is one."""
        if self._window_of(route) is not None:
            return
        points = [(x + along, y + across) for across, along in route.points]
        if route.source is not None and id(route.source) in self.places:
            left, _, volume = self._corner(route.source)
            points.insert(0, (left + volume.thick + volume.slant[0] / 2, points[0][1]))
        if route.target is not None and id(route.target) in self.places:
            points.append((self._front(route.target), points[-1][1]))
        self.items += flow_path(points, self.theme.wire, sideways=True, arrow=route.arrow)

    def _window_of(self, route: Route) -> tuple[int, int] | None:
        """The window with which the target looks at a feature map that stands before it."""
        source, target = route.source, route.target
        if source is None or target is None or id(source) not in self.places or id(target) not in self.places:
            return None
        if len(route.points) > 4 or not target.part.is_layer or target.part.is_output:
            return None
        node = self.graph.nodes[target.part.start]
        kernel = getattr(node.op, "kernel", None)
        read = self.graph.nodes[route.node].type
        if read.layout != "map" or len(read.spatial) != 2 or self.places[id(source)][2].deep == 0:
            return None
        sides = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        if len(sides) == 1:
            sides = (sides[0], sides[0])
        if not all(isinstance(side, int) for side in sides) or node.kind == "convT":
            return None
        return int(sides[0]), int(sides[1])

    def _window(self, route: Route) -> None:
        window = self._window_of(route)
        if window is None or route.source is None or route.target is None:
            return
        x, y, volume = self._corner(route.source)
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
        _, top, seen = self._corner(route.target)
        end = (self._front(route.target), top + seen.high / 2)
        self.items += [Path(start, ((end,),), border, line=0.8) for start in (b, (b[0], b[1] + high))]


def _face(start: Point, corners: tuple[Point, ...], fill: str, border: str, tip: str) -> Path:
    return Path(start, tuple((c,) for c in corners), border, fill, closed=True, tip=tip)


def _mixed(colour: str, other: str, share: float) -> str:
    pairs = ((int(colour[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
