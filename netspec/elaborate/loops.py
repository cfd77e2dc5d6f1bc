"""repeat, for and if: unrolled while the tree is elaborated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Fix
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
        _report_range(run, loop)
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
    names = [name.text for name in loop.names]
    found = f"{len(item)}" if isinstance(item, (list, tuple)) else kind_of(item)
    listed = loop.items.items if isinstance(loop.items, t.Sequence_) else ()
    here = listed[places[0]] if listed and places else None
    helps, fixes = [], []
    if isinstance(here, t.Sequence_) and len(here.items) < len(names):
        whole = [other for other in listed if isinstance(other, t.Sequence_) and len(other.items) == len(names)]
        given = [value.span.text for value in here.items]
        for other in whole:
            text = f"({', '.join([*given, *(v.span.text for v in other.items[len(given) :])])})"
            missing = " and ".join(f"`{name}`" for name in names[len(given) :])
            helps.append(f"a value for {missing} is missing: `{text}`")
            fixes.append(Fix.replace(here.span, text, helps[-1]))
    elif isinstance(here, t.Sequence_) and all(
        isinstance(other, t.Sequence_) and len(other.items) == len(here.items) for other in listed
    ):
        unknown = [
            word
            for word in re.findall(r"[A-Za-z_]\w*", loop.body.span.text)
            if word in ("stride", "s", "down", "n", "k")
        ]
        more = [*unknown, *"abcdefgh"][: len(here.items) - len(names)]
        text = ", ".join([*names, *more])
        helps.append(f"give every value a name: `for {text} in …`")
        fixes.append(Fix.replace(loop.names[0].span.to(loop.names[-1].span), text, helps[-1]))
    run.error(
        "NS204", f"{len(names)} name{'s' if len(names) > 1 else ''} take{'' if len(names) > 1 else 's'} {len(names)} values at a time, found {found}",
        here.span if here is not None else loop.items.span,
        notes=[f"the item is {show(item)}"], helps=list(dict.fromkeys(helps)), fixes=fixes,
    )  # fmt: skip


def _is_range(items: t.Expr, frame: Frame) -> bool:
    called = isinstance(items, t.Call) and items.name in ("range", "zip", "enumerate", "reversed", "list")
    return isinstance(items, t.Call) and called and items.name not in frame.file.functions


def _report_range(run: Elaborator, loop: t.For) -> None:
    """`for i in range(3)` of Python is `repeat 3 as i` here."""
    items = loop.items
    assert isinstance(items, t.Call)
    if items.name != "range":
        _report_iterator(run, loop, items)
        return
    plain = len(items.arguments) == 1 == len(loop.names) and not items.options
    count = items.arguments[0].span.text if plain else "n"
    text = f"repeat {count} as {loop.names[0].text}"
    help_ = f"write `{text}`: it counts from 0" if plain else "write `repeat n as i`, which counts from 0, or a list"
    whole = Span(loop.span.source, loop.span.start, items.span.end)
    fixes = [Fix.replace(whole, text, help_)] if plain else []
    run.error("NS208", "there is no function `range`", items.name_span, helps=[help_], fixes=fixes)


def _report_iterator(run: Elaborator, loop: t.For, items: t.Call) -> None:
    """`zip`, `enumerate`, `reversed` and `list` of Python: a list written out."""
    lists = [[v.span.text for v in a.items] for a in items.arguments if isinstance(a, t.Sequence_)]
    plain = len(lists) == len(items.arguments) and bool(lists) and not items.options
    names, first = [name.text for name in loop.names], loop.names[0].text
    rows: list[str] = []
    if items.name == "zip" and plain:
        rows = [f"({', '.join(row)})" for row in zip(*lists, strict=False)]
    elif items.name == "enumerate" and plain and len(lists) == 1:
        used = re.search(rf"\b{first}\b", loop.body.span.text) is not None
        rows = [f"({i}, {v})" for i, v in enumerate(lists[0])] if used else lists[0]
        names = names if used else names[1:]
    elif plain and len(lists) == 1:
        rows = lists[0][::-1] if items.name == "reversed" else lists[0]
    text = f"for {', '.join(names)} in [{', '.join(rows)}]"
    help_ = f"write the list out: `{text}`" if rows else "write the list out: `for w, n in [(64, 2), (128, 3)]`"
    whole = Span(loop.span.source, loop.span.start, items.span.end)
    fixes = [Fix.replace(whole, text, help_)] if rows and names else []
    run.error("NS208", f"there is no function `{items.name}`", items.name_span, helps=[help_], fixes=fixes)


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
            helps=[help_ := f"compare it: `{when.condition.span.text} != 0`"],
            fixes=[Fix.replace(when.condition.span, f"{when.condition.span.text} != 0", help_)],
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
