"""Branches that do not fit together: which sizes differ, where they parted, and the edits that bring them together (`matching`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Fix, Label
from netspec.elaborate.matching import (
    behind_branch,
    matching_edits,
    projected,
    replaced_identity,
    resized,
    times,
    without_vectors,
)
from netspec.elaborate.state import Tensor, ordinal
from netspec.graph import Node, TensorType
from netspec.ops.join import Add, Concat, Multiply
from netspec.ops.op import Misfit, Op
from netspec.ops.windows import AXES
from netspec.source import Span

if TYPE_CHECKING:
    from netspec.elaborate.builder import ElaborationContext

__all__ = ["layers_before", "layers_behind", "paths", "report_branches", "turning_points"]

_LONGEST = 40


def report_branches(
    run: ElaborationContext, misfit: Misfit, op: Op, inputs: Sequence[Tensor], span: Span, branches: Sequence[Span]
) -> None:
    """The finding of a join whose branches do not fit together, at the branch that differs where those are written."""
    types = [tensor.type for tensor in inputs if tensor.type is not None]
    ways = paths(run, inputs)
    odd, usual = _odd_one(op, types, [sum(1 for _ in _turns(run, way)) for way in ways])
    notes = [*misfit.notes, *_differences(op, types[odd], types[usual])]
    secondary = [*turning_points(run, ways[odd], types[usual]), *turning_points(run, ways[usual], types[odd])]
    told = {turn.span for turn in secondary}
    items = run.diagnostics.items  # what a layer drops is no second finding where its size is the mistake
    items[:] = [d for d in items if not (d.code == "NS305" and d.span in told)]
    label = f"branch {odd + 1} gives {types[odd]}"
    if branches:
        span = branches[odd]
        label += "".join(f": {turn.text}" for turn in secondary if turn.span == span)
        others = [turn for turn in secondary if turn.span not in (span, branches[usual])]
        secondary = [Label(branches[usual], f"branch {usual + 1} gives {types[usual]}"), *others]
    else:
        label += f", branch {usual + 1} gives {types[usual]}"
    fixes = _edits(run, op, types, ways, odd, usual, branches) if not run.diagnostics.brief else []
    for help_ in (h for h in misfit.helps if h.startswith("FC makes")):
        vectors = next((i for i, kind in enumerate(types) if kind.layout == "vector"), None)
        fixes += without_vectors(ways[vectors], help_) if vectors is not None else []
    helps = list(dict.fromkeys([*misfit.helps, *(fix.title for fix in fixes)]))
    run.error(
        misfit.code, misfit.message, span, label=label, notes=notes, helps=helps,
        secondary=[s for s in secondary if s.span != span][:3], fixes=fixes,
    )  # fmt: skip


def _edits(
    run: ElaborationContext, op: Op, types: Sequence[TensorType], ways: Sequence[Sequence[Node]], odd: int, usual: int,
    branches: Sequence[Span],
) -> list[Fix]:  # fmt: skip
    """What may bring the odd branch to the shape of the others, or a single other one to its shape."""
    fixes: list[Fix] = []
    behind: list[Fix] = []
    shortcut_first = len(branches) == 2 and branches[0].text.startswith("{") and isinstance(op, Add)
    pairs = ((odd, usual), (usual, odd)) if not shortcut_first else ((1, 0), (0, 1))
    for which, other in pairs:
        mine, goal = types[which], _goal(op, types[which], types[other])
        part = branches[which] if branches else None
        where = f"the {ordinal(which + 1)} branch"
        if isinstance(op, Multiply) and goal.spatial and set(goal.spatial) == {1} and mine.spatial != goal.spatial:
            continue  # what is weighed is not brought to the size of its weights
        fixes += matching_edits(run, ways[which], goal, where, part)
        fixes += replaced_identity(ways[which], which, mine, goal)
        if part is not None:
            behind += resized(mine, goal, part, ordinal(which + 1))
            fixes += projected(mine, goal, part, ordinal(which + 1))
    if isinstance(op, Concat) and branches:
        behind += _flattened(types, branches)
    inside = [fix for fix in fixes if not fix.title.startswith("at line")]
    outside = [fix for fix in fixes if fix.title.startswith("at line")]
    parts = {fix: fix.title.partition(" in place of ") for fix in outside}
    padded = [fix for fix in outside if "pad=" in parts[fix][0] and "pad=" not in parts[fix][2]]
    rest = [fix for fix in outside if fix not in padded]
    return [*inside, *(replace(fix, fallback=True) for fix in (*padded, *behind, *rest))]


def _flattened(types: Sequence[TensorType], branches: Sequence[Span]) -> list[Fix]:
    """The fix that joins vectors, where one of the branches gives an image."""
    images = [branch for kind, branch in zip(types, branches, strict=True) if kind.layout == "map"]
    if len(images) != 1:
        return []
    i = branches.index(images[0])
    return [behind_branch(images[0], "flatten", f"flatten the {ordinal(i + 1)} branch", str(types[i].size))]


def paths(run: ElaborationContext, inputs: Sequence[Tensor]) -> list[list[Node]]:
    """For each branch its layers behind the tensor that all branches come from, first to last."""
    chains = [list(_back(run, tensor)) for tensor in inputs]
    common = set.intersection(*({node.index for node in chain} for chain in chains)) if chains else set()
    return [[node for node in reversed(chain) if node.index not in common] for chain in chains]


def _back(run: ElaborationContext, tensor: Tensor) -> Iterator[Node]:
    index = tensor.node
    for _ in range(_LONGEST):
        if index is None:
            return
        node = run.graph.nodes[index]
        yield node
        index = node.inputs[0] if node.inputs else None


def layers_before(run: ElaborationContext, tensor: Tensor) -> list[Node]:
    """The layers that stand behind the last one with a width of its own before a tensor, and that one."""
    found: list[Node] = []
    for node in _back(run, tensor):
        found.insert(0, node)
        if "width" in node.op.options or len(node.inputs) != 1:
            break
    return found


def layers_behind(run: ElaborationContext, index: int) -> list[Node]:
    """The layers on the way to a node, as far as each reads one tensor."""
    found: list[Node] = []
    for node in _back(run, Tensor(index, run.graph.nodes[index].type)):
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


def _goal(op: Op, mine: TensorType, other: TensorType) -> TensorType:
    """What a branch would have to give."""
    if isinstance(op, Add) and mine.layout == other.layout == "map" and set(mine.spatial) == {1}:
        return mine.with_spatial(other.features, mine.spatial)  # it is spread over the other
    if isinstance(op, Concat) and op.axis == "channels" and mine.layout == other.layout == "map":
        return mine.with_spatial(mine.features, other.spatial)
    return other


def _differences(op: Op, one: TensorType, other: TensorType) -> list[str]:
    if one.layout != "map" or other.layout != "map" or one.rank != other.rank:
        return []
    names = ("channels", *AXES[one.rank])
    ignored = op.axis if isinstance(op, Concat) else ""
    if isinstance(op, Add) and 1 in (*set(one.spatial), *set(other.spatial)) and one.features != other.features:
        return [f"they differ in channels {one.features} and {other.features}; 1x1 would be spread over the image"]
    parted = [
        f"{name} {a} and {b}"
        for name, a, b in zip(names, one.shape, other.shape, strict=True)
        if a != b and name != ignored
    ]
    return [f"they differ in {', '.join(parted)}"] if parted else []


def _turns(run: ElaborationContext, way: Sequence[Node]) -> Iterator[tuple[Node, TensorType]]:
    """The layers of a branch that change the size of the image, with what comes into them."""
    for node in way:
        before = run.graph.nodes[node.inputs[0]].type if node.inputs else node.type
        if before.layout == node.type.layout == "map" and node.type.spatial != before.spatial:
            yield node, before


def turning_points(run: ElaborationContext, way: Sequence[Node], other: TensorType) -> list[Label]:
    """The layers of a branch that brought it to sizes that the other does not have."""
    return [
        Label(node.span, f"{times(before.spatial)} becomes {times(node.type.spatial)} here")
        for node, before in _turns(run, way)
        if other.layout != "map" or node.type.spatial != other.spatial
    ]
