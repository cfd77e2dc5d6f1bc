"""The branches of a join or of a block with several inputs: those written out, and those that loops and conditions make.

A `for`, a `repeat` or an `if` that alone is a branch makes branches: one for each round, or for what is chosen. In braces
it is a part of a chain, as everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from netspec.elaborate.loops import chosen_body, rounds_of, rounds_of_repeat
from netspec.elaborate.state import Frame
from netspec.symbolic import Constant
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["Branch", "branches_of", "starts_elsewhere"]

Branch: TypeAlias = tuple[t.Chain | t.Body, Frame]
"""What a branch runs, and where."""


def branches_of(run: ElaborationContext, chain: t.Chain, frame: Frame) -> Iterator[Branch | None]:
    """The branches that one written branch makes; None for a loop or a condition in error, which is reported."""
    term = _alone(chain)
    if isinstance(term, t.If):
        body = chosen_body(run, term, frame)
        if body is None:
            yield None
        elif body != "none":
            yield from _in_braces(run, body, frame.inner())
    elif isinstance(term, (t.For, t.Repeat)):
        yield from _in_rounds(run, term, frame)
    else:
        yield chain, frame


def _alone(chain: t.Chain) -> t.For | t.Repeat | t.If | None:
    """The loop or the condition that is the whole of a branch."""
    step = chain.steps[0]
    if len(chain.steps) == 1 and step.label is None and step.times is None:
        return step.term if isinstance(step.term, (t.For, t.Repeat, t.If)) else None
    return None


def _in_rounds(run: ElaborationContext, loop: t.For | t.Repeat, frame: Frame) -> Iterator[Branch | None]:
    found = rounds_of(run, loop, frame) if isinstance(loop, t.For) else rounds_of_repeat(run, loop, frame)
    if found is None:
        yield None
        return
    run.lint_empty(loop.body, "the body of this loop")
    outer = frame.inner(run.region(frame, "repeat", "", loop.span))
    outer.region.arguments = (("count", len(found.rounds)),)
    outer.region.count = found.count
    for number in range(len(found.rounds)):
        run.evaluator.spend()
        values, written = found.rounds[number]
        outer.region.rounds.append(len(outer.region.members))
        inner = outer.inner()
        inner.names.update(values)
        inner.symbols.update({name: s for name, s in written.items() if not isinstance(s, Constant)})
        yield from _in_braces(run, loop.body, inner)


def _in_braces(run: ElaborationContext, body: t.Body, frame: Frame) -> Iterator[Branch | None]:
    """A body is a branch, unless it is a loop or a condition alone, which makes branches itself."""
    only = body.statements[0] if len(body.statements) == 1 else None
    if isinstance(only, t.Chain) and _alone(only) is not None:
        yield from branches_of(run, only, frame)
    else:
        yield body, frame


def starts_elsewhere(chain: t.Chain) -> bool:
    """Whether a branch begins with `from`, in braces or without."""
    term = chain.steps[0].term
    while isinstance(term, (t.Body, t.For, t.Repeat, t.If)):
        body = term if isinstance(term, t.Body) else term.body
        if not body.statements or not isinstance(body.statements[0], t.Chain):
            return False
        term = body.statements[0].steps[0].term
    if isinstance(term, (t.Join, t.Fed)):
        return bool(term.branches) and all(map(starts_elsewhere, term.branches))
    return isinstance(term, (t.From, t.Scalar)) or (isinstance(term, t.Layer) and term.head.lower() == "tensor")
