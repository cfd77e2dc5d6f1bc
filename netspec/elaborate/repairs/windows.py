"""Windows that do not fit: one layer or one copy too many, no padding further up."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netspec.diagnostics import Fix
from netspec.elaborate.places import StepRef
from netspec.elaborate.repairs.scene import POOLINGS, Scene, kernel_of, name_of, rewritten, without
from netspec.source import Span
from netspec.syntax import tree as t

__all__ = ["fitting_windows"]


def fitting_windows(scene: Scene) -> Iterator[Fix]:
    here = scene.here
    alone = not here.block and here.parent is None and here.step.times is None
    if name_of(here) in POOLINGS and alone:
        yield from without(here, "one too many: take out")
    calls = [p for p in scene.places if here.block and p.layer is not None and p.layer.head == here.block]
    for place in (*here.out, *reversed(calls)):
        times = place.step.times
        if isinstance(times, t.Literal_) and times.text.isdigit():
            for copies in range(int(times.text) - 1, max(0, int(times.text) - 5), -1):
                yield _fewer(place, times.span, copies)
        if isinstance(place.step.term, t.Repeat) and place.step.term.count.span.text.isdigit():
            count = place.step.term.count.span
            for rounds in range(int(count.text) - 1, max(0, int(count.text) - 5), -1):
                yield Fix.replace(count, str(rounds), f"with `repeat {rounds}` every layer fits")
        if isinstance(place.step.term, t.For) and isinstance(place.step.term.items, t.Sequence_):
            items = place.step.term.items.items
            for kept in range(len(items) - 1, max(0, len(items) - 4), -1):
                source, start = items[0].span.source, items[0].span.start
                text = source.text[start : items[kept - 1].span.end]
                yield Fix.replace(
                    Span(source, start, items[-1].span.end),
                    text,
                    f"with the first {kept} items of the list every layer fits",
                )
    if name_of(here) in POOLINGS and not alone:
        yield from without(here, "one too many: take out")
    for place in reversed(scene.earlier):
        if name_of(place) == "conv" and "pad" not in place.text and (k := kernel_of(place)) > 2:
            yield _padded(place, k // 2)
    for place in scene.earlier:
        if name_of(place) in POOLINGS and place.step.times is None:
            yield from _per_axis(scene, place)
            yield from without(place)


def _fewer(place: StepRef, span: Span, n: int) -> Fix:
    text = span.source.text
    start = span.start - (text[span.start - 1] in "x×") if not re.match(r"[x×]", span.text) else span.start
    return Fix.replace(Span(span.source, start, span.end), f"x{n}", f"with {n} copies, `x{n}`, every layer fits")


def _padded(place: StepRef, pad: int) -> Fix:
    head = re.match(r"\S+", place.text)
    assert head is not None
    return rewritten(place, f"{place.text} pad={pad}")


def _per_axis(scene: Scene, place: StepRef) -> Iterator[Fix]:
    """`maxpool1x2x2` in place of `maxpool` on a volume."""
    kind = scene.came_in
    if kind is None or kind.rank != 3 or not re.fullmatch(r"[A-Za-z]+2?", place.text):
        return
    yield rewritten(place, f"{place.text.removesuffix('2')}1x2x2")
