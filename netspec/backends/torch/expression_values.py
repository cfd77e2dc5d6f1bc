"""The values of a spec's expressions, computed on traced numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from netspec.graph import TensorType
from netspec.ops.formula import PRECEDENCE, Digits, Expression, Operation, Polynomial, Variable, over
from netspec.ops.traced import (
    TracedFloat,
    TracedInt,
    as_expression,
    is_traced,
    note_decision,
    traced,
    traced_by,
    untraced,
)
from netspec.symbolic import OPAQUE, Apply, Constant, Fact, FunctionBody, Name, Symbolic

__all__ = ["Opaque", "Scope", "agree", "evaluate", "fact_of", "of_a_kind", "substituted"]


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
    "exp": (math.exp, "math.exp"), "log": (math.log, "math.log"),
}  # fmt: skip


def evaluate(symbolic: Symbolic, scope: Scope, bound: Mapping[str, Any] | None = None) -> Any:
    """The value of an expression; a number remembers its form. Raises Opaque where it has none.

    A whole number that Python computes with a point, such as `w / 2`, is a real number here; `of_a_kind` makes it an int.
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
    if operator == "/" and bound is not None:  # the text of a function stays as it is: Python's quotients have a point
        return values[0] / values[1]
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


def _whole(value: Any) -> Any:
    """A whole number that was computed with a point: 32.0 is 32, its form in `int(…)`; `w / 2`, which is whole, is `w // 2`."""
    if isinstance(value, TracedFloat) and is_traced(value):
        form, number = value.expression, int(untraced(value))
        if isinstance(form, Operation) and form.operator == "/":
            one, other = form.operands
            if isinstance(one, Polynomial) and isinstance(other, Polynomial):
                return traced(number, over(one, other))
        return traced_by(number, Operation("int", (form,), number))
    return int(untraced(value)) if isinstance(value, float) else value


def of_a_kind(value: Any, known: Any) -> Any:
    """A number as an int or a float, as the known one is: torch tells 2 from 2.0. In a tuple each number."""
    if isinstance(known, tuple) and isinstance(value, tuple) and len(value) == len(known):
        return tuple(map(of_a_kind, value, known))
    if isinstance(known, int) and isinstance(value, float):
        return _whole(value)
    if isinstance(known, float) and isinstance(value, int):
        form = Operation("float", (as_expression(value),), untraced(known))
        return TracedFloat(known, form) if is_traced(value) else known
    return value


def agree(value: Any, known: Any) -> bool:
    """Whether a value is the known one, of which decimals keep 15 digits."""
    if isinstance(value, float) and isinstance(known, float):
        return math.isclose(value, known, rel_tol=1e-12)
    return bool(value == known)


def substituted(value: Any, values: Mapping[Variable, Any]) -> Any:
    """A number with other numbers in the place of its variables; those without one keep their own."""
    if isinstance(value, (TracedInt, TracedFloat)):
        found = _evaluated(value.expression, values)
        if isinstance(value, TracedFloat) and not isinstance(found, TracedFloat):
            return TracedFloat(value, as_expression(found)) if is_traced(found) else float.__add__(value, 0.0)
        return found
    return value


def _evaluated(expression: Expression, values: Mapping[Variable, Any]) -> Any:
    if isinstance(expression, Variable):
        return values[expression]
    if isinstance(expression, float):
        return expression
    if isinstance(expression, Digits):
        return TracedFloat(expression.value, expression)
    if isinstance(expression, Operation):
        operands = [_evaluated(o, values) for o in expression.operands]
        if expression.operator in PRECEDENCE and expression.operator != "%":
            return applied(expression.operator, operands)
        return called(expression.operator, operands, expression.value)
    total: Any = 0
    for atoms, n in expression.terms:
        product: Any = n
        for atom in atoms:
            product = product * _evaluated(atom, values)
        total = total + product
    return total


def applied(operator: str, operands: list[Any]) -> Any:
    """An operator applied to numbers, with its expression where one of them is traced."""
    if operator == "neg":
        return -operands[0]
    one, *rest = operands
    other: Any = rest[0] if rest else None
    if operator == "+":
        return one + other
    if operator == "-":
        return one - other
    if operator == "*":
        return one * other
    whole_numbers = isinstance(one, int) and isinstance(other, int)
    if operator == "//":
        return one // other if whole_numbers else called("//", operands, untraced(one) // untraced(other))
    if operator == "%":
        return called("%", operands, untraced(one) % untraced(other))
    if operator == "**":
        if not any(map(is_traced, operands)) or (whole_numbers and other >= 0 and not is_traced(other)):
            return one**other
        if not whole_numbers or other < 0:
            raise KeyError(operator)  # only powers of whole numbers can be written down
        return called("**", operands, untraced(one) ** untraced(other))
    if operator == "/":
        # what depends on a name may be whole for one value of it and not for another
        exact = whole_numbers and not any(map(is_traced, operands)) and one % other == 0
        return one // other if exact else one / other
    known = {"min": min, "max": max, "abs": abs}
    if operator in known:
        return called(operator, operands, known[operator](*map(untraced, operands)))  # type: ignore[operator]
    raise KeyError(operator)


def called(name: str, operands: list[Any], value: Any) -> Any:
    """The value of a function, with the call as its expression where an operand is traced."""
    if not any(map(is_traced, operands)):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    call = Operation(name, tuple(map(as_expression, operands)), value)
    return traced_by(value, call) if isinstance(value, int) else TracedFloat(value, call)
