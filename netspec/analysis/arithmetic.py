"""Numbers that show how they were computed: `(27 + 2*2 - 5)/1 + 1 = 27`."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import reduce
from math import floor
from typing import Literal, TypeAlias

__all__ = ["Arithmetic", "product", "total"]

Rounding: TypeAlias = Literal["", "down", "up"]
Operand: TypeAlias = "Arithmetic | int"


class Arithmetic:
    """An expression over whole numbers, with its value. `+ - * /` and `**` combine it with others and with numbers.

    Numbers are written without separators, as in a formula; only the result has them.
    """

    __slots__ = ("level", "rounding", "text", "value")

    def __init__(self, value: int | Fraction, text: str = "", level: int = 4, rounding: Rounding = "") -> None:
        self.value = Fraction(value)
        self.text = text or str(value)
        self.level = level
        self.rounding: Rounding = rounding

    @property
    def result(self) -> int:
        """The value, rounded as the layer rounds it. Raises ValueError where it is no whole number and is not rounded."""
        if self.value.denominator == 1:
            return self.value.numerator
        if not self.rounding:
            raise ValueError(f"{self.text} is not a whole number")
        return floor(self.value) if self.rounding == "down" else -floor(-self.value)

    def __str__(self) -> str:
        """`(224 + 2*3 - 7)/2 + 1 = 112.5, rounded down to 112`."""
        if self.value.denominator == 1:
            shown = f"{self.value.numerator:,}"
            return shown if self.text == str(self.value) else f"{self.text} = {shown}"
        return f"{self.text} = {float(self.value):.5g}, rounded {self.rounding} to {self.result:,}"

    def __repr__(self) -> str:
        return f"<{self}>"

    def rounded(self, how: Rounding) -> Arithmetic:
        return Arithmetic(self.value, self.text, self.level, how)

    def _with(self, other: Operand, sign: str, level: int, value: Fraction, *, tight: bool, right: int) -> Arithmetic:
        other = other if isinstance(other, Arithmetic) else Arithmetic(other)
        left_text = self.text if self.level >= level else f"({self.text})"
        right_text = other.text if other.level >= right else f"({other.text})"
        return Arithmetic(value, f"{left_text}{sign if tight else f' {sign} '}{right_text}", level)

    def __add__(self, other: Operand) -> Arithmetic:
        return self._with(other, "+", 1, self.value + _value(other), tight=False, right=1)

    def __sub__(self, other: Operand) -> Arithmetic:
        return self._with(other, "-", 1, self.value - _value(other), tight=False, right=2)

    def __mul__(self, other: Operand) -> Arithmetic:
        return self._with(other, "*", 2, self.value * _value(other), tight=True, right=2)

    def __truediv__(self, other: Operand) -> Arithmetic:
        return self._with(other, "/", 2, self.value / _value(other), tight=True, right=3)

    def __pow__(self, other: int) -> Arithmetic:
        return self._with(other, "^", 3, self.value**other, tight=True, right=4)


def _value(operand: Operand) -> Fraction:
    return operand.value if isinstance(operand, Arithmetic) else Fraction(operand)


def product(numbers: Iterable[Operand]) -> Arithmetic:
    """All of them multiplied; 1 if there are none."""
    terms = [n if isinstance(n, Arithmetic) else Arithmetic(n) for n in numbers]
    return reduce(Arithmetic.__mul__, terms) if terms else Arithmetic(1)


def total(numbers: Iterable[Operand]) -> Arithmetic:
    """The sum of all of them; 0 if there are none."""
    terms = [n if isinstance(n, Arithmetic) else Arithmetic(n) for n in numbers]
    return reduce(Arithmetic.__add__, terms) if terms else Arithmetic(0)
