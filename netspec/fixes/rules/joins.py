"""Branches that do not fit together (NS306), or after a word that joins nothing (NS201, NS207): another label, another option, a layer put into a branch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from netspec.diagnostics import Edit, Fix, nearest
from netspec.elaborate.facts import BranchesOfNothing, SharedOnOtherChannels, UnequalBranches
from netspec.elaborate.state import ordinal
from netspec.fixes import edits
from netspec.fixes.fix_context import POOLINGS, FixContext, name_of, short
from netspec.fixes.matching import matching_fixes, projection, resizing
from netspec.fixes.rule import semantic
from netspec.graph import TensorType
from netspec.ops import JOINS
from netspec.ops.join import Concat, Elementwise, Multiply
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.syntax.steps import StepRef

__all__ = ["RULES", "appended", "moved_label"]

UNET = "input 1x16x16\na: conv3-4 pad=1\nmaxpool\nb: conv3-8 pad=1\nmaxpool\nconv3-8 pad=1\nupsample 2\n"


def _join(context: FixContext) -> StepRef | None:
    return next((s for here in context.here for s in here.around if isinstance(s.step.term, t.Join)), None)


def _labels(context: FixContext, join: StepRef) -> list[StepRef]:
    """The labelled steps that are visible at a join, the nearest first."""
    around = {id(step.statements) for step in join.around}
    return [
        s for s in reversed(context.steps)
        if s.step.label is not None and s.span.end <= join.span.start and id(s.statements) in around
    ]  # fmt: skip


def _froms(context: FixContext, join: StepRef) -> list[t.From]:
    inside = (s for s in context.steps if join.span.start <= s.span.start and s.span.end <= join.span.end)
    return [s.step.term for s in inside if isinstance(s.step.term, t.From)]


@semantic(
    "NS306-other-label",
    UnequalBranches,
    10,
    (f"{UNET}concat [ identity; from a ]\n", f"{UNET}concat [ identity; from b ]\n"),
    title="a join reads another label than was meant",
    guess=True,
)
def other_label(context: FixContext) -> Iterator[Fix]:
    """A branch goes on from a label whose tensor does not fit, and another label of the net does. The one with the most
    similar name is tried first."""
    join = _join(context)
    if join is None:
        return
    froms, labels = _froms(context, join), _labels(context, join)
    joined = {term.label for term in froms}
    used = set(re.findall(r"\bfrom[ \t]+(\w+)", context.file.source.text))
    for term in froms:
        for name in sorted((s.step.label.text for s in labels if s.step.label), key=lambda n: -_alike(n, term.label)):
            if name not in joined:
                fix = Fix.replace(term.label_span, name, f"`from {name}` instead of `from {term.label}`")
                yield replace(fix, fallback=name in used)


def _alike(one: str, other: str) -> int:
    """How much of its beginning a label shares with another."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


@semantic(
    "NS306-label-one-layer-late",
    UnequalBranches,
    15,
    (
        "input 1x16x16\nconv3-4 pad=1\na: maxpool\nupsample 2\nconcat [ identity; from a ]\n",
        "input 1x16x16\na: conv3-4 pad=1\nmaxpool\nupsample 2\nconcat [ identity; from a ]\n",
    ),
    title="a label is on the layer after the one that was meant",
    guess=True,
)
def label_one_layer_late(context: FixContext) -> Iterator[Fix]:
    """A skip connection usually reads the features before a pooling, and the label is on the pooling itself."""
    join = _join(context)
    for term in _froms(context, join) if join is not None else ():
        at = next((s for s in _labels(context, join) if s.step.label and s.step.label.text == term.label), None)  # type: ignore[arg-type]
        previous = at.previous if at is not None else None
        if at is not None and previous is not None and name_of(at) in (*POOLINGS, "conv", ""):
            moved = moved_label(at, previous)
            title = f"put the label on the layer before `{short(at.text)}`: `{term.label}: {short(previous.span.text)}`"
            yield from (Fix(title, pair) for pair in moved)


def moved_label(step: StepRef, to: StepRef) -> Iterator[tuple[Edit, ...]]:
    """The label of a step put before another one, which has none."""
    if step.step.label is not None and to.step.label is None:
        gap = Span(step.span.source, step.span.start, step.step.term.span.start)
        yield Edit(gap, ""), edits.insert_before(to.span, f"{step.step.label.text}: ")


@semantic(
    "NS306-option-in-branch",
    UnequalBranches,
    30,
    (
        "input 4x8x8\nadd [ conv3-4/2 pad=1; conv1-4 ]\n",
        "input 4x8x8\nadd [ conv3-4/2 pad=1; conv1-4/2 ]\n",
    ),
    title="one option of one layer makes the branches differ",
)
def option_in_branch(context: FixContext) -> Iterator[Fix]:
    """Another padding, stride, width or kernel of one layer of a branch makes it fit the other branches."""
    facts: UnequalBranches = context.facts
    for which, goal in _pairs(facts):
        part = facts.branches[which] if facts.branches else None
        where = f"the {ordinal(which + 1)} branch"
        yield from matching_fixes(context, facts.ways[which], goal, where, part)


def _pairs(facts: UnequalBranches) -> Iterator[tuple[int, TensorType]]:
    """Branches, and what each would have to give: the odd one first; the shortcut of a residual before its body."""
    first, second = facts.odd, facts.usual
    if len(facts.branches) == 2 and facts.branches[0].text.startswith("{") and isinstance(facts.op, Elementwise):
        first, second = 1, 0
    for which, other in ((first, second), (second, first)):
        mine, goal = facts.types[which], _goal(facts.op, facts.types[which], facts.types[other])
        weights = isinstance(facts.op, Multiply) and goal.spatial and set(goal.spatial) == {1}
        if not (weights and mine.spatial != goal.spatial):  # what is weighted does not take the size of its weights
            yield which, goal


def _goal(op: Any, mine: TensorType, other: TensorType) -> TensorType:
    if isinstance(op, Elementwise) and mine.layout == other.layout == "map" and set(mine.spatial) == {1}:
        return mine.with_spatial(other.features, mine.spatial)  # it is spread over the other
    if isinstance(op, Concat) and op.axis == "channels" and mine.layout == other.layout == "map":
        return mine.with_spatial(mine.features, other.spatial)
    return other


@semantic(
    "NS306-project",
    UnequalBranches,
    31,
    ("input 4x8x8\nadd [ conv3-8 pad=1; identity ]\n", "input 4x8x8\nadd [ conv3-8 pad=1; conv1-8 ]\n"),
    ("input a 8\ninput b 4\nadd [ from a; from b ]\n", "input a 8\ninput b 4\nadd [ from a; from b -> linear-8 ]\n"),
    title="a branch needs a projection",
)
def project(context: FixContext) -> Iterator[Fix]:
    """A 1x1 convolution, or `linear`, brings a branch to the number of channels, and the stride, of the others."""
    facts: UnequalBranches = context.facts
    for which, goal in _pairs(facts):
        mine, way = facts.types[which], facts.ways[which]
        layer, does = projection(mine, goal), f"project the {ordinal(which + 1)} branch"
        if mine.layout == goal.layout != "map" and mine.shape[:-1] == goal.shape[:-1]:
            layer = f"linear-{goal.features}"
        if layer is None:
            continue
        if len(way) == 1 and way[0].kind == "identity":
            title = f"{does}: `{layer}` instead of `identity` gives {goal}"
            yield Fix.replace(way[0].span, layer, title)
        elif facts.branches and mine.spatial == goal.spatial and mine.features != goal.features:
            branch = facts.branches[which]
            yield appended(branch, layer + (" act=none" if "act" in branch.source.text else ""), does, goal)


def appended(branch: Span, layer: str, does: str, gives: object) -> Fix:
    """A layer after a branch; instead of it, where it is `identity`."""
    text = short(branch.text)
    if text == "identity":
        return Fix.replace(branch, layer, f"{does}: `{layer}` instead of `identity` gives {gives}")
    inner, end = (text.removesuffix("}").rstrip(), " }") if text.startswith("{") else (text, "")
    shown = f"{inner} -> {layer}{end}"
    return Fix(f"{does}: `{shown}` gives {gives}", (edits.append_layer(branch, layer),))


@semantic(
    "NS306-resize",
    UnequalBranches,
    35,
    (
        "input a 4x9x9\ninput b 4x8x8\nconcat [ from a; from b ]\n",
        "input a 4x9x9\ninput b 4x8x8\nconcat [ from a -> crop 8x8; from b ]\n",
    ),
    title="a branch is larger or smaller than the others",
)
def resize(context: FixContext) -> Iterator[Fix]:
    """A branch can be cropped, enlarged or pooled to the size of the others. Padding or another stride is usually what was
    meant, so this is shown where nothing else fits."""
    facts: UnequalBranches = context.facts
    for which, goal in _pairs(facts) if facts.branches else ():
        mine = facts.types[which]
        layer = resizing(mine, goal)
        if layer is not None and mine.features == goal.features and mine.windows == goal.windows:
            does = {"c": "crop", "m": "pool"}.get(layer[0], "enlarge")
            fix = appended(facts.branches[which], layer, f"{does} the {ordinal(which + 1)} branch", goal)
            yield replace(fix, fallback=True)


@semantic(
    "NS306-flatten",
    UnequalBranches,
    36,
    (
        "input 4x2x2\nconcat [ identity; FC-3 ]\n",
        "input 4x2x2\nconcat [ flatten; FC-3 ]\n",
    ),
    title="an image is concatenated with a vector",
)
def flatten(context: FixContext) -> Iterator[Fix]:
    """`flatten` makes a vector of the image, so that both can be concatenated."""
    facts: UnequalBranches = context.facts
    images = [i for i, kind in enumerate(facts.types) if kind.layout == "map"]
    if isinstance(facts.op, Concat) and facts.branches and len(images) == 1:
        i = images[0]
        does = f"flatten the {ordinal(i + 1)} branch"
        yield replace(appended(facts.branches[i], "flatten", does, facts.types[i].size), fallback=True)


@semantic(
    "NS306-gate-of-units",
    UnequalBranches,
    32,
    (
        "input 8x4x4\nmul [ identity; gap -> FC-2 -> relu -> FC-8 -> sigmoid ]\n",
        "input 8x4x4\nmul [ identity; gap -> conv1-2 -> relu -> conv1-8 -> sigmoid ]\n",
    ),
    title="an image is weighted by a vector",
)
def gate_of_units(context: FixContext) -> Iterator[Fix]:
    """`FC` makes a vector, which has no height and width to spread over the image; a 1x1 convolution keeps an image of
    1x1."""
    facts: UnequalBranches = context.facts
    vector = next((i for i, kind in enumerate(facts.types) if kind.layout == "vector"), None)
    units = [node for node in facts.ways[vector] if node.kind == "FC"] if vector is not None else []
    if isinstance(facts.op, Concat) or not units or not all(re.match(r"FC-", n.span.text, re.I) for n in units):
        return
    sources = {node.span.source for node in units}
    bare = not any(re.search(r"(?m)^[ \t]*default\b.*\bconv\b", source.text) for source in sources)
    word = "conv1" if bare else "linear"  # which no default changes
    changes = [Edit(Span(n.span.source, n.span.start, n.span.start + 2), word) for n in units]
    yield Fix(f"FC makes a vector: write `{word}`, which keeps an image of 1x1", tuple(changes))


@semantic(
    "NS306-as-the-others",
    UnequalBranches,
    40,
    (
        "input 4x8x8\nconcat [ conv1-4 -> maxpool; conv3-2 pad=1 -> maxpool; conv1-2 ]\n",
        "input 4x8x8\nconcat [ conv1-4 -> maxpool; conv3-2 pad=1 -> maxpool; conv1-2 -> maxpool ]\n",
    ),
    title="one branch lacks the last layer of the others",
    guess=True,
)
def as_the_others(context: FixContext) -> Iterator[Fix]:
    """All other branches end in the same layer."""
    join = _join(context)
    branches = join.step.term.branches if join is not None and isinstance(join.step.term, t.Join) else ()
    lasts = [branch.steps[-1].term.span.text for branch in branches]
    for i, branch in enumerate(branches):
        others = {last for j, last in enumerate(lasts) if j != i}
        if len(lasts) > 2 and len(others) == 1 and (last := others.pop()) != lasts[i] and "\n" not in last:
            title = f"put `{last}` after it, as after the other branches"
            yield Fix(title, (edits.insert_after(branch.span, f" -> {last}"),))


@semantic(
    "NS306-channels-of-input",
    SharedOnOtherChannels,
    20,
    (
        "shared tower {\n  conv3-4\n}\ninput a 3x8x8\ninput b 1x8x8\nconcat [ from a -> tower; from b -> tower ]\n",
        "shared tower {\n  conv3-4\n}\ninput a 3x8x8\ninput b 3x8x8\nconcat [ from a -> tower; from b -> tower ]\n",
    ),
    title="the inputs of a shared block have different channels",
    guess=True,
)
def channels_of_input(context: FixContext) -> Iterator[Fix]:
    """Shared weights take the same number of channels at every call: one of the inputs is probably declared wrong."""
    inputs = [(item, item.numbers) for item in context.inputs if item.numbers is not None and len(item.numbers) > 1]
    for item, numbers in inputs:
        for sizes in dict.fromkeys([*((n[0], *numbers[1:]) for _, n in inputs), *(n for _, n in inputs)]):
            if sizes != numbers:
                size = "x".join(map(str, sizes))
                shown = item.span.text.replace(item.size_span.text, size)
                yield Fix.replace(item.size_span, size, f"declare the input as `{shown}`")


# Branches after a word that joins nothing

_OTHER_JOINS = {
    "sum": "add", "plus": "add", "subtract": "sub", "minus": "sub", "difference": "sub", "product": "mul",
    "multiply": "mul", "times": "mul", "hadamard": "mul", "divide": "div", "quotient": "div", "max": "maximum",
    "min": "minimum", "cat": "concat", "concatenate": "concat", "merge": "concat", "dot": "matmul", "bmm": "matmul",
    "mm": "matmul", "einsum": "matmul",
}  # fmt: skip


@semantic(
    "NS201-unknown-join", BranchesOfNothing, 20,
    ("input 3x8x8\nplus [ identity; conv3-3 pad=1 ]\n", "input 3x8x8\nadd [ identity; conv3-3 pad=1 ]\n"),
    title="a word before branches that joins nothing",
)  # fmt: skip
def unknown_join(context: FixContext) -> Iterator[Fix | str]:
    """Branches are joined value by value (`add`, `sub`, `mul`, `div`, `maximum`, `minimum`), as matrices (`matmul`) or one
    after another (`concat`), or they are the inputs of a block: `fuse(32) [ from a; from b ]`."""
    facts: BranchesOfNothing = context.facts
    head = facts.fed.layer.head_span
    meant = _OTHER_JOINS.get(head.text.lower()) or nearest(head.text, JOINS)
    if meant is not None:
        yield Fix.replace(head, meant, f"write `{meant} [ … ]`")
    else:
        yield f"the joins are {', '.join(f'`{join}`' for join in JOINS)}; a block that takes several tensors has `input a, b`"


@semantic(
    "NS207-branches-of-a-layer", BranchesOfNothing, 20,
    ("input 3x8x8\nconv3-8 [ identity; relu ]\n", "input 3x8x8\nconcat [ identity; relu ] -> conv3-8\n"),
    title="branches after a layer that takes one tensor",
)  # fmt: skip
def branches_of_a_layer(context: FixContext) -> Iterator[Fix]:
    """Join the branches before the layer. Only a block with several inputs takes branches itself."""
    facts: BranchesOfNothing = context.facts
    layer, whole = facts.fed.layer.span, facts.fed.span
    meant = _OTHER_JOINS.get(layer.text.lower())
    branches = Span(whole.source, layer.end, whole.end).text.strip()
    only = facts.fed.branches[0].steps[0].term if len(facts.fed.branches) == 1 else None
    if isinstance(only, t.Scalar):
        text = f"{layer.text} {only.span.text}"
        yield Fix.replace(whole, text, f"a value is not in brackets: `{text}`")
        return
    if meant is not None:
        yield Fix.replace(layer, meant, f"write `{meant} [ … ]`")
    yield Fix.replace(whole, f"concat {branches} -> {layer.text}", f"join them first: `concat [ … ] -> {layer.text}`")


RULES = (
    unknown_join, branches_of_a_layer,
    other_label, label_one_layer_late, option_in_branch, project, resize, flatten, gate_of_units, as_the_others,
    channels_of_input,
)  # fmt: skip
