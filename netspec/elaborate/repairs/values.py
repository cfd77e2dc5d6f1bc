"""Repairs of names and values: arguments given, left out and renamed, options taken out, words chosen.

They are guesses, shown only where the whole file checks with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from netspec.diagnostics import Edit, Fix
from netspec.elaborate.places import StepRef
from netspec.ops import CATALOGUE
from netspec.source import Span
from netspec.syntax import tree as t

__all__ = [
    "choices",
    "idle_words",
    "missing_arguments",
    "names",
    "numbers",
    "one_of_two",
    "surplus_arguments",
    "unknown_options",
]


def unknown_options(file: t.File, here: StepRef, span: Span) -> Iterator[Fix]:
    """An option that nothing has: another parameter of the block, or without it."""
    text = span.source.text
    option = re.match(r"(\w+)\s*=\s*((?:\([^()]*\)|\[[^\]]*\]|[^\s,()\]}])+)", text[span.start :])
    if option is None:
        return
    whole = Span(span.source, span.start, span.start + option.end())
    call = here.layer
    block = next((b for b in _blocks(file) if call is not None and b.name == call.head), None)
    for parameter in block.parameters if block is not None else ():
        if call is not None and not any(o.name == parameter.name for o in call.argument_options):
            title = f"the parameter is called `{parameter.name}`"
            yield Fix.replace(Span(span.source, span.start, span.start + len(option[1])), parameter.name, title)
    yield from taken_out(whole, f"take `{whole.text}` out")


def _blocks(file: t.File) -> list[t.Block]:
    return [item for item in file.items if isinstance(item, t.Block)]


def taken_out(span: Span, title: str) -> Iterator[Fix]:
    """Without what stands at a span, and the comma or the space before it."""
    text = span.source.text
    before = re.search(r"(?:,\s*|[ \t]+)$", text[: span.start])
    after = re.match(r"\s*,\s*", text[span.end :])
    if before is not None:
        yield Fix(title, (Edit(Span(span.source, before.start(), span.end), ""),))
    elif after is not None:
        yield Fix(title, (Edit(Span(span.source, span.start, span.end + after.end()), ""),))


def missing_arguments(file: t.File, here: StepRef, span: Span) -> Iterator[Fix]:
    """A call without a value that it needs: one that other calls give, or the usual."""
    call = here.layer
    if call is None or call.head.lower() in CATALOGUE or call.argument_options:
        return
    given = [value.span.text for value in call.arguments or ()]
    others = [
        [part.strip() for part in found.split(",")]
        for found in re.findall(rf"\b{re.escape(call.head)}\(([^()]*)\)", span.source.text)
        if "=" not in found
    ]
    last = [parts[len(given)] for parts in others if len(parts) > len(given)]
    behind = Span(span.source, call.head_span.end, call.span.end)
    for value in dict.fromkeys([*last, "64", "16", "2", "1"]):
        text = f"({', '.join([*given, value])})"
        yield Fix.replace(behind, text, f"give it a value: `{call.head}{text}`")


def surplus_arguments(file: t.File, here: StepRef, span: Span) -> Iterator[Fix]:
    """A call with one value too many: without the channels that come in, which are known; without the last."""
    call = here.layer
    if call is None or not call.arguments or len(call.arguments) < 2:
        return
    first, last = call.arguments[0].span, call.arguments[-1].span
    above = span.source.text[: span.start].rstrip().rsplit("\n", 1)[-1]
    if re.search(rf"-{re.escape(first.text)}\b", above):
        yield from taken_out_first(call, f"what comes in is known: leave `{first.text}` out")
    yield from taken_out(last, f"leave `{last.text}` out")


def taken_out_first(call: t.Layer, title: str) -> Iterator[Fix]:
    assert call.arguments is not None
    where = Span(call.span.source, call.arguments[0].span.start, call.arguments[1].span.start)
    yield Fix(title, (Edit(where, ""),))


def one_of_two(here: StepRef, span: Span) -> Iterator[Fix]:
    """What is given twice: without the second."""
    yield from taken_out(span, f"one of the two is enough: take `{span.text}` out")


def choices(message: str, span: Span) -> Iterator[Fix]:
    """A word that is not one of a few: each of them."""
    found = re.search(r"`(\w+)` is not (?:one of )?(.+)$", message)
    word = re.search(rf"\b{re.escape(found[1])}\b", span.text) if found else None
    if found is None or word is None:
        return
    where = Span(span.source, span.start + word.start(), span.start + word.end())
    for other in re.findall(r"\w+", found[2])[:8]:
        yield Fix.replace(where, other, f"write `{span.text[: word.start()]}{other}`")


def names(file: t.File, here: StepRef | None, span: Span) -> Iterator[Fix]:
    """A name that is not defined: the counter of the loop around it, the module before it left out, a `let` for it."""
    prefixed = re.fullmatch(r"(\w+)\.(\w+)", span.text)
    if prefixed and prefixed[2].lower() in CATALOGUE:
        yield Fix.replace(span, prefixed[2].lower(), f"write `{prefixed[2].lower()}`")
    if span.text.lower() in CATALOGUE:
        yield Fix.replace(span, f'"{span.text}"', f'to pass a word, quote it: `"{span.text}"`')
    for place in here.out if here is not None else ():
        loop = place.step.term
        if isinstance(loop, t.Repeat) and loop.counter is None and span.text.isidentifier():
            end = Span(span.source, loop.count.span.end, loop.count.span.end)
            yield Fix.replace(
                end, f" as {span.text}", f"name the counter: `repeat {loop.count.span.text} as {span.text}`"
            )


def idle_words(message: str, span: Span) -> Iterator[Fix]:
    """A word where a number belongs, as in `flip horizontal`: without it."""
    if re.search(r"expected a (?:whole )?number, found a word", message) and span.text.isidentifier():
        lead = re.search(r"(\w+)[ \t]+$", span.source.text[: span.start])
        if lead is not None and f"{lead[1]}_{span.text}" in ("flip_vertical",):
            where = Span(span.source, span.start - len(lead.group()), span.end)
            yield Fix.replace(where, f"{lead[1]}_{span.text}", f"write `{lead[1]}_{span.text}`")
        elif lead is not None:
            yield from taken_out(span, f"take `{span.text}` out: `{lead[1]}` says it alone")


def numbers(message: str, span: Span) -> Iterator[Fix]:
    """A number where a whole one belongs."""
    found = re.search(r"whole number, found a number, ([\d.]+)", message)
    if found and span.text == found[1]:
        for text in dict.fromkeys((str(int(float(found[1]))), str(int(float(found[1])) + 1))):
            yield Fix.replace(span, text, f"write `{text}`")
