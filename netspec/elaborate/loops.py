"""repeat, for and if: unrolled while the tree is elaborated."""

from __future__ import annotations

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
    from netspec.elaborate.elaborator import Elaborator

__all__ = ["run_for", "run_if", "run_repeat"]


def run_repeat(run: Elaborator, repeat: t.Repeat, frame: Frame) -> None:
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
        [{repeat.counter: i} if repeat.counter else {} for i in range(min(count, run.limits.steps + 1))],
        repeat.span,
        count=origin(repeat.count, frame, run.graph.functions),
    )


def run_for(run: Elaborator, loop: t.For, frame: Frame) -> None:
    if _is_range(loop.items, frame):
        assert isinstance(loop.items, t.Call)
        run.error("NS208", f"there is no function `{loop.items.name}`", loop.items.name_span, facts=LoopCall(loop))
        frame.here = UNKNOWN
        return
    items = run.evaluate(loop.items, frame)
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
    written = [_item_origins(run, loop, i, frame) for i in range(len(items))]
    unroll(run, loop.body, frame, bindings, loop.span, written)


def _item_origins(run: Elaborator, loop: t.For, number: int, frame: Frame) -> dict[str, Symbolic]:
    """How the values of one round were written, where the list is written out; else what the list depends on."""
    names = [name.text for name in loop.names]
    item: t.Expr = loop.items
    if isinstance(item, t.Sequence_):
        item = item.items[number]
        if isinstance(item, t.Sequence_) and len(names) > 1:
            parts = zip(names, item.items, strict=True)
            return {name: origin(part, frame, run.graph.functions) for name, part in parts}
    return dict.fromkeys(names, origin(item, frame, run.graph.functions))


def _report_item(run: Elaborator, loop: t.For, item: Any, places: list[int]) -> None:
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
    run: Elaborator,
    body: t.Body,
    frame: Frame,
    bindings: list[dict[str, Any]],
    span: Span,
    written: list[dict[str, Symbolic]] | None = None,
    count: Symbolic | None = None,
) -> None:
    """Runs a body once for each of the bindings of its variables; `written` says how these were written."""
    run.lint_empty(body, "the body of this loop")
    outer = frame.inner(run.region(frame, "repeat", "", span))
    outer.region.arguments = (("count", len(bindings)),)
    outer.region.count = count
    for i, binding in enumerate(bindings):
        run.evaluator.spend()
        outer.region.rounds.append(len(outer.region.members))
        inner = outer.inner()
        inner.names.update(binding)
        if written is not None:
            inner.symbols.update({name: s for name, s in written[i].items() if not isinstance(s, Constant)})
        with run.inside(f"round {i + 1} of {len(bindings)} of the loop at line {span.line}"):
            run.run(body.statements, inner)
        outer.here = inner.here
    frame.here = outer.here


def run_if(run: Elaborator, when: t.If, frame: Frame) -> None:
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
