"""Tensors that a layer reads besides the current one, by the labels that its options name (`resize like=x`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.diagnostics.facts import Misspelt
from netspec.elaborate.facts import scope_of
from netspec.elaborate.state import UNKNOWN, BoundLayer, Frame, Tensor
from netspec.source import Span

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["further_inputs"]


def further_inputs(run: ElaborationContext, bound: BoundLayer, frame: Frame) -> tuple[Tensor, ...]:
    """The tensors; an unknown one where there is no such label, which is reported."""
    found = []
    for option in bound.op.further_inputs():
        label, span = getattr(bound.op, option), bound.spans[option]
        span = Span(span.source, span.end - len(label), span.end) if span.text.endswith(label) else span
        tensor = frame.label(label)
        if tensor is None and label not in run.other_names:
            help_ = f"write `{label}:` before an earlier layer in this block"
            facts = Misspelt(span, label, scope_of(frame).labels, help_)
            run.error("NS208", f"there is no label `{label}` here", span, facts=facts)
        found.append(tensor or UNKNOWN)
    return tuple(found)
