"""A small network as a circuit: a circle for each layer, and on each line the value above it and the gradient below it."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.analysis.in_place import source
from netspec.graph import Graph, Node
from netspec.scene.faces import SIZE, SMALL
from netspec.scene.figure import Figure, Item, Path, Rect, Text
from netspec.scene.flow import flow_path
from netspec.scene.lettering import text_width
from netspec.scene.level_geometry import Frame, Geometry, Outline, Spacing, geometry
from netspec.scene.order import ordered
from netspec.scene.theme import THEMES, Theme, section

__all__ = ["drawn_as_circuit"]

_RADIUS = 19.0
_MARGIN = 16.0
_TITLE = 15.0
_LONGEST = 34
_VALUE = {"light": "#1a7f37", "dark": "#6fcf7f"}
_GRADIENT = {"light": "#c1272d", "dark": "#ff8080"}


def drawn_as_circuit(
    graph: Graph, values: Mapping[int, str], gradients: Mapping[int, str], title: str, theme: str = "light"
) -> Figure:
    """`values` and `gradients` are texts for the tensors of nodes, by index. Left to right."""
    return _Painter(graph, values, gradients, theme).figure(title)


class _Painter:
    def __init__(self, graph: Graph, values: Mapping[int, str], gradients: Mapping[int, str], theme: str) -> None:
        self.graph, self.values, self.gradients = graph, values, gradients
        self.theme: Theme = THEMES[theme]
        self.value_ink, self.gradient_ink = _VALUE[theme], _GRADIENT[theme]
        self.nodes = [n for n in graph.nodes if n.index in values and source(graph, n.index) == n.index]
        self.place = {node.index: i for i, node in enumerate(self.nodes)}
        self.items: list[Item] = []

    def figure(self, title: str) -> Figure:
        solved = self.solved()
        across, along = solved.size
        top = _MARGIN + _TITLE + 30
        wide = max(along, text_width(title, _TITLE, bold=True), 260.0) + 2 * _MARGIN
        self.items.append(Text(_MARGIN, _MARGIN + 10, title, _TITLE, self.theme.ink, bold=True))
        self.items.append(Text(_MARGIN, _MARGIN + 27, "values", SIZE, self.value_ink))
        if self.gradients:
            left = _MARGIN + text_width("values ", SIZE)
            self.items.append(Text(left, _MARGIN + 27, "gradients", SIZE, self.gradient_ink))
        self.paint(solved, (wide - along) / 2, top)
        words = [f"{self.name(n)} {self.values[n.index]}" for n in self.nodes]
        return Figure(
            wide, top + across + _MARGIN, title, f"A circuit of {len(self.nodes)} values: {', '.join(words)}.",
            self.theme.background, self.items,
        )  # fmt: skip

    def solved(self) -> Geometry:
        """Where everything is, across and along; the outputs are members too, after the nodes."""
        last = len(self.nodes)
        edges = [
            (self.place[source(self.graph, i)], k, self.place[source(self.graph, i)])
            for k, node in enumerate(self.nodes)
            for i in dict.fromkeys(node.inputs)
        ]
        outputs = self.graph.outputs
        edges += [
            (self.place[source(self.graph, i)], last + k, self.place[source(self.graph, i)])
            for k, (_, i) in enumerate(outputs)
        ]
        sizes = [self.size(n) for n in self.nodes] + [(16.0, self.wide(name)) for name, _ in outputs]
        members = tuple(Frame(size) for size in sizes)
        labels = tuple(self.label(n) for n in self.nodes)
        outline = Outline(members, tuple(edges), (), (), labels, None)
        plan = ordered(len(members), edges, (), range(last, len(members)))
        return geometry(outline, plan, Spacing(neighbours=26.0, ranks=16.0))

    def size(self, node: Node) -> tuple[float, float]:
        if not node.inputs:
            return 20.0, self.wide(node.name)
        return 2 * _RADIUS, max(2 * _RADIUS, text_width(self.sign(node), SIZE, bold=True) + 18.0)

    def wide(self, text: str) -> float:
        return text_width(text, SIZE, bold=True) + 8.0

    def sign(self, node: Node) -> str:
        words = node.op.sign or node.op.describe(self.graph.nodes[node.inputs[0]].type)
        return node.op.sign or (f"{node.kind} {words}".strip() if len(words) < 12 else node.kind)

    def name(self, node: Node) -> str:
        return node.name

    def label(self, node: Node) -> tuple[float, float]:
        texts = [_shortened(self.values[node.index]), _shortened(self.gradients.get(node.index, ""))]
        return 14.0, max(text_width(text, SIZE) for text in texts) + 18.0

    def paint(self, solved: Geometry, x: float, y: float) -> None:
        for line in solved.lines:
            points = [(x + along, y + across) for across, along in line.points]
            self.items += flow_path(points, self.theme.wire, sideways=True, arrow=line.arrow)
        for tensor, (across, along) in solved.labels:
            index = self.nodes[tensor].index
            left = x + along + 6
            self.items.append(Text(left, y + across - 5, _shortened(self.values[index]), SIZE, self.value_ink))
            if index in self.gradients:
                text = _shortened(self.gradients[index])
                self.items.append(Text(left, y + across + 14, text, SIZE, self.gradient_ink))
        sizes = [self.size(n) for n in self.nodes]
        for node, (across, along), size in zip(self.nodes, solved.corners, sizes, strict=False):
            self.member(node, x + along, y + across, size)
        for (name, _), (across, along) in zip(self.graph.outputs, solved.corners[len(self.nodes) :], strict=True):
            self.items.append(Text(x + along + 4, y + across + 12, name, SIZE, self.theme.ink, bold=True))

    def member(self, node: Node, x: float, y: float, size: tuple[float, float]) -> None:
        across, along = size
        if not node.inputs:
            self.items.append(Text(x + along - 4, y + across / 2 + 4, node.name, SIZE, self.theme.ink, True, "end"))
            return
        fill, border = self.theme.fill(section(node))
        tip = f"{node.name}: {self.values[node.index]}"
        self.items.append(Rect(x, y, along, across, fill, border, _RADIUS, 1.2, tip=tip))
        middle = x + along / 2
        if node.op.sign:
            self.items += _strokes(node.op.sign, middle, y + across / 2, self.theme.ink)
        else:
            base = y + across / 2 + 4
            self.items.append(Text(middle, base, self.sign(node), SIZE, self.theme.ink, True, "middle"))
        below = node.name.removesuffix(f".{node.name.rpartition('.')[2]}")
        self.items.append(Text(middle, y + across + 11, below, SMALL, self.theme.faint, anchor="middle"))


def _strokes(sign: str, x: float, y: float, ink: str) -> list[Item]:
    """+ and × as lines, which look the same in every font; other signs as text."""
    arm = 7.0
    if sign == "+":
        ends = (((x - arm, y), (x + arm, y)), ((x, y - arm), (x, y + arm)))
    elif sign == "×":
        arm = 5.5
        ends = (((x - arm, y - arm), (x + arm, y + arm)), ((x - arm, y + arm), (x + arm, y - arm)))
    else:
        return [Text(x, y + 5, sign, 14.0, ink, True, "middle")]
    return [Path(start, ((end,),), ink, line=2.0) for start, end in ends]


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
