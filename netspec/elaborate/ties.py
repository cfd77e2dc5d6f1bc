"""tie: a fully connected layer that uses the weights of another, transposed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.diagnostics import nearest
from netspec.elaborate.state import Frame
from netspec.graph import TensorType
from netspec.ops.dense import FullyConnected
from netspec.source import Span

if TYPE_CHECKING:
    from netspec.elaborate.builder import GraphBuilder

__all__ = ["tied_node"]


def tied_node(run: GraphBuilder, op: Any, x: TensorType, spans: dict[str, Span], frame: Frame) -> int | None:
    """The index of the layer that `tie=` names; None where it does not fit, which is reported."""
    span = spans["tie"]
    tensor = frame.label(op.tie)
    if tensor is None:
        near = nearest(op.tie, frame.visible_labels())
        helps = [f"did you mean `{near}`?" if near else f"write `{op.tie}:` before an earlier FC layer in this block"]
        run.error("NS208", f"there is no label `{op.tie}` here", span, helps=helps)
        return None
    if tensor.node is None:
        return None
    labelled = run.graph.nodes[tensor.node]
    same_line = [n for n in run.graph.nodes if n.span == labelled.span and n.region is labelled.region]
    target = next((n for n in reversed(same_line) if isinstance(n.op, FullyConnected)), None)
    if target is None or not isinstance(target.op, FullyConnected) or target.op.tie:
        run.error("NS207", f"`{op.tie}` is not a fully connected layer with weights of its own", span)
        return None
    rows, columns = target.params[0].shape
    if (rows, columns) != (x.features, op.width):
        run.error(
            "NS307",
            f"the transposed weights of `{op.tie}` do not fit here",
            span,
            notes=[f"transposed they take {rows} values to {columns}", f"this layer takes {x.features} to {op.width}"],
        )
        return None
    return target.index if target.shares is None else target.shares
