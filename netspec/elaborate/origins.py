"""Where values come from: an expression of the tree as a `Symbolic`, its variables replaced by what they are."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from netspec.elaborate.arithmetic import EvaluationError, literal
from netspec.elaborate.functions import FUNCTIONS, Refused
from netspec.elaborate.limits import LimitReached
from netspec.elaborate.state import Frame, Lazy
from netspec.ops.op import Op
from netspec.symbolic import OPAQUE, Apply, Constant, Fact, FunctionBody, Name, Symbolic, leaves
from netspec.syntax import tree as t

__all__ = ["items_of", "option_origins", "origin", "unpacked_origins"]

_LARGEST = 200
"""The most operations that an expression is followed through: a longer one has no short name anyway."""
_MOST_ITEMS = 400
"""The most items of lists that are followed, each by itself."""
_NOTHING = Apply(OPAQUE, ())
_KEPT = (bool, int, float, str, type(None))


_OPERATORS: Mapping[str, Callable[..., Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "neg": operator.neg, "not": operator.not_, "==": operator.eq, "!=": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "and": lambda one, other: one and other, "or": lambda one, other: one or other,
    "if": lambda value, condition, otherwise: value if condition else otherwise,
}  # fmt: skip


class _Untraceable(Exception):
    """An expression has no symbolic form: lists, words, too many operations."""


def known(symbolic: Symbolic) -> Any:
    """What an expression of constants is worth. Raises _Untraceable."""
    if isinstance(symbolic, Constant):
        return symbolic.value
    if not isinstance(symbolic, Apply):
        raise _Untraceable
    values = [known(operand) for operand in symbolic.operands]
    if symbolic.operator == "tuple":
        return tuple(values)
    numbers = all(isinstance(value, (int, float)) for value in values)
    if symbolic.operator in _OPERATORS and numbers:
        compute = _OPERATORS[symbolic.operator]
    elif symbolic.operator in FUNCTIONS:
        compute = FUNCTIONS[symbolic.operator].compute
    else:
        raise _Untraceable
    try:
        return compute(*values)
    except (ArithmeticError, TypeError, ValueError, Refused):
        raise _Untraceable from None


def _operands(symbolic: Symbolic) -> tuple[Symbolic, ...]:
    """The items of a list. Raises _Untraceable."""
    if not isinstance(symbolic, Apply) or symbolic.operator != "tuple":
        raise _Untraceable
    return symbolic.operands


def list_made(name: str, arguments: list[Symbolic]) -> Symbolic:
    """A call of a built-in function; one that makes a list as its items. Raises _Untraceable."""
    if name == "range":
        numbers = [known(a) for a in arguments]
        function = FUNCTIONS[name]
        if function.items is None or function.items(*numbers) > _MOST_ITEMS:
            raise _Untraceable
        return Apply("tuple", tuple(map(Constant, function.compute(*numbers))))
    if name == "linspace":
        start, stop, count = arguments
        n = int(known(count))
        if n > _MOST_ITEMS:
            raise _Untraceable
        steps = Constant(max(n - 1, 1))
        way = stop if start == Constant(0, "0") else Apply("-", (stop, start))
        parts = [Apply("/", (Apply("*", (way, Constant(i))), steps)) for i in range(n)]
        return Apply("tuple", tuple(p if way is stop else Apply("+", (start, p)) for p in parts))
    if name == "zip":
        rows = zip(*map(_operands, arguments), strict=False)
        return Apply("tuple", tuple(Apply("tuple", row) for row in rows))
    if name == "enumerate":
        first = known(arguments[1]) if len(arguments) > 1 else 0
        pairs = enumerate(_operands(arguments[0]), first)
        return Apply("tuple", tuple(Apply("tuple", (Constant(i), item)) for i, item in pairs))
    if name == "reversed":
        return Apply("tuple", _operands(arguments[0])[::-1])
    if name == "sum":
        return _sum_of(_operands(arguments[0]))
    if name == "len":
        return Constant(len(_operands(arguments[0])))
    return Apply(name, tuple(arguments))


def _sum_of(items: tuple[Symbolic, ...]) -> Symbolic:
    if all(isinstance(item, Constant) for item in items):
        return Constant(known(Apply("sum", (Apply("tuple", items),))))
    total, *rest = items
    for item in rest:
        total = Apply("+", (total, item))
    return total


def items_of(symbolic: Symbolic, count: int) -> list[Symbolic]:
    """How each item of a list was written; for one without a form, how the whole list was."""
    if isinstance(symbolic, Apply) and symbolic.operator == "tuple" and len(symbolic.operands) == count:
        return list(symbolic.operands)
    return [symbolic] * count


def unpacked_origins(names: t.Unpack, written: Symbolic, *, inner: bool = False) -> dict[str, Symbolic]:
    """How the value of each name was written, for one item of a list."""
    parts = items_of(written, len(names.items)) if inner or len(names.items) > 1 else [written]
    found: dict[str, Symbolic] = {}
    for name, part in zip(names.items, parts, strict=True):
        found |= {name.text: part} if isinstance(name, t.Name) else unpacked_origins(name, part, inner=True)
    return found


def origin(expr: t.Expr, frame: Frame, functions: dict[str, FunctionBody]) -> Symbolic:
    """How a value was written, in parameters, facts and constants.

    Where it has no such form (a list, a word), `Apply(OPAQUE, …)` holds what it depends on. `functions` collects the
    functions of the spec that it calls.
    """
    try:
        return _Tracer(functions).trace(expr, frame, {})
    except _Untraceable:
        return _dependencies(expr, frame, functions)


def _dependencies(expr: t.Expr, frame: Frame, functions: dict[str, FunctionBody]) -> Symbolic:
    """Every name that an expression mentions, each as it was written."""
    found: list[Symbolic] = []
    stack: list[Any] = [expr]
    while stack and len(found) < _LARGEST:
        node = stack.pop()
        if isinstance(node, (t.Name, t.Fact)):
            try:
                found.append(_Tracer(functions).trace(node, frame, {}))
            except _Untraceable:
                continue  # a word, or a variable that holds a list: what that was made of is in its symbol
        elif isinstance(node, t.TreeNode):
            stack.extend(reversed(list(node)))
        elif isinstance(node, tuple):
            stack.extend(reversed(node))
    return Apply(OPAQUE, tuple(s for s in dict.fromkeys(found) if not isinstance(s, Constant)))


class _Tracer:
    def __init__(self, functions: dict[str, FunctionBody]) -> None:
        self.functions = functions
        self.left = _LARGEST
        self.items_left = _MOST_ITEMS

    def literal(self, expr: t.Literal_) -> Symbolic:
        try:
            return self.constant(literal(expr, 2**62), expr.text if expr.kind in ("int", "float") else "")
        except (EvaluationError, LimitReached):  # reported where it is evaluated
            raise _Untraceable from None

    def trace(self, expr: t.Expr, frame: Frame, bound: Mapping[str, Symbolic]) -> Symbolic:
        self.left -= 1
        if self.left < 0:
            raise _Untraceable
        if isinstance(expr, t.Literal_):
            return self.literal(expr)
        if isinstance(expr, t.Name):
            return self.name(expr, frame, bound)
        if isinstance(expr, t.Fact):
            return self.fact(expr, frame)
        if isinstance(expr, t.Unary):
            operand = self.trace(expr.operand, frame, bound)
            return Apply("not" if expr.operator == "not" else "neg", (operand,))
        if isinstance(expr, t.Binary):
            return Apply(expr.operator, (self.trace(expr.left, frame, bound), self.trace(expr.right, frame, bound)))
        if isinstance(expr, t.Conditional):
            parts = (expr.value, expr.condition, expr.otherwise)
            return Apply("if", tuple(self.trace(part, frame, bound) for part in parts))
        if isinstance(expr, t.Sequence_):
            return Apply("tuple", tuple(self.item(item, frame, bound) for item in expr.items))
        if isinstance(expr, t.Element):
            return self.element(expr, frame, bound)
        if isinstance(expr, t.Comprehension):
            return Apply("tuple", tuple(self.listed(expr, 0, frame, bound)))
        if isinstance(expr, t.Call):
            return self.call(expr, frame, bound)
        raise _Untraceable

    # Lists: each item is followed by itself

    def item(self, expr: t.Expr, frame: Frame, bound: Mapping[str, Symbolic]) -> Symbolic:
        self.items_left -= 1
        if self.items_left < 0:
            raise _Untraceable
        left, self.left = self.left, _LARGEST
        try:
            return self.trace(expr, frame, bound)
        except _Untraceable:
            return _dependencies(expr, frame, self.functions)
        finally:
            self.left = left

    def listed(
        self, expr: t.Comprehension, number: int, frame: Frame, bound: Mapping[str, Symbolic]
    ) -> Iterator[Symbolic]:
        if number == len(expr.clauses):
            yield self.item(expr.value, frame, bound)
            return
        clause = expr.clauses[number]
        for written in _operands(self.trace(clause.items, frame, bound)):
            inside = {**bound, **unpacked_origins(clause.names, written)}
            if clause.condition is None or known(self.trace(clause.condition, frame, inside)):
                yield from self.listed(expr, number + 1, frame, inside)

    def element(self, expr: t.Element, frame: Frame, bound: Mapping[str, Symbolic]) -> Symbolic:
        items = _operands(self.trace(expr.value, frame, bound))
        index = expr.index
        try:
            if not isinstance(index, t.Slice):
                return items[int(known(self.trace(index, frame, bound)))]
            ends = (index.start, index.stop, index.step)
            return Apply(
                "tuple", items[slice(*(None if e is None else known(self.trace(e, frame, bound)) for e in ends))]
            )
        except (IndexError, TypeError, ValueError):
            raise _Untraceable from None

    def constant(self, value: Any, text: str = "") -> Symbolic:
        if isinstance(value, (list, tuple)) and len(value) <= _MOST_ITEMS:
            return Apply("tuple", tuple(map(self.constant, value)))
        if type(value) not in _KEPT:
            raise _Untraceable
        return Constant(value, text.replace("_", ""))

    def name(self, expr: t.Name, frame: Frame, bound: Mapping[str, Symbolic]) -> Symbolic:
        if expr.text in bound:
            return bound[expr.text]
        found = frame.symbol(expr.text)
        if found is not None:
            return found
        try:
            value = frame.lookup(expr.text)
        except KeyError:
            words: dict[str, bool | None] = {"yes": True, "no": False, "none": None}
            if expr.text not in words:
                raise _Untraceable from None
            value = words[expr.text]
        if isinstance(value, Lazy):
            return self.trace(value.expr, value.frame, {})
        return self.constant(value)

    def fact(self, expr: t.Fact, frame: Frame) -> Symbolic:
        owners = {"in": frame.entry, "here": frame.here}
        tensor = owners[expr.owner] if expr.owner in owners else frame.label(expr.owner)
        if tensor is None or tensor.node is None:
            raise _Untraceable
        return Fact(expr.owner, expr.field, tensor.node)

    def call(self, expr: t.Call, frame: Frame, bound: Mapping[str, Symbolic]) -> Symbolic:
        function = frame.file.functions.get(expr.name)
        if expr.options or (function is None and expr.name not in FUNCTIONS):
            raise _Untraceable
        if function is not None:
            names = tuple(p.name for p in function.definition.parameters)
            if len(names) != len(expr.arguments):
                raise _Untraceable
            arguments = tuple(self.trace(a, frame, bound) for a in expr.arguments)
            inside = {name: Name(name, "function") for name in names}
            body = FunctionBody(expr.name, names, self.trace(function.definition.body, function.frame, inside))
            alone = all(
                isinstance(x, Constant) or (isinstance(x, Name) and x.scope == "function") for x in leaves(body.body)
            )
            if alone and self.functions.setdefault(expr.name, body) == body:
                return Apply(expr.name, arguments)
            # it reads the net's parameters, or two files have a function of this name: its body says it
            return self.trace(function.definition.body, function.frame, dict(zip(names, arguments, strict=True)))
        if not FUNCTIONS[expr.name].least <= len(expr.arguments) <= FUNCTIONS[expr.name].most:
            raise _Untraceable
        try:
            return list_made(expr.name, [self.trace(a, frame, bound) for a in expr.arguments])
        except (ArithmeticError, TypeError, ValueError, Refused):
            raise _Untraceable from None  # reported where it is evaluated


def option_origins(
    op: type[Op], option: str, expr: t.Expr, frame: Frame, functions: dict[str, FunctionBody]
) -> dict[str, Symbolic]:
    """The origins of one option, by dotted name: `{"width": …}`, and `{"norm.eps": …}` for `norm=bn(eps=1e-3)`."""
    if isinstance(expr, t.Call) and option in ("norm", "act") and expr.name not in frame.file.functions:
        from netspec.ops import CATALOGUE

        inner = CATALOGUE.get(expr.name.lower())
        slots = [o.name for o in inner.options.values() if o.slot == "value"] if inner is not None else []
        pairs = [*zip(slots, expr.arguments, strict=False), *((o.name, o.value) for o in expr.options)]
        found = {f"{option}.{name}": origin(value, frame, functions) for name, value in pairs}
    elif isinstance(expr, t.Literal_) and expr.kind != "float":
        return {}
    else:
        found = {option: origin(expr, frame, functions)}
    return {name: symbolic for name, symbolic in found.items() if symbolic != _NOTHING}
