"""Receptive fields: which part of the input each position of each tensor depends on.

Computed exactly from the geometry of every layer, over all branches. What a norm takes from the statistics of the whole
tensor is not counted, as in the literature (Araujo et al. 2019).
"""

from __future__ import annotations

from functools import reduce
from typing import TypeAlias

from netspec.analysis.window_fields import CUTS, JOINS, in_first_window, seen_through
from netspec.graph import Graph, Node
from netspec.ops.reach import SAME, Reach

__all__ = ["Field", "fields", "sees_nothing", "size_within"]

Field: TypeAlias = "tuple[Reach, ...] | None"
"""For each spatial axis of the input what a position depends on; None: on the whole input."""

NOTHING = Reach((0,), (-1,))
"""Along an axis, of what does not depend on the input."""
_WORK = 10**6
"""Positions that see different parts, over all layers; in a network with more, the rest is taken at position 0."""


def fields(graph: Graph) -> list[Field]:
    """The field of every node, by its index; of a layer in the body of `windows`, that of the first window."""
    found: list[Field] = []
    cut: list[int] = []
    """For each node in windows the node that was cut into them."""
    left = _WORK
    for node in graph.nodes:
        field: Field = (SAME,) * node.type.rank
        source = cut[node.inputs[0]] if node.inputs else -1
        if isinstance(node.op, CUTS):
            source = node.inputs[0]
        elif isinstance(node.op, JOINS):
            steps = seen_through(graph.nodes[node.inputs[0]].type, found[node.inputs[0]])
            field, source = _then(found[source], steps, node, exact=left > 0), cut[source]
        elif node.inputs:
            field = _field(graph, node, found, exact=left > 0)
        left -= sum(len(axis.lows) - 1 for axis in field or ())
        found.append(field)
        cut.append(source)
    return [_outside(graph, found, cut, i) for i in range(len(found))]


def _outside(graph: Graph, found: list[Field], cut: list[int], index: int) -> Field:
    """The field of a node on the input, where `found` has that on its window."""
    field, node = found[index], graph.nodes[index]
    while cut[index] >= 0:
        steps, index = in_first_window(node.type, field), cut[index]
        field = _then(found[index], steps, node, exact=True)
        node = graph.nodes[index]
    return field


def _field(graph: Graph, node: Node, found: list[Field], exact: bool) -> Field:
    if node.op.ignores_input:
        return (NOTHING,) * _rank(graph, node)
    read = node.inputs[:1] if node.op.measures_second else node.inputs
    before = _joined([found[i] for i in read])
    if sees_nothing(before):
        return before
    return _then(before, node.op.reach_to(graph.nodes[node.inputs[0]].type, node.type), node, exact=exact)


def _then(before: Field, steps: Field, node: Node, *, exact: bool) -> Field:
    """What a layer sees of the input, if it sees `steps` of what sees `before`."""
    if before is None or steps is None or len(before) != len(steps):
        return None
    sizes = node.type.spatial if node.type.rank == len(steps) else (1,) * len(steps)
    sizes = sizes if exact else (1,) * len(steps)
    return tuple(
        field if step == SAME else field.then(step, size)
        for field, step, size in zip(before, steps, sizes, strict=True)
    )


def _rank(graph: Graph, node: Node) -> int:
    """The number of spatial axes of the input that a node comes from."""
    while node.inputs:
        node = graph.nodes[node.inputs[0]]
    return node.type.rank


def sees_nothing(field: Field) -> bool:
    """Whether it is the field of what does not depend on the input."""
    return bool(field) and all(axis == NOTHING for axis in field or ())


def _joined(branches: list[Field]) -> Field:
    branches = [field for field in branches if not sees_nothing(field)] or branches[:1]
    known = [field for field in branches if field is not None]
    if len(known) < len(branches) or len({len(field) for field in known}) != 1:
        return None
    return tuple(reduce(Reach.joined, axis) for axis in zip(*known, strict=True))


def size_within(field: Field, input: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes of a field, at most those of the input."""
    if field is None or len(field) != len(input):
        return input
    return tuple(min(axis.size, size) for axis, size in zip(field, input, strict=True))
