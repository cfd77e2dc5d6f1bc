"""Calls and loops written as elsewhere (NS101, NS204, NS206, NS207, NS208): arguments outside of their parentheses, calls of
other frameworks, iterators of Python."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netspec.diagnostics import Edit, Fix
from netspec.elaborate.facts import (
    CommentSign,
    ForeignCall,
    ItemOfOtherLength,
    LateValue,
    LoopOverNumber,
    LooseArguments,
    MissingArguments,
    SurplusArguments,
)
from netspec.fixes import edits
from netspec.fixes.fix_context import FixContext
from netspec.fixes.rule import semantic
from netspec.fixes.rules.options import copies, label_after
from netspec.ops import CATALOGUE
from netspec.source import Span
from netspec.syntax import tree as t

__all__ = ["RULES"]

_BLOCK = "block b(w, n = 1) {\n  conv3-w pad=1 x(n)\n}\ninput 3x8x8\n"


@semantic(
    "NS101-comment-in-expression",
    CommentSign,
    20,
    ("input 3x8x8\nconv3-8 act=relu // first layer\n", "input 3x8x8\nconv3-8 act=relu # first layer\n"),
    title="a comment begins with `//`",
    applicability="safe",
)
def comment_in_expression(context: FixContext) -> Iterator[Fix]:
    """Comments begin with `#`; after a value, `//` is a division."""
    facts: CommentSign = context.facts
    yield Fix.replace(facts.span, "#", "comments begin with `#`", "safe")


@semantic(
    "NS207-foreign-call",
    ForeignCall,
    20,
    ("input 3x8x8\nconv(3, 64, kernel_size=3)\n", "input 3x8x8\nconv3-64\n"),
    title="a layer written as a call",
)
def foreign_call(context: FixContext) -> Iterator[Fix]:
    """The call of another framework: here kernel, width and stride are in the name, and the channels that come in are
    known."""
    facts: ForeignCall = context.facts
    yield Fix.replace(facts.whole, facts.text, f"netspec writes it `{facts.text}`")


@semantic(
    "NS207-late-value",
    LateValue,
    20,
    ("input 3x8x8\nconv3-8 act=leaky_relu 0.1\n", "input 3x8x8\nconv3-8 act=leaky_relu(0.1)\n"),
    title="a value without a name after one with a name",
)
def late_value(context: FixContext) -> Iterator[Fix | str]:
    """The value belongs to the word before it, is a number of copies, or has to come first."""
    facts: LateValue = context.facts
    late = facts.value
    before = next((o for o in reversed(facts.options) if o.span.end <= late.span.start), None)
    if before is not None and isinstance(before.value, t.Name) and before.name in ("act", "norm"):
        word = before.value.text
        if word.lower() in CATALOGUE and isinstance(late, t.Literal_):
            title = f"its value is in parentheses: `{before.name}={word}({late.span.text})`"
            yield Fix.replace(before.value.span.to(late.span), f"{word}({late.span.text})", title)
            return
    yield copies(late.span) or "put it first, or name it"


# Blocks


@semantic(
    "NS207-loose-arguments",
    LooseArguments,
    20,
    (f"{_BLOCK}b-8\n", f"{_BLOCK}b(8)\n"),
    (f"{_BLOCK}b(8) n=2\n", f"{_BLOCK}b(8, n=2)\n"),
    title="arguments of a block outside of its parentheses",
)
def loose_arguments(context: FixContext) -> Iterator[Fix | str]:
    """A block is called with its arguments in parentheses, by position or by name."""
    facts: LooseArguments = context.facts
    layer = facts.layer
    slots = [slot for slot in (layer.width, layer.stride) if slot is not None]
    loose: list[t.Expr | t.Option] = [*slots, *layer.values, *layer.options]
    first = loose[0]
    label = label_after(layer, first, loose[1:]) if not slots and not isinstance(first, t.Option) else None
    if (found := label or copies(first.span)) is not None:
        yield found
        return
    late = {o.name: o.value.span.text for o in (*layer.argument_options, *layer.options)}
    given = [v.span.text for v in (*(layer.arguments or ()), *slots, *layer.values)]
    text = f"{facts.block}({', '.join([*given, *(f'{key}={value}' for key, value in late.items())])})"
    title = f"write `{text}`"
    fits = len(given) + len(late) <= len(facts.parameters) and set(late) <= set(facts.parameters)
    yield Fix.replace(layer.span, text, title) if fits else title


@semantic(
    "NS206-argument",
    MissingArguments,
    30,
    ("block b(w) {\n  conv3-w pad=1\n}\ninput 3x8x8\nb(8)\nb\n", "block b(w) {\n  conv3-w pad=1\n}\ninput 3x8x8\nb(8)\nb(8)\n"),
    title="a call without a value that it needs",
    guess=True,
)  # fmt: skip
def missing_argument(context: FixContext) -> Iterator[Fix]:
    """The value that another call gives, or a usual one."""
    facts: MissingArguments = context.facts
    call = context.step.layer if context.step is not None else None
    if call is None or call.head.lower() in CATALOGUE or call.argument_options:
        return
    given = [value.span.text for value in call.arguments or ()]
    others = re.findall(rf"\b{re.escape(call.head)}\(([^()=]*)\)", call.span.source.text)
    values = [parts[len(given)].strip() for parts in (o.split(",") for o in others) if len(parts) > len(given)]
    values = [value for value in values if value and value not in facts.parameters]
    for value in list(dict.fromkeys([*values, "64"]))[:2]:
        text = f"({', '.join([*given, value])})"
        after = Span(call.span.source, call.head_span.end, call.call_span.end)
        yield Fix.replace(after, text, f"give it a value: `{call.head}{text}`")


@semantic(
    "NS207-surplus-argument",
    SurplusArguments,
    30,
    (
        "block b(w) {\n  conv3-w pad=1\n}\ninput 3x8x8\nconv1-4\nb(4, 8)\n",
        "block b(w) {\n  conv3-w pad=1\n}\ninput 3x8x8\nconv1-4\nb(8)\n",
    ),
    title="a call with one value too many",
    guess=True,
)
def surplus_argument(context: FixContext) -> Iterator[Fix]:
    """The channels that come in are known, and not passed; or the last value has no parameter."""
    call = context.step.layer if context.step is not None else None
    if call is None or not call.arguments or len(call.arguments) < 2:
        return
    first, second, last = call.arguments[0].span, call.arguments[1].span, call.arguments[-1].span
    above = call.span.source.text[: call.span.start].rstrip().rsplit("\n", 1)[-1]
    if re.search(rf"-{re.escape(first.text)}\b", above):
        gap = Span(first.source, first.start, second.start)
        yield Fix(f"the channels that come in are known: leave `{first.text}` out", (Edit(gap, ""),))
    yield Fix(f"leave `{last.text}` out", (edits.delete(last),))


# Loops


@semantic(
    "NS204-loop-over-number",
    LoopOverNumber,
    20,
    (
        "let ws = [4, 8]\ninput 3x8x8\nfor i in len(ws) { conv1-ws[i] }\n",
        "let ws = [4, 8]\ninput 3x8x8\nfor i in range(len(ws)) { conv1-ws[i] }\n",
    ),
    title="a loop over a number",
    guess=True,
)
def loop_over_number(context: FixContext) -> Iterator[Fix]:
    """`for i in range(n)` counts from 0 to n - 1; `repeat n as i` does, too."""
    facts: LoopOverNumber = context.facts
    text = f"range({facts.items.text})"
    yield Fix.replace(facts.items, text, f"for the numbers from 0, write `{text}`")


@semantic(
    "NS204-item-of-other-length",
    ItemOfOtherLength,
    20,
    (
        "input 3x8x8\nfor w, n, s in [(4, 1, 1), (8, 2)] {\n  conv3-w/s pad=1 x(n)\n}\n",
        "input 3x8x8\nfor w, n, s in [(4, 1, 1), (8, 2, 1)] {\n  conv3-w/s pad=1 x(n)\n}\n",
    ),
    title="an item without a value for each name of a loop",
)
def item_of_other_length(context: FixContext) -> Iterator[Fix]:
    """A value is missing in the item, or a name is missing in the loop."""
    facts: ItemOfOtherLength = context.facts
    names = [name.text if isinstance(name, t.Name) else name.span.text for name in facts.loop.names.items]
    listed = facts.loop.items.items if isinstance(facts.loop.items, t.Sequence_) else ()
    if facts.single and len(names) == 2:
        text = f"enumerate({facts.loop.items.span.text})"
        yield Fix.replace(facts.loop.items.span, text, f"to count the items, write `{text}`")
    if facts.at is None or facts.at >= len(listed):
        return
    here = listed[facts.at]
    if not isinstance(here, t.Sequence_):
        return
    given = [v.span.text for v in here.items]
    if len(given) < len(names):
        rows = [other for other in listed if isinstance(other, t.Sequence_) and len(other.items) == len(names)]
        missing = " and ".join(f"`{name}`" for name in names[len(given) :])
        for row in rows:
            text = f"({', '.join([*given, *(v.span.text for v in row.items[len(given) :])])})"
            yield Fix.replace(here.span, text, f"a value for {missing} is missing: `{text}`")
    elif all(isinstance(other, t.Sequence_) and len(other.items) == len(given) for other in listed):
        inside = facts.loop.body.span.text if isinstance(facts.loop, t.For) else ""
        body = re.findall(r"[A-Za-z_]\w*", inside)
        used = [word for word in body if word in ("stride", "s", "down", "n", "k")]
        text = ", ".join([*names, *[*used, *"abcdefgh"][: len(given) - len(names)]])
        where = facts.loop.names.span
        yield Fix.replace(where, text, f"give every value a name: `for {text} in …`")


RULES = (
    comment_in_expression, foreign_call, late_value, loose_arguments, missing_argument, surplus_argument, loop_over_number,
    item_of_other_length,
)  # fmt: skip
