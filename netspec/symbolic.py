"""Expressions as a block writes them, kept beside the values they have: `4 * w`, `in.channels // 2`, `1e-3`.

A number in the graph is a value; where it came from is a `Symbolic`. Leaves are constants (with the digits written),
parameters of the block or of the net, and facts about tensors (`in.channels`). Functions of the spec stay calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from netspec.records import Record

__all__ = ["OPAQUE", "Apply", "Constant", "Fact", "FunctionBody", "Name", "Symbolic", "leaves"]

OPAQUE = "?"
"""The operator of a value without a form that can be written down; its operands are what it depends on."""
Scope: TypeAlias = Literal["block", "net", "function"]


class Constant(Record):
    """A value that is the same in every instance; `text` is how a literal was written."""

    value: bool | int | float | str | None
    text: str = ""


class Name(Record):
    """A parameter: of the block in which it is used, of the net, or of a function."""

    name: str
    scope: Scope


class Fact(Record):
    """A size of a tensor: `in.channels` of what comes into the block; other owners are labels, or `here`."""

    owner: str
    field: str
    node: int
    """The tensor in the graph."""


class Apply(Record):
    """An operator (`+`, `//`, `<`, `and`, `not`, `neg`, `if`, `tuple`) or a function, applied to operands.

    `if` holds the value, the condition and the other value.
    """

    operator: str
    operands: tuple[Symbolic, ...]


Symbolic: TypeAlias = Constant | Name | Fact | Apply


class FunctionBody(Record):
    """A function of the spec: `fn half(v) = v // 2`."""

    name: str
    parameters: tuple[str, ...]
    body: Symbolic


def leaves(symbolic: Symbolic) -> Iterator[Constant | Name | Fact]:
    """The constants, names and facts of an expression, from left to right."""
    if isinstance(symbolic, Apply):
        for operand in symbolic.operands:
            yield from leaves(operand)
    else:
        yield symbolic
