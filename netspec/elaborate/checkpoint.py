"""checkpoint: a part whose activations are computed again in the backward pass instead of kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.elaborate.state import Frame, labels_in
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["run_checkpoint"]


def run_checkpoint(run: ElaborationContext, checkpoint: t.Checkpoint, frame: Frame) -> None:
    """The part is a module of its own: under its label (`stage1: checkpoint { … }`), or numbered."""
    labelled = frame.region.kind == "group" and frame.region.named and not frame.region.members
    if labelled:
        inner = frame.inner()
        frame.namer.taken |= labels_in(checkpoint.body.statements)
    else:
        inner = run.named(frame, "group", frame.namer.number("checkpoint"), checkpoint.span, checkpoint.body.statements)
    inner.region.checkpoint = True
    with run.inside(""):
        run.run(checkpoint.body.statements, inner)
    frame.here = inner.here
