"""Windows and other layers that do not fit what comes in (NS301, NS302, NS304, NS305, NS307): another value for one option."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isqrt, prod
from typing import Any

from netspec.diagnostics import Edit, Fix
from netspec.elaborate.facts import DoesNotFit, DoesNotTile, UnfitTie
from netspec.fixes.fix_context import POOLINGS, FixContext, inserted, kernel_of, name_of, removed, rewritten
from netspec.fixes.layer_text import change_fixes, changed
from netspec.fixes.rule import SemanticRule, semantic
from netspec.graph import TensorType
from netspec.ops.kinds import BadValue
from netspec.ops.op import Leftover, Op
from netspec.ops.shape import Reshape
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.syntax.steps import StepRef
from netspec.values import Size

__all__ = ["RULES"]

_KERNELS, _FEWEST_FILTERS = (1, 3, 5, 7, 9, 11), 16
_MOST_FEWER = 4


def _with(
    context: FixContext, op: Op, types: tuple[TensorType, ...], values: dict[str, str]
) -> tuple[TensorType, tuple[Leftover, ...]] | None:
    """What a layer gives with other values for some of its options; None where it does not fit with them either."""
    given: dict[str, Any] = {name: getattr(op, name) for name in op.options}
    try:
        for name, text in values.items():
            value: Any = text
            if re.fullmatch(r"-?\d+", text):
                value = int(text)
            elif re.fullmatch(r"\d+(x\d+)+", text):
                value = Size(map(int, text.split("x")))
            given[name] = op.options[name].kind.read(value)
        return context.infer(type(op)(**given), types)
    except (BadValue, KeyError):
        return None


def option(context: FixContext) -> Iterator[Fix | str]:
    """The layer fits with another value for one of its options. Where that is a variable or an argument, its value is
    changed."""
    facts: DoesNotFit = context.facts
    for change in facts.changes:
        if _with(context, facts.op, facts.types, {change.option: change.value}) is not None:
            found = change_fixes(type(facts.op), facts.span, [change], facts.region)
            yield found[0] if found else change.help


def _option_rule(code: str, title: str, wrong: str, right: str) -> SemanticRule:
    return semantic(f"{code}-option", DoesNotFit, 20, (wrong, right), title=title)(option)


_OPTION_RULES = (
    _option_rule("NS205", "an option has a value that does not fit", "input 4x8 sequence\ntake 8\n", "input 4x8 sequence\ntake -1\n"),
    _option_rule("NS301", "the window is larger than its input", "input 3x4x4\nconv5-8\n", "input 3x4x4\nconv5-8 pad=1\n"),
    _option_rule("NS303", "a kernel of another number of axes", "input 8x4 sequence\nconv3x4-8\n", "input 8x4 sequence\nconv3-8\n"),
    _option_rule("NS304", "groups do not divide the channels", "input 6x8x8\ngn 4\n", "input 6x8x8\ngn 3\n"),
    _option_rule("NS307", "an option does not fit the input", "input 4x9\nmaxpool3x3\n", "input 4x9\nmaxpool3\n"),
)  # fmt: skip


@semantic(
    "NS301-kernel-and-width",
    DoesNotFit,
    10,
    ("input 3x8x8\nconv64-3\n", "input 3x8x8\nconv3-64\n"),
    title="kernel and width are exchanged",
)
def kernel_and_width(context: FixContext) -> Iterator[Fix]:
    """The kernel comes first: `conv3-64` is 64 filters of 3x3."""
    facts: DoesNotFit = context.facts
    span = facts.span
    head = re.match(r"([A-Za-z]+)(\d+)-(\d+)(?!\w)", span.text)
    if head is None or int(head[3]) not in _KERNELS or int(head[2]) < _FEWEST_FILTERS:
        return
    if _with(context, facts.op, facts.types, {"kernel": head[3], "width": head[2]}) is not None:
        text = f"{head[1]}{head[3]}-{head[2]}"
        yield Fix.replace(
            Span(span.source, span.start, span.start + head.end()), text, f"the kernel comes first: `{text}`"
        )


# Windows that do not tile


def _tiling(context: FixContext) -> Iterator[Fix | str]:
    """The options with which the window tiles its input exactly; the sizes of the input with which it does."""
    facts: DoesNotTile = context.facts
    several = len({each.arithmetic for each in facts.leftovers}) > 1
    shown: list[str] = []
    for each in facts.leftovers:
        changes = {change.help: change for change in each.changes}
        for help_ in each.helps:
            change = changes.get(help_)
            if change is not None:
                found = _with(context, facts.op, facts.types, {change.option: change.value})
                exact = context.diagnostic.code == "NS302"
                if found is None or any(exact or left.dropped for left in found[1]):
                    continue
            title = f"{each.axis}: {help_}" if several else help_
            if title in shown:
                continue
            shown.append(title)
            fixes = change_fixes(type(facts.op), facts.span, [change], facts.region) if change and not several else []
            yield fixes[0] if fixes else title


_TILING_RULES = tuple(
    semantic(f"{code}-option", DoesNotTile, 20, (wrong, right), title=title)(_tiling)
    for code, title, wrong, right in (
        ("NS302", "the window does not tile its input", "fit exact\ninput 1x7x7\nconv3-1/3\n", "fit exact\ninput 1x7x7\nconv3-1/3 pad=1\n"),
        ("NS305", "part of the input is dropped", "input 1x7x7\nconv3-1/3\n", "input 1x7x7\nconv3-1/3 pad=1\n"),
    )
)  # fmt: skip


@semantic(
    "NS301-one-too-many",
    DoesNotFit,
    40,
    ("input 1x8x8\nmaxpool x4\n", "input 1x8x8\nmaxpool x3\n"),
    title="one layer or copy too many",
    guess=True,
)
def fewer(context: FixContext) -> Iterator[Fix]:
    """A layer, a copy or a round too many makes the image too small."""
    for here in context.here:
        if name_of(here) in POOLINGS:
            yield from removed(here)
        calls = [s for s in context.steps if here.block and s.layer is not None and s.layer.head == here.block]
        for step in (*here.around, *reversed(calls)):
            yield from _fewer_copies(step)


def _fewer_copies(step: StepRef) -> Iterator[Fix]:
    term, times = step.step.term, step.step.times
    if isinstance(times, t.Literal_) and times.text.isdigit():
        start = step.step.term.span.end
        sign = re.match(r"\s*[x×]\s*", times.span.source.text[start : step.span.end])
        where = Span(times.span.source, start + sign.end() if sign else times.span.start, times.span.end)
        for n in range(int(times.text) - 1, max(0, int(times.text) - 1 - _MOST_FEWER), -1):
            yield Fix.replace(where, str(n), f"with {n} copies, `x{n}`, every layer fits")
    if isinstance(term, t.Repeat) and term.count.span.text.isdigit():
        count = term.count.span
        for n in range(int(count.text) - 1, max(0, int(count.text) - 1 - _MOST_FEWER), -1):
            yield Fix.replace(count, str(n), f"with `repeat {n}` every layer fits")
    if isinstance(term, t.For) and isinstance(term.items, t.Sequence_):
        items = term.items.items
        for n in range(len(items) - 1, max(0, len(items) - _MOST_FEWER), -1):
            whole = items[0].span.to(items[-1].span)
            kept = whole.text[: items[n - 1].span.end - whole.start]
            yield Fix.replace(whole, kept, f"with the first {n} items of the list every layer fits")


@semantic(
    "NS301-padding-before",
    DoesNotFit,
    45,
    ("input 1x8x8\nconv5-4\nmaxpool\nconv3-4\n", "input 1x8x8\nconv5-4 pad=2\nmaxpool\nconv3-4\n"),
    title="an earlier layer makes the image too small",
    guess=True,
)
def padded_before(context: FixContext) -> Iterator[Fix]:
    """A convolution before it does not pad, and so makes the image smaller than was meant; a pooling is one too many."""
    for here in context.here:
        for step in reversed(context.earlier(here)):
            if name_of(step) == "conv" and "pad" not in step.text and (k := kernel_of(step)) > 2:
                yield rewritten(step, f"{step.text} pad={k // 2}")
        for step in context.earlier(here):
            if name_of(step) in POOLINGS and step.step.times is None:
                yield from removed(step)


# Values that do not fill a shape; tied weights


@semantic(
    "NS307-values",
    DoesNotFit,
    10,
    ("input 100\nFC-512\nreshape 128x4x4\n", "input 100\nFC-2048\nreshape 128x4x4\n"),
    title="the layer before does not give as many values",
)
def values(context: FixContext) -> Iterator[Fix]:
    """`reshape` keeps the number of values: the layer before it gives another number of units, or one of the sizes is
    another."""
    facts: DoesNotFit = context.facts
    if not isinstance(facts.op, Reshape) or facts.source is None:
        return
    where = facts.spans.get("size", facts.span)
    node, have, count = facts.source, facts.source.type.size, prod(facts.op.size)
    while node.kind not in ("FC", "linear") and len(node.inputs) == 1:
        node = context.graph.nodes[node.inputs[0]]
    wanted = str(count) if re.fullmatch(r"[\d_x×]+", where.text) else _product(where.text)
    text = changed(node.span.text, type(node.op), "width", wanted) if "width" in node.op.options else None
    if text is not None:
        title = f"`{text}` instead of `{node.span.text}` at line {node.span.line} gives {count:,} values"
        yield Fix.replace(node.span, text, title)
    if re.fullmatch(r"[\dx×]+", where.text):
        for sizes in _refilled(facts.op.size, have):
            text = "x".join(map(str, sizes))
            yield Fix.replace(where, text, f"`{text}` holds {have:,} values")


def _product(sizes: str) -> str:
    """A size with expressions, as the product of them: `(4*ngf, 4, 4)` is `(4*ngf * 4 * 4)`."""
    bare = sizes.strip()[1:-1] if re.fullmatch(r"\([^()]*(?:\([^()]*\)[^()]*)*\)", sizes.strip()) else sizes
    factors = [part.strip() for part in re.split(r",(?![^()]*\))", bare) if part.strip() != "1"]
    return f"({' * '.join(f'({f})' if re.search('[-+]', f) else f for f in factors)})"


def _refilled(size: tuple[int, ...], have: int) -> Iterator[tuple[int, ...]]:
    """Other sizes that so many values fill: a square of another side, another size along one axis."""
    if len(size) == 3 and have % size[0] == 0 and (side := isqrt(have // size[0])) ** 2 * size[0] == have:
        yield (size[0], side, side)
    for i in range(len(size)):
        rest = prod(size) // size[i]
        if have % rest == 0:
            yield (*size[:i], have // rest, *size[i + 1 :])


@semantic(
    "NS307-copies",
    DoesNotFit,
    8,
    ("let n = 8\ninput 8\nreshape 1x(n)\n", "let n = 8\ninput 8\nreshape (1, n)\n"),
    title="`x(…)` after a size makes copies",
)
def copies_of_size(context: FixContext) -> Iterator[Fix]:
    """A size with an expression is a tuple: `reshape (1, n)`. `x(n)` after a layer makes n copies of it."""
    for here in context.here:
        term = here.step.term.span
        rest = term.source.text[term.end : here.span.end]
        last = re.search(r"(\d+(?:x\d+)*)$", term.text)
        if last is not None and re.fullmatch(r"x\(.*\)", rest, re.DOTALL):
            text = f"({', '.join([*last[1].split('x'), rest[2:-1]])})"
            where = Span(term.source, term.start + last.start(), here.span.end)
            yield Fix.replace(where, text, f"a size with an expression is a tuple: `{text}`")


@semantic(
    "NS307-batch-axis",
    DoesNotFit,
    15,
    ("input 4x8 sequence\npermute(0, 2, 1)\n", "input 4x8 sequence\npermute(1, 0)\n"),
    title="the axes are counted with the batch",
)
def batch_axis(context: FixContext) -> Iterator[Fix]:
    """A spec states one example: there is no batch axis to count."""
    facts: DoesNotFit = context.facts
    axes = re.fullmatch(r"permute\(0((?:,[ \t]*[1-9])+)\)", facts.span.text)
    if axes is not None:
        text = f"permute({', '.join(str(int(n) - 1) for n in re.findall(r'[0-9]', axes[1]))})"
        yield Fix.replace(facts.span, text, f"the batch is not counted: `{text}`")


@semantic(
    "NS307-class-token",
    DoesNotFit,
    40,
    (
        "input 3x8x8\nconv4-8/4\ntokens\ncls_token\nimage 2x2\n",
        "input 3x8x8\nconv4-8/4\ntokens\nimage 2x2\n",
    ),
    title="the class token is one token too many",
    guess=True,
)
def class_token(context: FixContext) -> Iterator[Fix]:
    """The tokens make an image only without the class token."""
    for here in context.here:
        for step in context.earlier(here):
            if name_of(step) == "cls_token":
                yield from removed(step)


@semantic(
    "NS307-tied-layer",
    UnfitTie,
    20,
    (
        "input 8\na: FC-4 -> b: FC-2\nFC-4 tie=a\nFC-8 tie=b\n",
        "input 8\na: FC-4 -> b: FC-2\nFC-4 tie=b\nFC-8 tie=a\n",
    ),
    title="the weights of another layer do not fit",
    guess=True,
)
def tied_layer(context: FixContext) -> Iterator[Fix]:
    """The labels of two tied layers are exchanged, another label is meant, or the layer between is missing."""
    facts: UnfitTie = context.facts
    for here in context.here:
        tie = _tie(here)
        if tie is None:
            continue
        for other in context.steps:
            second = _tie(other) if other.layer is not None else None
            if second is not None and second.text != tie.text:
                title = f"exchange the labels: `tie={second.text}` here, `tie={tie.text}` at line {other.span.line}"
                yield Fix(title, (Edit(tie, second.text), Edit(second, tie.text)))
        for label in dict.fromkeys(s.step.label.text for s in context.steps if s.step.label is not None):
            if label != tie.text:
                yield Fix.replace(tie, label, f"with `tie={label}` it fits")
        yield from inserted(here, f"FC-{facts.takes}")


def _tie(step: StepRef) -> Span | None:
    found = re.search(r"\btie=(\w+)", step.text)
    start = step.step.term.span.start
    return Span(step.span.source, start + found.start(1), start + found.end(1)) if found else None


RULES = (
    *_OPTION_RULES, kernel_and_width, *_TILING_RULES, fewer, padded_before, values, copies_of_size, batch_axis, class_token, tied_layer,
)  # fmt: skip
