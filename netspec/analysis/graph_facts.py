"""What the figures are computed from: one graph under given conditions, each fact computed once, when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from netspec.analysis.conditions import Conditions
from netspec.analysis.fields import Field, fields
from netspec.analysis.frozen import frozen_nodes
from netspec.analysis.totals import depths
from netspec.graph import Graph, Node

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
    def fields(self) -> list[Field]:
        """The receptive field of each node."""
        return fields(self.graph)

    def counted(self, nodes: Iterable[Node]) -> list[Node]:
        """Some nodes without those of auxiliary heads, unless there are no others."""
        nodes = list(nodes)
        return [n for n in nodes if not n.aux] or nodes

    def ends(self, nodes: Sequence[Node]) -> list[Node]:
        """The nodes at which a part of the network ends: the outputs of the whole net, else its last node."""
        if len(nodes) == len(self.graph.nodes) and self.graph.outputs:
            return [self.graph.nodes[i] for _, i in self.graph.outputs]
        return self.counted(nodes)[-1:]
