"""The layers that a recipe does not train."""

from __future__ import annotations

from netspec.graph import Graph, Node
from netspec.recipe import Recipe

__all__ = ["frozen_nodes", "labeled", "unfrozen_backward"]


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


def unfrozen_backward(graph: Graph, every: int) -> dict[int, int]:
    """The number of epochs before each layer is trained, if every so many epochs one more part is, from the output to the input."""
    order = list(dict.fromkeys(map(_part, filter(_has_weights, graph.nodes))))
    place = {part: len(order) - 1 - number for number, part in enumerate(order)}
    return {node.index: every * place[_part(node)] for node in graph.nodes if _part(node) in place}


def _has_weights(node: Node) -> bool:
    return node.shares is None and any(param.trainable for param in node.params)


def _part(node: Node) -> str | int:
    """What is unfrozen together: a block of the net, or a layer outside of blocks with its norm."""
    block, dot, _ = node.name.partition(".")
    return block if dot else node.span.start
