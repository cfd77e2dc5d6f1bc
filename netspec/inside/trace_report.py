"""A trace as tables and as JSON: numbers where every tensor is small, statistics otherwise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from netspec.inside.statistics import Statistics, numbers_text, statistics_of
from netspec.inside.traced import Traced, TracedTensors
from netspec.report.table_formats import Entry, Heading, Row, Table
from netspec.report.terminal import terminal_lines

__all__ = ["tables_of", "trace_data", "trace_text"]

_MOST_LOSSES = 16
_MOST_IN_JSON = 64
"""So many values of a tensor are written into the JSON; `--out` writes all."""


def trace_text(trace: TracedTensors, *, columns: int, color: bool = False) -> str:
    parts = ["\n".join(terminal_lines(table, room=columns, color=color)) for table in tables_of(trace)]
    return "\n\n".join(parts)


def tables_of(trace: TracedTensors) -> list[Table]:
    """The tensors, and after a backward pass the gradients and the parameters."""
    if trace.is_small:
        return _number_tables(trace)
    what = f"{trace.examples} example{'s' if trace.examples > 1 else ''}"
    tables = [_statistics_table(f"{trace.graph.name}: forward, {what}", "layer", [(t, t.value) for t in trace.tensors])]
    if trace.objective:
        rows = [(t, t.gradient) for t in trace.tensors if t.gradient is not None]
        title = f"gradients of {trace.objective} = {trace.value:.6g}, by the output of each layer"
        tables.append(_statistics_table(title, "layer", rows))
        held = [(t, t.gradient) for t in trace.parameters if t.gradient is not None]
        if held:
            tables.append(_statistics_table("gradients by parameter", "parameter", held))
    return [*tables[:-1], _noted(tables[-1], _notes(trace))]


def _noted(table: Table, notes: Sequence[str]) -> Table:
    return Table(table.title, table.headings, table.rows, notes)


def _notes(trace: TracedTensors) -> list[str]:
    notes = []
    if trace.training:
        notes.append("as in training: dropout and noise from the seed, batch norms with the statistics of the batch")
    if len(trace.losses) > 1:
        shown = ", ".join(f"{loss:.4g}" for loss in trace.losses[:_MOST_LOSSES])
        more = f" and {len(trace.losses) - _MOST_LOSSES} more" if len(trace.losses) > _MOST_LOSSES else ""
        notes.append(f"loss of each example: {shown}{more}; mean {trace.value:.4g}")
    if trace.random:
        names = " and ".join(trace.random)
        notes.append(
            f"random input (standard normal, ids uniform): {names}; give values with --input {trace.random[0]}=…"
        )
    if any(t.statistics.not_finite for t in trace.tensors):
        names = ", ".join(t.name for t in trace.tensors if t.statistics.not_finite)
        notes.append(f"values that are not finite, left out of the statistics: {names}")
    if trace.objective and _is_flat(trace):
        help_ = ": it is constant, as the sum of a softmax is; --target gives a loss to differentiate"
        notes.append(f"every gradient is 0{help_ if trace.objective.startswith('the sum of') else ''}")
    return notes


def _is_flat(trace: TracedTensors) -> bool:
    """Whether no input and no parameter has a gradient to speak of."""
    found = [t.gradient for t in (*trace.tensors, *trace.parameters) if t.gradient is not None]
    inner = [t.gradient for t in trace.tensors if t.op == "input" and t.gradient is not None]
    starts = [*inner, *(t.gradient for t in trace.parameters if t.gradient is not None)]
    largest = max((float(abs(g).max()) for g in found), default=0.0)
    return bool(starts) and all(float(abs(g).max()) <= 1e-6 * largest for g in starts)


def _number_tables(trace: TracedTensors) -> list[Table]:
    title = trace.graph.name
    if trace.objective:
        title += f": gradients of {trace.objective} = {trace.value:.6g}"
    tables = [_numbers_table(title, "tensor", trace.tensors, bool(trace.objective))]
    if trace.parameters:
        tables.append(_numbers_table("", "parameter", trace.parameters, bool(trace.objective)))
    return [*tables[:-1], _noted(tables[-1], _notes(trace))]


def _numbers_table(title: str, kind: str, traced: Sequence[Traced], gradients: bool) -> Table:
    headings = [Heading(kind, kind), Heading("op", "op"), Heading("value", "value", True)]
    if kind == "parameter":
        del headings[1]
    if gradients:
        headings.append(Heading("gradient", "gradient", True))
    rows = []
    for t in traced:
        inputs = f" of {', '.join(t.inputs)}" if t.inputs else ""
        entries = [Entry(t.name, t.name), Entry(t.op + inputs, t.op), _numbers(t.value)]
        if kind == "parameter":
            del entries[1]
        if gradients:
            entries.append(_numbers(t.gradient) if t.gradient is not None else Entry("-"))
        rows.append(Row(entries))
    return Table(title, headings, rows)


def _numbers(array: Any) -> Entry:
    text = numbers_text(array)
    return Entry(text, float(array.ravel()[0]) if array.size == 1 else text)


_COLUMNS = ("mean", "std", "min", "max", "zeros")


def _statistics_table(title: str, kind: str, rows: Sequence[tuple[Traced, Any]]) -> Table:
    headings = [Heading(kind, kind, narrow="cut"), Heading("shape", "shape", True)]
    headings += [Heading(name, name, True) for name in _COLUMNS]
    headings.append(Heading("histogram", "from min to max"))
    return Table(title, headings, [_statistics_row(t, array) for t, array in rows])


def _statistics_row(traced: Traced, array: Any) -> Row:
    of = statistics_of(array)
    shape = array.shape if traced.op == "parameter" else array.shape[1:]
    values = (of.mean, of.std, of.low, of.high)
    return Row(
        [
            Entry(traced.name, traced.name),
            Entry("x".join(map(str, shape)) or "1", tuple(shape) or 1),
            *(Entry(f"{value:.4g}", value) for value in values),
            Entry(f"{of.zeros:.0%}" if of.zeros else "-", of.zeros),
            Entry(of.sparkline, " ".join(map(str, of.histogram))),
        ]
    )


# JSON


def trace_data(trace: TracedTensors) -> dict[str, Any]:
    """As plain data: statistics of every tensor, and its values where there are few. Numbers that are not finite are null."""
    found: dict[str, Any] = {
        "network": trace.graph.name,
        "examples": trace.examples,
        "random": list(trace.random),
        "training": trace.training,
    }
    if trace.objective:
        found["objective"] = {"what": trace.objective, "value": _finite(trace.value)}
        if trace.losses:
            found["objective"]["examples"] = _listed(list(trace.losses))
    found["tensors"] = [_data(t) | {"op": t.op, "inputs": list(t.inputs)} for t in trace.tensors]
    found["parameters"] = [_data(t) for t in trace.parameters]
    return found


def _data(traced: Traced) -> dict[str, Any]:
    data = {"name": traced.name, "shape": list(traced.value.shape), **_described(traced.value, traced.statistics)}
    if traced.gradient is not None and (of := traced.gradient_statistics) is not None:
        data["gradient"] = _described(traced.gradient, of)
    return data


def _described(array: Any, of: Statistics) -> dict[str, Any]:
    named = {"mean": of.mean, "std": of.std, "min": of.low, "max": of.high, "zeros": of.zeros}
    found: dict[str, Any] = {"statistics": named | {"histogram": list(of.histogram), "not_finite": of.not_finite}}
    if array.size <= _MOST_IN_JSON:
        found["values"] = _listed(array.tolist())
    return found


def _listed(value: Any) -> Any:
    return [_listed(part) for part in value] if isinstance(value, list) else _finite(value)


def _finite(value: Any) -> Any:
    return value if value is None or not isinstance(value, float) or math.isfinite(value) else None
