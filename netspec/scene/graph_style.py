"""The style `graph`: a box for each layer or closed part, lines for tensors with their shapes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from netspec.analysis.analysis import Analysis
from netspec.analysis.figures import FIGURES, Value
from netspec.graph import Graph
from netspec.scene.faces import BARS, SIZE, SMALL, Faces, Notes, head_text, totals_text, type_text
from netspec.scene.figure import Figure, Item, Rect, Text
from netspec.scene.flow import flow_path, spline_path, square_path
from netspec.scene.graphviz import DotFailed, box_count, geometry_by_dot, reason_against_dot
from netspec.scene.heading import MARGIN, heading
from netspec.scene.layout import Box, Inside, Measure, Route, laid_out
from netspec.scene.lettering import text_width
from netspec.scene.level_geometry import Spacing
from netspec.scene.opening import opened
from netspec.scene.options import DrawOptions
from netspec.scene.parts import Part, Parts
from netspec.scene.rows import column_limit, in_rows, row_limit, unwrap
from netspec.scene.theme import THEMES, Theme, section

__all__ = ["STACK", "drawn_as_graph"]

_LABEL = 13.0
"""The height of the label of a tensor."""
_INDENT = 9.0
"""How far the title of a frame stands from its side."""
STACK = 3.0
"""How far the second sheet of a repeated part looks out."""


def drawn_as_graph(graph: Graph, analysis: Analysis, options: DrawOptions, notes: Notes | None = None) -> Figure:
    """`notes` are written in the boxes beside what is in the spec."""
    parts = Parts(graph, folded="all" not in options.expand)
    unwrap(parts)
    return _Painter(graph, analysis, options, parts, notes).figure()


class _Painter:
    def __init__(
        self, graph: Graph, analysis: Analysis, options: DrawOptions, parts: Parts, notes: Notes | None
    ) -> None:
        self.graph, self.analysis, self.options, self.parts = graph, analysis, options, parts
        self.theme: Theme = THEMES[options.theme]
        self.across = options.direction == "LR"
        self.faces = Faces(parts, analysis, options.columns, notes, across=self.across)
        self.items: list[Item] = []
        self.is_open = opened(parts, options)
        self.shares: dict[int, float] = {}

    def figure(self) -> Figure:
        spacing = Spacing(before=(24.0, 12.0), behind=(10.0, 10.0), beside=-_LABEL) if self.across else Spacing()
        measure = Measure(self._size, self._head, self._label, least=self._least)
        inside, unfit = self._by_dot(measure, spacing) if self.options.engine == "dot" else (None, "")
        inside = self._broken(inside or laid_out(self.parts, self.is_open, measure, spacing))
        if self.options.by:
            self._weigh(inside)
        width, height = self._turned(*inside.size)
        title, total = self.graph.name, totals_text(self.analysis)
        head, least, top = heading(title, total, self.theme, shown=self.options.title)
        self.items += head
        wide = max(width, least) + 2 * MARGIN
        if self.options.by:
            top += self._legend(top)
            wide = max(wide, 300.0)
        self._paint(inside, (wide - width) / 2, top)
        boxes = sum(1 for item in self.items if isinstance(item, Rect))
        return Figure(
            wide, top + height + MARGIN, f"{title}: {total}", f"A diagram of {boxes} boxes, from input to output.",
            self.theme.background, self.items, [f"{unfit}: netspec laid out the picture itself"] if unfit else [],
        )  # fmt: skip

    def _by_dot(self, measure: Measure, spacing: Spacing) -> tuple[Inside | None, str]:
        """The layout of dot, or why there is none."""
        if unfit := reason_against_dot(box_count(self.parts, self.is_open)):
            return None, unfit
        solve = partial(geometry_by_dot, spacing=spacing, across=self.across)
        try:
            return laid_out(self.parts, self.is_open, measure, spacing, solve=solve), ""
        except DotFailed as failed:
            return None, str(failed)

    def _broken(self, inside: Inside) -> Inside:
        return in_rows(inside, row_limit(inside) if self.across else column_limit(inside), self._label)

    # Sizes

    def _turned(self, across: float, along: float) -> tuple[float, float]:
        return (along, across) if self.across else (across, along)

    def _size(self, part: Part) -> tuple[float, float]:
        face = self.faces.face(part)
        stack = STACK if part.count > 1 else 0.0
        return self._turned(face.width + stack, face.height + stack)

    def _head(self, part: Part) -> float:
        return 0.0 if self.across else self._title(part) + 2 * _INDENT

    def _least(self, part: Part) -> float:
        return self._title(part) + 2 * _INDENT if self.across else 0.0

    def _title(self, part: Part) -> float:
        return text_width(head_text(part), SIZE, bold=True)

    def _label(self, node: int) -> tuple[float, float]:
        wide = text_width(type_text(self.graph.shown(node)), SMALL) + 8.0
        return (_LABEL, wide + 6.0) if self.across else (wide, _LABEL)

    # Colours by a figure

    def _weigh(self, inside: Inside) -> None:
        """The share of each closed box in the largest one."""
        values = {}
        for box in _closed(inside):
            value = self._value(box.part)
            if value is not None:
                values[id(box.part)] = value
        largest = max(values.values(), default=0.0)
        self.largest = largest
        self.shares = {key: (value / largest if largest else 0.0) for key, value in values.items()}

    def _value(self, part: Part) -> float | None:
        if part.is_output:
            return None
        value: Value | None = self.analysis.of(self.options.by, self.graph.nodes[part.start : part.stop])
        if isinstance(value, tuple):
            product = 1.0
            for side in value:
                product *= float(side)
            return product
        return float(value) if value is not None and not isinstance(value, str) else None

    def _legend(self, top: float) -> float:
        figure = FIGURES[self.options.by]
        steps, wide = 24, 160.0
        self.items.append(Text(MARGIN, top + 10, figure.title, SMALL, self.theme.ink, bold=True))
        left = MARGIN + text_width(figure.title, SMALL, bold=True) + 22.0
        self.items.append(Text(left - 5, top + 10, "0", SMALL, self.theme.faint, anchor="end"))
        self.items += [
            Rect(left + i * wide / steps, top + 2, wide / steps + 0.5, 10, self.theme.on_scale(i / (steps - 1)))
            for i in range(steps)
        ]
        most = (
            figure.text(int(self.largest)) if figure.name != "receptive_field" else f"{int(self.largest):,} positions"
        )
        self.items.append(Text(left + wide + 5, top + 10, most, SMALL, self.theme.faint))
        return 26.0

    # Painting

    def _paint(self, inside: Inside, x: float, y: float) -> None:
        frames = [box for box in inside.boxes if box.inside is not None]
        for box in frames:
            self._frame(box, x, y)
        for route in inside.routes:
            self._route(route, x, y)
        for node, corner in inside.labels:
            self._tensor(node, corner, x, y)
        for box in inside.boxes:
            dx, dy = self._turned(*box.corner)
            if box.inside is not None:
                self._paint(box.inside, x + dx, y + dy)
            else:
                self._box(box.part, x + dx, y + dy)

    def _frame(self, box: Box, x: float, y: float) -> None:
        dx, dy = self._turned(*box.corner)
        width, height = self._turned(*box.size)
        tip = f"{box.part.name}: {self._tip(box.part)}"
        self.items.append(Rect(x + dx, y + dy, width, height, self.theme.frame_fill, self.theme.frame, 6.0, tip=tip))
        self.items.append(Text(x + dx + _INDENT, y + dy + 15, head_text(box.part), SIZE, self.theme.faint, bold=True))

    def _box(self, part: Part, x: float, y: float) -> None:
        face = self.faces.face(part)
        fill, border, ink, faint = self._colours(part)
        if part.count > 1:
            self.items.append(Rect(x + STACK, y + STACK, face.width, face.height, fill, border, 5.0))
        aux = self.graph.nodes[min(part.start, len(self.graph.nodes) - 1)].aux
        self.items.append(
            Rect(x, y, face.width, face.height, fill, border, 5.0, dashed=aux, tip=f"{part.name}: {self._tip(part)}")
        )
        bold = text_width(face.bold, SIZE, bold=True)
        wide = bold + (text_width(f" {face.plain}", SIZE) if face.plain else 0.0)
        left, base = x + (face.width - wide) / 2, y + face.above + 5 + SIZE
        self.items.append(Text(left, base, face.bold, SIZE, ink, bold=True))
        if face.plain:
            self.items.append(Text(left + bold + text_width(" ", SIZE), base, face.plain, SIZE, ink))
        for i, line in enumerate(face.small):
            self.items.append(Text(x + face.width / 2, base + 12 * (i + 1), line, SMALL, faint, anchor="middle"))
        if face.bars:
            self._bars(face.bars, x, y + face.height - 5, face.width, border if border != fill else ink)

    def _bars(self, shares: Sequence[float], x: float, base: float, width: float, colour: str) -> None:
        """A histogram in the middle of a box, standing on `base`."""
        each = min(8.0, (width - 16) / len(shares))
        left = x + (width - each * len(shares)) / 2
        for i, share in enumerate(shares):
            if share:
                high = max(1.0, BARS * share)
                self.items.append(Rect(left + i * each, base - high, each - 1, high, colour))

    def _colours(self, part: Part) -> tuple[str, str, str, str]:
        node = self.graph.nodes[part.start]
        if part.is_output or not node.inputs:
            fill, border = self.theme.strong
            ink = self.theme.ink_on(fill)
            return fill, border, ink, ink
        if self.options.by:
            fill = self.theme.on_scale(self.shares.get(id(part), 0.0))
            ink = self.theme.ink_on(fill)
            return fill, self.theme.frame, ink, ink
        fill, border = self.theme.fill(section(node)) if part.is_layer else self.theme.closed
        return fill, border, self.theme.ink, self.theme.faint

    def _tip(self, part: Part) -> str:
        if part.is_output:
            return f"output {type_text(self.graph.shown(part.start))}"
        nodes = self.graph.nodes[part.start : part.stop]
        words = [f"output {type_text(self.graph.shown(part.stop - 1))}"]
        for name, noun in (("params", "parameters"), ("macs", "MACs")):
            value = self.analysis.of(name, nodes)
            if value:
                words.append(f"{value:,} {noun}")
        return ", ".join(words)

    def _tensor(self, node: int, corner: tuple[float, float], x: float, y: float) -> None:
        dx, dy = self._turned(*corner)
        text = type_text(self.graph.shown(node))
        self.items.append(Text(x + dx + (7 if self.across else 4), y + dy + 10, text, SMALL, self.theme.faint))

    def _route(self, route: Route, x: float, y: float) -> None:
        points = [(x + px, y + py) for px, py in (self._turned(*point) for point in route.points)]
        if route.shape == "spline":
            self.items += spline_path(points, self.theme.wire, arrow=route.arrow)
        elif route.shape == "square":
            self.items += square_path(points, self.theme.wire, arrow=route.arrow)
        else:
            self.items += flow_path(points, self.theme.wire, sideways=self.across, arrow=route.arrow)


def _closed(inside: Inside) -> list[Box]:
    found = []
    for box in inside.boxes:
        found += _closed(box.inside) if box.inside is not None else [box]
    return found
