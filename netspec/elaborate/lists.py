"""Lists in expressions: their items and parts, comprehensions, and the names that take items apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from netspec.elaborate.arithmetic import LONGEST, EvaluationError
from netspec.elaborate.facts import ItemOfOtherLength, LoopOverNumber
from netspec.elaborate.limits import LimitReached, Limits
from netspec.elaborate.state import Frame
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.values import Size, Value, kind_of, show

__all__ = ["element", "listed", "no_list", "unpacked"]

_ITEMS_OF_A_STEP = 20


class Evaluator(Protocol):
    """What computes expressions."""

    limits: Limits

    def value(self, expr: t.Expr, frame: Frame) -> Any: ...
    def truth(self, expr: t.Expr, frame: Frame) -> bool: ...
    def spend(self, steps: int = 1) -> None: ...


def listed(evaluator: Evaluator, expr: t.Comprehension, frame: Frame) -> list[Value]:
    """The values of a comprehension. Raises EvaluationError, LimitReached, Unknown."""
    found: list[Value] = []

    def go(number: int, around: Frame) -> None:
        if number == len(expr.clauses):
            if len(found) >= LONGEST:
                raise LimitReached("steps", evaluator.limits.steps, "a list in this spec is too long")
            found.append(evaluator.value(expr.value, around))
            return
        clause = expr.clauses[number]
        items = evaluator.value(clause.items, around)
        if not isinstance(items, (list, tuple)):
            raise no_list(items, clause.items.span)
        for item in items:
            evaluator.spend()
            inner = around.inner()
            inner.names.update(unpacked(clause.names, item, clause))
            if clause.condition is None or evaluator.truth(clause.condition, inner):
                go(number + 1, inner)

    go(0, frame)
    return found


def no_list(items: Any, span: Span) -> EvaluationError:
    """What a `for` runs over is no list."""
    number = isinstance(items, int) and not isinstance(items, bool)
    message, help_ = f"`for` runs over a list, found {kind_of(items)}", "write `for w in [64, 128]`, or `repeat n as i`"
    return EvaluationError("NS204", message, span, help_, facts=LoopOverNumber(span) if number else None)


def unpacked(names: t.Unpack, item: Any, loop: t.For | t.Clause, at: int | None = None) -> dict[str, Any]:
    """The value of each name for one item of a list, which is the `at`-th. Raises EvaluationError."""
    if len(names.items) == 1 and names is loop.names:
        item = (item,)
    if not isinstance(item, (list, tuple)) or len(item) != len(names.items):
        raise _other_length(names, item, loop, at)
    found: dict[str, Any] = {}
    for name, value in zip(names.items, item, strict=True):
        found |= {name.text: value} if isinstance(name, t.Name) else unpacked(name, value, loop, at)
    return found


def _other_length(names: t.Unpack, item: Any, loop: t.For | t.Clause, at: int | None) -> EvaluationError:
    n = len(names.items)
    found = f"{len(item)}" if isinstance(item, (list, tuple)) else kind_of(item)
    rows = loop.items.items if isinstance(loop.items, t.Sequence_) else ()
    facts = ItemOfOtherLength(loop, at, not isinstance(item, (list, tuple)))
    return EvaluationError(
        "NS204", f"{n} name{'s take' if n > 1 else ' takes'} {n} value{'s' if n > 1 else ''} at a time, found {found}",
        rows[at].span if at is not None and at < len(rows) else loop.items.span,
        note=f"the item is {show(item)}"[:200], facts=facts if names is loop.names else None,
    )  # fmt: skip


def element(evaluator: Evaluator, expr: t.Element, frame: Frame) -> Value:
    """An item of a list, or a part of it. Raises EvaluationError, Unknown."""
    items = evaluator.value(expr.value, frame)
    text = expr.value.span.text
    if not isinstance(items, (list, tuple, str)):
        raise EvaluationError("NS204", f"`{text}` has no items: it is {kind_of(items)}, {show(items)}"[:200], expr.span)
    if isinstance(expr.index, t.Slice):
        return _part(evaluator, items, expr.index, frame)
    index = _whole(evaluator, expr.index, frame)
    if not -len(items) <= index < len(items):
        raise EvaluationError("NS205", _outside(text, index, len(items)), expr.index.span, *_ends(text, items))
    return items[index]


def _ends(text: str, items: Sequence[Any]) -> tuple[str, ...]:
    return (f"the first item is `{text}[0]`, the last `{text}[-1]`",) if items else ()


def _outside(text: str, index: int, length: int) -> str:
    if length == 0:
        return f"`{text}` is empty: it has no item {index}"
    return f"`{text}` has {length} item{'s' if length > 1 else ''}, 0 to {length - 1}; there is no item {index}"


def _part(evaluator: Evaluator, items: Any, index: t.Slice, frame: Frame) -> Value:
    ends = [None if e is None else _whole(evaluator, e, frame) for e in (index.start, index.stop, index.step)]
    if ends[2] == 0:
        assert index.step is not None
        raise EvaluationError("NS205", "the step of a slice cannot be 0", index.step.span)
    evaluator.spend(len(items) // _ITEMS_OF_A_STEP)
    part = items[slice(*ends)]
    return Size(part) if isinstance(items, Size) else part


def _whole(evaluator: Evaluator, expr: t.Expr, frame: Frame) -> int:
    value = evaluator.value(expr, frame)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise EvaluationError("NS204", f"an index is a whole number, found {kind_of(value)}, {show(value)}", expr.span)
    return int(value)
