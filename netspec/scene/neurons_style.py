"""The style `neurons`: small dense networks as circles, with their weights on the lines where weights are given."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netspec.analysis.units import number_text
from netspec.diagnostics import SpecError
from netspec.graph import Graph, Node
from netspec.scene.figure import Figure, Item, Path, Point, Rect, Text
from netspec.scene.heading import MARGIN, heading
from netspec.scene.lettering import text_width
from netspec.scene.theme import THEMES, Theme, section
from netspec.weights import WeightSource

if TYPE_CHECKING:
    from netspec.scene.options import DrawOptions

__all__ = ["drawn_as_neurons"]

_MOST = 24
"""A layer of more units is no picture of circles."""
_RADIUS = 13.0
_ROW = 40.0
_COLUMN = 150.0
_SIZE, _SMALL = 11.0, 8.5
_SHARES = tuple((0.5 + sign * step / 40) for step in range(13) for sign in (1, -1))
"""Where on a line its number may stand, from the middle outwards."""
_QUIET = frozenset({"Activation", "Normalization", "Regularization"})


@dataclass(slots=True)
class Column:
    """One layer of units: the node that computes it (the input's of the first), what is applied to it, its weights
    (units x inputs) and biases where they are known."""

    node: Node
    quiet: list[str]
    weights: list[list[float]] | None = None
    biases: list[float] | None = None

    @property
    def units(self) -> int:
        return self.node.type.size


def drawn_as_neurons(graph: Graph, options: DrawOptions, source: WeightSource | None = None) -> Figure:
    """Units of each layer as a column of circles; `source` gives the numbers on the lines.

    Raises SpecError (NS501) for a network that is no chain of dense layers with at most 24 units.
    """
    columns = _columns(graph)
    if source is not None:
        for column in columns[1:]:
            _read(column, source)
    return _Painter(graph, columns, THEMES[options.theme]).figure(titled=options.title)


def _columns(graph: Graph) -> list[Column]:
    if len(graph.inputs) > 1:
        raise _unfit("it has several inputs")
    columns: list[Column] = []
    for node in graph.nodes:
        if node.inputs and node.inputs != (node.index - 1,):
            raise _unfit(f"`{node.name}` does not read the layer before it alone")
        if not node.inputs or section(node) == "Dense":
            columns.append(Column(node, []))
        elif section(node) in _QUIET or node.kind in ("flatten", "identity", "step"):
            columns[-1].quiet.append(node.kind)
        else:
            raise _unfit(f"`{node.name}` is no dense layer")
        if columns[-1].units > _MOST:
            raise _unfit(f"`{node.name}` has {columns[-1].units:,} units, more than {_MOST}")
    return columns


def _unfit(reason: str) -> SpecError:
    return SpecError.of(
        "NS501", "the style `neurons` draws chains of small dense layers", notes=[reason],
        helps=["`--style graph` and `--style volumes` draw every network"],
    )  # fmt: skip


def _read(column: Column, source: WeightSource) -> None:
    for param in column.node.params:
        values = [float(v) for piece in source.pieces(f"{column.node.name}.{param.name}", param) for v in piece]
        if param.name == "weight" and len(param.shape) == 2:
            width = param.shape[1]
            column.weights = [values[i : i + width] for i in range(0, len(values), width)]
        elif param.name == "bias":
            column.biases = values


class _Painter:
    def __init__(self, graph: Graph, columns: list[Column], theme: Theme) -> None:
        self.graph, self.columns, self.theme = graph, columns, theme
        self.items: list[Item] = []
        self.tall = max(column.units for column in columns)
        self.taken: list[tuple[float, float, float]] = []
        known = any(column.weights for column in columns)
        self.row = _ROW + (4.0 * self.tall if known else 0.0)  # room for the numbers
        self.step = 0.75 * _COLUMN + (12.0 * self.tall if known else 0.0)

    def figure(self, *, titled: bool) -> Figure:
        params = sum(column.node.n_params for column in self.columns)
        total = f"{params:,} parameters"
        head, least, top = heading(self.graph.name, total, self.theme, shown=titled)
        self.items += head
        height = top + self.tall * self.row + 34.0 + MARGIN
        width = 2 * MARGIN + 2 * _RADIUS + 90.0 + self.step * (len(self.columns) - 1)
        for k in range(1, len(self.columns)):
            self._lines(k, top)
        for k, column in enumerate(self.columns):
            self._column(k, column, top)
        return Figure(
            max(width, least + 2 * MARGIN), height, f"{self.graph.name}: {total}",
            "Units as circles, layer by layer from left to right.", self.theme.background, self.items,
        )  # fmt: skip

    def _place(self, k: int, unit: int, top: float) -> tuple[float, float]:
        x = MARGIN + 45.0 + _RADIUS + k * self.step
        return x, top + (self.tall - self.columns[k].units) * self.row / 2 + (unit + 0.5) * self.row

    def _lines(self, k: int, top: float) -> None:
        column, before = self.columns[k], self.columns[k - 1]
        largest = max((abs(w) for row in column.weights or () for w in row), default=0.0)
        texts: list[Item] = []
        for unit in range(column.units):
            x1, y1 = self._place(k, unit, top)
            for source in range(before.units):
                x0, y0 = self._place(k - 1, source, top)
                weight = column.weights[unit][source] if column.weights else None
                share = abs(weight) / largest if weight is not None and largest else 0.4
                colour = self.theme.wire if weight is None else self._sign(weight)
                self.items.append(Path((x0, y0), (((x1, y1),),), colour, line=0.6 + 2.0 * share))
                if weight is not None:
                    texts += self._number(weight, (x0, y0), (x1, y1))
        self.items += texts

    def _sign(self, weight: float) -> str:
        """Blue for positive and orange for negative weights: told apart with every kind of colour vision."""
        return self.theme.fill("Convolution" if weight >= 0 else "Pooling")[1]

    def _number(self, weight: float, a: Point, b: Point) -> list[Item]:
        """On its line, at the first place where it meets no other number, on a ground that covers the lines below."""
        text = f"{weight:.2f}".replace("-", "−")
        wide, high = text_width(text, _SMALL) + 3.0, _SMALL + 1.5
        places = [(a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share) for share in _SHARES]
        free = (
            p
            for p in places
            if not any(abs(p[0] - x) < (wide + w) / 2 and abs(p[1] - y) < high for x, y, w in self.taken)
        )
        x, y = next(free, places[0])
        self.taken.append((x, y, wide))
        ground = Rect(x - wide / 2, y - high / 2, wide, high, self.theme.background)
        return [ground, Text(x, y + 0.35 * _SMALL, text, _SMALL, self.theme.ink, anchor="middle")]

    def _column(self, k: int, column: Column, top: float) -> None:
        fill, border = self.theme.fill(section(column.node)) if k else self.theme.fill("Shape")
        for unit in range(column.units):
            x, y = self._place(k, unit, top)
            value = column.biases[unit] if column.biases else None
            tip = f"{column.node.name}, unit {unit}" + (f", bias {number_text(value)}" if value is not None else "")
            self.items.append(_circle(x, y, fill, border, tip))
            if value is not None:
                self.items.append(Text(x, y + 3, _in_circle(value), _SMALL, self.theme.ink, anchor="middle"))
            elif not k:
                self.items.append(Text(x, y + 3, f"x{unit + 1}", _SMALL, self.theme.ink, anchor="middle"))
        x = self._place(k, 0, top)[0]
        low = top + (self.tall + column.units) * self.row / 2
        words = [column.node.name if k else self.graph.inputs[0][0], " · ".join(column.quiet)]
        self.items.append(Text(x, low + 12, words[0], _SIZE, self.theme.ink, bold=True, anchor="middle"))
        if words[1]:
            self.items.append(Text(x, low + 25, words[1], 9.0, self.theme.faint, anchor="middle"))


def _in_circle(value: float) -> str:
    """With as many digits as there is room for."""
    texts = [f"{value:{form}}".replace("-", "−").replace("e+0", "e") for form in (".2f", ".1f", ".0f", ".0e")]
    return next((text for text in texts if text_width(text, _SMALL) <= 2 * _RADIUS - 3.0), texts[-1])


def _circle(x: float, y: float, fill: str, border: str, tip: str) -> Path:
    """Four cubic curves."""
    r, k = _RADIUS, 0.5523 * _RADIUS
    turns = ((1, 0), (0, 1), (-1, 0), (0, -1), (1, 0))
    pieces = []
    for (ax, ay), (bx, by) in itertools.pairwise(turns):
        leave = (x + ax * r + bx * k, y + ay * r + by * k)
        arrive = (x + bx * r + ax * k, y + by * r + ay * k)
        pieces.append((leave, arrive, (x + bx * r, y + by * r)))
    return Path((x + r, y), tuple(pieces), border, fill, line=1.2, closed=True, tip=tip)
