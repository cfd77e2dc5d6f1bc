"""Totals of a network or of a part of it, following the conventions of the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from netspec.graph import Graph, Node

__all__ = ["CONVENTION", "Totals", "depth", "receptive_field", "totals"]

CONVENTION = (
    "MACs: multiply-accumulates of convolutions, fully connected layers, recurrent layers and attention for one input, "
    "without biases and including zero padding. FLOPs = 2 x MACs."
)


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
    within = all(node.aux for node in nodes)
    params = buffers = aux = aux_buffers = macs = neurons = connections = activations = 0
    for node in nodes:
        if node.aux and not within:
            aux += node.n_params
            aux_buffers += node.n_buffers
            continue
        params += node.n_params
        buffers += node.n_buffers
        macs += node.macs
        activations += node.type.size
        if node.inputs:
            if node.op.has_neurons:
                neurons += node.type.size
            connections += node.op.connection_count(*graph.input_types(node))
    memory = 4 * (params + buffers + activations)
    return Totals(params, params, buffers, aux, aux_buffers, macs, 2 * macs, neurons, connections, memory)


def depth(graph: Graph, output: int) -> int:
    """The number of layers with weights (convolutions, fully connected, …) on the longest path to a node."""
    longest = [0] * len(graph.nodes)
    for node in graph.nodes[: output + 1]:
        before = max((longest[i] for i in node.inputs), default=0)
        longest[node.index] = before + (1 if node.op.weight_layer else 0)
    return longest[output]


def receptive_field(graph: Graph, output: int) -> tuple[int, ...]:
    """The size of the input region, along each spatial axis, that one output element of a node depends on.

    Along a path, r' = r + (K - 1) j and j' = j S with K the effective kernel and j the product of the strides so far
    (Araujo et al. 2019). With several paths the largest value counts, limited to the size of the input.
    """
    first = _first_input(graph, output)
    whole = first.type.spatial
    fields: list[tuple[Sequence[Fraction], Sequence[Fraction]] | None] = []
    for node in graph.nodes[: output + 1]:
        if not node.inputs:
            fields.append(([Fraction(1)] * node.type.rank, [Fraction(1)] * node.type.rank))
            continue
        ways = [fields[i] for i in node.inputs]
        steps = node.op.window(graph.nodes[node.inputs[0]].type)
        known = [w for w in ways if w is not None]
        if steps is None or len(known) < len(ways) or any(len(w[0]) != len(steps) for w in known):
            fields.append(None)
            continue
        field = [max(w[0][a] for w in known) for a in range(len(steps))]
        jump = [max(w[1][a] for w in known) for a in range(len(steps))]
        fields.append(
            (
                [r + (k - 1) * j for r, j, (k, _) in zip(field, jump, steps, strict=True)],
                [j * s for j, (_, s) in zip(jump, steps, strict=True)],
            )
        )
    found = fields[output]
    if found is None or len(found[0]) != len(whole):
        return whole
    return tuple(min(ceil(r), w) for r, w in zip(found[0], whole, strict=True))


def _first_input(graph: Graph, output: int) -> Node:
    node = graph.nodes[output]
    while node.inputs:
        node = graph.nodes[node.inputs[0]]
    return node
