"""repeat, for and if: unrolled while the tree is elaborated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from netspec.diagnostics.facts import Instead
from netspec.elaborate.facts import ItemOfOtherLength, LoopCall
from netspec.elaborate.origins import origin
from netspec.elaborate.state import FAILED, UNKNOWN, Frame
from netspec.graph import Decision
from netspec.source import Span
from netspec.symbolic import Constant, Symbolic
from netspec.syntax import tree as t
from netspec.values import kind_of, show

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["before_rounds", "run_for", "run_if", "run_repeat"]


def run_repeat(run: ElaborationContext, repeat: t.Repeat, frame: Frame) -> None:
    count = run.count(repeat.count, frame, "the number of repeats")
    if count is None:
        frame.here = UNKNOWN
        return
    if not run.context:
        run.place = repeat.count.span
    unroll(
        run,
        repeat.body,
        frame,
        count,
        lambda i: ({repeat.counter: i} if repeat.counter else {}, {}),
        repeat.span,
        count=origin(repeat.count, frame, run.graph.functions),
    )


def run_for(run: ElaborationContext, loop: t.For, frame: Frame) -> None:
    if _is_range(loop.items, frame):
        assert isinstance(loop.items, t.Call)
        run.error("NS208", f"there is no function `{loop.items.name}`", loop.items.name_span, facts=LoopCall(loop))
        frame.here = UNKNOWN
        return
    items = run.evaluate(loop.items, _with_labels(loop.items, frame))
    if items is FAILED:
        frame.here = UNKNOWN
        return
    if not isinstance(items, (list, tuple)):
        run.error(
            "NS204",
            f"`for` runs over a list, found {kind_of(items)}",
            loop.items.span,
            helps=["write `for w in [64, 128]`, or `repeat n as i`"],
        )
        return
    names = [name.text for name in loop.names]
    bindings: list[dict[str, Any]] = []
    for item in items:
        if len(names) == 1:
            bindings.append({names[0]: item})
        elif isinstance(item, (list, tuple)) and len(item) == len(names):
            bindings.append(dict(zip(names, item, strict=True)))
        else:
            _report_item(run, loop, item, [i for i, other in enumerate(items) if other is item])
            frame.here = UNKNOWN
            return
    listed = isinstance(loop.items, t.Sequence_)
    whole = {} if listed else dict.fromkeys(names, origin(loop.items, frame, run.graph.functions))
    unroll(
        run,
        loop.body,
        frame,
        len(bindings),
        lambda i: (bindings[i], _item_origins(run, loop, i, frame) if listed else whole),
        loop.span,
    )


def _with_labels(items: t.Expr, frame: Frame) -> Frame:
    """A frame in which the labels that a list consists of are words: `for s in [a, b] { from s }`."""
    words, stack = {}, [items]
    while stack:
        expr = stack.pop()
        if isinstance(expr, t.Sequence_):
            stack.extend(expr.items)
        elif isinstance(expr, t.Name) and expr is not items and frame.label(expr.text) is not None:
            words[expr.text] = expr.text
    inner = frame.inner() if words else frame
    inner.names.update({word: word for word in words if word not in frame.visible()})
    return inner


def _item_origins(run: ElaborationContext, loop: t.For, number: int, frame: Frame) -> dict[str, Symbolic]:
    """How the values of one round were written, in a list that is written out."""
    assert isinstance(loop.items, t.Sequence_)
    names, item = [name.text for name in loop.names], loop.items.items[number]
    if isinstance(item, t.Sequence_) and len(names) > 1:
        return {n: origin(part, frame, run.graph.functions) for n, part in zip(names, item.items, strict=True)}
    return dict.fromkeys(names, origin(item, frame, run.graph.functions))


def _report_item(run: ElaborationContext, loop: t.For, item: Any, places: list[int]) -> None:
    """An item of a list does not have a value for each name of a `for`."""
    n = len(loop.names)
    found = f"{len(item)}" if isinstance(item, (list, tuple)) else kind_of(item)
    listed = loop.items.items if isinstance(loop.items, t.Sequence_) else ()
    at = places[0] if places and places[0] < len(listed) else None
    run.error(
        "NS204", f"{n} name{'s take' if n > 1 else ' takes'} {n} values at a time, found {found}",
        listed[at].span if at is not None else loop.items.span,
        notes=[f"the item is {show(item)}"], facts=ItemOfOtherLength(loop, at),
    )  # fmt: skip


def _is_range(items: t.Expr, frame: Frame) -> bool:
    """Whether a list is a call of an iterator of Python."""
    called = isinstance(items, t.Call) and items.name in ("range", "zip", "enumerate", "reversed", "list")
    return isinstance(items, t.Call) and called and items.name not in frame.file.functions


def unroll(
    run: ElaborationContext,
    body: t.Body,
    frame: Frame,
    rounds: int,
    binding: Callable[[int], tuple[dict[str, Any], dict[str, Symbolic]]],
    span: Span,
    count: Symbolic | None = None,
) -> None:
    """Runs a body a number of times; `binding` gives the values of its variables, and how these were written."""
    run.lint_empty(body, "the body of this loop")
    before_rounds(run, body.statements, frame, rounds)
    outer = frame.inner(run.region(frame, "repeat", "", span))
    outer.region.arguments = (("count", rounds),)
    outer.region.count = count
    for i in range(rounds):
        outer.region.rounds.append(len(outer.region.members))
        inner = outer.inner()
        values, written = binding(i)
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
    value = run.evaluate(when.condition, frame)
    if value is FAILED:
        frame.here = UNKNOWN
        return
    if not isinstance(value, bool):
        run.error(
            "NS204",
            f"a condition is yes or no, found {kind_of(value)}",
            when.condition.span,
            facts=Instead(when.condition.span, text := f"{when.condition.span.text} != 0", f"compare it: `{text}`"),
        )
        frame.here = UNKNOWN
        return
    frame.region.decisions.append(
        Decision(when.span.start, int(value), origin(when.condition, frame, run.graph.functions))
    )
    chosen = when.body if value else when.otherwise
    if isinstance(chosen, t.If):
        run_if(run, chosen, frame)
    elif chosen is not None:
        run.braces(chosen, frame)
