"""The body of a residual or a dense gives what cannot be joined with what comes in (NS306)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from netspec.diagnostics import Edit, Fix
from netspec.elaborate.facts import ChangedShape
from netspec.fixes import edits
from netspec.fixes.fix_context import FixContext, short
from netspec.fixes.layer_text import written
from netspec.fixes.matching import expressions, matching_fixes, projection, resizing, sizes_text
from netspec.fixes.rule import semantic
from netspec.graph import Node, TensorType
from netspec.source import Span
from netspec.syntax import tree as t

__all__ = ["RULES"]


@semantic(
    "NS306-project-skip",
    ChangedShape,
    20,
    (
        "input 4x8x8\nresidual { conv3-8/2 pad=1 }\n",
        "input 4x8x8\nresidual { conv3-8/2 pad=1 } else { conv1-8/2 }\n",
    ),
    (
        "input 4x8x8\nresidual { conv3-8 -> relu }\n",
        "input 4x8x8\nresidual { conv3-8 pad=1 -> relu } else { conv1-8 }\n",
    ),
    (
        "input 4x9x9\nresidual { conv3-8 pad=1 -> maxpool }\n",
        "input 4x9x9\nresidual { conv3-8 pad=1 -> maxpool round=ceil } else { conv1-8/2 }\n",
    ),
    title="the body of a residual changes the shape, and the shortcut does not",
)
def project_skip(context: FixContext) -> Iterator[Fix]:
    """`else { … }` says what the shortcut computes where the body changes the shape; a 1x1 convolution is usual."""
    facts: ChangedShape = context.facts
    if not isinstance(facts.statement, t.Residual):
        return
    layer, end = _shortcut(facts), facts.statement.body.span
    if layer is not None:
        text = f" else {{ {layer} }}"
        yield Fix(f"give the shortcut a projection: `{text.strip()}`", (edits.insert_after(end, text),))
    else:
        yield from _kept_and_projected(context, facts)
        yield from _shrunk_and_projected(facts)
    title = "drop the shortcut here: `else none`"
    yield Fix(title, (edits.insert_after(end, " else none"),), fallback=layer is None)


def _kept_and_projected(context: FixContext, facts: ChangedShape) -> Iterator[Fix]:
    """Where the body changes the sizes and the width: the sizes are kept, or halved as the shortcut halves them, and the
    shortcut is projected."""
    start, body = facts.start, facts.body
    images = start.layout == body.layout == "map" and start.rank == body.rank
    if not images or start.features == body.features:
        return
    strides = [max(_stride(node)) for node in facts.way]
    for stride in sorted({1, prod(strides)}):
        goal = body.with_spatial(body.features, tuple(-(-w // stride) for w in start.spatial))
        layer = projection(start, goal)
        if layer is None or goal == body:
            continue
        text = f" else {{ {layer} }}"
        found = list(matching_fixes(context, facts.way, goal, "the body", facts.statement.body.span))
        rounded = [fix for fix in found if any("round=ceil" in edit.text for edit in fix.edits)]
        for fix in (rounded or found)[:1]:
            end = edits.insert_after(facts.statement.body.span, text)
            yield replace(fix, title=f"{fix.title}; with `{text.strip()}` both are added", edits=(*fix.edits, end))


def _stride(node: Node) -> tuple[int, ...]:
    op: Any = node.op
    stride: tuple[int, ...] | None = op.stride if "stride" in op.options else (1,)
    return stride or tuple(op.kernel)  # a pooling's is its kernel


def _shrunk_and_projected(facts: ChangedShape) -> Iterator[Fix]:
    """A shortcut that is pooled or cropped to the size of the body, then projected where the width differs."""
    start, body = facts.start, facts.body
    layers = []
    if start.layout == body.layout == "map" and start.rank == body.rank:
        pairs = list(zip(start.spatial, body.spatial, strict=True))
        factor = pairs[0][0] // pairs[0][1]
        if factor > 1 and all(w // factor == n for w, n in pairs):
            layers.append(f"avgpool{factor}")
        elif (layer := resizing(start, body)) is not None:
            layers.append(layer)
        else:
            layers.append(f"resize {sizes_text(body.spatial)}")
        layers += [f"conv1-{body.features}"] if start.features != body.features else []
    elif start.layout == body.layout and start.shape[:-1] == body.shape[:-1]:
        layers.append(f"linear-{body.features}")
    if layers:
        text = f" else {{ {' -> '.join(layers)} }}"
        title = f"give the shortcut the shape of the body: `{text.strip()}`"
        yield Fix(title, (edits.insert_after(facts.statement.body.span, text),), fallback=True)


def _shortcut(facts: ChangedShape) -> str | None:
    """The projection, written as the body writes widths, strides and a missing activation."""
    plain = projection(facts.start, facts.body)
    if plain is None:
        return None
    width, stride = plain.removeprefix("conv1-").partition("/")[::2]
    for node in reversed(facts.way):
        text = written(node.span.text, type(node.op), "width") if "width" in node.op.options else None
        if text and not text.isdigit() and getattr(node.op, "width", None) == facts.body.features:
            width = text
            break
    strided = [node for node in facts.way if getattr(node.op, "stride", (1,)) not in ((1,), None)]
    named = [written(n.span.text, type(n.op), "stride") for n in facts.way if "stride" in n.op.options]
    variable = [text for text in named if text and not re.fullmatch(r"[\dx]+", text)]
    if len(strided) <= 1 and len(variable) == 1:
        stride = variable[0]
    last = next((node for node in reversed(facts.way) if "width" in node.op.options), None)
    bare = " act=none" if last is not None and re.search(r"\bact=none\b", last.span.text) else ""
    return f"conv1-{width}{f'/{stride}' if stride else ''}{bare}"


@semantic(
    "NS306-option-in-body",
    ChangedShape,
    30,
    ("input 4x8x8\nresidual { conv3-4 }\n", "input 4x8x8\nresidual { conv3-4 pad=1 }\n"),
    title="one option of one layer of the body changes the shape",
)
def option_in_body(context: FixContext) -> Iterator[Fix]:
    """Another padding, stride or width of one layer makes the body keep the shape of what comes in."""
    facts: ChangedShape = context.facts
    part = facts.statement.body.span
    goal = facts.start
    if isinstance(facts.statement, t.Dense):
        goal = goal.with_features(facts.body.features)
    yield from matching_fixes(context, facts.way, goal, "the body", part)
    yield from _brought_back(context, facts)
    yield from _token_wise(facts.way, facts.start)
    if isinstance(facts.statement, t.Residual):
        yield from matching_fixes(context, facts.before, facts.body, "", part)


def _brought_back(context: FixContext, facts: ChangedShape) -> Iterator[Fix]:
    """A layer at the end of the body that brings it back to the width of what comes in."""
    wide = [node for node in facts.way if "width" in node.op.options]
    back = facts.body.layout == facts.start.layout and facts.body.with_features(facts.start.features) == facts.start
    if not wide or not back or isinstance(facts.statement, t.Dense) or facts.body.features == facts.start.features:
        return
    last = wide[-1]
    name = "linear" if last.kind == "linear" or facts.body.layout != "map" else "conv1"
    text = (expressions(context, last, "width", facts.start.features) or [str(facts.start.features)])[0]
    source = facts.statement.span.source
    layer = f"{name}-{text}" + (" act=none" if name == "conv1" and "act" in source.text else "")
    lead = source.text[source.text.rfind("\n", 0, last.span.start) + 1 : last.span.start]
    new = f" -> {layer}" if lead.strip() else f"\n{lead}{layer}"
    title = f"bring it back to the width of what comes in: `{layer}` after `{short(last.span.text)}`"
    yield Fix(title, (edits.insert_after(last.span, new),))


def _token_wise(way: Sequence[Node], start: TensorType) -> Iterator[Fix]:
    """`linear`, which keeps the tokens, for FC, which makes one vector of all."""
    units = [node for node in way if node.kind == "FC" and re.match(r"(?:FC|dense)\b", node.span.text, re.I)]
    if start.layout == "vector" or not units:
        return
    words = [Span(n.span.source, n.span.start, n.span.start + len(n.span.text.partition("-")[0])) for n in units]
    each = "every token" if start.layout == "sequence" else "every position"
    yield Fix(
        f"FC makes one vector of all; `linear` works on {each} by itself", tuple(Edit(w, "linear") for w in words)
    )


@semantic(
    "NS306-turn-back",
    ChangedShape,
    45,
    (
        "input 4x8 sequence\nresidual {\n  permute(1, 0)\n  linear-4\n}\n",
        "input 4x8 sequence\nresidual {\n  permute(1, 0)\n  linear-4\n  permute(1, 0)\n}\n",
    ),
    title="the axes are not turned back at the end of the body",
    guess=True,
)
def turn_back(context: FixContext) -> Iterator[Fix]:
    """A body that exchanges tokens and features exchanges them again at its end."""
    facts: ChangedShape = context.facts
    statements = facts.statement.body.statements
    if statements and "permute" in facts.statement.body.span.text and isinstance(statements[-1], t.Chain):
        last, text = statements[-1].span, "permute(1, 0)"
        lead = last.source.text[last.source.text.rfind("\n", 0, last.start) + 1 : last.start]
        new = f" -> {text}" if lead.strip() else f"\n{lead}{text}"
        yield Fix(f"turn it back: `{text}` at the end of the body", (edits.insert_after(last, new),))


@semantic(
    "NS306-heads",
    ChangedShape,
    15,
    (
        "input 4x16 sequence\nresidual { ln -> attention-8 }\n",
        "input 4x16 sequence\nresidual { ln -> attention heads=8 }\n",
    ),
    title="the number of heads is written as a width",
)
def heads_of_attention(context: FixContext) -> Iterator[Fix]:
    """The width of attention is the features of its result; the number of its heads is an option."""
    facts: ChangedShape = context.facts
    for node in facts.way:
        text = node.span.text
        found = re.match(r"(attention|self_attention|mha)-(\d{1,3})\b", text, re.IGNORECASE)
        if found and "heads=" not in text and facts.start.features % int(found[2]) == 0:
            head = Span(node.span.source, node.span.start, node.span.start + found.end())
            new = f"{found[1]} heads={found[2]}"
            yield Fix(f"for {found[2]} heads write `{new}`; a width is the features of the result", (Edit(head, new),))


RULES = (heads_of_attention, project_skip, option_in_body, turn_back)
