"""Receptive fields: which part of the input each position of each tensor depends on.

Computed exactly from the geometry of every layer, over all branches. What a norm takes from the statistics of the whole
tensor is not counted, as in the literature (Araujo et al. 2019).
"""

from __future__ import annotations

from functools import reduce
from typing import TypeAlias

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
    """The field of every node, by its index."""
    found: list[Field] = []
    left = _WORK
    for node in graph.nodes:
        field: Field = (SAME,) * node.type.rank
        if node.inputs:
            field = _field(graph, node, found, exact=left > 0)
            left -= sum(len(axis.lows) - 1 for axis in field or ())
        found.append(field)
    return found


def _field(graph: Graph, node: Node, found: list[Field], exact: bool) -> Field:
    if node.op.ignores_input:
        return (NOTHING,) * _rank(graph, node)
    read = node.inputs[:1] if node.op.measures_second else node.inputs
    before = _joined([found[i] for i in read])
    if sees_nothing(before):
        return before
    steps = node.op.reach_to(graph.nodes[node.inputs[0]].type, node.type)
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
