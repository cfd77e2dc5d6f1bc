"""Expressions: pure arithmetic on values of the language. Nothing is evaluated as Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from netspec.diagnostics import Diagnostic
from netspec.diagnostics.facts import GivenTwice, Misspelt
from netspec.elaborate.facts import LateValue, MissingArguments, SurplusArguments, UndefinedName, scope_of
from netspec.elaborate.limits import LimitReached, Limits
from netspec.elaborate.state import FAILED, Frame, FunctionValue, Lazy, Tensor
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.values import Quantity, Size, Value, Word, kind_of, show

__all__ = ["FUNCTIONS", "EvaluationError", "Evaluator", "Unknown"]

_SUFFIXES = {"K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9}
_LONGEST = 100_000
_STEPS_OF_A_LAYER = 20
_ITEMS_OF_A_STEP = 20
"""Items of a list, or characters of a text, that are read or copied in the time of one step."""


class EvaluationError(Exception):
    """An expression cannot be computed; carries the diagnostic."""

    def __init__(self, code: str, message: str, span: Span, *helps: str, label: str = "", facts: Any = None) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, "error", message, span, label, helps=helps, facts=facts)


class Unknown(Exception):
    """An expression depends on a layer that failed: nothing more is said of it."""


def _sqrt(x: float) -> float:
    return math.sqrt(x)


def _round(x: float, digits: int = 0) -> float | int:
    return round(x, digits) if digits else round(x)


def _sum(items: Any) -> Any:
    return sum(items)


FUNCTIONS: Mapping[str, tuple[Callable[..., Any], int, int]] = MappingProxyType(
    {
        "min": (min, 1, 1000),
        "max": (max, 1, 1000),
        "abs": (abs, 1, 1),
        "round": (_round, 1, 2),
        "floor": (math.floor, 1, 1),
        "ceil": (math.ceil, 1, 1),
        "sqrt": (_sqrt, 1, 1),
        "len": (len, 1, 1),
        "sum": (_sum, 1, 1),
    }
)

FACTS = ("channels", "height", "width", "depth", "length", "features", "size")


class Evaluator:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.steps = 0
        self.allowed = limits.steps
        self.active: list[str] = []

    def spend(self, steps: int = 1) -> None:
        """Counts work before it is done. Raises LimitReached."""
        self.steps += steps
        if self.steps > self.allowed:
            raise LimitReached("steps", self.limits.steps, "this spec takes too many steps to unroll")

    def allow_layer(self) -> None:
        """A layer brings the steps that it takes; how many layers there are has a bound of its own."""
        self.allowed += _STEPS_OF_A_LAYER

    def value(self, expr: t.Expr, frame: Frame, *, words: bool = False) -> Any:
        """The value of an expression. With `words`, a name that is no variable is a word. Raises EvaluationError, Unknown."""
        self.spend()
        return getattr(self, f"_{type(expr).__name__.lower().rstrip('_')}")(expr, frame, words)

    def _literal(self, expr: t.Literal_, frame: Frame, words: bool) -> Value:
        return literal(expr, self.limits.integer)

    def _name(self, expr: t.Name, frame: Frame, words: bool) -> Value:
        try:
            value = frame.lookup(expr.text)
        except KeyError:
            pass
        else:
            if isinstance(value, Lazy):
                value = self.value(value.expr, value.frame)
            if value is FAILED:
                raise Unknown
            return value  # type: ignore[no-any-return]
        if expr.text in ("yes", "no"):
            return expr.text == "yes"
        if expr.text == "none":
            return None
        if words:
            return Word(expr.text)
        facts = UndefinedName(expr.text, expr.span, scope_of(frame), tuple(FUNCTIONS))
        raise EvaluationError("NS208", f"`{expr.text}` is not defined", expr.span, facts=facts)

    def _fact(self, expr: t.Fact, frame: Frame, words: bool) -> Value:
        tensor: Tensor | None
        if expr.owner == "in":
            tensor = frame.entry
        elif expr.owner == "here":
            tensor = frame.here
        else:
            tensor = frame.label(expr.owner)
            if tensor is None:
                facts = Misspelt(expr.span, expr.owner, ("in", "here", *scope_of(frame).labels))
                raise EvaluationError("NS208", f"there is no label `{expr.owner}` here", expr.span, facts=facts)
        if tensor is None:
            raise EvaluationError(
                "NS308",
                f"there is no tensor yet for `{expr.owner}`",
                expr.span,
                "declare an input first: `input 3x224x224`",
            )
        if tensor.type is None:
            raise Unknown
        if expr.field not in FACTS:
            facts = Misspelt(expr.span, expr.field, FACTS, f"there are {', '.join('.' + f for f in FACTS)}")
            raise EvaluationError("NS208", f"`{expr.owner}` has no `.{expr.field}`", expr.span, facts=facts)
        kind = tensor.type
        if expr.field in ("channels", "features"):
            return kind.features
        if expr.field == "size":
            return kind.size
        names = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}.get(kind.rank, ())
        if expr.field not in names:
            raise EvaluationError(
                "NS208", f"`{expr.owner}` has no `.{expr.field}`", expr.span, label=f"it is {kind.noun}"
            )
        return kind.spatial[names.index(expr.field)]

    def _sequence(self, expr: t.Sequence_, frame: Frame, words: bool) -> Value:
        items = [self.value(item, frame, words=words) for item in expr.items]
        return items if expr.kind == "list" else tuple(items)

    def _conditional(self, expr: t.Conditional, frame: Frame, words: bool) -> Value:
        chosen = expr.value if self.truth(expr.condition, frame) else expr.otherwise
        return self.value(chosen, frame, words=words)  # type: ignore[no-any-return]

    def truth(self, expr: t.Expr, frame: Frame) -> bool:
        """A condition. Raises EvaluationError where the value is neither yes nor no."""
        value = self.value(expr, frame)
        if not isinstance(value, bool):
            raise EvaluationError(
                "NS204", f"a condition is yes or no, found {kind_of(value)}", expr.span, "compare it: `… > 0`"
            )
        return value

    def _unary(self, expr: t.Unary, frame: Frame, words: bool) -> Value:
        if expr.operator == "not":
            return not self.truth(expr.operand, frame)
        value = self.value(expr.operand, frame)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise EvaluationError("NS210", f"`-` needs a number, found {kind_of(value)}", expr.span)
        return -value

    def _binary(self, expr: t.Binary, frame: Frame, words: bool) -> Value:
        if expr.operator in ("and", "or"):
            left = self.truth(expr.left, frame)
            return self.truth(expr.right, frame) if left == (expr.operator == "and") else left
        left, right = self.value(expr.left, frame), self.value(expr.right, frame)
        if expr.operator in ("==", "!="):
            return bool(left == right) == (expr.operator == "==")
        if expr.operator == "~":
            raise EvaluationError("NS210", "`~` compares in `expect` only", expr.span, "write `==`")
        if expr.operator in ("<", "<=", ">", ">="):
            return compare(expr.operator, left, right, expr.span)
        if isinstance(left, (list, tuple, str)) and isinstance(right, (list, tuple, str)):
            self.spend((len(left) + len(right)) // _ITEMS_OF_A_STEP)
        return self.bounded(arithmetic(expr, left, right, self.limits), expr.span)

    def bounded(self, value: Any, span: Span) -> Value:
        if isinstance(value, int) and abs(value) > self.limits.integer:
            raise LimitReached("integer", self.limits.integer, "a number in this spec is too large")
        if isinstance(value, float) and not math.isfinite(value):
            raise EvaluationError("NS210", "the result is not a finite number", span)
        return value  # type: ignore[no-any-return]

    def _call(self, expr: t.Call, frame: Frame, words: bool) -> Value:
        function = frame.file.functions.get(expr.name)
        if function is not None:
            return self.apply(function, expr, frame)
        if expr.name in FUNCTIONS:
            return self.builtin(expr, frame)
        if words:
            arguments = tuple(self.value(a, frame, words=True) for a in expr.arguments)
            options = tuple((o.name, self.value(o.value, frame, words=True)) for o in expr.options)
            return Word(expr.name, arguments, options, called=True)
        if expr.name in frame.visible() and frame.lookup(expr.name) is FAILED:
            raise Unknown
        known = (*FUNCTIONS, *frame.file.functions)
        facts = Misspelt(expr.name_span, expr.name, known, f"there are {', '.join(FUNCTIONS)}")
        raise EvaluationError("NS208", f"there is no function `{expr.name}`", expr.name_span, facts=facts)

    def builtin(self, expr: t.Call, frame: Frame) -> Value:
        function, least, most = FUNCTIONS[expr.name]
        if expr.options:
            raise EvaluationError(
                "NS202", f"`{expr.name}` has no option `{expr.options[0].name}`", expr.options[0].span
            )
        if not least <= len(expr.arguments) <= most:
            raise EvaluationError(
                "NS206",
                f"`{expr.name}` takes {least if least == most else f'{least} or more'} value{'s' if most > 1 else ''}, found {len(expr.arguments)}",
                expr.span,
            )
        values = [self.value(a, frame) for a in expr.arguments]
        if expr.name == "round" and len(values) == 2 and not (isinstance(values[1], int) and abs(values[1]) <= 100):
            raise EvaluationError("NS210", "the digits of `round` are a whole number of at most 100", expr.span)
        self.spend(sum(len(v) for v in values if isinstance(v, (list, tuple, str))) // _ITEMS_OF_A_STEP)
        try:
            result = function(*values)
        except (TypeError, ValueError, OverflowError):
            raise EvaluationError(
                "NS210", f"`{expr.name}` cannot take {', '.join(show(v) for v in values)}"[:200], expr.span
            ) from None
        return self.bounded(result, expr.span)

    def apply(self, function: FunctionValue, expr: t.Call, frame: Frame) -> Value:
        if expr.name in self.active:
            raise EvaluationError("NS211", f"the function `{expr.name}` calls itself", expr.span)
        late = value_after_name(expr.arguments, expr.options)
        if late is not None:
            message = "a value without a name cannot follow one with a name"
            raise EvaluationError("NS207", message, late.span, facts=LateValue(None, late, expr.options))
        inner = Frame(function.frame.file, function.frame.region, function.frame.namer, function.frame)
        given = [(a.span, self.value(a, frame)) for a in expr.arguments]
        named = {o.name: (o.span, self.value(o.value, frame)) for o in expr.options}
        bound = match_parameters(f"`{expr.name}`", function.definition.parameters, given, named, expr.span)
        self.active.append(expr.name)
        try:
            for parameter in function.definition.parameters:
                if parameter.name in bound:
                    inner.names[parameter.name] = bound[parameter.name]
                elif parameter.default is not None:
                    inner.names[parameter.name] = self.value(parameter.default, inner)
            return self.value(function.definition.body, inner)  # type: ignore[no-any-return]
        finally:
            self.active.pop()


def value_after_name(values: Iterable[t.Expr], options: Iterable[t.Option]) -> t.Expr | None:
    """The first value without a name that comes after one with a name, or None."""
    first = min((option.span.start for option in options), default=None)
    return None if first is None else next((v for v in values if v.span.start > first), None)


def match_parameters(
    what: str,
    parameters: tuple[t.Parameter, ...],
    given: list[tuple[Span, Any]],
    named: dict[str, tuple[Span, Any]],
    span: Span,
) -> dict[str, Any]:
    """Values for parameters, by position and by name; those with defaults may be left out. Raises EvaluationError."""
    names = [p.name for p in parameters]
    if len(given) > len(names):
        takes = f"takes {len(names)} value{'s' if len(names) != 1 else ''}" if names else "takes no values"
        raise EvaluationError(
            "NS207",
            f"{what} {takes}, found {len(given)}",
            given[len(names)][0],
            *([f"its parameters are {', '.join(names)}"] if names else []),
            facts=SurplusArguments(tuple(names)),
        )
    bound = {name: value for name, (_, value) in zip(names, given, strict=False)}
    for name, (where, value) in named.items():
        if name not in names:
            have = f"its parameters are {', '.join(names)}" if names else "it has none"
            facts = Misspelt(where, name, tuple(names), have)
            raise EvaluationError("NS202", f"{what} has no parameter `{name}`", where, facts=facts)
        if name in bound:
            raise EvaluationError("NS203", f"`{name}` is given twice", where, facts=GivenTwice(where))
        bound[name] = value
    missing = [p.name for p in parameters if p.name not in bound and p.default is None]
    if missing:
        raise EvaluationError(
            "NS206", f"{what} needs a value for {' and '.join(f'`{m}`' for m in missing)}", span,
            f"its parameters are {', '.join(names)}", facts=MissingArguments(tuple(names)),
        )  # fmt: skip
    return bound


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
        if len(left) + len(right) > _LONGEST:
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
