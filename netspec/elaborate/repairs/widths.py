"""Channels that do not divide, and widths written otherwise: as the block writes them, halved, the nearest multiple."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netspec.diagnostics import Fix
from netspec.elaborate.places import StepRef, before
from netspec.elaborate.repairs.scene import Scene, name_of, replaced_in, rewritten, short
from netspec.source import Span

__all__ = ["dividing_channels", "halved", "width_written_otherwise", "widths_around"]


def dividing_channels(scene: Scene) -> Iterator[Fix]:
    here, previous = scene.here, before(scene.here)
    if (
        name_of(here) == "pixel_shuffle"
        and previous is not None
        and previous.layer
        and previous.layer.width is not None
    ):
        factor = here.layer.values[0].span.text if here.layer and here.layer.values else ""
        width = previous.layer.width.span
        for text in (f"({factor}*{factor})", f"(3*{factor}*{factor})", f"({width.text.strip('()')} * {factor}**2)"):
            source = width.source.text
            wrapped = source[width.start - 1 : width.start] == "(" and source[width.end : width.end + 1] == ")"
            yield replaced_in(previous, width, text[1:-1] if wrapped else text)
        if factor.isdigit() and width.text.isdigit():
            step = int(factor) ** 2
            for n in (int(width.text) // step, int(width.text) // step + 1):
                if n:
                    yield replaced_in(previous, width, str(n * step))
    if name_of(here) == "dwconv" and here.layer and here.layer.width is not None:
        width = here.layer.width.span
        yield replaced_in(here, Span(width.source, width.start - 1, width.end), "")
        yield rewritten(here, re.sub(r"^dwconv", "sepconv", here.text))
    yield from _multiples(scene)
    yield from widths_around(scene)


def widths_around(scene: Scene) -> Iterator[Fix]:
    """Other widths for the layers before this one, in the same block or the same join, the nearest first."""
    block = [p for p in scene.places if p.block == scene.here.block and p.layer is not None]
    near = sorted(block, key=lambda p: abs(p.span.start - scene.here.span.start))
    for place in near[:8] if scene.here.block else ():
        yield from width_written_otherwise(scene, place)


def _multiples(scene: Scene) -> Iterator[Fix]:
    """For a number of channels that does not divide: the nearest multiples, wherever the number is written."""
    numbers = [int(n) for n in re.findall(r"\d+", scene.finding.message)]
    source = scene.file.source
    if len(numbers) < 2 or min(numbers) < 1:
        return
    n, parts = numbers[0], numbers[-1]
    near = sorted({n - n % parts, n - n % parts + parts} - {0}, key=lambda m: (-min(m & -m, 32), abs(m - n)))
    for found in re.finditer(rf"(?<![\w.#]){n}(?![\w.])", source.text):
        span = Span(source, *found.span())
        row = source.line_text(span.line).split("#")[0]
        if (
            re.match(r"\s*(expect|input)\b", row)
            or "#" in source.text[source.text.rfind("\n", 0, span.start) + 1 : span.start]
        ):
            continue
        for m in near:
            shown = row[: span.column - 1] + str(m) + row[span.column - 1 + len(found.group()) :]
            yield Fix.replace(span, str(m), f"a multiple of {parts}: `{short(shown)}` at line {span.line}")


def width_written_otherwise(scene: Scene, place: StepRef) -> Iterator[Fix]:
    """The width of a layer in a block as another of its layers writes it, in part, halved or doubled."""
    layer = place.layer
    if layer is None or layer.width is None:
        return
    now = layer.width.span
    wrapped = now.source.text[now.start - 1 : now.start] == "("
    whole = Span(now.source, now.start - 1, now.end + 1) if wrapped else now
    bare = now.text.strip("() ")
    found: list[str] = []
    if not bare.isdigit():
        found += [
            part.strip("() ") for part in re.split(r"\s*(?://|\*\*|[*/+-])\s*", bare) if not part.strip("() ").isdigit()
        ]
    if place.block:
        others = [p.layer.width.span.text for p in scene.places if p.block == place.block and p.layer and p.layer.width]
        found += [text.strip("() ") if re.fullmatch(r"\(?[\w.]+\)?", text) else text for text in others]
    if not bare.isdigit():
        found += [f"{bare} // 2", f"2 * {bare}"] if re.fullmatch(r"[\w.]+", bare) else []
    else:
        found += [str(int(bare) * 2), *([str(int(bare) // 2)] if int(bare) % 2 == 0 else [])]
    for text in dict.fromkeys(found):
        new = (
            text
            if re.fullmatch(r"\w+", text)
            else f"({text.removeprefix('(').removesuffix(')')})"
            if text.count("(") <= 1
            else text
        )
        if text and text != bare:
            yield replaced_in(place, whole, new)


def halved(place: StepRef) -> Iterator[Fix]:
    """`conv3-(w//2)` where `conv3-w/2` was written, which is a stride."""
    slots = re.match(r"([A-Za-z]+[\dx×]*)-([A-Za-z_]\w*)/(\d+)(?!\w)", place.text)
    if slots is not None:
        yield rewritten(place, f"{slots[1]}-({slots[2]}//{slots[3]}){place.text[slots.end() :]}")
