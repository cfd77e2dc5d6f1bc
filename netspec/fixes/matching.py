"""Edits of a branch with which it gives another shape: one option of one of its layers is changed, and the branch inferred
again. What they do to the rest of the file is tried afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from netspec.diagnostics import Edit, Fix
from netspec.fixes.edits import insert_after
from netspec.fixes.fix_context import FixContext
from netspec.fixes.layer_text import change_fixes, changed, value_of_name, written
from netspec.graph import Node, TensorType
from netspec.ops.op import Change
from netspec.source import Span

__all__ = ["expressions", "matching_fixes", "projection", "resizing", "sizes_text"]


def matching_fixes(
    context: FixContext, way: Sequence[Node], goal: TensorType, where: str, part: Span | None = None
) -> Iterator[Fix]:
    """Each changes one option of one layer so that the branch gives the goal. `part` is the text of the branch: a layer
    outside of it is named by its line, and its fix is a fallback."""
    way = [node for node in way if node.inputs]  # a branch may begin at an input of the net
    yield from _padded_throughout(context, way, goal, where)
    seen: set[Span] = set()
    for i, node in enumerate(way):
        if node.span in seen:
            continue  # copies of a layer are changed together
        seen.add(node.span)
        inside = part is None or (node.span.source is part.source and part.start <= node.span.start < part.end)
        place = f"in {where}" if inside else f"at line {node.span.line}"
        found = list(_of_layer(context, way[i:], goal, place))
        for fix in found or _two_at_once(context, way[i:], goal, place):
            yield fix if inside else Fix(fix.title, fix.edits, fallback=True)


def _of_layer(context: FixContext, way: Sequence[Node], goal: TensorType, place: str) -> Iterator[Fix]:
    node = way[0]
    for option, value in _candidates(node, goal):
        if getattr(node.op, option) == value or _gives(context, way, {node.span: {option: value}}) != goal:
            continue
        fixes = list(_spelled(context, node, option, value, goal, place))
        yield from fixes
        if fixes:
            return


def _candidates(node: Node, goal: TensorType) -> Iterator[tuple[str, Any]]:
    """Values that are worth trying, the likeliest first."""
    op: Any = node.op
    if "output_pad" in op.options:
        yield "output_pad", (1,)
    if "round" in op.options:
        yield "round", "ceil"
    if "pad" in op.options and "kernel" in op.options:
        largest = max(op.kernel)
        reach = max(getattr(op, "dilation", None) or (1,)) * (largest - 1)
        for pad in dict.fromkeys((reach // 2, *range(min(largest, 8)))):
            yield "pad", (pad,)
    if "stride" in op.options:
        for stride in (1, 2, 3, 4):
            yield "stride", (stride,)
        if node.type.layout == "map" and node.type.rank == 3:
            yield "stride", (1, 2, 2)
    if "width" in op.options:
        yield "width", goal.features
        if goal.features % 2 == 0:
            yield "width", goal.features // 2  # of both directions together
    if "kernel" in op.options and node.kind == "convT":
        for kernel in (max(op.kernel) - 1, max(op.kernel) + 1):
            yield "kernel", (max(1, kernel),)


def _gives(context: FixContext, way: Sequence[Node], values: dict[Span, dict[str, Any]]) -> TensorType | None:
    """What a way gives with other values for options of the layers at some spans; None where it does not fit."""
    if not all(len(node.inputs) == 1 for node in way):
        return None  # what a join gives depends on its other branches too
    kind = context.input_types(way[0])[0]
    for node in way:
        op: Any = node.op
        if (new := values.get(node.span)) is not None and set(new) <= set(op.options):
            op = type(op)(**{**{name: getattr(op, name) for name in op.options}, **new})
        found = context.infer(op, (kind,))
        if found is None:
            return None
        kind = found[0]
    return kind


def _spelled(context: FixContext, node: Node, option: str, value: Any, goal: TensorType, place: str) -> Iterator[Fix]:
    """The fixes that give an option a value: where the name that it has is given it, by the expression that has it
    elsewhere, or as a number."""
    shown = sizes_text(value) if isinstance(value, tuple) else str(value)
    now = (written(node.span.text, type(node.op), option) or "").strip("() ")
    if now.isidentifier() and shown.isdigit() and (spot := value_of_name(node.region, now)) is not None:
        yield Fix(f"`{now}` of {shown} instead of {spot.text} gives {goal}", (Edit(spot, shown),))
    for text in expressions(context, node, option, value) or [shown]:
        new = changed(node.span.text, type(node.op), option, text)
        if new is not None:
            title = f"{place}, `{new}` instead of `{node.span.text}` gives {goal}"
            yield from change_fixes(type(node.op), node.span, [Change(title, option, text)])


def expressions(context: FixContext, node: Node, option: str, value: Any) -> list[str]:
    """How the block of a layer writes a value that is no plain number: as in other layers, or a parameter."""
    block: Any = node.region
    while block is not None and not block.block:
        block = block.parent
    if block is None or block.parent is None:
        return []
    found = []
    for other in block.nodes():
        if option in other.op.options and getattr(other.op, option) == value:
            text = written(other.span.text, type(other.op), option)
            if text and re.search(r"[A-Za-z]", text) and other.span.source is node.span.source:
                found.append(text)
    number = value[0] if isinstance(value, tuple) and len(value) == 1 else value
    found += [name for name, given in block.arguments if given == number and not isinstance(given, bool)]
    first = next((other for other in block.nodes() if other.inputs), None)
    if option == "width" and first is not None and context.input_types(first)[0].features == number:
        found.append("(in.channels)")
    return list(dict.fromkeys(found))


def _two_at_once(context: FixContext, way: Sequence[Node], goal: TensorType, place: str) -> Iterator[Fix]:
    """Changes of two options of the first layer: a pooling that keeps the size of its input, where its stride is its
    default; a window that leaves the depth of a volume alone. An upsampling by another factor."""
    node = way[0]
    op: Any = node.op
    if node.kind == "upsample" and len(way) == 1 and goal.layout == "map" and node.type.features == goal.features:
        layer = resizing(context.input_types(node)[0], goal)
        if layer is not None:
            yield Fix.replace(node.span, layer, f"{place}, `{layer}` instead of `{node.span.text}` gives {goal}")
        return
    kernel, stride = getattr(op, "kernel", None), getattr(op, "stride", (1,))
    pairs: list[dict[str, tuple[int, ...]]] = []
    if kernel and stride != (1,) and all(k % 2 for k in kernel):
        pairs.append({"stride": (1,), "pad": tuple(k // 2 for k in kernel)})
    if kernel and len(kernel) == 1 and node.type.layout == "map" and node.type.rank == 3:
        flat: dict[str, tuple[int, ...]] = {"kernel": (1, kernel[0], kernel[0])}
        pairs.append(flat if stride is None else {**flat, "stride": (1, stride[0], stride[0])})
    for pair in pairs:
        if set(pair) <= set(op.options) and _gives(context, way, {node.span: pair}) == goal:
            text: str | None = node.span.text
            for option, value in pair.items():
                text = changed(text, type(op), option, sizes_text(value)) if text is not None else None
            if text is not None:
                yield Fix.replace(node.span, text, f"{place}, `{text}` instead of `{node.span.text}` gives {goal}")
                return


def _padded_throughout(context: FixContext, way: Sequence[Node], goal: TensorType, where: str) -> Iterator[Fix]:
    """`pad=same` on every convolution of a branch, where several of them do not pad."""
    spans = list(dict.fromkeys(n.span for n in way if n.kind == "conv" and getattr(n.op, "pad", None) == (0,)))
    if len(spans) > 1 and _gives(context, way, {span: {"pad": "same"} for span in spans}) == goal:
        title = f"`pad=same` on every convolution of {where} gives {goal}"
        yield Fix(title, tuple(insert_after(span, " pad=same") for span in spans))


def projection(mine: TensorType, goal: TensorType) -> str | None:
    """The 1x1 convolution from one shape to another; None where there is none."""
    if mine.layout != "map" or goal.layout != "map" or mine.rank != goal.rank:
        return None
    if mine.spatial == goal.spatial:
        return f"conv1-{goal.features}"
    pairs = list(zip(mine.spatial, goal.spatial, strict=True))
    for stride in sorted({-(-w // n) for w, n in pairs}):
        if 1 < stride <= 8 and all(-(-w // stride) == n for w, n in pairs):
            return f"conv1-{goal.features}/{stride}"
    return None


def resizing(mine: TensorType, goal: TensorType) -> str | None:
    """The layer that crops, enlarges or pools one image to the size of another; None where there is none."""
    if mine.layout != "map" or goal.layout != "map" or mine.rank != goal.rank:
        return None
    pairs = list(zip(mine.spatial, goal.spatial, strict=True))
    if all(n <= w < 2 * n for w, n in pairs):
        return f"crop {sizes_text(goal.spatial)}"
    if all(w < n for w, n in pairs):
        factors = {n / w for w, n in pairs}
        whole = len(factors) == 1 and min(factors).is_integer()
        return f"upsample {min(factors):g}" if whole else f"resize {sizes_text(goal.spatial)}"
    if all(w > n and w % n == 0 for w, n in pairs) and len({w // n for w, n in pairs}) == 1:
        return f"maxpool{pairs[0][0] // pairs[0][1]}"
    return None


def sizes_text(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))
