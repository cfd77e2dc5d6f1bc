"""What the figures are computed from: one graph under given conditions, each fact computed once, when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from netspec.analysis.conditions import Conditions
from netspec.analysis.fields import Field, fields
from netspec.analysis.frozen import frozen_nodes
from netspec.analysis.totals import depths
from netspec.graph import Graph, Node

if TYPE_CHECKING:
    from netspec.analysis.memory import KeptMemory
    from netspec.analysis.roofline import Cost

__all__ = ["GraphFacts"]


class GraphFacts:
    """Facts about the nodes of one graph, by the index of the node."""

    def __init__(self, graph: Graph, conditions: Conditions | None = None) -> None:
        self.graph = graph
        self.conditions = conditions or Conditions()

    @cached_property
    def frozen(self) -> frozenset[int]:
        """Nodes whose parameters the recipe does not train (`freeze`, `train_only`)."""
        return frozen_nodes(self.graph, self.graph.recipe)

    @cached_property
    def depths(self) -> list[int]:
        """The number of layers with weights on the longest path to each node."""
        return depths(self.graph)

    @cached_property
    def sources(self) -> list[Node]:
        """The input that each node comes from, along its first inputs."""
        found: list[Node] = []
        for node in self.graph.nodes:
            found.append(found[node.inputs[0]] if node.inputs else node)
        return found

    @cached_property
    def fields(self) -> list[Field]:
        """The receptive field of each node."""
        return fields(self.graph)

    @cached_property
    def macs(self) -> list[int]:
        """Multiply-accumulates of each node for one input, as netspec or the tool of the conditions counts them."""
        if self.conditions.macs == "netspec":
            return [node.macs for node in self.graph.nodes]
        from netspec.analysis.dialects import DIALECTS

        dialect = DIALECTS[self.conditions.macs]
        return [dialect.macs(self.graph, node) for node in self.graph.nodes]

    @cached_property
    def kept(self) -> KeptMemory:
        """What a training step keeps between its forward and its backward pass."""
        from netspec.analysis.memory import kept_for_backward

        return kept_for_backward(self.graph, self.conditions.dtype, self.frozen)

    @cached_property
    def peak(self) -> tuple[int, Node]:
        """The most bytes of activations of one example that inference holds at once, and where."""
        from netspec.analysis.memory import peak_of_inference

        return peak_of_inference(self.graph, self.conditions.dtype)

    @cached_property
    def costs(self) -> list[Cost]:
        """What each layer computes and moves, and how long that takes on the device."""
        from netspec.analysis.roofline import cost

        return [cost(self.graph, node, self.macs[node.index], self.conditions) for node in self.graph.nodes]

    def counted(self, nodes: Iterable[Node]) -> list[Node]:
        """Some nodes without those of auxiliary heads, unless there are no others."""
        nodes = list(nodes)
        return [n for n in nodes if not n.aux] or nodes

    def ends(self, nodes: Sequence[Node]) -> list[Node]:
        """The nodes at which a part of the network ends: the outputs of the whole net, else its last node."""
        if len(nodes) == len(self.graph.nodes) and self.graph.outputs:
            return [self.graph.nodes[i] for _, i in self.graph.outputs]
        return self.counted(nodes)[-1:]
