"""Weights that are used twice: `tie`, the weights of another layer; the layers of a shared block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Label
from netspec.diagnostics.facts import Misspelt
from netspec.elaborate.facts import SharedOnOtherChannels, UnfitTie, scope_of
from netspec.elaborate.state import Frame
from netspec.graph import Node, Region, TensorType
from netspec.source import Span

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["report_shared", "tied_node"]


def tied_node(run: ElaborationContext, op: Any, x: TensorType, spans: dict[str, Span], frame: Frame) -> int | None:
    """The index of the layer that `tie=` names; None where it does not fit, which is reported."""
    span = spans["tie"]
    tensor = frame.label(op.tie)
    if tensor is None:
        facts = Misspelt(
            span, op.tie, scope_of(frame).labels, f"write `{op.tie}:` before an earlier layer in this block"
        )
        run.error("NS208", f"there is no label `{op.tie}` here", span, facts=facts)
        return None
    if tensor.node is None:
        return None
    labelled = run.graph.nodes[tensor.node]
    same_line = [n for n in run.graph.nodes if n.span == labelled.span and n.region is labelled.region]
    target = next((n for n in reversed(same_line) if n.op.lends), None)
    if target is None or getattr(target.op, "tie", None):
        message = f"`{op.tie}` is not an FC, linear or embed layer with weights of its own"
        run.error("NS207", message, span)
        return None
    transposed = target.op.lends == "transposed"
    takes, gives = target.params[0].shape if transposed else target.params[0].shape[::-1]
    if (takes, gives) != (x.features, op.width):
        how = "transposed they" if transposed else "they"
        run.error(
            "NS307",
            f"the {'transposed ' if transposed else ''}weights of `{op.tie}` do not fit here",
            span,
            notes=[f"{how} take {takes} values to {gives}", f"this layer takes {x.features} to {op.width}"],
            facts=UnfitTie(takes),
        )
        return None
    return target.index if target.shares is None else target.shares


def report_shared(run: ElaborationContext, node: Node, first: Node | None, span: Span) -> None:
    """A shared block is called on a tensor that its weights, those of the first call, do not take."""
    region: Region | None = node.region
    while region is not None and region.kind != "shared":
        region = region.parent
    name = region.block if region is not None else "this"
    was = f"{first.name} has {_weights(first)}" if first else "there was no such layer"
    notes = [f"the weights are those of the first call: {was}", f"here they would be {_weights(node)}"]
    message = "the weights of a shared block do not fit this input"
    one, other = (_channels(n) for n in (first, node))
    facts = None
    if one and other and one != other:
        facts = SharedOnOtherChannels(one, other)
        what = "channel" if len(node.params[0].shape) > 2 else "feature"
        message = (
            f"the shared block `{name}` was first called on {one} {what}{'s' if one > 1 else ''}, and gets {other} here"
        )
    place = region.span if region is not None else span
    earlier = region.shares.span if region is not None and region.shares is not None else None
    run.error(
        "NS306", message, place, notes=notes, label=f"`{' '.join(span.text.split())}` at line {span.line} does not fit",
        secondary=[Label(earlier, "the first call")] if earlier is not None else [], facts=facts,
    )  # fmt: skip


def _weights(node: Node) -> str:
    return ", ".join(f"{p.name} {'x'.join(map(str, p.shape))}" for p in node.params)


def _channels(node: Node | None) -> int:
    """The channels that a layer's weight takes; 0 where that is not plain."""
    shape = node.params[0].shape if node is not None and node.params else ()
    return shape[1] * int(getattr(node.op, "groups", 1) or 1) if node is not None and len(shape) > 1 else 0
