"""Branches that differ in several ways (NS306): every branch is edited, where another option of one layer is not enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from netspec.diagnostics import Edit, Fix
from netspec.elaborate.facts import UnequalBranches
from netspec.elaborate.state import ordinal
from netspec.fixes import edits
from netspec.fixes.fix_context import FixContext, short
from netspec.fixes.matching import resizing, sizes_text
from netspec.fixes.rule import semantic
from netspec.fixes.rules.joins import appended
from netspec.graph import Node, TensorType
from netspec.ops.join import Concat

__all__ = ["RULES"]


@semantic(
    "NS306-pad-every-branch",
    UnequalBranches,
    28,
    (
        "input 4x8x8\nconcat [ conv1-2; conv3-2; conv5-2; maxpool ]\n",
        "input 4x8x8\nconcat [ conv1-2; conv3-2 pad=same; conv5-2 pad=same; maxpool3/1 pad=same ]\n",
    ),
    title="the windows of the branches are not padded",
)
def pad_every_branch(context: FixContext) -> Iterator[Fix]:
    """Windows of different sizes make the branches smaller by different amounts; padded, and with a stride of 1, all keep
    the size."""
    facts: UnequalBranches = context.facts
    nodes = {node.span: node for way in facts.ways for node in way if _is_bare(node)}
    if len(nodes) > 1 and all(span.source is context.span.source for span in nodes):
        yield Fix("`pad=same` on every window of the branches keeps the size", tuple(map(_padded, nodes.values())))


def _is_bare(node: Node) -> bool:
    kernel = getattr(node.op, "kernel", (1,))
    return getattr(node.op, "pad", None) == (0,) and max(kernel) > 1


def _padded(node: Node) -> Edit:
    """`pad=same` on a window; a pooling whose stride is its kernel gets a stride of 1."""
    if node.op.pools and node.span.text.lower() == node.kind:
        return Edit(node.span, f"{node.kind}3/1 pad=same")
    return edits.insert_after(node.span, " pad=same")


@semantic(
    "NS306-vector-and-image",
    UnequalBranches,
    37,
    (
        "input a 4x9x9\ninput b 7\nadd [ from a; from b ]\n",
        "input a 4x9x9\ninput b 7\nadd [ from a; from b -> FC-4 -> reshape 4x1x1 ]\n",
    ),
    title="a vector is added to an image, or weights it",
)
def vector_and_image(context: FixContext) -> Iterator[Fix]:
    """One number for each channel, as Cx1x1, is spread over an image."""
    facts: UnequalBranches = context.facts
    image = next((kind for kind in facts.types if kind.layout == "map"), None)
    for i, kind in enumerate(facts.types) if facts.branches and not isinstance(facts.op, Concat) else ():
        if kind.layout == "vector" and image is not None:
            units = f"FC-{image.features} -> " if kind.features != image.features else ""
            layer = f"{units}reshape {sizes_text((image.features, *(1,) * image.rank))}"
            does = f"spread the {ordinal(i + 1)} branch over the image"
            yield replace(appended(facts.branches[i], layer, does, f"{image.features} channels"), fallback=True)


@semantic(
    "NS306-along-tokens",
    UnequalBranches,
    38,
    (
        "input a 5x8 sequence\ninput b 7x8 sequence\nconcat [ from a; from b ]\n",
        "input a 5x8 sequence\ninput b 7x8 sequence\nconcat axis=tokens [ from a; from b ]\n",
    ),
    title="sequences of different lengths are concatenated along the features",
)
def along_tokens(context: FixContext) -> Iterator[Fix]:
    """`axis=tokens` puts one sequence after the other."""
    facts: UnequalBranches = context.facts
    for here in context.here:
        join = next((s for s in here.around if s.span.text.startswith("concat")), None)
        if join is not None and {(kind.layout, kind.features) for kind in facts.types} == {
            ("sequence", facts.types[0].features)
        }:
            end = join.step.term.span.start + len("concat")
            place = type(join.span)(join.span.source, end, end)
            title = "put one after the other: `concat axis=tokens [ … ]`"
            yield Fix(title, (Edit(place, " axis=tokens"),), fallback=True)


@semantic(
    "NS306-as-the-smallest",
    UnequalBranches,
    50,
    (
        "input a 4x9x9\ninput b 6x4x4\nadd [ from a; from b ]\n",
        "input a 4x9x9\ninput b 6x4x4\nadd [ from a -> adaptive_avgpool 4x4 -> conv1-6; from b ]\n",
    ),
    (
        "input a 5x9 sequence\ninput b 7\nconcat [ from a; from b ]\n",
        "input a 5x9 sequence\ninput b 7\nconcat [ from a -> gap -> flatten; from b ]\n",
    ),
    title="the branches differ in several ways",
)
def as_the_smallest(context: FixContext) -> Iterator[Fix]:
    """All branches are brought to the size of the smallest, and to its channels where these are added; tensors of
    different kinds become vectors. Usually another padding, stride or label was meant, so this is shown where nothing else
    fits."""
    facts: UnequalBranches = context.facts
    layouts = {kind.layout for kind in facts.types}
    if not facts.branches or (layouts >= {"map", "vector"} and not isinstance(facts.op, Concat)):
        return
    goal = min(facts.types, key=lambda kind: prod(kind.shape[1:] if kind.layout == "map" else kind.shape))
    mixed = len({(kind.layout, kind.rank) for kind in facts.types}) > 1
    changes: list[Edit] = []
    said = []
    for i, kind in enumerate(facts.types):
        layers = list(_vector(kind) if mixed else _shrunk(kind, goal))
        if kind.features != goal.features and not isinstance(facts.op, Concat):
            layers.append(f"{'conv1' if goal.layout == 'map' and not mixed else 'linear'}-{goal.features}")
        if layers:
            text = " -> ".join(layers)
            changes += appended(facts.branches[i], text, "", "").edits
            said.append(f"`{text}` after `{short(facts.branches[i].text)}`")
    if changes:
        yield Fix(f"{', '.join(said)} makes all fit", tuple(changes), fallback=True)


def _vector(kind: TensorType) -> Iterator[str]:
    """The mean over all positions, as a vector."""
    if kind.layout != "vector":
        yield from ("gap", "flatten")


def _shrunk(kind: TensorType, goal: TensorType) -> Iterator[str]:
    """What brings a tensor to the spatial sizes, or the number of tokens, of a smaller one."""
    if kind.layout == "sequence" and kind.shape[0] != goal.shape[0]:
        yield f"slice(0, {goal.shape[0]}, axis=tokens)"
    elif kind.layout == "map" and kind.spatial != goal.spatial:
        layer = resizing(kind, goal) or ""
        yield layer if layer.startswith(("crop", "maxpool")) else f"adaptive_avgpool {sizes_text(goal.spatial)}"


RULES = (pad_every_branch, vector_and_image, along_tokens, as_the_smallest)
