"""The forms of open sizes: polynomials over their names and over floors of forms."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import gcd

from netspec.ops.formula import Operation, Polynomial, Variable, constant, plus, single

__all__ = ["floored", "inside", "open_name", "scaled", "shifted", "value_at", "variables_of"]


def open_name(name: str) -> Polynomial:
    """The form that is the size with this name."""
    return single(Variable(("size", name), name))


@lru_cache(maxsize=65_536)
def floored(form: Polynomial, divisor: int) -> Polynomial:
    """The form of `form // divisor`, for a positive divisor.

    Multiples of the divisor leave the floor; what remains is reduced by common factors; a floor of a floor is one floor:
    ⌊(⌊a/m⌋ + d)/n⌋ = ⌊(a + dm)/(mn)⌋ for whole numbers (Graham, Knuth & Patashnik, Concrete Mathematics, 3.11).
    """
    if divisor == 1 or not form.terms:
        return form
    leading = next((n for atoms, n in form.terms if atoms), 0)
    if leading < 0:  # ⌊-a/m⌋ = -⌊(a + m - 1)/m⌋
        opposite = plus(constant(divisor - 1), form, -1)
        return scaled(floored(opposite, divisor), -1)
    outside = Polynomial(tuple((atoms, n // divisor) for atoms, n in form.terms if n // divisor and atoms))
    rest = tuple((atoms, n % divisor) for atoms, n in form.terms if atoms and n % divisor)
    free = form.terms[-1][1] if not form.terms[-1][0] else 0
    common = gcd(divisor, *(n for _, n in rest))  # ⌊(cy + d)/(cn)⌋ = ⌊(y + ⌊d/c⌋)/n⌋ for whole y
    rest = tuple((atoms, n // common) for atoms, n in rest)
    free, divisor = free // common, divisor // common
    outside, free = shifted(outside, free // divisor), free % divisor
    if not rest:
        return outside
    (atoms, n), *others = rest
    if not others and n == 1 and len(atoms) == 1 and isinstance(atoms[0], Operation):
        inner, m = inside(atoms[0])
        return plus(outside, floored(shifted(inner, free * m), divisor * m))
    return plus(outside, single(Operation("//", (shifted(Polynomial(rest), free), constant(divisor)))))


def inside(floor: Operation) -> tuple[Polynomial, int]:
    """The form and the divisor of a floor."""
    inner, by = floor.operands
    assert isinstance(inner, Polynomial)
    assert isinstance(by, Polynomial)
    return inner, by.terms[0][1]


def shifted(form: Polynomial, other: int) -> Polynomial:
    """A form plus a whole number."""
    terms = form.terms  # the constant is the last
    if terms and not terms[-1][0]:
        terms, other = terms[:-1], terms[-1][1] + other
    return Polynomial((*terms, ((), int(other)))) if other else Polynomial(terms)


def scaled(form: Polynomial, factor: int) -> Polynomial:
    """A form times a whole number."""
    return Polynomial(tuple((atoms, n * factor) for atoms, n in form.terms)) if factor else Polynomial(())


def value_at(form: Polynomial, sizes: Mapping[str, int]) -> int:
    """What a form is worth for given sizes. Raises KeyError for a size that is not given."""
    total = 0
    for atoms, n in form.terms:
        product = n
        for atom in atoms:
            if isinstance(atom, Variable):
                product *= sizes[atom.name]
            else:
                inner, by = inside(atom)
                product *= value_at(inner, sizes) // by
        total += product
    return total


@lru_cache(maxsize=65_536)
def variables_of(form: Polynomial) -> tuple[str, ...]:
    """The names of the sizes on which a form depends, in the order of the alphabet."""
    found: set[str] = set()
    for atoms, _ in form.terms:
        for atom in atoms:
            if isinstance(atom, Variable):
                found.add(atom.name)
            else:
                found.update(variables_of(inside(atom)[0]))
    return tuple(sorted(found))
