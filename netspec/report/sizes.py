"""What `netspec sizes` says of a network: as lines of text, and as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netspec.analysis.sizes import answers
from netspec.analysis.sizes.boxes import Box
from netspec.analysis.sizes.periodic import LARGEST, PeriodicSet
from netspec.analysis.sizes.search import Network, Refusal, Survey
from netspec.analysis.sizes.wording import boxes_text, place, relation_text
from netspec.diagnostics.display import wrapped
from netspec.graph import Graph, Node, TensorType
from netspec.ops.formula import render
from netspec.ops.open_size import form_of, is_open, plain_at
from netspec.ops.size_text import form_text
from netspec.report.columns import in_columns, painted
from netspec.report.outline import EVERYTHING, outline
from netspec.report.table_formats import Entry, Heading, Row, Table

__all__ = ["SizesReport", "shape_data", "sizes_data", "sizes_lines", "sizes_table"]

_COLUMNS = (
    Heading("layer", "layer", narrow="cut"), Heading("line", "line", right=True),
    Heading("output", "output", right=True, narrow="fold"),
)  # fmt: skip
_LEAD = 11


@dataclass(frozen=True, slots=True)
class SizesReport:
    """A survey of the sizes of a spec, and the sizes that the spec itself has: None for those that it leaves open."""

    source: str
    name: str
    survey: Survey
    declared: Mapping[str, int | None]

    @property
    def given(self) -> dict[str, int] | None:
        """The sizes of the spec, where it has them all."""
        sizes = {name: size for name, size in self.declared.items() if size is not None}
        return sizes if sizes and len(sizes) == len(self.declared) else None

    @property
    def network(self) -> Network | None:
        """The network for the sizes of the spec; where it has none, the one that is built for the most."""
        found = answers.network_of(self.survey, self.given) if self.given else None
        return found or next(iter(self.survey.networks), None)


def sizes_lines(report: SizesReport, *, columns: int, color: bool, everything: bool = False) -> Iterator[str]:
    """The sizes that are taken, in words; then every layer with its shape as a form of the sizes."""
    network = report.network
    inputs = _inputs_text(network.graph) if network is not None else ""
    yield painted(report.name, "bold", color=color) + (f"   input {inputs}" if inputs else "")
    yield ""
    for title, text in _answers(report):
        first, *rest = wrapped(text, columns, lead=f"{title:<{_LEAD}}", hang=_LEAD)
        yield painted(first[:_LEAD], "bold", color=color) + first[_LEAD:]
        yield from rest
    if network is not None and report.declared:
        yield ""
        rows = _rows(network.graph, everything=everything)
        yield from in_columns(_COLUMNS, rows, room=columns, color=color)


def sizes_table(report: SizesReport) -> Table:
    """Every layer with its shape as a form of the sizes; the answers are the notes."""
    network = report.network
    graph = network.graph if network is not None else None
    title = f"{report.name}, input {_inputs_text(graph)}" if graph is not None else report.name
    notes = [f"{title}: {text}" if title else text for title, text in _answers(report)]
    return Table(title, _COLUMNS, _rows(graph, everything=False) if graph is not None else [], notes)


def _inputs_text(graph: Graph, sizes: Mapping[str, int] | None = None) -> str:
    """The inputs of a network, for given sizes or with their names."""
    types = {name: graph.nodes[i].type for name, i in graph.inputs}
    if sizes is not None:
        types = {name: TensorType(x.layout, tuple(plain_at(s, sizes) for s in x.shape)) for name, x in types.items()}
    return ", ".join(f"{name} {kind}" if len(types) > 1 else str(kind) for name, kind in types.items())


def _answers(report: SizesReport) -> Iterator[tuple[str, str]]:
    survey, network = report.survey, report.network
    if not report.declared:
        yield "takes", "exactly this input: it has no sizes that can change"
        return
    yield "takes", boxes_text(survey.boxes)
    least = answers.smallest(survey.boxes)
    if least is not None:
        at = answers.network_of(survey, least)
        yield "smallest", _inputs_text(at.graph, least) if at is not None else ""
    if network is not None:
        tiles = answers.tiled(network)
        whole = tiles == network.boxes
        yield "tiles", "every size that it takes" if whole else boxes_text(tiles)
        yield "weights", _weights_text(report, network)
        yield "MACs", form_text(form_of(sum(node.macs for node in network.graph.nodes if not node.aux)))
    others = [n for n in survey.networks if n is not network]
    for other in others[:3]:
        yield "another", f"network is built for {boxes_text(other.boxes)}"
    title = "because"
    for refusal in answers.binding(survey):
        yield title, _refusal_text(refusal)
        title = ""
    if survey.undecided:
        yield "undecided", f"{boxes_text(survey.undecided)}: the network depends on these sizes in too many ways"


def _weights_text(report: SizesReport, network: Network) -> str:
    fixed = answers.fixed_layers(network.graph)
    if not fixed:
        return "fit every size that it takes"
    node = fixed[0]
    more = f", and {len(fixed) - 1} more" if len(fixed) > 1 else ""
    why = f"{node.name} (line {node.span.line}) reads {answers.reads(network.graph, node)}{more}"
    if report.given is None or answers.network_of(report.survey, report.given) is None:
        return f"depend on the size: {why}"
    text = boxes_text(answers.weights_fit(network, report.given))
    return f"for {_inputs_text(network.graph, report.given)} fit {text}: {why}"


def _refusal_text(refusal: Refusal) -> str:
    if refusal.allowed:
        return f"{place(refusal)} needs {boxes_text(refusal.allowed)}"
    return f"{place(refusal)} refuses {boxes_text(refusal.boxes)}: {refusal.message}"


def _rows(graph: Graph, *, everything: bool) -> list[Row]:
    """The outline of a network; layers in a row that have one shape are one row."""
    rows: list[tuple[str, str, int, str, int]] = []
    for item in outline(graph, EVERYTHING if everything else None):
        shape = "" if item.opened else str(item.nodes()[-1].type)
        line = item.members[0].span.line
        if rows and not everything and item.layer is not None and rows[-1][3:] == (shape, item.level):
            rows[-1] = (rows[-1][0], item.local_name, *rows[-1][2:])
        else:
            rows.append((item.local_name, item.local_name, line, shape, item.level))
    return [
        Row(
            (Entry(first if first == last else f"{first} … {last}"), Entry(f"{line}"), Entry(shape, None, "cyan")),
            level,
        )
        for first, last, line, shape, level in rows
    ]


# Data


def sizes_data(report: SizesReport) -> dict[str, Any]:
    """The same as a document of JSON, schema 1. A size is a number or an expression of the names of the open sizes, with
    `//` for the floor of a quotient."""
    survey, network = report.survey, report.network
    graph = network.graph if network is not None else None
    return {
        "schema": 1,
        "file": report.source,
        "name": report.name,
        "sizes": dict(report.declared),
        "largest": LARGEST,
        "macs": _macs_data(graph) if graph is not None else None,
        "takes": _boxes_data(survey.boxes),
        "smallest": answers.smallest(survey.boxes),
        "tiles": _boxes_data(answers.tiled(network)) if network is not None else [],
        "weights": _weights_data(report, network) if network is not None else None,
        "inputs": [_named(graph, name, i) for name, i in graph.inputs] if graph is not None else [],
        "outputs": [_named(graph, name, i) for name, i in graph.outputs] if graph is not None else [],
        "layers": [_layer_data(node) for node in graph.layers] if graph is not None else [],
        "refused": [_refusal_data(refusal) for refusal in survey.refusals],
        "other_networks": [_boxes_data(n.boxes) for n in survey.networks if n is not network],
        "undecided": _boxes_data(survey.undecided),
    }


def _macs_data(graph: Graph) -> int | str:
    return _size_data(sum(node.macs for node in graph.nodes if not node.aux))


def _size_data(size: int) -> int | str:
    """A number, or the expression of a form."""
    return render(form_of(size)) if is_open(size) else size


def _boxes_data(boxes: Sequence[Box]) -> list[dict[str, Any]]:
    return [
        {
            "text": boxes_text([box]),
            "axes": {name: _set_data(allowed) for name, allowed in box.axes},
            "relations": [relation_text(relation) for relation in box.relations],
        }
        for box in boxes
    ]


def _set_data(sizes: PeriodicSet) -> dict[str, Any]:
    """`below` lists the sizes before `start`; from there, those of `cycle` repeat with the period."""
    cycle = [size for size in range(sizes.start, sizes.start + sizes.period) if size in sizes]
    below = [size for size in range(1, sizes.start) if size in sizes]
    return {"below": below, "start": sizes.start, "period": sizes.period, "cycle": cycle}


def _weights_data(report: SizesReport, network: Network) -> dict[str, Any]:
    fixed = answers.fixed_layers(network.graph)
    fit = None
    if not fixed:
        fit = network.boxes
    elif report.given is not None and answers.network_of(report.survey, report.given) is not None:
        fit = answers.weights_fit(network, report.given)
    return {"fixed_by": [node.name for node in fixed], "fit": _boxes_data(fit) if fit is not None else None}


def shape_data(kind: TensorType) -> list[int | str]:
    """A shape whose sizes are numbers, or expressions of the names of the open sizes."""
    return [_size_data(size) for size in kind.shape]


def _named(graph: Graph, name: str, index: int) -> dict[str, Any]:
    kind = graph.nodes[index].type
    return {"name": name, "shape": shape_data(kind), "kind": kind.layout}


def _layer_data(node: Node) -> dict[str, Any]:
    return {
        "name": node.name, "op": node.kind, "line": node.span.line,
        "output": shape_data(node.type), "text": str(node.type),
    }  # fmt: skip


def _refusal_data(refusal: Refusal) -> dict[str, Any]:
    span = refusal.span
    return {
        "layer": refusal.layer,
        "line": span.line if span is not None else None,
        "column": span.column if span is not None else None,
        "code": refusal.code,
        "message": refusal.message,
        "needs": _boxes_data(refusal.allowed),
        "refuses": _boxes_data(refusal.boxes),
    }
