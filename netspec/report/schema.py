"""The report as JSON: its schema, version 1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from netspec.analysis.totals import CONVENTION, totals
from netspec.diagnostics import Diagnostic
from netspec.graph import Failed, Graph, Node
from netspec.report.output_formats import diagnostic_data
from netspec.source import SourceFile

__all__ = ["Report", "report_of"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TensorReport(_Part):
    """An input or an output; `shape` does not include the batch."""

    name: str
    shape: list[int]
    kind: str = Field(description="map, vector, sequence or ids")


class LayerReport(_Part):
    """One layer, in execution order."""

    name: str
    op: str
    line: int = Field(description="line of the spec, from 1")
    description: str
    inputs: list[str] = Field(description="names of its input layers or inputs")
    input: list[int] = Field(description="shape of the first input")
    output: list[int]
    params: int = Field(description="trainable parameters")
    buffers: int
    macs: int = Field(description="multiply-accumulates for one input")
    aux: bool = Field(description="whether it belongs to an auxiliary head")


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
    inputs: list[TensorReport]
    outputs: list[TensorReport]
    layers: list[LayerReport]
    failed: list[FailedReport] = Field(description="layers with errors; `layers` contains the other known layers")
    totals: TotalsReport | None = Field(description="null if the spec has errors")
    convention: str
    diagnostics: list[DiagnosticReport]


def report_of(source: SourceFile, graph: Graph | None, diagnostics: Sequence[Diagnostic]) -> Report:
    """The report of a check; for a spec with errors, the known layers and no totals."""
    ok = graph is not None and not any(d.is_error for d in diagnostics)
    total = None
    if graph is not None and ok:
        figures = totals(graph, graph.nodes)
        total = TotalsReport(**{name: getattr(figures, name) for name in TotalsReport.model_fields})
    return Report(
        file=source.name,
        name=graph.name if graph else None,
        ok=ok,
        inputs=_tensors(graph, graph.inputs) if graph else [],
        outputs=_tensors(graph, graph.outputs) if graph else [],
        layers=[_layer(graph, node) for node in graph.layers] if graph else [],
        failed=[_failed(graph, failed) for failed in graph.failed] if graph else [],
        totals=total,
        convention=CONVENTION,
        diagnostics=[_diagnostic(d) for d in diagnostics],
    )


def _tensors(graph: Graph, named: Iterable[tuple[str, int]]) -> list[TensorReport]:
    kinds = [(name, graph.nodes[index].type) for name, index in named]
    return [TensorReport(name=name, shape=list(kind.shape), kind=kind.layout) for name, kind in kinds]


def _layer(graph: Graph, node: Node) -> LayerReport:
    inputs = [graph.nodes[i] for i in node.inputs]
    return LayerReport(
        name=node.name,
        op=node.kind,
        line=node.span.line,
        description=node.op.describe(inputs[0].type),
        inputs=[before.name for before in inputs],
        input=list(inputs[0].type.shape),
        output=list(node.type.shape),
        params=node.n_params,
        buffers=node.n_buffers,
        macs=node.macs,
        aux=node.aux,
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
