"""Widths that do not divide (NS304): multiples, and widths as the block writes them elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netspec.diagnostics import Fix
from netspec.elaborate.facts import DoesNotFit
from netspec.fixes.fix_context import FixContext, name_of, replaced_in, rewritten, short
from netspec.fixes.rule import semantic
from netspec.source import Span
from netspec.syntax.steps import StepRef

__all__ = ["RULES"]

_NEAR = 8
_NAME = r"\(?[\w.]+\)?"


@semantic(
    "NS304-shuffled-channels",
    DoesNotFit,
    30,
    ("input 3x8x8\nconv3-10 pad=1\npixel_shuffle 2\n", "input 3x8x8\nconv3-(2*2) pad=1\npixel_shuffle 2\n"),
    title="the layer before a pixel shuffle has another width",
    guess=True,
)
def shuffled_channels(context: FixContext) -> Iterator[Fix]:
    """A shuffle by f takes f*f channels for each one that it gives."""
    for here in context.here:
        previous = here.previous
        width = previous.layer.width.span if previous and previous.layer and previous.layer.width else None
        factor = here.layer.values[0].span.text if here.layer and here.layer.values else ""
        if name_of(here) != "pixel_shuffle" or previous is None or width is None or not factor:
            continue
        source = width.source.text
        wrapped = source[width.start - 1 : width.start] == "("
        for text in (f"{factor}*{factor}", f"3*{factor}*{factor}", f"{width.text.strip('()')} * {factor}**2"):
            yield replaced_in(previous, width, text if wrapped else f"({text})")
        if factor.isdigit() and width.text.isdigit():
            step = int(factor) ** 2
            for n in (int(width.text) // step, int(width.text) // step + 1):
                if n:
                    yield replaced_in(previous, width, str(n * step))


@semantic(
    "NS304-depthwise-width",
    DoesNotFit,
    32,
    ("input 6x8x8\ndwconv3-16 pad=1\n", "input 6x8x8\ndwconv3 pad=1\n"),
    title="a depthwise convolution is given a width",
    guess=True,
)
def depthwise_width(context: FixContext) -> Iterator[Fix]:
    """A depthwise convolution keeps the number of channels, or multiplies it; `sepconv` mixes them afterwards."""
    for here in context.here:
        if name_of(here) == "dwconv" and here.layer and here.layer.width is not None:
            width = here.layer.width.span
            end = width.end + (width.source.text[width.start - 1 : width.start] == "(")
            start = width.start - 1 - (end > width.end)
            yield replaced_in(here, Span(width.source, start, end), "")
            yield rewritten(here, re.sub(r"^dwconv", "sepconv", here.text))


@semantic(
    "NS304-multiple",
    DoesNotFit,
    34,
    ("input 3x8x8\nconv3-30 pad=1\nconv3-32 groups=4\n", "input 3x8x8\nconv3-32 pad=1\nconv3-32 groups=4\n"),
    title="the number of channels is no multiple",
    guess=True,
)
def multiple(context: FixContext) -> Iterator[Fix]:
    """The nearest multiples, wherever the number of channels is written."""
    facts: DoesNotFit = context.facts
    if facts.indivisible is None:
        return
    n, parts = facts.indivisible
    source = context.file.source
    near = sorted({n - n % parts, n - n % parts + parts} - {0}, key=lambda m: (-min(m & -m, 32), abs(m - n)))
    for found in re.finditer(rf"(?<![\w.#]){n}(?![\w.])", source.text):
        span = Span(source, *found.span())
        row = source.line_text(span.line)
        if re.match(r"\s*(expect|input)\b", row) or "#" in row[: span.column]:
            continue
        for m in near:
            shown = row[: span.column - 1] + str(m) + row[span.column - 1 + len(found.group()) :]
            yield Fix.replace(
                span, str(m), f"a multiple of {parts}: `{short(shown.split('#')[0])}` at line {span.line}"
            )


def _around(context: FixContext) -> Iterator[Fix]:
    """The width of a layer as another layer of the block writes it, in part, halved or doubled."""
    for here in context.here:
        block = [s for s in context.steps if s.block and s.block == here.block and s.layer is not None]
        for step in sorted(block, key=lambda s: abs(s.span.start - here.span.start))[:_NEAR]:
            yield from _written_otherwise(context, step)


def _written_otherwise(context: FixContext, step: StepRef) -> Iterator[Fix]:
    if step.layer is None or step.layer.width is None:
        return
    now = step.layer.width.span
    wrapped = now.source.text[now.start - 1 : now.start] == "("
    whole = Span(now.source, now.start - 1, now.end + 1) if wrapped else now
    bare = now.text.strip("() ")
    parts = [part.strip("() ") for part in re.split(r"\s*(?://|\*\*|[*/+-])\s*", bare)] if not bare.isdigit() else []
    found = [part for part in parts if not part.isdigit()]
    others = [s.layer.width.span.text for s in context.steps if s.block == step.block and s.layer and s.layer.width]
    found += [text.strip("() ") if re.fullmatch(_NAME, text) else text for text in others]
    if bare.isdigit():
        found += [str(int(bare) * 2), *([str(int(bare) // 2)] if int(bare) % 2 == 0 else [])]
    elif re.fullmatch(r"[\w.]+", bare):
        found += [f"{bare} // 2", f"2 * {bare}"]
    for text in dict.fromkeys(found):
        if text and text != bare:
            simple = re.fullmatch(r"\w+", text) is not None or text.count("(") > 1
            yield replaced_in(step, whole, text if simple else f"({text.removeprefix('(').removesuffix(')')})")


RULES = (
    shuffled_channels,
    depthwise_width,
    multiple,
    semantic(
        "NS304-width-in-block", DoesNotFit, 36,
        (
            "block b(w) {\n  conv1-(w + 1)\n  conv1-w groups=2\n}\ninput 4x8x8\nb(4)\n",
            "block b(w) {\n  conv1-w\n  conv1-w groups=2\n}\ninput 4x8x8\nb(4)\n",
        ),
        title="a layer of a block has another width than the block writes elsewhere", guess=True,
    )(_around),
)  # fmt: skip
