"""The receptive field of a layer as the page draws it on the input."""

from __future__ import annotations

from typing import Any

from netspec.analysis.fields import sees_nothing
from netspec.analysis.graph_facts import GraphFacts
from netspec.diagnostics.display import printable
from netspec.graph import Node

__all__ = ["field_of"]


def field_of(facts: GraphFacts, node: Node) -> dict[str, Any] | None:
    """`FieldData` in `viewer/src/protocol.ts`; None for an input without axes, such as a vector, and for
    what does not depend on it.

    `axes` has, for each axis of the input, the first and last position that output positions 0, 1 and the middle one depend on
    (negative ones, and those after the input, are padding); it is empty where every position depends on the whole input.
    """
    source = facts.sources[node.index]
    sizes = source.type.spatial
    if not sizes:
        return None
    field = facts.fields[node.index]
    if sees_nothing(field):
        return None
    found: dict[str, Any] = {"input": printable(source.name), "sizes": list(sizes), "axes": []}
    if field is None or len(field) != len(sizes):
        return found
    counts = node.type.spatial if node.type.rank == len(sizes) else (1,) * len(sizes)
    for axis, count in zip(field, counts, strict=True):
        middle = count // 2
        found["axes"].append(
            {
                "size": axis.size,
                "stride": str(axis.stride),
                "count": count,
                "first": axis.sees(0),
                "second": axis.sees(1) if count > 1 else None,
                "middle": axis.sees(middle),
                "position": middle,
            }
        )
    return found
