"""Expressions: pure arithmetic on values of the language. Nothing is evaluated as Python."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from netspec.diagnostics.facts import GivenTwice, Instead, Misspelt
from netspec.elaborate.arithmetic import LONGEST, EvaluationError, Unknown, arithmetic, compare, literal, rounded
from netspec.elaborate.facts import LateValue, MissingArguments, SurplusArguments, UndefinedName, scope_of
from netspec.elaborate.functions import FUNCTIONS, Refused
from netspec.elaborate.limits import LimitReached, Limits
from netspec.elaborate.lists import element, listed
from netspec.elaborate.state import FAILED, Frame, FunctionValue, Lazy, Tensor
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.values import Value, Word, kind_of, show

__all__ = ["Evaluator", "match_parameters", "value_after_name"]

_STEPS_OF_A_LAYER = 20
_ITEMS_OF_A_STEP = 20
"""Items of a list, or characters of a text, that are read or copied in the time of one step."""


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
        block = frame.block(expr.text)
        if block is not None:
            return block
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
        if expr.field not in FACTS and expr.field in dict(tensor.outputs):
            return f"{expr.owner}.{expr.field}"  # a label, as in `for t in [pair.left, pair.right]`
        if tensor.several:
            outputs = ", ".join(f"`{expr.owner}.{name}`" for name, _ in tensor.outputs)
            raise EvaluationError(
                "NS308", f"`{expr.owner}` is {len(tensor.outputs)} tensors", expr.span, f"there are {outputs}"
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

    def _comprehension(self, expr: t.Comprehension, frame: Frame, words: bool) -> Value:
        return listed(self, expr, frame)

    def _element(self, expr: t.Element, frame: Frame, words: bool) -> Value:
        return element(self, expr, frame)

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
        return rounded(value) if type(value) is float else value

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
        if frame.block(expr.name) is not None:
            title = f"hand it on by its name: `{expr.name}`"
            instead = Instead(expr.span, expr.name, title)
            raise EvaluationError(
                "NS204", f"`{expr.name}` is a block, which gives tensors and no value", expr.span, facts=instead
            )
        known = (*FUNCTIONS, *frame.file.functions)
        facts = Misspelt(expr.name_span, expr.name, known, f"there are {', '.join(FUNCTIONS)}")
        raise EvaluationError("NS208", f"there is no function `{expr.name}`", expr.name_span, facts=facts)

    def builtin(self, expr: t.Call, frame: Frame) -> Value:
        function = FUNCTIONS[expr.name]
        least, most = function.least, function.most
        if expr.options:
            raise EvaluationError(
                "NS202", f"`{expr.name}` has no option `{expr.options[0].name}`", expr.options[0].span
            )
        if not least <= len(expr.arguments) <= most:
            raise EvaluationError(
                "NS206",
                f"`{expr.name}` takes {_how_many(least, most)}, found {len(expr.arguments)}",
                expr.span,
            )
        values = [self.value(a, frame) for a in expr.arguments]
        self.spend(sum(len(v) for v in values if isinstance(v, (list, tuple, str))) // _ITEMS_OF_A_STEP)
        try:
            if function.items is not None:
                self.make_room(function.items(*values))
            result = function.compute(*values)
        except Refused as refused:
            raise EvaluationError("NS210", str(refused), expr.span) from None
        except (TypeError, ValueError, OverflowError):
            raise EvaluationError(
                "NS210", f"`{expr.name}` cannot take {', '.join(show(v) for v in values)}"[:200], expr.span
            ) from None
        if isinstance(result, list) and expr.name == "linspace":
            return [self.bounded(number, expr.span) for number in result]
        return self.bounded(result, expr.span)

    def make_room(self, items: int) -> None:
        """Counts the items of a list before it is made. Raises LimitReached."""
        if items > LONGEST:
            raise LimitReached("steps", self.limits.steps, f"a list of {items:,} items is too long")
        self.spend(items)

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


def _how_many(least: int, most: int) -> str:
    if least == most:
        return f"{least} value{'s' if least > 1 else ''}"
    return f"{least} to {most} values" if most < 10 else f"{least} or more values"


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
