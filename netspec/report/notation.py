"""Layers as papers write them: `conv3-64`, `maxpool3/2`, `FC-4096`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from netspec.graph import Graph, Node, Region
from netspec.ops import JOINS, SECTIONS
from netspec.values import Value, show

__all__ = [
    "RATES",
    "argument",
    "blocks_text",
    "calls_text",
    "computation",
    "is_residual",
    "notation",
    "shortcuts",
    "written",
]

_MARKS = {"kernel": "", "width": "-", "stride": "/", "value": " "}
_NAMED = ("dilation", "groups", "shift", "grid", "causal", "span", "similarity")
"""Options beside kernel, width, stride and value that are written, unless they have their defaults."""
_IN_WORDS = frozenset(
    op.name
    for section in ("Shape", "Reductions")
    for op in SECTIONS[section]
    if op.name not in ("reshape", "upsample", "image", "pixel_shuffle", "pixel_unshuffle")
)
"""Layers whose numbers mean nothing without words: `slice tokens 1 to 196`."""
_MOST_WORDS = 32
_SIDES = {1: ("left", "right"), 2: ("top", "left", "bottom", "right")}
_OWN = frozenset(("softmax", "log_softmax", "LRN", "grn", "sample"))
"""Layers of the following sections that are always written."""
_BESIDE = frozenset(
    op.name
    for section in ("Activation", "Normalization", "Regularization", "Trainable values")
    for op in SECTIONS[section]
    if op.name not in _OWN
)
"""They belong to the layer that they follow: tables of papers leave them out "for brevity" (Simonyan and Zisserman 2014,
table 1)."""
RATES = frozenset(op.name for op in SECTIONS["Regularization"])


def written(graph: Graph) -> frozenset[int]:
    """The layers of a network that a table accounts for, by index.

    All, but activations, norms, dropout and trainable scales (they belong to the layer before them), flatten, identity, the
    addition of a residual and what is on its shortcut, and auxiliary heads. What changes the shape is written anyway
    (maxout), and so are an activation or norm that gives an output of the network, one that reads its input, and one that
    stands alone in a branch.
    """
    hidden = shortcuts(graph)
    found = {
        node.index
        for node in graph.layers
        if node.index not in hidden and not node.aux and not _left_out(graph, node) and not node.residual
    }
    alone = [i for _, end in graph.outputs for i in _last(graph, end)]
    alone += [i for region in _regions(graph.root) if region.kind == "branch" for i in _lone(region, found)]
    return frozenset(found | (set(alone) - hidden))


def shortcuts(graph: Graph) -> frozenset[int]:
    """The layers on the shortcuts of residuals, by index."""
    return frozenset(node.index for region in _regions(graph.root) for node in _shortcut(region))


def _left_out(graph: Graph, node: Node) -> bool:
    if node.kind in ("flatten", "identity"):
        return True
    before = graph.nodes[node.inputs[0]]
    if node.kind not in _BESIDE or before.type.shape != node.type.shape:
        return False
    return bool(before.inputs) or node.kind in RATES


def _last(graph: Graph, index: int) -> list[int]:
    """The activations and norms with which the network ends."""
    found = []
    while (node := graph.nodes[index]).inputs and (_left_out(graph, node) or node.kind == "reshape"):
        found += [index] if node.kind in _BESIDE - RATES else []
        index = node.inputs[0]
    return found


def _lone(branch: Region, found: set[int]) -> list[int]:
    nodes = list(branch.nodes())
    if any(node.index in found for node in nodes):
        return []
    return [node.index for node in nodes if node.kind in _BESIDE - RATES and not node.aux]


def _shortcut(join: Region) -> list[Node]:
    """The layers in the branches of a residual beside its body."""
    if not is_residual(join):
        return []
    body = join.members[0]
    kept = {body} if isinstance(body, Node) else set(body.nodes())
    return [node for node in join.nodes() if node not in kept]


def is_residual(join: Region) -> bool:
    """Whether the branches of a join are added as body and shortcut."""
    if join.kind != "join" or join.parent is None:
        return False
    around = join.parent.members
    place = around.index(join) + 1
    after = around[place] if place < len(around) else None
    return isinstance(after, Node) and after.residual


def _regions(region: Region) -> list[Region]:
    found, stack = [], [region]
    while stack:
        found.append(stack.pop())
        stack += [member for member in found[-1].members if isinstance(member, Region)]
    return found


def computation(node: Node) -> tuple[object, ...]:
    """A layer with its options, but for its stride and the rate of a dropout."""
    names = (
        name for name, option in node.op.options.items() if option.slot != "stride" and name not in ("pad", "dropout")
    )
    return (node.kind, node.shares is None, *(repr(getattr(node.op, name)) for name in names))


def notation(graph: Graph, node: Node, *, stride: bool = True) -> str:
    """A layer in the notation of the language, which is that of the VGG paper; padding and biases are not written."""
    if node.kind == "pad":
        return _padding(node)
    if node.kind in _IN_WORDS:
        words = node.op.describe(graph.nodes[node.inputs[0]].type).replace('"', "")
        words = re.sub(r"s (\d+) to \1$", r" \1", words)
        return f"{node.kind} {words}".strip() if len(words) <= _MOST_WORDS else node.kind
    text = node.op.name
    kernel = getattr(node.op, "kernel", None) if node.op.pools else None
    for name, option in node.op.options.items():
        value = getattr(node.op, name)
        if value is None or value == option.default or (option.slot == "stride" and (not stride or value == kernel)):
            continue
        if option.slot == "value" and isinstance(value, tuple):
            text += " " + "x".join(map(str, value))
        elif option.slot in _MARKS and node.kind not in JOINS:
            text += _MARKS[option.slot] + _value(value)
        elif name in _NAMED:
            text += f" {name}" if value is True else f" {name}={_value(value)}"
    return text


def _padding(node: Node) -> str:
    amount: tuple[int, ...] = getattr(node.op, "amount")  # noqa: B009 - an option of this op
    names = _SIDES.get(len(amount) // 2)
    text = node.op.describe(node.type)
    if len(amount) == 2 * len(node.type.spatial) and names is not None:
        text = ", ".join(f"{name} {n}" for name, n in zip(names, amount, strict=True) if n)
    return f"pad {text}"


def _value(value: Any) -> str:
    if not isinstance(value, tuple):
        return f"{value:.3g}" if isinstance(value, float) else str(value)
    return str(value[0]) if len(set(value)) == 1 else "x".join(map(str, value))


def calls_text(regions: Sequence[Region]) -> str:
    """Instances of a block, with what their calls give; what differs between them is `…`: `mbconv(5, 6, 272, …)`."""
    first = regions[0]
    texts: list[str] = []
    for i, (name, _) in enumerate(first.arguments):
        if any(name in region.given for region in regions):
            values = {argument(region.arguments[i][1]) for region in regions}
            text = values.pop() if len(values) == 1 else "…"
            texts.append(f"{name}={text}" if any(name in region.by_name for region in regions) else text)
    return f"{first.block}({', '.join(texts)})" if texts else first.block


def blocks_text(regions: Sequence[Region]) -> str:
    """Instances of a block, and whether they use the weights of another."""
    return calls_text(regions) + (", the same weights" if regions[0].shares is not None else "")


def argument(value: Value) -> str:
    """Three digits of a rate that was computed say enough; a word needs no quotes."""
    if isinstance(value, float):
        return f"{value:.3g}"
    text = value if isinstance(value, str) else show(value)
    return text if len(text) <= _LONGEST else "…"


_LONGEST = 16
"""Arguments with more characters are left out."""
