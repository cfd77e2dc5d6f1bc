"""What a repair knows of the place where a finding stands, and the edits that repairs are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from netspec.diagnostics import Diagnostic, Fix
from netspec.elaborate.places import StepRef, insert_before, remove, swap
from netspec.graph import Failed, Graph, Node, TensorType
from netspec.ops import CATALOGUE
from netspec.source import Span
from netspec.syntax import tree as t

__all__ = [
    "POOLINGS",
    "Scene",
    "came_in",
    "input_of",
    "inserted",
    "kernel_of",
    "line_of",
    "name_of",
    "replaced_in",
    "resumed",
    "rewritten",
    "short",
    "span_of",
    "swapped",
    "without",
]


POOLINGS = ("maxpool", "avgpool", "lppool")


_ARROW_WIDE = 60


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known where a finding stands."""

    file: t.File
    graph: Graph
    nodes: dict[Span, list[Node]]
    finding: Diagnostic
    places: list[StepRef]
    here: StepRef
    came_in: TensorType | None

    @property
    def earlier(self) -> list[StepRef]:
        """The steps before this one that are written in the same statements or around them, the nearest first."""
        around = {id(place.statements) for place in self.here.out}
        return [p for p in reversed(self.places) if p.span.end <= self.here.span.start and id(p.statements) in around]


def came_in(graph: Graph, finding: Diagnostic) -> TensorType | None:
    span = finding.span
    rows: Iterable[Failed] = graph.failed if span is not None else ()
    row = next(
        (
            f
            for f in rows
            if span and f.span.source is span.source and f.span.start <= span.start and span.end <= f.span.end
        ),
        None,
    )
    return row.inputs[0] if row is not None and row.inputs else None


def name_of(place: StepRef) -> str:
    """The layer that a step names, as the catalogue calls it; empty for anything else."""
    head = place.layer.head.lower() if place.layer is not None else ""
    op = CATALOGUE.get(head) or CATALOGUE.get(re.sub(r"[\dx×]+$", "", head))
    return op.name.lower() if op is not None else ""


def line_of(place: StepRef) -> str:
    return f"line {place.span.line}"


def short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _ARROW_WIDE else text[: _ARROW_WIDE - 1] + "…"


def without(place: StepRef, why: str = "take out") -> Iterator[Fix]:
    edit = remove(place)
    if edit is not None:
        yield Fix(f"{why} `{short(place.span.text)}` at {line_of(place)}", (edit,))


def swapped(one: StepRef | None, other: StepRef | None) -> Iterator[Fix]:
    if one is not None and other is not None:
        first, second = short(one.span.text), short(other.span.text)
        yield Fix(f"put `{second}` before `{first}`", swap(one, other))


def inserted(place: StepRef, layer: str) -> Iterator[Fix]:
    yield Fix(f"put `{layer}` before `{short(place.span.text)}` at {line_of(place)}", (insert_before(place, layer),))


def rewritten(place: StepRef, text: str) -> Fix:
    title = f"with `{short(text)}` in place of `{short(place.text)}` at {line_of(place)} it fits"
    return Fix.replace(place.step.term.span, text, title)


def kernel_of(place: StepRef) -> int:
    found = re.match(r"[A-Za-z]+(\d+)", place.text)
    return int(found[1]) if found else 0


def replaced_in(place: StepRef, part: Span, text: str) -> Fix:
    whole = place.step.term.span
    old = whole.source.text
    return rewritten(place, old[whole.start : part.start] + text + old[part.end : whole.end])


def input_of(scene: Scene, place: StepRef) -> TensorType | None:
    """What comes into the layer of a step, at its first instance."""
    node = next((n for n in scene.nodes.get(place.step.term.span, ()) if n.inputs), None)
    if node is None:
        return None
    before_it = scene.graph.nodes[node.inputs[0]]
    return (
        scene.graph.nodes[before_it.inputs[0]].type
        if before_it.kind == "flatten" and before_it.inputs
        else before_it.type
    )


def resumed(scene: Scene, places: Iterable[StepRef]) -> Iterator[Fix]:
    """`from label` before a step, where a branch was left and not gone back from."""
    labels = [p.step.label.text for p in scene.places if p.step.label is not None and p.parent is None and not p.block]
    inputs = [item.name for item in scene.file.items if isinstance(item, t.Input) and item.name]
    for place in places:
        if place.index == 0 and place.parent is None and not place.block and place.at > 0:
            for label in (*reversed(labels[-6:]), *(inputs if len(inputs) > 1 else ())):
                yield from inserted(place, f"from {label}")


def span_of(scene: Scene) -> Span:
    assert scene.finding.span is not None
    return scene.finding.span
