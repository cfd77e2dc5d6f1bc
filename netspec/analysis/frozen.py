"""The layers that a recipe does not train."""

from __future__ import annotations

from netspec.graph import Graph, Node
from netspec.recipe import Recipe

__all__ = ["frozen_nodes", "labeled"]


def labeled(graph: Graph, label: str) -> list[Node]:
    """The layers of a label: the labeled layer with its norm and activation, or everything in the labeled group."""
    first = [n for n in graph.nodes if n.name == label or n.name.startswith(f"{label}.")]
    lines = {n.span.start for n in first if n.name == label}
    found = [n for n in graph.nodes if n in first or (n.span.start in lines and n.name.startswith(f"{label}_"))]
    # weights belong to the layer that owns them
    return [graph.nodes[n.shares] if n.shares is not None else n for n in found]


def frozen_nodes(graph: Graph, recipe: Recipe | None) -> frozenset[int]:
    """The nodes that `freeze` names, or all but those that `train_only` names; none without a recipe."""
    if recipe is None:
        return frozenset()
    if (line := recipe.one("train_only")) is not None:
        return frozenset(range(len(graph.nodes))) - _named(graph, line.labels)
    line = recipe.one("freeze")
    return _named(graph, line.labels) if line is not None else frozenset()


def _named(graph: Graph, labels: tuple[str, ...]) -> frozenset[int]:
    return frozenset(n.index for label in labels for n in labeled(graph, label))
