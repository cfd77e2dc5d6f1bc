"""Names, options, values and arguments that are not known or not enough."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics import Fix
from netspec.elaborate.places import StepRef, label_moved
from netspec.elaborate.repairs import values
from netspec.elaborate.repairs.scene import Scene, short, span_of

__all__ = ["other_arguments", "other_values", "unknown_names", "unknown_options"]


def _labels(scene: Scene) -> Iterator[Fix]:
    finding = scene.finding
    assert finding.span is not None
    label, use = finding.span.text, finding.span.start
    outside = {id(place.statements) for place in scene.here.out}
    for place in scene.places:
        if place.step.label is None or place.step.label.text != label:
            continue
        for around in list(place.out)[1:]:
            if id(around.statements) in outside and around.span.end <= use:
                yield from _relabelled(place, around)
        calls = [p for p in scene.places if p.layer and p.layer.head == place.block and p.span.end <= use]
        for call in reversed(calls if place.block else []):
            yield from _relabelled(place, call)


def _relabelled(place: StepRef, to: StepRef) -> Iterator[Fix]:
    if (edits := label_moved(place, to)) is not None:
        yield Fix(f"put the label there: `{edits[1].text}{short(to.span.text)}`", edits)


def unknown_names(scene: Scene) -> Iterator[Fix]:
    yield from values.names(scene.file, scene.here, span_of(scene))
    yield from _labels(scene)


def unknown_options(scene: Scene) -> Iterator[Fix]:
    yield from values.unknown_options(scene.file, scene.here, span_of(scene))


def other_values(scene: Scene) -> Iterator[Fix]:
    yield from values.numbers(scene.finding.message, span_of(scene))
    yield from values.idle_words(scene.finding.message, span_of(scene))
    yield from values.choices(scene.finding.message, span_of(scene))


def other_arguments(scene: Scene) -> Iterator[Fix]:
    if scene.finding.code == "NS206":
        yield from values.missing_arguments(scene.file, scene.here, span_of(scene))
    elif scene.finding.code == "NS203":
        yield from values.one_of_two(scene.here, span_of(scene))
    else:
        yield from values.surplus_arguments(scene.file, scene.here, span_of(scene))
