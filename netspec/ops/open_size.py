"""Sizes that are left open: whole numbers that know how they depend on the sizes of the input.

Shape rules are plain arithmetic with comparisons. Run on an `OpenSize`, they give its value for one sample, its form for
all sizes, and note what they decided on the way: for every size with the same decisions the form is right.
Forms are polynomials (`ops/formula.py`) over the names of sizes and over floors of forms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import gcd
from typing import Any, Literal

from netspec.ops.formula import Polynomial, constant, minus, plus, times
from netspec.ops.size_forms import floored, scaled, shifted, value_at
from netspec.ops.size_text import in_product
from netspec.records import Record

__all__ = [
    "Decided",
    "OpenSize",
    "at",
    "deciding",
    "form_of",
    "is_open",
    "open_size",
    "plain_at",
    "settled",
    "undecided",
]

_LIMIT = 2**40
"""A comparison with a number of at least this magnitude is about a limit of the language, not about a size."""


class Decided(Record):
    """A comparison of a form with zero, and how it came out."""

    form: Polynomial
    sign: Literal["<", "=="]
    holds: bool


class _Record:
    """The decisions made meanwhile, each once."""

    def __init__(self) -> None:
        self.found: dict[Decided, None] = {}
        self.open = True


_records: list[_Record] = []


@contextmanager
def deciding() -> Iterator[dict[Decided, None]]:
    """Collects what is decided about open sizes meanwhile, in order."""
    record = _Record()
    _records.append(record)
    try:
        yield record.found
    finally:
        _records.pop()


@contextmanager
def undecided() -> Iterator[None]:
    """What is compared meanwhile is not noted: it decides nothing about shapes."""
    _records.append(_Record())
    try:
        yield
    finally:
        _records.pop()


def settled() -> None:
    """What is decided from here on only words a message: the outcome is settled."""
    if _records:
        _records[-1].open = False


def _note(form: Polynomial, sign: Literal["<", "=="], holds: bool) -> None:
    if _records and _records[-1].open:
        common = gcd(*(n for _, n in form.terms))
        if sign == "==" and form.terms[0][1] < 0:
            common = -common
        if common != 1:
            form = Polynomial(tuple((atoms, n // common) for atoms, n in form.terms))
        _records[-1].found.setdefault(Decided(form, sign, holds))


def _sum(form: Polynomial, other: int) -> Polynomial:
    return plus(form, other.form) if isinstance(other, OpenSize) else shifted(form, other)


class OpenSize(int):
    """A whole number for one sample of sizes, with its form for all sizes. Its text is the form."""

    form: Polynomial

    def __new__(cls, value: int, form: Polynomial) -> OpenSize:
        self = super().__new__(cls, value)
        self.form = form
        return self

    @property
    def plain(self) -> int:
        """The value for the sample, as an ordinary number; whoever asks for it does not decide with it."""
        return int.__add__(self, 0)

    def _pinned(self) -> int:
        """The value for the sample, on which what follows depends in a way that no form says."""
        _note(minus(self.form, constant(self.plain)), "==", True)
        return self.plain

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return self._float(other, float.__add__)
        return open_size(int.__add__(self, other), _sum(self.form, other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return self._float(other, float.__sub__)
        form = minus(self.form, other.form) if isinstance(other, OpenSize) else _sum(self.form, -other)
        return open_size(int.__sub__(self, other), form)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return self._float(other, float.__mul__)
        form = times(self.form, other.form) if isinstance(other, OpenSize) else scaled(self.form, other)
        return open_size(int.__mul__(self, other), form)

    __rmul__ = __mul__

    def __neg__(self) -> Any:
        return self * -1

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return -self if self < 0 else self

    def __floordiv__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return self._float(other, float.__floordiv__)
        by = _pin(other)
        form = floored(self.form, by) if by > 0 else floored(scaled(self.form, -1), -by) if by else None
        value = int.__floordiv__(self, by)
        assert form is not None
        return open_size(value, form)

    def __rfloordiv__(self, other: Any) -> Any:
        return other // self._pinned()

    def __mod__(self, other: Any) -> Any:
        return self - (self // (by := _pin(other))) * by

    def __rmod__(self, other: Any) -> Any:
        return other % self._pinned()

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return divmod(other, self._pinned())

    def __truediv__(self, other: Any) -> Any:
        return self._pinned() / _pin(other)

    def __rtruediv__(self, other: Any) -> Any:
        return other / self._pinned()

    def __pow__(self, other: Any, modulo: Any = None) -> Any:
        power = _pin(other)
        if not isinstance(power, int) or not 0 <= power <= 8:
            return pow(self._pinned(), power)
        result: Any = 1
        for _ in range(power):
            result = self * result
        return result

    def __rpow__(self, other: Any, modulo: Any = None) -> Any:
        return pow(other, self._pinned())

    def _float(self, other: Any, apply: Any) -> Any:
        return apply(float(self._pinned()), other) if isinstance(other, float) else NotImplemented

    # Comparisons decide

    def _less(self, one: Any, other: Any, bound: int = 0) -> bool:
        """Whether one - other < bound."""
        if not isinstance(one, int) or not isinstance(other, int):
            return bool(_pin(one) - _pin(other) < bound)
        difference = _sum(minus(form_of(one), form_of(other)), -bound)
        holds = int.__sub__(one, other) < bound
        if any(atoms for atoms, _ in difference.terms) and abs(dict(difference.terms).get((), 0)) < _LIMIT:
            _note(difference, "<", holds)
        return holds

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, int):
            return isinstance(other, float) and self._pinned() == other
        difference = minus(self.form, other.form) if isinstance(other, OpenSize) else _sum(self.form, -other)
        holds = int.__eq__(self, other) is True
        if any(atoms for atoms, _ in difference.terms):
            _note(difference, "==", holds)
        return holds

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: Any) -> bool:
        return self._less(self, other)

    def __le__(self, other: Any) -> bool:
        return self._less(self, other, 1) if isinstance(other, int) else self._pinned() <= other

    def __gt__(self, other: Any) -> bool:
        return self._less(other, self)

    def __ge__(self, other: Any) -> bool:
        return self._less(other, self, 1) if isinstance(other, int) else self._pinned() >= other

    def __bool__(self) -> bool:
        return self != 0

    def __hash__(self) -> int:
        return hash(self.form)

    # Conversions pin the value

    def __int__(self) -> int:
        return self._pinned()

    def __float__(self) -> float:
        return float(self._pinned())

    def __round__(self, digits: Any = None) -> Any:
        return self

    def __floor__(self) -> Any:
        return self

    def __ceil__(self) -> Any:
        return self

    def __trunc__(self) -> Any:
        return self

    def __repr__(self) -> str:
        return in_product(self.form)

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)


def _pin(value: Any) -> Any:
    return value._pinned() if isinstance(value, OpenSize) else value


def form_of(value: int) -> Polynomial:
    """The form of a whole number, open or not."""
    return value.form if isinstance(value, OpenSize) else constant(int.__add__(value, 0))


def plain_at(value: int, sizes: Mapping[str, int]) -> int:
    """The value of a whole number for given sizes. Raises KeyError for a size that is not given."""
    return value_at(form_of(value), sizes)


def open_size(value: int, form: Polynomial) -> int:
    """A number with its form; a plain one where that is a constant."""
    return OpenSize(value, form) if any(atoms for atoms, _ in form.terms) else value


def is_open(value: Any) -> bool:
    return isinstance(value, OpenSize)


def at(value: int, sizes: Mapping[str, int]) -> int:
    """The same number for another sample of sizes."""
    return OpenSize(value_at(value.form, sizes), value.form) if isinstance(value, OpenSize) else value
