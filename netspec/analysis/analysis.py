"""The figures of one network under given conditions, by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from netspec.analysis.conditions import Conditions
from netspec.analysis.figures import FIGURES, Value
from netspec.analysis.graph_facts import GraphFacts
from netspec.analysis.resources import largest_batch
from netspec.graph import Graph, Node, Region

if TYPE_CHECKING:
    from netspec.analysis.explain import Explained

__all__ = ["Analysis"]


class Analysis:
    """Figures by name (`FIGURES`) of layers, parts and the whole of a checked graph.

    Facts are computed when they are first asked for, then kept. Every method raises KeyError for a name that is not a
    figure, and gives None where the figure has no value there.
    """

    def __init__(self, graph: Graph, conditions: Conditions | None = None) -> None:
        self.facts = GraphFacts(graph, conditions)

    @property
    def graph(self) -> Graph:
        return self.facts.graph

    @property
    def conditions(self) -> Conditions:
        return self.facts.conditions

    def layer(self, name: str, node: Node) -> Value | None:
        """A figure of one layer."""
        figure = FIGURES[name]
        return figure.layer(self.facts, node) if figure.layer is not None else None

    def of(self, name: str, part: Region | Iterable[Node]) -> Value | None:
        """A figure of a part: a region (a block instance, a label) or some nodes, in their order."""
        figure = FIGURES[name]
        nodes = list(part.nodes() if isinstance(part, Region) else part)
        return figure.part(self.facts, nodes) if figure.part is not None else None

    def total(self, name: str) -> Value | None:
        """A figure of the whole network."""
        return self.of(name, self.graph.nodes)

    def explain(self, node: Node) -> list[Explained]:
        """The arithmetic of a layer, line by line: its output sizes, parameters, MACs and receptive field.

        Every result equals the figure of the layer; MACs are those of netspec's own convention.
        """
        from netspec.analysis.explain import explain

        return explain(self.facts, node)

    def largest_batch(self, capacity: int | None = None) -> int:
        """The largest batch that fits into so many bytes (default: the memory of the device, else 80 GB).

        Counts training with the optimizer of the conditions; without one, inference. 0 where not one example fits.
        """
        return largest_batch(self.facts, capacity)

    def text(self, name: str, value: Value | None) -> str:
        """A value of a figure, as a table shows it."""
        return FIGURES[name].text(value)
