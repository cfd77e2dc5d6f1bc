"""repeat, for and if: unrolled while the tree is elaborated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from netspec.diagnostics.facts import Instead
from netspec.elaborate.arithmetic import EvaluationError
from netspec.elaborate.lists import no_list, unpacked
from netspec.elaborate.origins import items_of, origin, unpacked_origins
from netspec.elaborate.state import FAILED, UNKNOWN, Frame
from netspec.graph import Decision
from netspec.symbolic import Apply, Constant, Symbolic
from netspec.syntax import tree as t
from netspec.values import kind_of

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["Rounds", "before_rounds", "chosen_body", "rounds_of", "rounds_of_repeat", "run_for", "run_if", "run_repeat"]

Binding: TypeAlias = tuple[dict[str, Any], dict[str, Symbolic]]
"""The values of the variables of one round, and how they were written."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """The rounds of a loop: for each the values of its variables; and how their number was written."""

    rounds: Sequence[Binding]
    count: Symbolic | None = None


class _Counted(Sequence[Binding]):
    """The rounds of a `repeat`, which are made as they are asked for."""

    def __init__(self, count: int, counter: str | None) -> None:
        self.rounds, self.counter = count, counter

    def __len__(self) -> int:
        return self.rounds

    def __getitem__(self, number: Any) -> Any:
        return ({self.counter: number} if self.counter else {}), {}


def run_repeat(run: ElaborationContext, repeat: t.Repeat, frame: Frame) -> None:
    unroll(run, repeat, rounds_of_repeat(run, repeat, frame), frame)


def run_for(run: ElaborationContext, loop: t.For, frame: Frame) -> None:
    unroll(run, loop, rounds_of(run, loop, frame), frame)


def rounds_of_repeat(run: ElaborationContext, repeat: t.Repeat, frame: Frame) -> Rounds | None:
    """The rounds of a `repeat`; None where their number is in error, which is reported."""
    count = run.count(repeat.count, frame, "the number of repeats")
    if count is None:
        return None
    if not run.context:
        run.place = repeat.count.span
    return Rounds(_Counted(count, repeat.counter), origin(repeat.count, frame, run.graph.functions))


def rounds_of(run: ElaborationContext, loop: t.For, frame: Frame) -> Rounds | None:
    """The rounds of a `for`; None where its list is in error, which is reported."""
    items = run.evaluate(loop.items, _with_labels(loop.items, frame))
    if items is FAILED:
        return None
    if not isinstance(items, (list, tuple)):
        run.report(no_list(items, loop.items.span).diagnostic)
        return None
    try:
        values = [unpacked(loop.names, item, loop, at) for at, item in enumerate(items)]
    except EvaluationError as error:
        run.report(error.diagnostic)
        return None
    whole = origin(loop.items, frame, run.graph.functions)
    written = [unpacked_origins(loop.names, item) for item in items_of(whole, len(items))]
    return Rounds(list(zip(values, written, strict=True)), _count_of(run, loop.items, whole, frame))


def _count_of(run: ElaborationContext, items: t.Expr, written: Symbolic, frame: Frame) -> Symbolic | None:
    """How the number of items of a list was written; None where it is the same whatever the parameters are."""
    if isinstance(items, t.Call) and items.name == "range" and len(items.arguments) == 1:
        return origin(items.arguments[0], frame, run.graph.functions)
    return None if isinstance(written, Apply) and written.operator == "tuple" else written


def _with_labels(items: t.Expr, frame: Frame) -> Frame:
    """A frame in which the labels that a list consists of are words: `for s in [a, b] { from s }`."""
    words, stack = {}, [items]
    while stack:
        expr = stack.pop()
        if isinstance(expr, t.Sequence_):
            stack.extend(expr.items)
        elif isinstance(expr, t.Call):
            stack.extend(expr.arguments)
        elif isinstance(expr, t.Name) and expr is not items and frame.label(expr.text) is not None:
            words[expr.text] = expr.text
    inner = frame.inner() if words else frame
    inner.names.update({word: word for word in words if word not in frame.visible()})
    return inner


def unroll(run: ElaborationContext, loop: t.For | t.Repeat, found: Rounds | None, frame: Frame) -> None:
    """Runs the body of a loop once for each round."""
    if found is None:
        frame.here = UNKNOWN
        return
    body, span, rounds = loop.body, loop.span, len(found.rounds)
    run.lint_empty(body, "the body of this loop")
    before_rounds(run, body.statements, frame, rounds)
    outer = frame.inner(run.region(frame, "repeat", "", span))
    outer.region.arguments = (("count", rounds),)
    outer.region.count = found.count
    for i in range(rounds):
        outer.region.rounds.append(len(outer.region.members))
        inner = outer.inner()
        values, written = found.rounds[i]
        inner.names.update(values)
        inner.symbols.update({name: s for name, s in written.items() if not isinstance(s, Constant)})
        with run.inside(f"round {i + 1} of {rounds} of the loop at line {span.line}"):
            run.run(body.statements, inner)
        outer.here = inner.here
    frame.here = outer.here


def before_rounds(run: ElaborationContext, statements: Sequence[Any], frame: Frame, rounds: int) -> None:
    """Counts the rounds of a loop before the first: as layers where every round makes one, otherwise as steps.

    Raises LimitReached.
    """
    layers = sum(_is_layer(step, frame) for s in statements if isinstance(s, t.Chain) for step in s.steps)
    if layers:
        run.room_for(rounds * layers)
    else:
        run.evaluator.spend(rounds)


def _is_layer(step: t.Step, frame: Frame) -> bool:
    """Whether a step makes a layer, whatever its values are: copies and blocks may be empty."""
    return step.times is None and isinstance(step.term, t.Layer) and frame.block(step.term.head) is None


def run_if(run: ElaborationContext, when: t.If, frame: Frame) -> None:
    chosen = chosen_body(run, when, frame)
    if chosen is None:
        frame.here = UNKNOWN
    elif chosen != "none":
        run.braces(chosen, frame)


def chosen_body(run: ElaborationContext, when: t.If, frame: Frame) -> t.Body | Literal["none"] | None:
    """The body that a condition chooses, "none" where it chooses nothing; None where it is in error, which is reported."""
    value = run.evaluate(when.condition, frame)
    if value is FAILED:
        return None
    if not isinstance(value, bool):
        run.error(
            "NS204",
            f"a condition is yes or no, found {kind_of(value)}",
            when.condition.span,
            facts=Instead(when.condition.span, text := f"{when.condition.span.text} != 0", f"compare it: `{text}`"),
        )
        return None
    frame.region.decisions.append(
        Decision(when.span.start, int(value), origin(when.condition, frame, run.graph.functions))
    )
    chosen = when.body if value else when.otherwise
    return chosen_body(run, chosen, frame) if isinstance(chosen, t.If) else chosen or "none"
