"""A lint: `attention-8`, a width where a number of heads is meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netspec.diagnostics import Edit, Fix
from netspec.graph import Graph, Node
from netspec.source import Span

if TYPE_CHECKING:
    from netspec.diagnostics import Diagnostics

__all__ = ["heads_as_width"]

_MOST_HEADS = 32
_SMALLEST_HEAD = 8
"""Features of a head that are plausible."""


def heads_as_width(graph: Graph, node: Node, diagnostics: Diagnostics) -> None:
    """Warns of a narrow attention without `heads`, whose width would be a usual number of heads for its input (NS914)."""
    written = re.match(r"[A-Za-z_]+(-(\d+))\b(?!.*\bheads\s*=)", node.span.text, re.DOTALL)
    if node.kind != "attention" or written is None or not node.inputs:
        return
    width, features = int(written[2]), graph.nodes[node.inputs[0]].type.features
    if width > _MOST_HEADS or features % width or features // width < _SMALLEST_HEAD:
        return
    start = node.span.start + written.start(1)
    edit = Edit(Span(node.span.source, start, node.span.start + written.end(1)), f" heads={width}")
    help_ = f"for {width} heads write `attention heads={width}`; for a narrow result, state `heads=` too"
    diagnostics.warning(
        "NS914", f"`attention-{width}` has {width} features, not {width} heads", node.span,
        notes=[f"its input has {features} features"], helps=[help_], fixes=[Fix(help_, (edit,))],
    )  # fmt: skip
