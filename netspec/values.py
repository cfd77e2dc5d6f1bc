"""What an expression of the language can be worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["Named", "Quantity", "Size", "Value", "Word", "kind_of", "show"]


class Size(tuple[int, ...]):
    """`3x5`, `3x224x224`: the sizes in the order written."""

    __slots__ = ()


class Quantity(int):
    """A number written with a suffix (`138M`): exact, with the text for `~`, which compares to the digits written."""

    text: str

    def __new__(cls, value: int, text: str) -> Quantity:
        self = super().__new__(cls, value)
        self.text = text
        return self


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word where an option takes one (`act=relu`), with arguments where it has them (`norm=gn(32)`)."""

    name: str
    arguments: tuple[Any, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    called: bool = False


class Named:
    """A block, as the value of a parameter: expressions know no more of it than its name."""

    __slots__ = ()
    name: str


Value: TypeAlias = bool | int | float | str | Word | Named | tuple["Value", ...] | list["Value"] | None


def kind_of(value: Value) -> str:
    """The kind of a value in the reader's words."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, int):
        return "a whole number"
    if isinstance(value, float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, Word):
        return "a word"
    if isinstance(value, Size):
        return "a size"
    if isinstance(value, Named):
        return "a block"
    return "a tuple" if isinstance(value, tuple) else "a list"


def show(value: Value) -> str:
    """A value as the language writes it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, Size):
        return "x".join(map(str, value))
    if isinstance(value, Named):
        return value.name
    if isinstance(value, Word):
        parts = [show(a) for a in value.arguments] + [f"{k}={show(v)}" for k, v in value.options]
        return f"{value.name}({', '.join(parts)})" if value.called else value.name
    if isinstance(value, tuple):
        return f"({', '.join(map(show, value))})"
    if isinstance(value, list):
        return f"[{', '.join(map(show, value))}]"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
