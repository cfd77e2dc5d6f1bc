"""Where values come from: an expression of the tree as a `Symbolic`, its variables replaced by what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netspec.elaborate.expressions import FUNCTIONS, EvaluationError, literal
from netspec.elaborate.limits import LimitReached
from netspec.elaborate.state import Frame, Lazy
from netspec.ops.op import Op
from netspec.symbolic import OPAQUE, Apply, Constant, Fact, FunctionBody, Name, Symbolic, leaves
from netspec.syntax import tree as t

__all__ = ["option_origins", "origin"]

_LARGEST = 200
"""The most operations that an expression is followed through: a longer one has no short name anyway."""
_NOTHING = Apply(OPAQUE, ())
_KEPT = (bool, int, float, str, type(None))


class _Untraceable(Exception):
    """An expression has no symbolic form: lists, words, too many operations."""


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
            return Apply("tuple", tuple(self.trace(item, frame, bound) for item in expr.items))
        if isinstance(expr, t.Call):
            return self.call(expr, frame, bound)
        raise _Untraceable

    def constant(self, value: Any, text: str = "") -> Constant:
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
        return Apply(expr.name, tuple(self.trace(a, frame, bound) for a in expr.arguments))


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
