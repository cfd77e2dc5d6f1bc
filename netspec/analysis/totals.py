"""Totals of a network or of a part of it, following the conventions of the report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netspec.analysis.frozen import frozen_nodes
from netspec.graph import Graph, Node

__all__ = ["CONVENTION", "Totals", "depths", "totals"]

CONVENTION = "MACs: multiply-accumulates for one input, zero padding included, biases not. FLOPs = 2 x MACs."


@dataclass(frozen=True, slots=True)
class Totals:
    """`memory` is in bytes: parameters, buffers and the outputs of all layers for one input, 4 bytes per value."""

    params: int
    trainable: int
    buffers: int
    aux_params: int
    aux_buffers: int
    macs: int
    flops: int
    neurons: int
    connections: int
    memory: int


def totals(graph: Graph, nodes: Iterable[Node]) -> Totals:
    """The totals of some nodes of a graph. Auxiliary heads count only in `aux_params`, unless there is nothing else."""
    nodes = list(nodes)
    frozen = frozen_nodes(graph, graph.recipe)
    within = all(node.aux for node in nodes)
    params = untrained = buffers = aux = aux_buffers = macs = neurons = connections = activations = 0
    for node in nodes:
        if node.aux and not within:
            aux += node.n_params
            aux_buffers += node.n_buffers
            continue
        params += node.n_params
        untrained += node.n_params if node.index in frozen else 0
        buffers += node.n_buffers
        macs += node.macs
        activations += node.type.size
        if node.inputs:
            if node.op.has_neurons:
                neurons += node.type.size
            connections += node.runs * node.op.connection_count(*graph.input_types(node))
    memory = 4 * (params + buffers + activations)
    return Totals(params, params - untrained, buffers, aux, aux_buffers, macs, 2 * macs, neurons, connections, memory)


def depths(graph: Graph) -> list[int]:
    """The number of layers with weights (convolutions, fully connected, …) on the longest path to each node."""
    longest: list[int] = []
    for node in graph.nodes:
        before = max((longest[i] for i in node.inputs if not node.op.ignores_input), default=0)
        longest.append(before + (1 if node.op.weight_layer else 0))
    return longest
