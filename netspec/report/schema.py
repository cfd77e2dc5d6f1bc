"""The report as JSON: its schema, version 1."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from netspec.analysis.analysis import Analysis
from netspec.analysis.conditions import Conditions
from netspec.analysis.figures import FIGURES, Value
from netspec.analysis.totals import CONVENTION, totals
from netspec.diagnostics import Diagnostic
from netspec.graph import Failed, Graph, Node, Region
from netspec.report.outline import EVERYTHING, Item, outline
from netspec.report.output_formats import diagnostic_data
from netspec.report.selection import columns_of
from netspec.report.summary import convention
from netspec.source import SourceFile

__all__ = ["Report", "report_of"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Figures: TypeAlias = dict[str, int | float | str | list[int | float] | None]
"""Values by the names of figures; those along spatial axes are lists, and null is no value."""


Form: TypeAlias = list[int | str] | None
"""A shape whose sizes are numbers, or expressions of the names of open sizes (`(H - 2) // 4`); null without open sizes."""


class OpenSizesReport(_Part):
    """The sizes that the spec leaves open."""

    figures_for: dict[str, int] = Field(
        description="the sizes for which the figures are, and the shapes that are numbers"
    )
    takes: list[str] = Field(description="which sizes it takes, and which layers need them, in words")


class TensorReport(_Part):
    """An input or an output; `shape` does not include the batch."""

    name: str
    shape: list[int]
    kind: str = Field(description="map, vector, sequence or ids")
    form: Form = Field(default=None, description="with open sizes: the shape for all of them")


class LayerReport(_Part):
    """One layer, in execution order."""

    name: str
    op: str
    line: int = Field(description="line of the spec, from 1")
    description: str
    inputs: list[str] = Field(description="names of its input layers or inputs")
    input: list[int] = Field(description="shape of the first input")
    output: list[int]
    form: Form = Field(default=None, description="with open sizes: the output for all of them")
    params: int = Field(description="trainable parameters")
    buffers: int
    macs: int = Field(description="multiply-accumulates for one input")
    aux: bool = Field(description="whether it belongs to an auxiliary head")
    figures: Figures = Field(description="the figures requested with --columns")


class PartReport(_Part):
    """A block instance or a labeled group, with the sums of its layers."""

    name: str = Field(description="with the parts around it: `stage1.block2`; its layers' names begin with it")
    block: str | None = Field(description="the block of which it is an instance; null for a label")
    line: int
    layers: int = Field(description="how many layers are in it")
    output: list[int]
    params: int
    macs: int
    figures: Figures


class ConditionsReport(_Part):
    """What memory, traffic, time and MACs in `figures` are for."""

    batch: int
    dtype: str
    optimizer: str | None = Field(description="null: inference")
    device: str | None
    macs: str = Field(description="who counts: netspec, or the name of a tool")


class TotalsReport(_Part):
    params: int
    trainable: int
    buffers: int
    aux_params: int
    aux_buffers: int
    macs: int
    flops: int
    neurons: int
    connections: int
    memory: int = Field(description="bytes")
    frozen: int = Field(description="parameters that the recipe does not train")
    activations: int
    depth: int = Field(description="layers with weights on the longest path")
    receptive_field: list[int] | None = Field(
        description="the largest of the outputs, along each spatial axis of the input; empty if it has none"
    )


class SpanReport(_Part):
    """`start` and `end` are (line, column) pairs from 1; the end is exclusive."""

    file: str
    start: tuple[int, int]
    end: tuple[int, int]
    label: str


class EditReport(_Part):
    """The replacement text of a span; an empty span means an insertion."""

    file: str
    start: tuple[int, int]
    end: tuple[int, int]
    text: str


class FixReport(_Part):
    title: str
    rule: str | None = Field(description="the rule that made it, such as `NS101-elif`, for `netspec explain`")
    applicability: Literal["safe", "review", "unsure"]
    safe: bool = Field(description="whether `--fix` applies it; other fixes need review")
    edits: list[EditReport]


class FailedReport(_Part):
    """A layer with an error."""

    name: str
    line: int
    text: str
    before: str | None = Field(description="name of the layer that follows it in `layers`; null at the end")
    inputs: list[list[int]] = Field(description="shapes of its inputs, if known")
    followers: int = Field(description="number of layers after it that are unknown because of it")


class DiagnosticReport(_Part):
    code: str
    rule: str | None = Field(description="the code with its sub-code, where a rule explains it: `NS101-elif`")
    severity: Literal["error", "warning", "note"]
    message: str
    spans: list[SpanReport] = Field(description="the first is the location of the diagnostic")
    notes: list[str]
    helps: list[str]
    fixes: list[FixReport]
    rendered: str


class Report(_Part):
    """The output of `netspec check --format json` for one spec. Within a schema version, fields are added but never changed."""

    schema_: int = Field(default=1, serialization_alias="schema")
    file: str
    name: str | None
    ok: bool
    sizes: OpenSizesReport | None = Field(default=None, description="null if all sizes are given")
    inputs: list[TensorReport]
    outputs: list[TensorReport]
    layers: list[LayerReport]
    parts: list[PartReport] = Field(description="from the outside in, in the order of their first layers")
    failed: list[FailedReport] = Field(description="layers with errors; `layers` contains the other known layers")
    totals: TotalsReport | None = Field(description="null if the spec has errors")
    figures: Figures = Field(
        description="the figures requested with --columns, of the whole network; empty if it has errors"
    )
    conditions: ConditionsReport
    convention: str
    diagnostics: list[DiagnosticReport]


def report_of(
    source: SourceFile,
    graph: Graph | None,
    diagnostics: Sequence[Diagnostic],
    columns: Iterable[str] = (),
    conditions: Conditions | None = None,
) -> Report:
    """The report of a check; for a spec with errors, the known layers and no totals. `columns` are the names of figures;
    other columns are in the report anyway. Raises UnknownColumn."""
    ok = graph is not None and not any(d.is_error for d in diagnostics)
    names = [name for name in columns_of(columns) if name in FIGURES]
    conditions = conditions or Conditions()
    analysis = Analysis(graph, conditions) if graph is not None else None
    return Report(
        file=source.name,
        name=graph.name if graph else None,
        ok=ok,
        sizes=_sizes(graph) if graph else None,
        inputs=_tensors(graph, graph.inputs) if graph else [],
        outputs=_tensors(graph, graph.outputs) if graph else [],
        layers=[_layer(analysis, node, names) for node in graph.layers] if graph and analysis else [],
        parts=_parts(analysis, names) if analysis else [],
        failed=[_failed(graph, failed) for failed in graph.failed] if graph else [],
        totals=_totals(analysis) if analysis and ok else None,
        figures=_figures(names, analysis.total) if analysis and ok else {},
        conditions=ConditionsReport(**asdict(conditions)),
        convention=convention(analysis) if analysis else CONVENTION,
        diagnostics=[_diagnostic(d) for d in diagnostics],
    )


def _totals(analysis: Analysis) -> TotalsReport:
    found = asdict(totals(analysis.graph, analysis.graph.nodes))
    counted = ("frozen", "activations", "depth", "receptive_field", "macs", "flops")
    return TotalsReport(**{**found, **{name: _plain(analysis.total(name)) for name in counted}})


def _figures(names: Iterable[str], value: Callable[[str], Value | None]) -> Figures:
    return {name: _plain(value(name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    return value


def _parts(analysis: Analysis, names: Sequence[str]) -> list[PartReport]:
    found = [item for item in outline(analysis.graph, EVERYTHING) if item.opened]
    return [_part(analysis, item, names) for item in found]


def _part(analysis: Analysis, item: Item, names: Sequence[str]) -> PartReport:
    (region,) = item.members
    nodes = item.nodes()
    return PartReport(
        name=item.name,
        block=region.block or None if isinstance(region, Region) else None,
        line=region.span.line,
        layers=len(nodes),
        output=list(nodes[-1].type.shape),
        params=sum(node.n_params for node in nodes),
        macs=sum(analysis.facts.macs[node.index] for node in nodes),
        figures=_figures(names, lambda name: analysis.of(name, nodes)),
    )


def _tensors(graph: Graph, named: Iterable[tuple[str, int]]) -> list[TensorReport]:
    kinds = [(name, index, graph.nodes[index].type) for name, index in named]
    return [TensorReport(name=n, shape=list(k.shape), kind=k.layout, form=_form(graph, i)) for n, i, k in kinds]


def _sizes(graph: Graph) -> OpenSizesReport | None:
    return OpenSizesReport(figures_for=graph.sizes, takes=list(graph.sizes_notes)) if graph.sizes else None


def _form(graph: Graph, index: int) -> Form:
    """The shape of a node for all sizes; None where the spec gives them."""
    from netspec.report.sizes import shape_data

    return shape_data(graph.shown(index)) if graph.sizes else None


def _layer(analysis: Analysis, node: Node, names: Sequence[str]) -> LayerReport:
    graph = analysis.graph
    inputs = [graph.nodes[i] for i in node.inputs]
    return LayerReport(
        name=node.name,
        op=node.kind,
        line=node.span.line,
        description=node.op.describe(inputs[0].type),
        inputs=[before.name for before in inputs],
        input=list(inputs[0].type.shape),
        output=list(node.type.shape),
        form=_form(graph, node.index),
        params=node.n_params,
        buffers=node.n_buffers,
        macs=analysis.facts.macs[node.index],
        aux=node.aux,
        figures=_figures(names, lambda name: analysis.layer(name, node)),
    )


def _failed(graph: Graph, failed: Failed) -> FailedReport:
    return FailedReport(
        name=failed.name,
        line=failed.span.line,
        text=failed.span.text,
        before=next((n.name for n in graph.nodes[failed.place :] if n.inputs), None),
        inputs=[list(kind.shape) for kind in failed.inputs],
        followers=failed.followers,
    )


def _diagnostic(diagnostic: Diagnostic) -> DiagnosticReport:
    return DiagnosticReport(**diagnostic_data(diagnostic))
