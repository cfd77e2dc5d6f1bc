"""The values of a spec's expressions, computed on traced numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from netspec.graph import TensorType
from netspec.ops.traced import (
    Digits,
    Operation,
    TracedFloat,
    applied,
    as_expression,
    called,
    is_traced,
    note_decision,
    traced_by,
    untraced,
)  # fmt: skip
from netspec.symbolic import OPAQUE, Apply, Constant, Fact, FunctionBody, Name, Symbolic

__all__ = ["Opaque", "Scope", "evaluate", "fact_of", "whole"]


class Opaque(Exception):
    """An expression has no form that Python source could have."""


class Scope(Protocol):
    """Where names and facts have values."""

    functions: Mapping[str, FunctionBody]

    def parameter(self, name: str) -> Any:
        """The value of a parameter of the block around."""

    def net_parameter(self, name: str) -> Any:
        """The value of a parameter of the net."""

    def tensor(self, node: int) -> TensorType:
        """The traced type of a tensor."""


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b), "!=": lambda a, b: bool(a != b), "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b), ">": lambda a, b: bool(a > b), ">=": lambda a, b: bool(a >= b),
}  # fmt: skip
_FUNCTIONS: Mapping[str, tuple[Callable[..., Any], str]] = {
    "min": (min, "min"), "max": (max, "max"), "abs": (abs, "abs"), "round": (round, "round"),
    "floor": (math.floor, "math.floor"), "ceil": (math.ceil, "math.ceil"), "sqrt": (math.sqrt, "math.sqrt"),
}  # fmt: skip


def evaluate(symbolic: Symbolic, scope: Scope, bound: Mapping[str, Any] | None = None) -> Any:
    """The value of an expression; a number remembers its form. Raises Opaque where it has none.

    What a condition or an opaque value depends on is noted as decided (`traced.decisions`).
    """
    if isinstance(symbolic, Constant):
        value = symbolic.value
        if isinstance(value, float) and symbolic.text:
            return TracedFloat(value, Digits(value, symbolic.text))
        return value
    if isinstance(symbolic, Name):
        if symbolic.scope == "function":
            return (bound or {})[symbolic.name]
        return scope.parameter(symbolic.name) if symbolic.scope == "block" else scope.net_parameter(symbolic.name)
    if isinstance(symbolic, Fact):
        return fact_of(scope.tensor(symbolic.node), symbolic.field)
    return _apply(symbolic, scope, bound)


def _apply(symbolic: Apply, scope: Scope, bound: Mapping[str, Any] | None) -> Any:
    operator, operands = symbolic.operator, symbolic.operands
    if operator == "if":
        value, condition, otherwise = operands
        return evaluate(value if evaluate(condition, scope, bound) else otherwise, scope, bound)
    if operator in ("and", "or"):
        left = evaluate(operands[0], scope, bound)
        return evaluate(operands[1], scope, bound) if bool(left) == (operator == "and") else left
    values = [evaluate(operand, scope, bound) for operand in operands]
    if operator == OPAQUE:
        for value in values:
            note_decision(value)
        raise Opaque
    if operator == "tuple":
        return tuple(values)
    if operator == "not":
        return not values[0]
    if operator in _COMPARISONS:
        return _COMPARISONS[operator](*values)
    if operator in scope.functions:
        return _call(scope.functions[operator], values, scope)
    if operator in _FUNCTIONS:
        function, text = _FUNCTIONS[operator]
        return called(text, values, function(*(untraced(v) for v in values)))
    try:
        return applied(operator, values)
    except (KeyError, TypeError, OverflowError):
        for value in values:
            note_decision(value)
        raise Opaque from None


def _call(function: FunctionBody, values: list[Any], scope: Scope) -> Any:
    """A call of a function of the spec stays a call."""
    plain = dict(zip(function.parameters, map(untraced, values), strict=True))
    return called(function.name, values, evaluate(function.body, scope, plain))


def fact_of(kind: TensorType, field: str) -> Any:
    """`x.channels` and the like, of a tensor."""
    if field in ("channels", "features"):
        return kind.features
    if field == "size":
        return kind.size
    names = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}.get(kind.rank, ())
    return kind.spatial[names.index(field)]


def whole(value: Any) -> Any:
    """A whole number that was computed with a point: 32.0 is 32, its form in `int(…)`."""
    if isinstance(value, TracedFloat) and is_traced(value):
        return traced_by(int(untraced(value)), Operation("int", (as_expression(value),)))
    return int(untraced(value)) if isinstance(value, float) else value
