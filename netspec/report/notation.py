"""Layers as papers write them: `conv3-64`, `maxpool3/2`, `FC-4096`."""

from __future__ import annotations

from typing import Any

from netspec.graph import Node
from netspec.ops import JOINS, SECTIONS

__all__ = ["notation", "omitted"]

_SHOWN = ("softmax", "log_softmax", "LRN")
_OMITTED = frozenset(
    op.name
    for section in ("Activation", "Normalization", "Regularization", "Trainable values")
    for op in SECTIONS[section]
    if op.name not in _SHOWN
) | {"flatten", "identity", "crop", *(op.name for op in JOINS.values())}
_NAMED = ("dilation", "groups")
"""Options beside kernel, width, stride and value that are written, unless they have their defaults."""


def omitted(node: Node) -> bool:
    """Whether tables of papers leave such a layer out "for brevity" (Simonyan and Zisserman 2014, table 1)."""
    return node.kind in _OMITTED


def notation(node: Node, *, stride: bool = True) -> str:
    """A layer in the notation of the language, which is that of the VGG paper; padding and biases are not written."""
    marks = {"kernel": "", "width": "-", "stride": "/", "value": " "}
    text = node.op.name
    for name, option in node.op.options.items():
        value = getattr(node.op, name)
        if value is None or value == option.default or (option.slot == "stride" and not stride):
            continue
        if option.slot == "value" and isinstance(value, tuple):
            text += " " + "x".join(map(str, value))
        elif option.slot in marks:
            text += marks[option.slot] + _value(value)
        elif name in _NAMED:
            text += f" {name}={_value(value)}"
    return text


def _value(value: Any) -> str:
    if not isinstance(value, tuple):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return str(value[0]) if len(set(value)) == 1 else "x".join(map(str, value))
