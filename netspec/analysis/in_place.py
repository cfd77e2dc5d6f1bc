"""Activations that are written over their input: what a careful person does in PyTorch to save memory and time."""

from __future__ import annotations

from netspec.graph import Graph

__all__ = ["in_place_nodes", "source"]


def source(graph: Graph, index: int) -> int:
    """The node whose tensor a node gives: that of its input, where it does nothing."""
    node = graph.nodes[index]
    while node.kind == "identity":
        node = graph.nodes[node.inputs[0]]
    return node.index


def in_place_nodes(graph: Graph) -> frozenset[int]:
    """The nodes whose input nothing else needs, not even the backward pass of what made it."""
    users: dict[int, int] = {}
    for node in graph.nodes:
        if node.kind != "identity":
            for i in node.inputs:
                users[source(graph, i)] = users.get(source(graph, i), 0) + 1
    given = {source(graph, i) for _, i in graph.outputs} | {source(graph, i) for _, i, _ in graph.aux}
    found = set()
    for node in graph.nodes:
        if not node.op.torch_in_place or not node.inputs or node.shares is not None:
            continue
        before = graph.nodes[source(graph, node.inputs[0])]
        alone = users[before.index] == 1 and before.index not in given and before.region.path == node.region.path
        if alone and before.op.torch_keeps_no_output:
            found.add(node.index)
    return frozenset(found)
