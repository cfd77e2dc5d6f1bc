"""Layers that do not fit: their diagnostics and their rows in the report."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Label
from netspec.diagnostics.facts import Misspelt
from netspec.elaborate.facts import DoesNotFit, DoesNotTile, InputBelow, SeveralInputs
from netspec.elaborate.ports import inputs_of
from netspec.elaborate.state import BoundLayer, Frame, Site, Tensor
from netspec.graph import Failed, TensorType
from netspec.ops.op import Leftover, Misfit, Op
from netspec.source import Span
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["report_leftovers", "report_misfit", "report_no_input", "report_no_output", "row_of_failure"]

_ROWS = {"height": "row", "width": "column", "length": "position", "depth": "slice", "tokens": "token"}
_MOST_ROWS = 1000


def report_misfit(
    run: ElaborationContext,
    misfit: Misfit,
    layer: BoundLayer,
    inputs: tuple[Tensor, ...],
    site: Site,
) -> None:
    span, spans = site.span, layer.spans
    types = tuple(tensor.type for tensor in inputs if tensor.type is not None)
    if (misfit.code == "NS301" or misfit.of_axes) and _is_channels_last(run, misfit, span):
        return
    source = run.graph.nodes[inputs[0].node] if inputs and inputs[0].node is not None else None
    changed = {change.help for change in misfit.changes}
    run.error(
        misfit.code,
        misfit.message,
        spans.get(misfit.option, span).in_string(misfit.within) if misfit.option else span,
        label=misfit.label,
        notes=misfit.notes,
        helps=[help_ for help_ in misfit.helps if help_ not in changed],
        facts=DoesNotFit(layer.op, types, span, spans, site.frame.region, misfit.changes, source, misfit.indivisible),
    )


def _is_channels_last(run: ElaborationContext, misfit: Misfit, span: Span) -> bool:
    """Whether the input has its channels last, or none (NS309): then a window that does not fit is no second mistake."""
    items = run.diagnostics.items
    place = next((i for i, d in enumerate(items) if d.code in ("NS309", "NS310")), None)
    if place is None:
        return False
    note = f"`{' '.join(span.text.split())}` at line {span.line} does not fit: {misfit.message}"
    if not items[place].is_error:
        items[place] = replace(items[place], severity="error", notes=(*items[place].notes, note))
    return True


def row_of_failure(run: ElaborationContext, site: Site, inputs: tuple[TensorType, ...]) -> None:
    """Keeps a row for a layer that failed, at its place among the layers that are known."""
    failed = run.graph.failed
    if len(failed) < _MOST_ROWS:
        text = " ".join(site.span.text.split())
        head = re.match(r"[^\s({\[]+", text)
        shown = site.name or (head.group() if head else text.split(" ")[0])
        failed.append(Failed(len(run.graph.nodes), site.frame.region.path + shown, site.span, inputs))


def report_leftovers(
    run: ElaborationContext,
    leftovers: tuple[Leftover, ...],
    op: Op,
    types: tuple[TensorType, ...],
    site: Site,
) -> None:
    """Windows that do not tile their input: an error under `fit exact`, else a warning where input is dropped."""
    exact, span = site.frame.fit == "exact", site.span
    shown = tuple(x for x in leftovers if exact or x.dropped)
    if not shown or any(d.code in ("NS309", "NS310") for d in run.diagnostics):
        return
    arithmetic = dict.fromkeys(x.arithmetic for x in shown)
    notes = [f"{' and '.join(x.axis for x in shown if x.arithmetic == a)}: {a}" for a in arithmetic]
    facts: Any = DoesNotTile(op, types, span, site.frame.region, shown)
    if exact:
        axes = " and ".join(x.axis for x in shown)
        run.error("NS302", f"the window does not tile the {axes} of its input", span, notes=notes, facts=facts)
        return
    parts = [f"{x.dropped} {_ROWS[x.axis]}{'s' if x.dropped > 1 else ''}" for x in shown]
    verb = "is" if len(parts) == 1 and shown[0].dropped == 1 else "are"
    run.diagnostics.warning(
        "NS305", f"{' and '.join(parts)} of the input {verb} never seen", span, label="rounded down",
        notes=[*notes, *run.trail()], facts=facts,
    )  # fmt: skip


def report_no_output(run: ElaborationContext, statement: t.From, frame: Frame) -> None:
    """`from pair.middle`, where what `pair` labels has no output of that name."""
    label, _, output = frame.at_label(statement.label)[1].partition(".")
    tensor = frame.label(label)
    names = tuple(name for name, _ in tensor.outputs) if tensor is not None else ()
    facts = Misspelt(
        Span(statement.label_span.source, statement.label_span.end - len(output), statement.label_span.end),
        output,
        names,
    )
    if names:
        notes = [f"its outputs are {', '.join(names)}"]
        helps = [" or ".join(f"`from {label}.{name}`" for name in names[:4])] if len(names) <= 4 else []
        run.error(
            "NS208", f"`{label}` has no output `{output}`", statement.label_span, notes=notes, helps=helps, facts=facts
        )
    else:
        helps = [f"write `from {label}`; a block has outputs where it says `output {output}`"]
        run.error("NS208", f"`{label}` has no outputs with names", statement.label_span, helps=helps)


def report_several(run: ElaborationContext, here: Tensor, span: Span, frame: Frame) -> None:
    """A layer after a block with several outputs, of which it can read one."""
    label = next((name for name, tensor in frame.labels.items() if tensor is here), None)
    names = [name for name, _ in here.outputs]
    helps = [f"go on from one of them: `from {label}.{names[0]}`"] if label else [
        f"label the block, and go on from one of its outputs: `pair: …`, then `from pair.{names[0]}`"
    ]  # fmt: skip
    message = f"{len(names)} tensors come in here, and this takes one"
    run.error("NS308", message, span, notes=[f"the block before gives {', '.join(names)}"], helps=helps)


def report_no_input(run: ElaborationContext, span: Span, frame: Frame) -> None:
    """The first layer has no tensor: there are several inputs, there is none, or it is further down."""
    if frame.here is not None and frame.here.several:
        report_several(run, frame.here, span, frame)
        return
    names = tuple(name for name, _ in run.graph.inputs)
    if run.calling:
        names = inputs_of(run.calling[-1])
    later = next((i for i in run.inputs_ahead if i.source is span.source and i.start > span.start), None)
    if len(names) > 1:
        run.error(
            "NS308", "with several inputs, say which one the first layer reads", span,
            notes=[f"the inputs are {', '.join(names)}"], helps=[f"write `from {names[0]}` before it"],
            facts=SeveralInputs(names),
        )  # fmt: skip
    elif later is None:
        helps = ["declare it: `input 3x224x224` (channels first)"]
        run.error("NS308", "there is no input before the first layer", span, helps=helps)
    else:
        run.error(
            "NS308", "the input is below the first layer", span,
            secondary=[Label(later, "the input")], facts=InputBelow(span, later),
        )  # fmt: skip
