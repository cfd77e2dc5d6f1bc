"""Numbers that remember how they were computed, so that generated source can say `4 * w` where the value is 256.

The shape rules and the PyTorch of the ops are plain arithmetic. Run on traced numbers, they give the same values, each
with its expression over the names of a class (`in_channels`, the parameters of a block).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from netspec.ops.formula import (
    Atom,
    Expression,
    Operation,
    Polynomial,
    Variable,
    constant,
    decimal,
    minus,
    over,
    plus,
    single,
    times,
    variables,
)

__all__ = [
    "TracedFloat",
    "TracedInt",
    "TracedName",
    "as_expression",
    "decisions",
    "ink",
    "is_traced",
    "marked",
    "note_decision",
    "same",
    "traced",
    "traced_by",
    "untraced",
]


def _of(value: int) -> Polynomial:
    """The polynomial of a whole number, traced or not."""
    if isinstance(value, TracedInt):
        return value.expression
    plain = int.__add__(value, 0)
    return constant(plain)


_decided: list[set[Expression]] = []


@contextmanager
def decisions() -> Iterator[set[Expression]]:
    """Collects the expressions on whose values a comparison (or a conversion) depended meanwhile."""
    found: set[Expression] = set()
    _decided.append(found)
    try:
        yield found
    finally:
        _decided.pop()


def _depends_on(expression: Expression) -> None:
    if _decided and next(variables(expression), None) is not None:
        _decided[-1].add(expression)


_ink: list[list[TracedInt | TracedFloat | TracedName]] = []


@contextmanager
def ink(written: list[TracedInt | TracedFloat | TracedName]) -> Iterator[None]:
    """Appends the traced numbers that are written into text meanwhile; the text holds a mark for each."""
    _ink.append(written)
    try:
        yield
    finally:
        _ink.pop()


def marked(text: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The pieces of a text between its marks, and the numbers of the marks."""
    pieces = re.split("\x02(\\d+)\x03", text)
    return tuple(pieces[::2]), tuple(map(int, pieces[1::2]))


def _mark(number: TracedInt | TracedFloat, plain: str) -> str:
    if not _ink:
        return plain
    _ink[-1].append(number)
    return f"\x02{len(_ink[-1]) - 1}\x03"


class TracedInt(int):
    """A whole number with its polynomial. Where the polynomial is a constant, a plain number is used instead."""

    expression: Polynomial

    def __new__(cls, value: int, expression: Polynomial) -> TracedInt:
        self = super().__new__(cls, value)
        self.expression = expression
        return self

    def _with(
        self,
        other: Any,
        symbol: str,
        apply: Callable[[int, int], int],
        combine: Callable[[Polynomial, Polynomial], Polynomial],
    ) -> Any:
        if isinstance(other, float):
            return _float_operation(symbol, self, other)
        if not isinstance(other, int):
            return NotImplemented
        return traced(apply(self, other), combine(self.expression, _of(other)))

    def __add__(self, other: Any) -> Any:
        return self._with(other, "+", int.__add__, plus)

    __radd__ = __add__

    def __mul__(self, other: Any) -> Any:
        return self._with(other, "*", int.__mul__, times)

    def __rmul__(self, other: Any) -> Any:
        return _float_operation("*", other, self) if isinstance(other, float) else self * other

    def __sub__(self, other: Any) -> Any:
        return self._with(other, "-", int.__sub__, minus)

    def __rsub__(self, other: Any) -> Any:
        return _float_operation("-", other, self) if isinstance(other, float) else -self + other

    def __neg__(self) -> Any:
        return self * -1

    def __floordiv__(self, other: Any) -> Any:
        return self._with(other, "//", int.__floordiv__, over)

    def __rfloordiv__(self, other: Any) -> Any:
        return traced(int.__floordiv__(other, self), over(_of(other), self.expression))

    # Ops take remainders to check that a number divides another, which does not change what they become: the result is
    # a plain number. In expressions of a spec `%` keeps its form (`applied`).

    def __pow__(self, other: Any, modulo: Any = None) -> Any:
        _depends_on(_of(other)) if isinstance(other, int) else None
        result: Any = 1
        for _ in range(other):
            result = self * result
        return result

    def __truediv__(self, other: Any) -> Any:
        return _float_operation("/", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _float_operation("/", other, self)

    # What is compared decides: both sides with one polynomial are equal whatever the names are worth

    def _compared(self, other: object) -> None:
        if isinstance(other, int):
            _depends_on(minus(self.expression, _of(other)))

    def __eq__(self, other: object) -> bool:
        self._compared(other)
        return int.__eq__(self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: int) -> bool:
        self._compared(other)
        return int.__lt__(self, other)

    def __le__(self, other: int) -> bool:
        self._compared(other)
        return int.__le__(self, other)

    def __gt__(self, other: int) -> bool:
        self._compared(other)
        return int.__gt__(self, other)

    def __ge__(self, other: int) -> bool:
        self._compared(other)
        return int.__ge__(self, other)

    def __bool__(self) -> bool:
        _depends_on(self.expression)
        return int.__ne__(self, 0)

    def __int__(self) -> int:
        _depends_on(self.expression)
        return int.__add__(self, 0)

    __hash__ = int.__hash__

    def __repr__(self) -> str:
        return _mark(self, int.__repr__(self))

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)


class TracedFloat(float):
    """A real number with its expression."""

    expression: Expression

    def __new__(cls, value: float, expression: Expression) -> TracedFloat:
        self = super().__new__(cls, value)
        self.expression = expression
        return self

    def __add__(self, other: Any) -> Any:
        return _float_operation("+", self, other)

    def __radd__(self, other: Any) -> Any:
        return _float_operation("+", other, self)

    def __sub__(self, other: Any) -> Any:
        return _float_operation("-", self, other)

    def __rsub__(self, other: Any) -> Any:
        return _float_operation("-", other, self)

    def __mul__(self, other: Any) -> Any:
        return _float_operation("*", self, other)

    def __rmul__(self, other: Any) -> Any:
        return _float_operation("*", other, self)

    def __truediv__(self, other: Any) -> Any:
        return _float_operation("/", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _float_operation("/", other, self)

    def _compared(self) -> None:
        _depends_on(self.expression)

    def __bool__(self) -> bool:
        self._compared()
        return float.__ne__(self, 0.0)

    def __eq__(self, other: object) -> bool:
        self._compared()
        return float.__eq__(self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: float) -> bool:
        self._compared()
        return float.__lt__(self, other)

    def __le__(self, other: float) -> bool:
        self._compared()
        return float.__le__(self, other)

    def __gt__(self, other: float) -> bool:
        self._compared()
        return float.__gt__(self, other)

    def __ge__(self, other: float) -> bool:
        self._compared()
        return float.__ge__(self, other)

    __hash__ = float.__hash__

    def __neg__(self) -> Any:
        return TracedFloat(float.__neg__(self), Operation("neg", (self.expression,)))

    def __repr__(self) -> str:
        return _mark(self, decimal(self))

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)


class TracedName(str):
    """The name of something that a class is given, such as the class of an activation."""

    __slots__ = ("expression",)
    expression: Variable

    @classmethod
    def of(cls, text: str, variable: Variable) -> TracedName:
        self = cls(text)
        self.expression = variable
        return self

    def __format__(self, spec: str) -> str:
        if not _ink:
            return str(self)
        _ink[-1].append(self)
        return f"\x02{len(_ink[-1]) - 1}\x03"


_FLOATS: Mapping[str, Callable[[float, float], float]] = {
    "+": float.__add__, "-": float.__sub__, "*": float.__mul__, "/": float.__truediv__,
}  # fmt: skip


def _plain(value: Any) -> float:
    return int.__float__(value) if isinstance(value, int) else float.__add__(value, 0.0)


def _float_operation(symbol: str, one: Any, other: Any) -> Any:
    if symbol not in _FLOATS:
        return NotImplemented
    if symbol == "/" and isinstance(one, int) and isinstance(other, int):
        value = int.__truediv__(one, other)
    else:
        value = _FLOATS[symbol](_plain(one), _plain(other))
    return TracedFloat(value, Operation(symbol, (as_expression(one), as_expression(other))))


def traced(value: int, expression: Polynomial) -> int:
    """A number with its polynomial; a plain one where that is a constant."""
    return TracedInt(value, expression) if any(atoms for atoms, _ in expression.terms) else value


def is_traced(value: Any) -> bool:
    """Whether a number depends on a name."""
    return isinstance(value, (TracedInt, TracedFloat)) and next(variables(value.expression), None) is not None


def same(one: Any, other: Any) -> bool:
    """Whether two numbers have one expression, and so are equal whatever the names are worth."""
    if isinstance(one, (TracedInt, TracedFloat)) or isinstance(other, (TracedInt, TracedFloat)):
        return as_expression(one) == as_expression(other)
    return bool(one == other)


def as_expression(value: Any) -> Expression:
    """The expression of a number."""
    if isinstance(value, (TracedFloat, TracedName)):
        return value.expression
    if isinstance(value, int):
        return _of(value)
    return float(value)


def untraced(value: Any) -> Any:
    """A number without its form: for checks, which do not change what is generated."""
    if isinstance(value, TracedInt):
        return int.__add__(value, 0)
    return float.__add__(value, 0.0) if isinstance(value, TracedFloat) else value


def traced_by(value: int, atom: Atom) -> TracedInt:
    """The whole number whose expression is one atom."""
    return TracedInt(value, single(atom))


def note_decision(value: Any) -> None:
    """Notes that what is generated depends on a value in a way that its text does not say."""
    if isinstance(value, (TracedInt, TracedFloat)):
        _depends_on(value.expression)
    elif isinstance(value, tuple):
        for item in value:
            note_decision(item)


# Text
