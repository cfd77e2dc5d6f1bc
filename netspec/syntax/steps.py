"""The steps of a file, each with what is around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from netspec.source import Span
from netspec.syntax import tree as t

__all__ = ["StepRef", "steps_in"]


@dataclass(frozen=True, slots=True)
class StepRef:
    """A step with its chain, the statements around it, and the step in whose braces or brackets it is."""

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
    def around(self) -> Iterator[StepRef]:
        """The step itself, then those around it, from the inside out."""
        step: StepRef | None = self
        while step is not None:
            yield step
            step = step.parent

    @property
    def previous(self) -> StepRef | None:
        """The step before this one, in its chain or in the statement before."""
        if self.index > 0:
            return replace(self, step=self.chain.steps[self.index - 1], index=self.index - 1)
        if self.is_branch:
            return None
        for at in range(self.at - 1, -1, -1):
            chain = self.statements[at]
            if isinstance(chain, t.Chain):
                return replace(self, step=chain.steps[-1], chain=chain, index=len(chain.steps) - 1, at=at)
        return None

    @property
    def following(self) -> StepRef | None:
        """The step after this one, in its chain or in the next statement."""
        if self.index + 1 < len(self.chain.steps):
            return replace(self, step=self.chain.steps[self.index + 1], index=self.index + 1)
        chain = self.statements[self.at + 1] if self.at + 1 < len(self.statements) and not self.is_branch else None
        return (
            replace(self, step=chain.steps[0], chain=chain, index=0, at=self.at + 1)
            if isinstance(chain, t.Chain)
            else None
        )

    @property
    def is_branch(self) -> bool:
        """Whether its chain is a branch of a join: branches are beside each other, not one after the other."""
        return self.parent is not None and isinstance(self.parent.step.term, (t.Join, t.Fed))


def steps_in(file: t.File) -> list[StepRef]:
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
    elif isinstance(term, (t.Join, t.Fed)):
        yield term.branches
    elif isinstance(term, t.If):
        yield term.body.statements
        if isinstance(term.otherwise, t.Body):
            yield term.otherwise.statements
    elif isinstance(term, (t.Residual, t.Dense, t.Checkpoint, t.Windows, t.Repeat, t.For)):
        yield term.body.statements
        if isinstance(term, t.Residual) and isinstance(term.otherwise, t.Body):
            yield term.otherwise.statements
