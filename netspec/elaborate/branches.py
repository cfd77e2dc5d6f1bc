"""Branches that do not fit together: which sizes differ, and which layers made them differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Label
from netspec.elaborate.facts import UnequalBranches
from netspec.elaborate.state import Site, Tensor
from netspec.graph import Graph, Node, TensorType
from netspec.ops.join import Concat, Elementwise
from netspec.ops.op import Misfit, Op
from netspec.ops.windows import AXES

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["layers_before", "paths", "report_branches", "turning_points", "way_to"]

_LONGEST = 40


def report_branches(run: ElaborationContext, misfit: Misfit, op: Op, inputs: Sequence[Tensor], site: Site) -> None:
    """The error of a join whose branches do not fit together, at the branch that differs where those are written."""
    types = [tensor.type for tensor in inputs if tensor.type is not None]
    ways = paths(run.graph, inputs)
    odd, usual = _odd_one(op, types, [sum(1 for _ in _turns(run.graph, way)) for way in ways])
    notes = [*misfit.notes, *_differences(op, types[odd], types[usual])]
    secondary = [
        *turning_points(run.graph, ways[odd], types[usual]),
        *turning_points(run.graph, ways[usual], types[odd]),
    ]
    shown = {turn.span for turn in secondary}
    items = run.diagnostics.items  # what a layer drops is no second mistake where its size is the mistake
    items[:] = [d for d in items if not (d.code == "NS305" and d.span in shown)]
    branches, span = site.branches, site.span
    label = f"branch {odd + 1} gives {types[odd]}"
    if branches:
        span = branches[odd]
        label += "".join(f": {turn.text}" for turn in secondary if turn.span == span)
        others = [turn for turn in secondary if turn.span not in (span, branches[usual])]
        secondary = [Label(branches[usual], f"branch {usual + 1} gives {types[usual]}"), *others]
    else:
        label += f", branch {usual + 1} gives {types[usual]}"
    run.error(
        misfit.code, misfit.message, span, label=label, notes=notes, helps=misfit.helps,
        secondary=[s for s in secondary if s.span != span][:3],
        facts=UnequalBranches(op, tuple(types), tuple(map(tuple, ways)), odd, usual, branches),
    )  # fmt: skip


def paths(graph: Graph, inputs: Sequence[Tensor]) -> list[list[Node]]:
    """For each branch its layers after the tensor that all branches come from, first to last."""
    chains = [list(_back(graph, tensor.node)) for tensor in inputs]
    common = set.intersection(*({node.index for node in chain} for chain in chains)) if chains else set()
    return [[node for node in reversed(chain) if node.index not in common] for chain in chains]


def _back(graph: Graph, index: int | None) -> Iterator[Node]:
    for _ in range(_LONGEST):
        if index is None:
            return
        node = graph.nodes[index]
        yield node
        index = node.inputs[0] if node.inputs else None


def layers_before(graph: Graph, tensor: Tensor) -> list[Node]:
    """The last layer with a width of its own before a tensor, and those after it."""
    found: list[Node] = []
    for node in _back(graph, tensor.node):
        found.insert(0, node)
        if "width" in node.op.options or len(node.inputs) != 1:
            break
    return found


def way_to(graph: Graph, index: int) -> list[Node]:
    """The layers on the way to a node, as far as each reads one tensor."""
    found: list[Node] = []
    for node in _back(graph, index):
        if len(node.inputs) != 1:
            break
        found.insert(0, node)
    return found


def _odd_one(op: Op, types: Sequence[TensorType], turns: Sequence[int]) -> tuple[int, int]:
    """The branch that agrees with the fewest others, and one of those that agree with the most; of branches that
    agree with as many, the odd one is that with the most layers that change the size."""
    keys = [str(_compared(op, kind)) for kind in types]
    usual = max(range(len(keys)), key=lambda i: (keys.count(keys[i]), -turns[i], -i))
    others = [i for i in range(len(keys)) if keys[i] != keys[usual]]
    return min(others, key=lambda i: (keys.count(keys[i]), -turns[i], -i), default=0), usual


def _compared(op: Op, kind: TensorType) -> tuple[Any, ...]:
    if isinstance(op, Concat) and op.axis == "channels":
        return kind.layout, kind.spatial
    return kind.layout, kind.shape


def _differences(op: Op, one: TensorType, other: TensorType) -> list[str]:
    if one.layout != "map" or other.layout != "map" or one.rank != other.rank:
        return []
    names = ("channels", *AXES[one.rank])
    ignored = op.axis if isinstance(op, Concat) else ""
    if isinstance(op, Elementwise) and 1 in (*set(one.spatial), *set(other.spatial)) and one.features != other.features:
        return [f"they differ in channels {one.features} and {other.features}; 1x1 would be spread over the image"]
    parted = [
        f"{name} {a} and {b}"
        for name, a, b in zip(names, one.shape, other.shape, strict=True)
        if a != b and name != ignored
    ]
    return [f"they differ in {', '.join(parted)}"] if parted else []


def _turns(graph: Graph, way: Sequence[Node]) -> Iterator[tuple[Node, TensorType]]:
    """The layers of a branch that change the size of the image, with what comes into them."""
    for node in way:
        before = graph.nodes[node.inputs[0]].type if node.inputs else node.type
        if before.layout == node.type.layout == "map" and node.type.spatial != before.spatial:
            yield node, before


def turning_points(graph: Graph, way: Sequence[Node], other: TensorType) -> list[Label]:
    """The layers of a branch that brought it to sizes that the other does not have."""

    def text(kind: TensorType) -> str:
        return "x".join(map(str, kind.spatial))

    return [
        Label(node.span, f"{text(before)} becomes {text(node.type)} here")
        for node, before in _turns(graph, way)
        if other.layout != "map" or node.type.spatial != other.spatial
    ]
