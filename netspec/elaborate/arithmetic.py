"""Numbers and operators of the language: what a literal is worth, sums and comparisons. Nothing is evaluated as Python."""

from __future__ import annotations

import math
from typing import Any

from netspec.diagnostics import Diagnostic
from netspec.elaborate.limits import LimitReached, Limits
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.values import Quantity, Size, Value, kind_of, show

__all__ = ["LONGEST", "EvaluationError", "Unknown", "arithmetic", "compare", "literal", "rounded"]

_SUFFIXES = {"K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9}
LONGEST = 100_000
"""The most items of a list."""


class EvaluationError(Exception):
    """An expression cannot be computed; carries the diagnostic."""

    def __init__(
        self, code: str, message: str, span: Span, *helps: str, label: str = "", note: str = "", facts: Any = None
    ) -> None:
        super().__init__(message)
        notes = (note,) if note else ()
        self.diagnostic = Diagnostic(code, "error", message, span, label, notes=notes, helps=helps, facts=facts)


class Unknown(Exception):
    """An expression depends on a layer that failed: nothing more is said of it."""


def rounded(value: float) -> float:
    """A number with the 15 digits that decimals keep: 0.1 * 0.15 is 0.015."""
    return float(f"{value:.15g}")


def literal(expr: t.Literal_, largest: int) -> Value:
    """The value of a number, size, string or `none`. Raises EvaluationError, LimitReached."""
    text = expr.text.replace("_", "")
    if expr.kind == "none":
        return None
    if expr.kind == "string":
        return expr.text[1:-1]
    if len(text) > 40:
        raise LimitReached("integer", largest, "a number in this spec is too long")
    if expr.kind == "size":
        sizes = Size(int(s) for s in text.split("x"))
        if max(sizes) > largest:
            raise LimitReached("integer", largest, "a size in this spec is too large")
        return sizes
    if expr.kind == "float":
        value = float(text)
        if not math.isfinite(value):
            raise EvaluationError("NS210", "this number is too large", expr.span)
        return value
    if expr.kind == "quantity":
        digits, _, fraction = text[:-1].partition(".")
        scaled = int(digits + fraction) * _SUFFIXES[text[-1]]
        whole, rest = divmod(scaled, 10 ** len(fraction))
        if rest:
            raise EvaluationError("NS204", f"{text} is not a whole number", expr.span)
        return Quantity(whole, text)
    number = int(text)
    if number > largest:
        raise LimitReached("integer", largest, "a number in this spec is too large")
    return number


def compare(operator: str, left: Any, right: Any, span: Span) -> bool:
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (left, right))
    if not numbers:
        raise EvaluationError(
            "NS210", f"`{operator}` compares numbers, found {kind_of(left)} and {kind_of(right)}", span
        )
    return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator])


def arithmetic(expr: t.Binary, left: Any, right: Any, limits: Limits) -> Any:
    operator = expr.operator
    if operator == "+" and any(isinstance(left, kind) and isinstance(right, kind) for kind in (list, tuple, str)):
        if len(left) + len(right) > LONGEST:
            raise LimitReached("steps", limits.steps, "a list in this spec is too long")
        return left + right
    for value, side in ((left, expr.left), (right, expr.right)):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise EvaluationError("NS210", f"`{operator}` needs numbers, found {kind_of(value)}", side.span)
    left, right = (int(v) if isinstance(v, Quantity) else v for v in (left, right))
    if operator in ("/", "//", "%") and right == 0:
        raise EvaluationError("NS210", "division by zero", expr.span)
    if operator == "**":
        if (
            isinstance(left, int)
            and isinstance(right, int)
            and right > 0
            and abs(left) > 1
            and right * abs(left).bit_length() > 128
        ):
            raise LimitReached("integer", limits.integer, "a number in this spec is too large")
        if (left == 0 and right < 0) or (left < 0 and not float(right).is_integer()):
            raise EvaluationError("NS210", f"{show(left)} ** {show(right)} is not a number", expr.span)
    try:
        return {
            "+": lambda: left + right,
            "-": lambda: left - right,
            "*": lambda: left * right,
            "/": lambda: _ratio(left, right),
            "//": lambda: _whole(left // right),
            "%": lambda: left % right,
            "**": lambda: left**right,
        }[operator]()
    except OverflowError:
        raise EvaluationError("NS210", "the result is too large", expr.span) from None


def _ratio(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int) and left % right == 0:
        return left // right
    return left / right


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and math.isfinite(value) else value
