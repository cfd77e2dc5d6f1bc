"""A short description of a layer: its kernel, filters, stride and padding."""

from __future__ import annotations

from netspec.graph import Graph, Node

__all__ = ["description"]


def description(graph: Graph, node: Node) -> str:
    """Kernel, filters, stride and padding; also the kind, if the name does not show it."""
    words = node.op.describe(graph.nodes[node.inputs[0]].type)
    local = node.name.rpartition(".")[2]
    if not local.lower().startswith(node.kind.lower()):
        words = f"{node.kind} {words}".strip()
    if node.shares is not None:
        words = f"{words}, shares weights with {graph.nodes[node.shares].name}".lstrip(", ")
    if len(node.inputs) > 1:
        words = f"{words} of {', '.join(graph.nodes[i].name for i in node.inputs)}".strip()
    return words
