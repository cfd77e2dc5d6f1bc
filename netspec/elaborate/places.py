"""Where steps stand in a file, and edits of the text by step: put in, taken out, moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from netspec.diagnostics import Edit
from netspec.source import Span
from netspec.syntax import tree as t

__all__ = ["StepRef", "before", "behind", "insert_before", "label_moved", "places_in", "remove", "swap"]


@dataclass(frozen=True, slots=True)
class StepRef:
    """A step, its chain, the statements around that, and the step in whose braces or brackets it stands."""

    step: t.Step
    chain: t.Chain
    index: int
    statements: Sequence[Any]
    at: int
    parent: StepRef | None
    block: str

    @property
    def span(self) -> Span:
        return self.step.span

    @property
    def text(self) -> str:
        """The step without its label and copies."""
        return self.step.term.span.text

    @property
    def layer(self) -> t.Layer | None:
        return self.step.term if isinstance(self.step.term, t.Layer) else None

    @property
    def out(self) -> Iterator[StepRef]:
        """The place itself, then those around it, from the inside out."""
        place: StepRef | None = self
        while place is not None:
            yield place
            place = place.parent


def places_in(file: t.File) -> list[StepRef]:
    """Every step of a file, in the order written."""
    found: list[StepRef] = []
    _walk(file.items, None, "", found)
    for item in file.items:
        if isinstance(item, (t.Block, t.Shared)):
            _walk(item.body.statements, None, item.name, found)
        elif isinstance(item, t.Aux):
            _walk(item.body.statements, None, "", found)
    return sorted(found, key=lambda place: (place.span.start, -place.span.end))


def _walk(statements: Sequence[Any], parent: StepRef | None, block: str, found: list[StepRef]) -> None:
    for at, chain in enumerate(statements):
        if not isinstance(chain, t.Chain):
            continue
        for index, step in enumerate(chain.steps):
            place = StepRef(step, chain, index, statements, at, parent, block)
            found.append(place)
            for inner in _inside(step.term):
                _walk(inner, place, block, found)


def _inside(term: Any) -> Iterator[Sequence[Any]]:
    if isinstance(term, t.Body):
        yield term.statements
    elif isinstance(term, t.Join):
        yield term.branches
    elif isinstance(term, t.If):
        yield term.body.statements
        if isinstance(term.otherwise, t.Body):
            yield term.otherwise.statements
    elif isinstance(term, (t.Residual, t.Dense, t.Checkpoint, t.Repeat, t.For)):
        yield term.body.statements
        if isinstance(term, t.Residual) and isinstance(term.otherwise, t.Body):
            yield term.otherwise.statements


def before(place: StepRef) -> StepRef | None:
    """The step in front of one, in its chain or in the statement before."""
    if place.index > 0:
        return _at(place, place.chain, place.index - 1, place.at)
    if place.parent is not None and isinstance(place.parent.step.term, t.Join):
        return None  # branches stand beside each other
    for at in range(place.at - 1, -1, -1):
        chain = place.statements[at]
        if isinstance(chain, t.Chain):
            return _at(place, chain, len(chain.steps) - 1, at)
    return None


def behind(place: StepRef) -> StepRef | None:
    """The step that follows one, in its chain or in the next statement."""
    if place.index + 1 < len(place.chain.steps):
        return _at(place, place.chain, place.index + 1, place.at)
    if place.parent is not None and isinstance(place.parent.step.term, t.Join):
        return None
    chain = place.statements[place.at + 1] if place.at + 1 < len(place.statements) else None
    return _at(place, chain, 0, place.at + 1) if isinstance(chain, t.Chain) else None


def _at(place: StepRef, chain: t.Chain, index: int, at: int) -> StepRef:
    return StepRef(chain.steps[index], chain, index, place.statements, at, place.parent, place.block)


def _own_line(span: Span) -> tuple[int, int, str] | None:
    """Start and end of the lines on which a span stands alone, and the space before it."""
    text = span.source.text
    start, end = text.rfind("\n", 0, span.start) + 1, (text + "\n").index("\n", span.end)
    lead, rest = text[start : span.start], text[span.end : end].strip()
    return None if lead.strip() or (rest and not rest.startswith("#")) else (start, min(end + 1, len(text)), lead)


def insert_before(place: StepRef, layer: str) -> Edit:
    """A layer in front of a step: on a line of its own where the step begins one."""
    span = place.span
    line = _own_line(place.chain.span) if place.index == 0 else None
    return Edit(Span(span.source, span.start, span.start), f"{layer}\n{line[2]}" if line else f"{layer} -> ")


def remove(place: StepRef) -> Edit | None:
    """A step taken out, with its arrow or its line; None where it is all that stands there."""
    steps, span = place.chain.steps, place.span
    if place.index > 0:
        return Edit(Span(span.source, steps[place.index - 1].span.end, span.end), "")
    if len(steps) > 1:
        return Edit(Span(span.source, span.start, steps[1].span.start), "")
    line = _own_line(span)
    return Edit(Span(span.source, line[0], line[1]), "") if line and len(place.statements) > 1 else None


def swap(one: StepRef, other: StepRef) -> tuple[Edit, ...]:
    """Two steps, each where the other stands."""
    return (Edit(one.span, other.span.text), Edit(other.span, one.span.text))


def label_moved(place: StepRef, to: StepRef) -> tuple[Edit, ...] | None:
    """The label of a step put before another one; None where that has one already."""
    if place.step.label is None or to.step.label is not None:
        return None
    start = place.span.start
    return (
        Edit(Span(place.span.source, start, place.step.term.span.start), ""),
        Edit(Span(to.span.source, to.span.start, to.span.start), f"{place.step.label.text}: "),
    )
