"""Edits that bring a branch to the shape that another has.

They are found by trying: one option of one layer of the branch is changed, and the branch is inferred again; or a layer is
put behind it. What they do to the rest of the file is tried afterwards (`trials`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Edit, Fix
from netspec.elaborate.edits import change_fixes, changed, value_of_name, written
from netspec.elaborate.state import ordinal
from netspec.graph import Node, TensorType
from netspec.ops.op import Change, Misfit
from netspec.source import Span

if TYPE_CHECKING:
    from netspec.elaborate.builder import ElaborationContext

__all__ = [
    "behind_branch",
    "brought_back",
    "matching_edits",
    "projected",
    "projection_text",
    "replaced_identity",
    "resized",
    "shortcut_text",
    "times",
    "token_wise",
    "without_vectors",
]

_LONGEST = 40


def matching_edits(
    run: ElaborationContext, way: Sequence[Node], goal: TensorType, where: str, part: Span | None = None
) -> list[Fix]:
    """Fixes to review: each changes one option of one layer so that the branch gives the goal.

    `part` is the text of the branch: a layer that stands outside of it is named by its line.
    """
    if run.diagnostics.brief:
        return []
    way = [node for node in way if node.inputs]  # a branch may begin at an input of the net
    fixes = _padded_throughout(run, way, goal, where)
    seen: set[Span] = set()
    for i, node in enumerate(way):
        if node.span in seen:
            continue  # copies of a layer are changed together
        seen.add(node.span)
        inside = part is None or (node.span.source is part.source and part.start <= node.span.start < part.end)
        place = f"in {where}" if inside else f"at line {node.span.line}"
        for option, value in _candidates(node, goal):
            if _result(run, way[i:], node, option, value) != goal:
                continue
            new = _spelled(run, node, option, value, goal, place)
            fixes += new
            if new:
                break
        else:
            fixes += _two_at_once(run, way[i:], goal, place)
    return fixes


def _spelled(run: ElaborationContext, node: Node, option: str, value: Any, goal: TensorType, place: str) -> list[Fix]:
    """The fixes that give an option a value: by the expression that has it elsewhere, in the call, or as a number."""
    shown = times(value) if isinstance(value, tuple) else str(value)
    fixes: list[Fix] = []
    for text in _expressions(run, node, option, value) or [shown]:
        new = changed(node.span.text, type(node.op), option, text)
        if new is None:
            continue
        title = f"{place}, `{new}` in place of `{node.span.text}` gives {goal}"
        fixes += change_fixes(type(node.op), node.span, [Change(title, option, text)])
    now = (written(node.span.text, type(node.op), option) or "").strip("() ")
    if now.isidentifier() and shown.isdigit() and (spot := value_of_name(node.region, now)) is not None:
        title = f"`{now}` of {shown} in place of {spot.text} gives {goal}"
        fixes.insert(0, Fix(title, (Edit(spot, shown),)))
    return fixes


def _expressions(run: ElaborationContext, node: Node, option: str, value: Any) -> list[str]:
    """How the block in which a layer stands writes a value that is no plain number: as in other layers, or a parameter."""
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
    if option == "width" and first is not None and _entry(run, first) == number:
        found.append("(in.channels)")
    return list(dict.fromkeys(found))


def _entry(run: ElaborationContext, first: Node) -> int:
    """The channels or features that come into a block, of which this is the first layer."""
    return run.graph.input_types(first)[0].features


def _two_at_once(run: ElaborationContext, way: Sequence[Node], goal: TensorType, place: str) -> list[Fix]:
    """Fixes that change two options of the first layer of a branch: a pooling that keeps the size of its input, where
    its stride is as by default; a window that leaves the depth of a volume alone."""
    node = way[0]
    if node.kind == "upsample" and len(way) == 1 and goal.layout == "map" and node.type.features == goal.features:
        before = run.graph.input_types(node)[0].spatial
        factors = (
            {n / w for n, w in zip(goal.spatial, before, strict=True)} if len(before) == len(goal.spatial) else set()
        )
        whole = len(factors) == 1 and min(factors).is_integer() and min(factors) > 1
        layer = f"upsample {min(factors):g}" if whole else f"resize {times(goal.spatial)}"
        return [Fix.replace(node.span, layer, f"{place}, `{layer}` in place of `{node.span.text}` gives {goal}")]
    kernel, stride = getattr(node.op, "kernel", None), getattr(node.op, "stride", (1,))
    pairs: list[dict[str, tuple[int, ...]]] = []
    if kernel and stride != (1,) and all(k % 2 for k in kernel):
        pairs.append({"stride": (1,), "pad": tuple(k // 2 for k in kernel)})
    if kernel and len(kernel) == 1 and node.type.layout == "map" and node.type.rank == 3:
        flat: dict[str, tuple[int, ...]] = {"kernel": (1, kernel[0], kernel[0])}
        pairs.append(flat if stride is None else {**flat, "stride": (1, stride[0], stride[0])})
    for pair in pairs:
        if _inferred(run, way, {node.span: pair}) != goal:
            continue
        text: str | None = node.span.text
        for option, value in pair.items():
            text = changed(text, type(node.op), option, times(value)) if text is not None else None
        if text is not None:
            return [Fix.replace(node.span, text, f"{place}, `{text}` in place of `{node.span.text}` gives {goal}")]
    return []


def brought_back(
    run: ElaborationContext, way: Sequence[Node], body: TensorType, start: TensorType, end: Span
) -> list[Fix]:
    """The fix that puts behind a body the layer that brings it back to the width of what comes in."""
    wide = [node for node in way if "width" in node.op.options]
    if not wide or body.layout != start.layout or body.with_features(start.features) != start:
        return []
    last = wide[-1]
    name = "linear" if last.kind == "linear" or body.layout != "map" else "conv1"
    text = (_expressions(run, last, "width", start.features) or [str(start.features)])[0]
    layer = f"{name}-{text}" + (" act=none" if name == "conv1" and "act" in end.source.text else "")
    source, at = end.source, last.span.end
    line = source.text[source.text.rfind("\n", 0, last.span.start) + 1 : last.span.start]
    new = f" -> {layer}" if line.strip() else f"\n{line}{layer}"
    title = f"bring it back to the width of what comes in: `{layer}` behind `{' '.join(last.span.text.split())}`"
    return [Fix(title, (Edit(Span(source, at, at), new),))]


def token_wise(way: Sequence[Node], start: TensorType) -> list[Fix]:
    """The fix for FC where what comes in is a sequence: `linear` keeps its tokens."""
    units = [node for node in way if node.kind == "FC" and re.match(r"FC\b|dense\b", node.span.text, re.IGNORECASE)]
    if start.layout == "vector" or not units:
        return []
    ends = [re.match(r"\w+", node.span.text) for node in units]
    edits = [
        Edit(Span(node.span.source, node.span.start, node.span.start + end.end()), "linear")
        for node, end in zip(units, ends, strict=True)
        if end is not None
    ]
    keeps = "every token" if start.layout == "sequence" else "every position"
    return [Fix(f"FC makes one vector of all; `linear` works on {keeps} by itself", tuple(edits))]


def without_vectors(way: Sequence[Node], title: str) -> list[Fix]:
    """The fix that writes the units of a gate as 1x1 convolutions or `linear`, which keep an image of 1x1."""
    units = [node for node in way if node.kind == "FC"]
    plain = all(re.match(r"FC-", node.span.text, re.IGNORECASE) for node in units)
    sources = {node.span.source for node in units}
    bare = not any(re.search(r"(?m)^[ \t]*default\b.*\bconv\b", source.text) for source in sources)
    word = "conv1" if bare else "linear"  # which no default changes
    edits = [Edit(Span(node.span.source, node.span.start, node.span.start + 2), word) for node in units]
    return [Fix(title, tuple(edits))] if units and plain else []


def _padded_throughout(run: ElaborationContext, way: Sequence[Node], goal: TensorType, where: str) -> list[Fix]:
    """The fix that pads every convolution of a branch by half of its kernel, where several of them do not pad."""
    bare = [node for node in way if getattr(node.op, "pad", None) == (0,) and node.kind == "conv"]
    spans = list(dict.fromkeys(node.span for node in bare))
    if len(spans) < 2 or not all(map(_reads_one, way)):
        return []
    if _inferred(run, way, {span: {"pad": "same"} for span in spans}) != goal:
        return []
    title = f"`pad=same` on every convolution of {where} gives {goal}"
    op = type(bare[0].op)
    edits = [fix.edits for span in spans for fix in change_fixes(op, span, [Change(title, "pad", "same")])]
    return [Fix(title, tuple(edit for group in edits for edit in group))] if len(edits) == len(spans) else []


def _reads_one(node: Node) -> bool:
    """Whether a layer depends on the branch alone; what a join gives depends on its other branches too."""
    return len(node.inputs) == 1


def _candidates(node: Node, goal: TensorType) -> Iterator[tuple[str, Any]]:
    """Values that are worth trying, the likeliest first."""
    op, options = node.op, node.op.options
    if "output_pad" in options:
        yield "output_pad", (1,)
    if "pad" in options and "kernel" in options:
        largest = max(op.kernel)  # type: ignore[attr-defined]
        dilation = getattr(op, "dilation", None) or (1,)  # a local convolution has none
        reach = max(dilation) * (largest - 1)
        for pad in dict.fromkeys((reach // 2, *range(min(largest, 8)))):
            yield "pad", (pad,)
    if "stride" in options:
        for stride in (1, 2, 3, 4):
            yield "stride", (stride,)
        if node.type.layout == "map" and node.type.rank == 3:
            yield "stride", (1, 2, 2)
    if "width" in options:
        yield "width", goal.features
        if goal.features % 2 == 0:
            yield "width", goal.features // 2  # of both directions together
    if "kernel" in options and node.kind == "convT":
        for kernel in (max(op.kernel) - 1, max(op.kernel) + 1):  # type: ignore[attr-defined]
            yield "kernel", (max(1, kernel),)


def _inferred(run: ElaborationContext, way: Sequence[Node], values: dict[Span, dict[str, Any]]) -> TensorType | None:
    """What a way gives with other values for options of the layers at some spans; None where it does not fit."""
    if not all(map(_reads_one, way)):
        return None
    kind = run.graph.input_types(way[0])[0]
    try:
        for node in way:
            op: Any = node.op
            if (new := values.get(node.span)) is not None and set(new) <= set(op.options):
                op = type(op)(**{**{name: getattr(op, name) for name in op.options}, **new})
            kind = run.infer(op, (kind,))[0]
    except (Misfit, ArithmeticError, TypeError, ValueError):
        return None
    return kind


def _result(run: ElaborationContext, way: Sequence[Node], node: Node, option: str, value: Any) -> TensorType | None:
    """What a branch would give with another value for an option of its first layer and of the copies of it."""
    if getattr(node.op, option) == value:
        return None
    return _inferred(run, way, {node.span: {option: value}})


# Layers put into a branch


def replaced_identity(way: Sequence[Node], which: int, mine: TensorType, goal: TensorType) -> list[Fix]:
    """For a branch that is `identity`, the projection that brings it to the other's shape."""
    places = [node for node in way if node.kind == "identity"]
    projection = projection_text(mine, goal)
    if len(way) != 1 or not places or projection is None:
        return []
    title = f"project the {ordinal(which + 1)} branch: `{projection}` in place of `identity` gives {goal}"
    return [Fix.replace(places[0].span, projection, title)]


def behind_branch(branch: Span, layer: str, does: str, gives: object) -> Fix:
    """The fix that puts a layer behind a branch; in place of it, where it is `identity`."""
    text = " ".join(branch.text.split())
    if text == "identity":
        return Fix.replace(branch, layer, f"{does}: `{layer}` in place of `identity` gives {gives}")
    shown = f"`{text} -> {layer}`" if len(text) <= _LONGEST else f"` -> {layer}` behind it"
    return Fix(f"{does}: {shown} gives {gives}", (Edit(Span(branch.source, branch.end, branch.end), f" -> {layer}"),))


def projected(mine: TensorType, goal: TensorType, branch: Span, which: str) -> list[Fix]:
    """The 1x1 convolution behind a branch of as large an image with other channels."""
    if mine.layout != "map" or mine.spatial != goal.spatial or mine.features == goal.features:
        return []
    bare = " act=none" if "act" in branch.source.text else ""
    return [behind_branch(branch, f"conv1-{goal.features}{bare}", f"project the {which} branch", goal)]


def resized(mine: TensorType, goal: TensorType, branch: Span, which: str) -> list[Fix]:
    """The layer that, put behind a branch, brings its image to the size of the other: cut, or enlarged."""
    if mine.layout != "map" or goal.layout != "map" or mine.rank != goal.rank or mine.features != goal.features:
        return []
    pairs = list(zip(mine.spatial, goal.spatial, strict=True))
    if all(n <= w < 2 * n for w, n in pairs):
        layer, does = f"crop {times(goal.spatial)}", "cut"
    elif all(w < n for w, n in pairs):
        factors = {n / w for w, n in pairs}
        whole = len(factors) == 1 and min(factors).is_integer()
        layer, does = f"upsample {min(factors):g}" if whole else f"resize {times(goal.spatial)}", "enlarge"
    elif all(w > n and w % n == 0 for w, n in pairs) and len({w // n for w, n in pairs}) == 1:
        layer, does = f"maxpool{pairs[0][0] // pairs[0][1]}", "pool"
    else:
        return []
    return [behind_branch(branch, layer, f"{does} the {which} branch", goal)]


def projection_text(mine: TensorType, goal: TensorType) -> str | None:
    """The 1x1 convolution from one shape to another; None where there is none."""
    if mine.layout != "map" or goal.layout != "map" or mine.rank != goal.rank:
        return None
    if mine.spatial == goal.spatial:
        return f"conv1-{goal.features}"
    strides = {w // n for w, n in zip(mine.spatial, goal.spatial, strict=True)}
    for stride in sorted(strides):
        if 1 < stride <= 8 and all(-(-w // stride) == n for w, n in zip(mine.spatial, goal.spatial, strict=True)):
            return f"conv1-{goal.features}/{stride}"
    return None


def shortcut_text(mine: TensorType, goal: TensorType, body: Sequence[Node]) -> str | None:
    """The projection for the shortcut of a residual, written as its body writes widths, strides and a missing activation."""
    plain = projection_text(mine, goal)
    if plain is None:
        return None
    width, stride = plain.removeprefix("conv1-").partition("/")[::2]
    wide = [node for node in body if getattr(node.op, "width", None) == goal.features]
    steps = [node for node in body if getattr(node.op, "stride", (1,)) not in ((1,), None)]
    for node in reversed(wide):
        text = written(node.span.text, type(node.op), "width")
        if text and not text.isdigit():
            width = text
            break
    named = [written(node.span.text, type(node.op), "stride") for node in body if "stride" in node.op.options]
    variable = [text for text in named if text and not re.fullmatch(r"[\dx]+", text)]
    if len(steps) <= 1 and len(variable) == 1:
        stride = variable[0] or ""
    last = next((node for node in reversed(body) if "width" in node.op.options), None)
    bare = " act=none" if last is not None and re.search(r"\bact=none\b", last.span.text) else ""
    return f"conv1-{width}{f'/{stride}' if stride else ''}{bare}"


def times(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))
