"""Expressions of generated source: names, numbers as written, polynomials of whole numbers, operations.

Sums and products of whole numbers are kept as polynomials, so that equal expressions are equal; everything else keeps
the form in which it was written.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = [
    "PRECEDENCE",
    "Atom",
    "Digits",
    "Expression",
    "Operation",
    "Polynomial",
    "Variable",
    "affine",
    "constant",
    "decimal",
    "minus",
    "over",
    "plus",
    "renamed",
    "render",
    "single",
    "times",
    "variables",
]


@dataclass(frozen=True, slots=True)
class Variable:
    """A name of a class. One that is not `printable` represents a number without a name in the spec."""

    key: tuple[Any, ...]
    name: str
    printable: bool = True


@dataclass(frozen=True, slots=True)
class Digits:
    """A real number as the spec writes it: `1e-3`."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator or a function, applied: `in_channels // 2`, `divisible(v)`, `0.1 * i`."""

    operator: str
    operands: tuple[Expression, ...]
    value: float = field(default=0, compare=False)
    """What a call is worth here."""
    order: str = field(default="", compare=False)
    """Its text, by which the terms of a sum are put in order."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", render(self))


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A whole number: a sum of products of atoms, each with a coefficient, in a fixed order."""

    terms: tuple[tuple[tuple[Atom, ...], int], ...]


Atom: TypeAlias = Variable | Operation

Expression: TypeAlias = Polynomial | Variable | Operation | Digits | float

Monomial: TypeAlias = tuple[Atom, ...]


def _order(atom: Atom) -> str:
    return atom.name if isinstance(atom, Variable) else atom.order


def _polynomial(terms: dict[Monomial, int]) -> Polynomial:
    kept = [(atoms, n) for atoms, n in terms.items() if n]
    if len(kept) > 1:
        kept.sort(key=lambda t: (-len(t[0]), *map(_order, t[0])))
    return Polynomial(tuple(kept))


def constant(value: int) -> Polynomial:
    """The polynomial of a plain number."""
    return Polynomial((((), value),) if value else ())


def single(atom: Atom) -> Polynomial:
    """The polynomial that is one atom."""
    return Polynomial((((atom,), 1),))


def plus(one: Polynomial, other: Polynomial, sign: int = 1) -> Polynomial:
    terms = dict(one.terms)
    for atoms, n in other.terms:
        terms[atoms] = terms.get(atoms, 0) + sign * n
    return _polynomial(terms)


def minus(one: Polynomial, other: Polynomial) -> Polynomial:
    return plus(one, other, -1)


def times(one: Polynomial, other: Polynomial) -> Polynomial:
    terms: dict[Monomial, int] = {}
    for a, n in one.terms:
        for b, m in other.terms:
            atoms = tuple(sorted((*a, *b), key=_order)) if a and b else a or b
            terms[atoms] = terms.get(atoms, 0) + n * m
    return _polynomial(terms)


def over(one: Polynomial, other: Polynomial) -> Polynomial:
    """`one // other`: exact where a single term divides every term, an operation otherwise."""
    if len(other.terms) == 1:
        ((atoms, n),) = other.terms
        terms: dict[Monomial, int] = {}
        for mine, m in one.terms:
            rest = list(mine)
            for atom in atoms:
                if atom not in rest:
                    break
                rest.remove(atom)
            else:
                if m % n == 0:
                    terms[tuple(rest)] = m // n
                    continue
            break
        else:
            return _polynomial(terms)
    return single(Operation("//", (one, other)))


def variables(expression: Expression) -> Iterator[Variable]:
    """The variables of an expression, each as often as it occurs."""
    if isinstance(expression, Variable):
        yield expression
    elif isinstance(expression, Operation):
        for operand in expression.operands:
            yield from variables(operand)
    elif isinstance(expression, Polynomial):
        for atoms, _ in expression.terms:
            for atom in atoms:
                yield from variables(atom)


def renamed(expression: Expression, names: Mapping[Variable, Variable]) -> Expression:
    """An expression with its variables under other names."""
    if isinstance(expression, Variable):
        return names.get(expression, expression)
    if isinstance(expression, Operation):
        operands = tuple(renamed(o, names) for o in expression.operands)
        return Operation(expression.operator, operands, expression.value)
    if isinstance(expression, Polynomial):
        terms = [(tuple(renamed(a, names) for a in atoms), n) for atoms, n in expression.terms]
        return Polynomial(tuple(terms))  # type: ignore[arg-type]
    return expression


def affine(expressions: Sequence[Expression], variable: Variable, first: int) -> Expression | None:
    """One expression in a loop's variable that is each of these in turn, from `first` on; None where there is none."""
    one = expressions[0]
    if all(e == one for e in expressions):
        return one
    if all(isinstance(e, Polynomial) for e in expressions):
        forms: list[Polynomial] = list(expressions)  # type: ignore[arg-type]
        step = minus(forms[1], forms[0])
        if any(minus(b, a) != step for a, b in itertools.pairwise(forms)):
            return None
        base = minus(forms[0], times(step, constant(first)))
        return plus(base, times(step, single(variable)))
    operations = [e for e in expressions if isinstance(e, Operation)]
    head = operations[0] if len(operations) == len(expressions) else None
    if head is None or any((o.operator, len(o.operands)) != (head.operator, len(head.operands)) for o in operations):
        return None
    found = [affine(column, variable, first) for column in zip(*(o.operands for o in operations), strict=True)]
    return Operation(head.operator, tuple(found)) if None not in found else None  # type: ignore[arg-type]


_SUM, _TERM, _UNARY, _POWER, _ATOM = 1, 2, 3, 4, 5
PRECEDENCE = {"+": _SUM, "-": _SUM, "*": _TERM, "/": _TERM, "//": _TERM, "%": _TERM, "neg": _UNARY, "**": _POWER}


def render(expression: Expression, around: int = 0) -> str:
    """An expression as Python source, in brackets where what is `around` binds closer."""
    if isinstance(expression, Variable):
        return expression.name
    if isinstance(expression, Digits):
        return expression.text
    if isinstance(expression, Polynomial):
        return _rendered_sum(expression, around)
    if not isinstance(expression, Operation):
        return decimal(expression)
    operator, operands = expression.operator, expression.operands
    mine = PRECEDENCE.get(operator)
    if mine is None:
        return f"{operator}({', '.join(map(render, operands))})"
    if operator == "neg":
        text = f"-{render(operands[0], _UNARY)}"
    elif operator == "**":
        parts = render(operands[0], _ATOM), render(operands[1], _UNARY)
        text = (" ** " if any("(" in part for part in parts) else "**").join(parts)  # as formatters of Python write it
    else:
        text = f"{render(operands[0], mine)} {operator} {render(operands[1], mine + 1)}"
    return f"({text})" if mine < around else text


def _rendered_sum(polynomial: Polynomial, around: int) -> str:
    parts: list[tuple[str, str]] = []
    for atoms, n in polynomial.terms:
        factors = [render(atom, _TERM if i == 0 and abs(n) == 1 else _UNARY) for i, atom in enumerate(atoms)]
        if abs(n) != 1 or not factors:
            factors.insert(0, str(abs(n)))
        parts.append(("-" if n < 0 else "+", " * ".join(factors)))
    parts.sort(key=lambda part: part[0] == "-")  # `2 * w - 1`, never `-1 + 2 * w`
    if not parts:
        return "0"
    shared = _shared_atoms(polynomial)
    if shared:
        rest = Polynomial(tuple((_without(atoms, shared), n) for atoms, n in polynomial.terms))
        text = " * ".join([_rendered_sum(rest, _UNARY), *(render(atom, _UNARY) for atom in shared)])
        return f"({text})" if around > _TERM else text
    text = ("-" if parts[0][0] == "-" else "") + parts[0][1]
    text += "".join(f" {sign} {part}" for sign, part in parts[1:])
    product = any(" " in part for _, part in parts)
    mine = _SUM if len(parts) > 1 else _UNARY if text[0] == "-" else _TERM if product else _ATOM
    return f"({text})" if mine < around else text


def _shared_atoms(polynomial: Polynomial) -> Monomial:
    """The atoms that every one of several terms has: `(i + 1) * k`."""
    if len(polynomial.terms) < 2:
        return ()
    first, *others = (atoms for atoms, _ in polynomial.terms)
    return tuple(atom for atom in dict.fromkeys(first) if all(atom in atoms for atoms in others))


def _without(atoms: Monomial, shared: Monomial) -> Monomial:
    rest = list(atoms)
    for atom in shared:
        rest.remove(atom)
    return tuple(rest)


_LARGEST = 1e30


def decimal(value: float) -> str:
    """A real number in the fewest digits that mean the same in single precision or better: 0.015, 1e-6."""
    value = float.__add__(value, 0.0)
    text = repr(value)
    short = f"{value:.12g}"
    if len(text) > 17 and abs(value) < _LARGEST and struct.pack("f", float(short)) == struct.pack("f", value):
        text = short if any(c in short for c in ".en") else f"{short}.0"
    return text.replace("e-0", "e-").replace("e+0", "e+").replace("e+", "e")
