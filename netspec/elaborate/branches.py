"""Branches that do not fit together: which sizes differ, where they parted, and the edits that bring them together.

The edits are found by trying: one option of one layer of a branch is changed, and the branch is inferred again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Edit, Fix, Label
from netspec.elaborate.edits import change_fixes, changed
from netspec.elaborate.state import Tensor, ordinal
from netspec.graph import Node, TensorType
from netspec.ops.join import Concat
from netspec.ops.op import Change, Misfit, Op
from netspec.ops.windows import AXES
from netspec.source import Span

if TYPE_CHECKING:
    from netspec.elaborate.builder import GraphBuilder

__all__ = ["matching_edits", "paths", "projection_text", "report_branches", "turning_points"]

_LONGEST = 40


def report_branches(
    run: GraphBuilder, misfit: Misfit, op: Op, inputs: Sequence[Tensor], span: Span, branches: Sequence[Span]
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
    fixes: list[Fix] = []
    for which, goal in ((odd, types[usual]), (usual, types[odd])):
        where = f"the {ordinal(which + 1)} branch"
        fixes += matching_edits(run, ways[which], _goal(op, types[which], goal), where)
        fixes += _replaced_identity(ways[which], which, types[which], goal)
    if branches:
        for which, goal in ((odd, types[usual]), (usual, types[odd])):
            kinds = {str(_compared(op, kind)) for i, kind in enumerate(types) if i != which}
            if len(kinds) > 1:
                continue  # one branch less in the way would not be enough
            goal = _goal(op, types[which], goal)
            fixes += _resized(types[which], goal, branches[which], ordinal(which + 1), enlarge=not fixes)
    for help_ in (h for h in misfit.helps if h.startswith("FC makes")):
        vectors = next((i for i, kind in enumerate(types) if kind.layout == "vector"), None)
        fixes += _without_vectors(ways[vectors], help_) if vectors is not None else []
    helps = list(dict.fromkeys([*misfit.helps, *(fix.title for fix in fixes)]))
    run.error(
        misfit.code, misfit.message, span, label=label, notes=notes, helps=helps,
        secondary=[s for s in secondary if s.span != span][:3], fixes=fixes,
    )  # fmt: skip


def paths(run: GraphBuilder, inputs: Sequence[Tensor]) -> list[list[Node]]:
    """For each branch its layers behind the tensor that all branches come from, first to last."""
    chains = [list(_back(run, tensor)) for tensor in inputs]
    common = set.intersection(*({node.index for node in chain} for chain in chains)) if chains else set()
    return [[node for node in reversed(chain) if node.index not in common] for chain in chains]


def _back(run: GraphBuilder, tensor: Tensor) -> Iterator[Node]:
    index = tensor.node
    for _ in range(_LONGEST):
        if index is None:
            return
        node = run.graph.nodes[index]
        yield node
        index = node.inputs[0] if node.inputs else None


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
    if isinstance(op, Concat) and op.axis == "channels" and mine.layout == other.layout == "map":
        return mine.with_spatial(mine.features, other.spatial)
    return other


def _differences(op: Op, one: TensorType, other: TensorType) -> list[str]:
    if one.layout != "map" or other.layout != "map" or one.rank != other.rank:
        return []
    names = ("channels", *AXES[one.rank])
    ignored = op.axis if isinstance(op, Concat) else ""
    parted = [
        f"{name} {a} and {b}"
        for name, a, b in zip(names, one.shape, other.shape, strict=True)
        if a != b and name != ignored
    ]
    return [f"they differ in {', '.join(parted)}"] if parted else []


def _turns(run: GraphBuilder, way: Sequence[Node]) -> Iterator[tuple[Node, TensorType]]:
    """The layers of a branch that change the size of the image, with what comes into them."""
    for node in way:
        before = run.graph.nodes[node.inputs[0]].type if node.inputs else node.type
        if before.layout == node.type.layout == "map" and node.type.spatial != before.spatial:
            yield node, before


def turning_points(run: GraphBuilder, way: Sequence[Node], other: TensorType) -> list[Label]:
    """The layers of a branch that brought it to sizes that the other does not have."""
    return [
        Label(node.span, f"{_times(before.spatial)} becomes {_times(node.type.spatial)} here")
        for node, before in _turns(run, way)
        if other.layout != "map" or node.type.spatial != other.spatial
    ]


def matching_edits(run: GraphBuilder, way: Sequence[Node], goal: TensorType, where: str) -> list[Fix]:
    """Fixes to review: each changes one option of one layer so that the branch gives the goal."""
    way = [node for node in way if node.inputs]  # a branch may begin at an input of the net
    fixes = _padded_throughout(run, way, goal, where)
    for i, node in enumerate(way):
        for option, value in _candidates(node.op, goal):
            if _result(run, way[i:], node, option, value) != goal:
                continue
            shown = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
            text = changed(node.span.text, type(node.op), option, shown)
            if text is None:
                continue
            title = f"in {where}, `{text}` in place of `{node.span.text}` gives {goal}"
            fixes += change_fixes(type(node.op), node.span, [Change(title, option, shown)])
            break
        else:
            fixes += _size_kept(run, way[i:], goal, where)
    return fixes


def _size_kept(run: GraphBuilder, way: Sequence[Node], goal: TensorType, where: str) -> list[Fix]:
    """The fix that makes the first layer of a branch, a pooling with its stride as by default, keep the size of its input."""
    node = way[0]
    kernel, stride = getattr(node.op, "kernel", None), getattr(node.op, "stride", None)
    if not kernel or stride == (1,) or any(k % 2 == 0 for k in kernel) or not all(map(_reads_one, way)):
        return []
    pad = tuple(k // 2 for k in kernel)
    try:
        values = {**{name: getattr(node.op, name) for name in node.op.options}, "stride": (1,), "pad": pad}
        kind = run.infer(type(node.op)(**values), run.graph.input_types(node))[0]
        for later in way[1:]:
            kind = run.infer(later.op, (kind,))[0]
    except (Misfit, ArithmeticError, TypeError, ValueError):
        return []
    text = changed(node.span.text, type(node.op), "stride", "1")
    text = changed(text, type(node.op), "pad", "x".join(map(str, pad))) if text is not None else None
    if kind != goal or text is None:
        return []
    title = f"in {where}, `{text}` in place of `{node.span.text}` gives {goal}"
    return [Fix.replace(node.span, text, title)]


def _without_vectors(way: Sequence[Node], title: str) -> list[Fix]:
    """The fix that writes the units of a gate as 1x1 convolutions, which keep an image of 1x1."""
    units = [node for node in way if node.kind == "FC"]
    plain = all(re.match(r"FC-", node.span.text, re.IGNORECASE) for node in units)
    edits = [Edit(Span(node.span.source, node.span.start, node.span.start + 2), "conv1") for node in units]
    return [Fix(title, tuple(edits))] if units and plain else []


def _padded_throughout(run: GraphBuilder, way: Sequence[Node], goal: TensorType, where: str) -> list[Fix]:
    """The fix that pads every convolution of a branch by half of its kernel, where several of them do not pad."""
    bare = [node for node in way if getattr(node.op, "pad", None) == (0,) and node.kind == "conv"]
    if len(bare) < 2 or not all(map(_reads_one, way)):
        return []
    kind = run.graph.input_types(way[0])[0]
    try:
        for node in way:
            op = node.op
            if node in bare:
                op = type(op)(**{**{name: getattr(op, name) for name in op.options}, "pad": "same"})
            kind = run.infer(op, (kind,))[0]
    except Misfit:
        return []
    title = f"`pad=same` on every convolution of {where} gives {goal}"
    edits = [
        fix.edits for node in bare for fix in change_fixes(type(node.op), node.span, [Change(title, "pad", "same")])
    ]
    whole = kind == goal and len(edits) == len(bare) == len({node.span for node in bare})
    return [Fix(title, tuple(edit for group in edits for edit in group))] if whole else []


def _reads_one(node: Node) -> bool:
    """Whether a layer depends on the branch alone; what a join gives depends on its other branches too."""
    return len(node.inputs) == 1


def _candidates(op: Op, goal: TensorType) -> Iterator[tuple[str, Any]]:
    """Values that are worth trying, the likeliest first."""
    options = op.options
    if "pad" in options and "kernel" in options:
        largest = max(op.kernel)  # type: ignore[attr-defined]
        half = (largest - 1) // 2
        for pad in dict.fromkeys((half, *range(min(largest, 8)))):
            yield "pad", (pad,)
    if "stride" in options:
        for stride in (1, 2, 3, 4):
            yield "stride", (stride,)
    if "width" in options:
        yield "width", goal.features


def _result(run: GraphBuilder, way: Sequence[Node], node: Node, option: str, value: Any) -> TensorType | None:
    """What a branch would give with another value for an option of its first layer."""
    try:
        values = {name: getattr(node.op, name) for name in node.op.options}
        if values[option] == value or not all(map(_reads_one, way)):
            return None
        kind = run.infer(type(node.op)(**{**values, option: value}), run.graph.input_types(node))[0]
        for later in way[1:]:
            if len(later.inputs) != 1:
                return None
            kind = run.infer(later.op, (kind,))[0]
    except (Misfit, ArithmeticError, TypeError, ValueError):
        return None
    return kind


def _replaced_identity(way: Sequence[Node], which: int, mine: TensorType, goal: TensorType) -> list[Fix]:
    """For a branch that is `identity`, the projection that brings it to the other's shape."""
    places = [node for node in way if node.kind == "identity"]
    projection = projection_text(mine, goal)
    if len(way) != 1 or not places or projection is None:
        return []
    title = f"project the {ordinal(which + 1)} branch: `{projection}` in place of `identity` gives {goal}"
    return [Fix.replace(places[0].span, projection, title)]


def _resized(mine: TensorType, goal: TensorType, branch: Span, which: str, *, enlarge: bool) -> list[Fix]:
    """The layer that, put behind a branch, brings its image to the size of the other: cut, or enlarged."""
    if mine.layout != "map" or goal.layout != "map" or mine.rank != goal.rank or mine.features != goal.features:
        return []
    pairs = list(zip(mine.spatial, goal.spatial, strict=True))
    if all(n <= w < 2 * n for w, n in pairs):
        layer, does = f"crop {_times(goal.spatial)}", "cut"
    elif enlarge and all(w < n for w, n in pairs):
        factors = {n / w for w, n in pairs}
        whole = len(factors) == 1 and min(factors).is_integer()
        layer, does = f"upsample {min(factors):g}" if whole else f"resize {_times(goal.spatial)}", "enlarge"
    else:
        return []
    text = " ".join(branch.text.split())
    shown = f"`{text} -> {layer}`" if len(text) <= _LONGEST else f"` -> {layer}` behind it"
    title = f"{does} the {which} branch: {shown} gives {goal}"
    return [Fix(title, (Edit(Span(branch.source, branch.end, branch.end), f" -> {layer}"),))]


def projection_text(mine: TensorType, goal: TensorType) -> str | None:
    """The 1x1 convolution from one shape to another; None where there is none."""
    if mine.layout != "map" or goal.layout != "map" or mine.rank != goal.rank:
        return None
    if mine.spatial == goal.spatial:
        return f"conv1-{goal.features}"
    strides = {w // n for w, n in zip(mine.spatial, goal.spatial, strict=True)}
    for stride in sorted(strides):
        if stride > 1 and all(-(-w // stride) == n for w, n in zip(mine.spatial, goal.spatial, strict=True)):
            return f"conv1-{goal.features}/{stride}"
    return None


def _times(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))
