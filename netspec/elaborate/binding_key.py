"""When a layer is bound like one before: the same text with the same variables and defaults."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from netspec.elaborate.state import Frame, Lazy
from netspec.syntax import tree as t

__all__ = ["binding_key"]

_UNDEFINED = object()


@lru_cache(maxsize=4096)
def _names_in(layer: t.Layer) -> tuple[str, ...] | None:
    """The names in a layer's expressions; None where it asks for more than variables (tensors, functions)."""
    names: list[str] = []
    stack: list[Any] = [
        layer.width,
        layer.stride,
        *layer.values,
        *layer.options,
        *(layer.arguments or ()),
        *layer.argument_options,
    ]
    while stack:
        expr = stack.pop()
        if isinstance(expr, t.Name):
            names.append(expr.text)
        elif isinstance(expr, (t.Fact, t.Call, t.Element, t.Comprehension)):
            return None
        elif isinstance(expr, t.Option):
            stack.append(expr.value)
        elif isinstance(expr, t.Unary):
            stack.append(expr.operand)
        elif isinstance(expr, t.Binary):
            stack += [expr.left, expr.right]
        elif isinstance(expr, t.Conditional):
            stack += [expr.value, expr.condition, expr.otherwise]
        elif isinstance(expr, t.Sequence_):
            stack += expr.items
    return tuple(names)


def binding_key(layer: t.Layer, frame: Frame) -> tuple[Any, ...] | None:
    """What a bound layer depends on; None where that cannot be said, or not hashed."""
    names = _names_in(layer)
    if names is None:
        return None
    values = []
    for name in names:
        try:
            value = frame.lookup(name)
        except KeyError:
            value = _UNDEFINED
        if isinstance(value, (list, Lazy)):
            return None
        values.append((type(value), value, frame.symbol(name)))
    try:
        key = (layer, frame.defaults, *values)
        hash(key)
    except TypeError:
        return None
    return key
