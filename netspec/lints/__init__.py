"""Lints: a network that fits together, and yet is probably not what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.graph import Graph, Node, Region
from netspec.lints.attention_width import heads_as_width
from netspec.ops import ACTIVATIONS, CATALOGUE
from netspec.ops.functions import Function
from netspec.source import SourceFile, Span
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.diagnostics import Diagnostics

__all__ = ["OFF", "asked_for", "lint"]

OFF = ("NS906", "NS910")
"""Lints that are off unless asked for: they are a matter of taste."""

_DROPOUTS = ("dropout", "dropout2d")
_END_OF_LINE = re.compile(r"[ \t]*(?:#[^\n]*)?(?:[\n;]|\Z)")


def lint(file: t.File, graph: Graph, diagnostics: Diagnostics) -> None:
    """The lints of a network of which every layer is known: NS901 to NS905, NS911 to NS915."""
    _unused_blocks(file, graph, diagnostics)
    lint_graph(graph, diagnostics)
    lint_statements(file, diagnostics)
    train = next((item for item in file.items if isinstance(item, t.Train)), None)
    if train is not None and graph.recipe is not None:
        from netspec.lints.recipe_lints import lint_recipe

        lint_recipe(graph, diagnostics, graph.recipe, train)


def _unused_blocks(file: t.File, graph: Graph, diagnostics: Diagnostics) -> None:
    called = {region.block for region in _regions(graph.root)}
    for item in file.items:
        if isinstance(item, t.Block) and item.name not in called:
            diagnostics.warning(
                "NS902",
                f"the block `{item.name}` is never called",
                item.name_span,
                helps=["call it, or remove it"],
            )


def _regions(root: Region) -> Iterator[Region]:
    stack = [root]
    while stack:
        region = stack.pop()
        yield region
        stack.extend(member for member in region.members if isinstance(member, Region))


def lint_graph(graph: Graph, diagnostics: Diagnostics) -> None:
    """The lints that look at the finished network: NS903, NS904, NS905, NS914, NS915."""
    uses = _uses(graph)
    for node in graph.nodes:
        if not uses[node.index]:
            _unused(graph, node, diagnostics)
        elif node.kind in ACTIVATIONS and node.inputs:
            before = graph.nodes[node.inputs[0]]
            functions = any(isinstance(n.op, Function) for n in (before, node))  # |tanh|, the root of a square
            if before.kind in ACTIVATIONS and uses[before.index] == 1 and not functions:
                _twice(before, node, diagnostics)
            elif uses[before.index] > 1:
                _label_without(before, node, diagnostics)
        heads_as_width(graph, node, diagnostics)
    for _, index in (*graph.outputs, *((name, index) for name, index, _ in graph.aux)):
        _last_dropout(graph, graph.nodes[index], diagnostics)


def lint_statements(file: t.File, diagnostics: Diagnostics) -> None:
    """The lints that look at the statements: variables that nothing reads (NS902), defaults that come too late (NS911),
    blocks with the name of a layer (NS913)."""
    words: dict[str, int] = {}
    if any(isinstance(item, t.Let) for item in file.items):
        for word in re.findall(r"\w+", file.source.text):
            words[word] = words.get(word, 0) + 1
    layers_above = False
    for item in file.items:
        if (
            isinstance(item, t.Let) and words.get(item.name) == 1 and item.name_span.text == item.name
        ):  # not in a repair
            edit = removal(item.span)
            help_ = "use it, or remove it"
            diagnostics.warning(
                "NS902", f"nothing reads the variable `{item.name}`", item.name_span, helps=[help_],
                fixes=[Fix(help_, (edit,))] if edit else [],
            )  # fmt: skip
        elif isinstance(item, t.Default) and layers_above:
            _late_default(file, item, diagnostics)
        elif isinstance(item, (t.Block, t.Shared)) and any(op.name == item.name for op in CATALOGUE.values()):
            help_ = f"give it a name of its own, such as `{item.name}_block`"
            diagnostics.warning(
                "NS913", f"the block `{item.name}` hides the layer of its name", item.name_span, helps=[help_]
            )
        layers_above = layers_above or isinstance(item, (t.Chain, t.Block, t.Shared, t.Aux))


def _late_default(file: t.File, item: t.Default, diagnostics: Diagnostics) -> None:
    """Warns of a `default` with layers of its kind above it, and none below."""
    from netspec.syntax.steps import steps_in

    kinds = {CATALOGUE[word.text.lower()].name for word in item.layers if word.text.lower() in CATALOGUE}
    above, below = [], False
    for place in steps_in(file):
        head = place.layer.head.lower() if place.layer is not None else ""
        op = CATALOGUE.get(head) or CATALOGUE.get(re.sub(r"\d+(x\d+)*$", "", head))
        if op is not None and op.name in kinds:
            above += [place] if place.span.start < item.span.start else []
            below = below or place.span.start > item.span.start
    if not above or below:
        return
    source, text = item.span.source, item.span.source.text
    start = text.rfind("\n", 0, item.span.start) + 1
    stop = min((text + "\n").index("\n", item.span.end) + 1, len(text))
    first = next(other.span.start for other in file.items if other.span.end >= above[0].span.end)
    top = text.rfind("\n", 0, first) + 1
    edits = (Edit(Span(source, top, top), f"{item.span.text}\n"), Edit(Span(source, start, stop), ""))
    alone = text[start:stop].split("#")[0].strip() == item.span.text
    shown = ", ".join(word.text for word in item.layers)
    help_ = "a default holds for the layers below it: move it up"
    diagnostics.warning(
        "NS911", f"no {shown} follows this default", item.span, helps=[help_],
        fixes=[Fix(help_, edits)] if alone and top < start else [],
    )  # fmt: skip


def _uses(graph: Graph) -> list[int]:
    """For each node how often its tensor is read, or leaves the network."""
    uses = [0] * len(graph.nodes)
    for node in graph.nodes:
        for index in node.inputs:
            uses[index] += 1
    for _, index in graph.outputs:
        uses[index] += 1
    for _, index, _ in graph.aux:
        uses[index] += 1
    for region in _regions(graph.root):
        given = [index for _, index in region.outputs]
        if any(uses[index] for index in given):  # of a block with several outputs one may be left unread
            for index in given:
                uses[index] += 1
    return uses


def _unused(graph: Graph, node: Node, diagnostics: Diagnostics) -> None:
    if not node.inputs:
        name = next((name for name, index in graph.inputs if index == node.index), node.name)
        diagnostics.warning(
            "NS905",
            f"the input `{name}` is never used",
            node.span,
            helps=[f"go on from it: `from {name}`, or remove it"],
        )
        return
    braces = _braces_after_label(node.span)
    diagnostics.warning(
        "NS905", "the output of this layer is never used", node.span,
        notes=[f"`{node.name}` gives {node.type}, and nothing reads it"],
        helps=["join it with `concat [ … ]` or `add [ … ]`, name it with `output`, or remove the branch"] * (braces is None),
        fixes=[braces] if braces is not None else [],
    )  # fmt: skip


def _braces_after_label(span: Span) -> Fix | None:
    """For the end of a chain whose label names its first layer alone, where the label is read: braces around the chain."""
    source = span.source
    start = source.text.rfind("\n", 0, span.start) + 1
    found = re.search(
        r"(?:^|[;{\[])\s*(\w+):\s*(([^;{}\[\]#]+?)\s*->\s*(?:[^;{}\[\]#]*->\s*)?)$", source.text[start : span.start]
    )
    if found is None or not re.search(rf"\bfrom\s+{found[1]}\b", source.text):
        return None
    places = ((start + found.start(2), "{ "), (span.end, " }"))
    edits = tuple(Edit(Span(source, at, at), text) for at, text in places)
    whole = f"{found[1]}: {{ {found[2]}{span.text} }}"
    return Fix(f"`{found[1]}` names `{found[3]}` alone; braces name what the chain gives: `{whole}`", edits)


def _label_without(before: Node, node: Node, diagnostics: Diagnostics) -> None:
    """Warns of `c: conv3-8 -> relu` where `from c` reads what comes before the activation."""
    ends = _END_OF_LINE.match(node.span.source.text, node.span.end)
    braces = _braces_after_label(node.span) if ends else None
    label = before.name.rpartition(".")[2]
    if braces is not None and f"`{label}` names" in braces.title:
        diagnostics.warning(
            "NS915", f"`{label}` is read without `{node.kind}`", node.span, fixes=[braces],
            notes=[f"`from {label}` reads what `{before.kind}` gives, before `{node.kind}`"],
            helps=[f"if that is meant, write `{node.span.text}` on a line of its own"],
        )  # fmt: skip


def _twice(before: Node, node: Node, diagnostics: Diagnostics) -> None:
    same = before.kind == node.kind
    fixes = []
    written = same and node.span.text.lower().startswith(node.kind.lower())
    edit = removal(node.span) if written else None
    if edit is not None:
        once = node.kind in ("relu", "relu6") and same and before.op == node.op
        fixes = [Fix(f"remove the second: `{node.span.text}`", (edit,), "safe" if once else "review")]
    diagnostics.warning(
        "NS904", f"two activations in a row: `{before.kind}`, then `{node.kind}`", node.span,
        notes=[f"`{before.name}` is an activation already"],
        helps=[] if fixes else ["remove one of them: `act=none` switches off what a default gives"], fixes=fixes,
    )  # fmt: skip


def _last_dropout(graph: Graph, node: Node, diagnostics: Diagnostics) -> None:
    """Dropout after the last layer with weights, where only activations follow."""
    while node.inputs and (node.kind in ACTIVATIONS or node.kind in _DROPOUTS):
        if node.kind in _DROPOUTS:
            edit = removal(node.span)
            diagnostics.warning(
                "NS903", "dropout after the last layer drops parts of the output itself", node.span,
                helps=[] if edit else ["remove it, or put it before the last layer"],
                fixes=[Fix("remove it, or put it before the last layer", (edit,))] if edit else [],
            )  # fmt: skip
            return
        node = graph.nodes[node.inputs[0]]


def asked_for(graph: Graph, codes: frozenset[str]) -> list[Diagnostic]:
    """The warnings of lints that are off by default."""
    found = _idle_biases(graph) if "NS906" in codes else []
    return found + (_idle_labels(graph.root.span.source) if "NS910" in codes else [])


def _idle_biases(graph: Graph) -> list[Diagnostic]:
    from netspec.fixes.layer_text import change_fixes
    from netspec.ops.op import Change

    found: dict[Span, Diagnostic] = {}
    for node in graph.nodes:
        if node.kind != "bn" or not node.inputs:
            continue
        before = graph.nodes[node.inputs[0]]
        if not getattr(before.op, "bias", False) or not isinstance(before.op.bias, bool):  # type: ignore[attr-defined]
            continue
        help_ = "write `bias=no`: the batch norm takes the mean away again, and has a shift of its own"
        found[before.span] = Diagnostic(
            "NS906", "warning", "a bias before a batch norm does nothing", before.span, helps=(help_,),
            notes=(f"{before.op.width:,} weights that no output depends on",),  # type: ignore[attr-defined]
            fixes=tuple(change_fixes(type(before.op), before.span, [Change(help_, "bias", "no")])),
        )  # fmt: skip
    return list(found.values())


_LABEL = re.compile(r"(?:^|->|[;{\[])[ \t]*(([A-Za-z_]\w*)[ \t]*:[ \t]*)", re.MULTILINE)


def _idle_labels(source: SourceFile) -> list[Diagnostic]:
    """Labels whose word is nowhere else in the file."""
    from collections import Counter

    from netspec.syntax.tokens import masked

    plain = masked(source.text)
    words = Counter(re.findall(r"[A-Za-z_]\w*", plain))
    found = []
    for label in _LABEL.finditer(plain):
        if words[label[2]] > 1:
            continue
        help_ = f"remove `{label[2]}:`, or keep it as the name of its weights"
        fix = Fix(help_, (Edit(Span(source, *label.span(1)), ""),))
        message = f"nothing refers to the label `{label[2]}`"
        found.append(
            Diagnostic("NS910", "warning", message, Span(source, *label.span(2)), helps=(help_,), fixes=(fix,))
        )
    return found


def removal(span: Span) -> Edit | None:
    """The edit that takes a layer out of its chain; None where it is alone in a bracket, has a label or copies."""
    text = span.source.text
    # an arrow may be at the end of the line before; further back there is nothing to see
    line = text.rfind("\n", 0, max(0, text.rfind("\n", 0, span.start))) + 1
    before = re.compile(r"(->\s*|(?<![^\n])[ \t]*|;[ \t]*)\Z").search(text, line, span.start)
    after = re.compile(r"[ \t]*(?:#[^\n]*)?(\n|;|\Z|->|\})").match(text, span.end)
    if before is None or after is None:
        return None
    if before[1].startswith("->"):
        return Edit(Span(span.source, before.start(1), span.end), "")
    if after[1] == "->":
        rest = re.match(r"\s*->\s*", text[span.end :])
        return Edit(Span(span.source, span.start, span.end + rest.end()), "") if rest else None
    return Edit(span, "")
