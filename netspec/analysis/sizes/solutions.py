"""The sizes for which a form of one size is negative or zero, exactly.

Along every residue class modulo its period, a form is a polynomial with whole coefficients in the number of the period:
that holds for the size itself, for sums and products, and for a floor, where the period is multiplied by the divisor. Once a
polynomial and all its differences have one sign, it keeps that sign (Newton's forward differences), so that its sign
is known for all sizes after finitely many values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise
from math import lcm

from netspec.analysis.sizes.periodic import LARGEST, PeriodicSet, TooManySizes
from netspec.ops.formula import Polynomial, Variable, constant, minus
from netspec.ops.size_forms import inside, value_at, variables_of

__all__ = ["bounded", "equal_to", "negative", "period_of", "zero"]

_left: list[int] = []


@contextmanager
def bounded(most: int) -> Iterator[None]:
    """Meanwhile at most so many values of forms are computed; what was computed before counts as well, so that an answer
    does not depend on earlier ones. Raises TooManySizes."""
    _left.append(most)
    try:
        yield
    finally:
        _left.pop()


def _solved(form: Polynomial) -> tuple[PeriodicSet, PeriodicSet]:
    """Where a form of one size is negative, and where it is zero. Raises TooManySizes."""
    negative, zero, values = _signs(form)
    if _left:
        _left[-1] -= values
        if _left[-1] < 0:
            raise TooManySizes
    return negative, zero


@lru_cache(maxsize=65_536)
def period_of(form: Polynomial) -> int:
    """A period of a form in every size that it depends on. Raises TooManySizes."""
    period = 1
    for atoms, _ in form.terms:
        for atom in atoms:
            if not isinstance(atom, Variable):
                inner, by = inside(atom)
                period = lcm(period, period_of(inner) * by)
    if period > LARGEST:
        raise TooManySizes
    return period


def _degree(form: Polynomial) -> int:
    degrees = [0]
    for atoms, _ in form.terms:
        degrees.append(sum(1 if isinstance(a, Variable) else _degree(inside(a)[0]) for a in atoms))
    return max(degrees)


@lru_cache(maxsize=65_536)
def _signs(form: Polynomial) -> tuple[PeriodicSet, PeriodicSet, int]:
    """Where a form of one size is negative, where it is zero, and how many values that took. Raises TooManySizes."""
    (name,) = variables_of(form)
    period, degree = period_of(form), _degree(form)
    values: dict[int, int] = {}

    def value(size: int) -> int:
        if size not in values:
            values[size] = value_at(form, {name: size})
        return values[size]

    start = max(_settled_from(value, residue, period, degree) for residue in range(1, period + 1))
    bits = [0, 0]
    for size in range(1, start + period):
        here = value(size)
        bits[0] |= (here < 0) << size
        bits[1] |= (here == 0) << size
    negative, zero = (_shortened(PeriodicSet(start, period, found)) for found in bits)
    return negative, zero, len(values)


def _settled_from(value: Callable[[int], int], size: int, period: int, degree: int) -> int:
    """The first of the sizes `size`, `size + period`, … from which on a form keeps its sign; a change of it after the
    sizes that are considered does not count."""
    if degree <= 1:
        here, step = value(size), value(size + period) - value(size)
        changes = step and (here <= 0 if step > 0 else here >= 0)
        rounds = abs(here) // abs(step) + 1 if changes else 0
        return size + rounds * period if size + rounds * period <= LARGEST else size
    while not _one_sign([value(size + k * period) for k in range(degree + 1)]) and size + period <= LARGEST:
        size += period
    return size


def _one_sign(values: list[int]) -> bool:
    """Whether a polynomial with these values keeps a sign from the first on: no difference changes it; a zero that
    grows is no end yet."""
    first = values[0]
    differences = values
    signs = set()
    while differences:
        signs.add((differences[0] > 0) - (differences[0] < 0))
        differences = [b - a for a, b in pairwise(differences)]
    return len(signs - {0}) <= 1 and (first != 0 or signs == {0})


def _shortened(found: PeriodicSet) -> PeriodicSet:
    return found & PeriodicSet(1, 1, 2)


def negative(form: Polynomial) -> PeriodicSet:
    """The sizes for which a form of one size is below zero. Raises TooManySizes."""
    return _solved(form)[0]


def zero(form: Polynomial) -> PeriodicSet:
    """The sizes for which a form of one size is zero. Raises TooManySizes."""
    return _solved(form)[1]


def equal_to(form: Polynomial, value: int) -> PeriodicSet:
    """The sizes for which a form of one size has a value. Raises TooManySizes."""
    return zero(minus(form, constant(value)))
