"""Numbers that remember how they were computed, so that generated source can say `4 * w` where the value is 256.

The shape rules and the PyTorch of the ops are plain arithmetic. Run on traced numbers, they give the same values, each
with its expression over the names of a class (`in_channels`, the parameters of a block). Sums and products of whole
numbers are kept as polynomials, so that equal expressions are equal; everything else keeps the form it had.
"""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = [
    "Digits",
    "Expression",
    "Operation",
    "Polynomial",
    "TracedFloat",
    "TracedInt",
    "TracedName",
    "Variable",
    "affine",
    "applied",
    "as_expression",
    "called",
    "decimal",
    "decisions",
    "ink",
    "is_traced",
    "marked",
    "note_decision",
    "renamed",
    "render",
    "same",
    "substituted",
    "traced",
    "traced_by",
    "untraced",
    "variables",
]


@dataclass(frozen=True, slots=True)
class Variable:
    """A name of a class. One that is not `printable` stands for a number that has no name in the spec."""

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


def _of(value: int) -> Polynomial:
    """The polynomial of a whole number, traced or not."""
    if isinstance(value, TracedInt):
        return value.expression
    plain = int.__add__(value, 0)
    return Polynomial((((), plain),) if plain else ())


def _sum(one: Polynomial, other: Polynomial, sign: int = 1) -> Polynomial:
    terms = dict(one.terms)
    for atoms, n in other.terms:
        terms[atoms] = terms.get(atoms, 0) + sign * n
    return _polynomial(terms)


def _product(one: Polynomial, other: Polynomial) -> Polynomial:
    terms: dict[Monomial, int] = {}
    for a, n in one.terms:
        for b, m in other.terms:
            atoms = tuple(sorted((*a, *b), key=_order)) if a and b else a or b
            terms[atoms] = terms.get(atoms, 0) + n * m
    return _polynomial(terms)


def _quotient(one: Polynomial, other: Polynomial) -> Polynomial:
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
    return Polynomial((((Operation("//", (one, other)),), 1),))


# What is recorded while ops run on traced numbers

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
        return self._with(other, "+", int.__add__, _sum)

    __radd__ = __add__

    def __mul__(self, other: Any) -> Any:
        return self._with(other, "*", int.__mul__, _product)

    def __rmul__(self, other: Any) -> Any:
        return _float_operation("*", other, self) if isinstance(other, float) else self * other

    def __sub__(self, other: Any) -> Any:
        return self._with(other, "-", int.__sub__, lambda a, b: _sum(a, b, -1))

    def __rsub__(self, other: Any) -> Any:
        return _float_operation("-", other, self) if isinstance(other, float) else -self + other

    def __neg__(self) -> Any:
        return self * -1

    def __floordiv__(self, other: Any) -> Any:
        return self._with(other, "//", int.__floordiv__, _quotient)

    def __rfloordiv__(self, other: Any) -> Any:
        return traced(int.__floordiv__(other, self), _quotient(_of(other), self.expression))

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
            _depends_on(_sum(self.expression, _of(other), -1))

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


def substituted(value: Any, values: Mapping[Variable, Any]) -> Any:
    """A number with other numbers in the place of its variables; those without one keep their own."""
    if isinstance(value, (TracedInt, TracedFloat)):
        found = _evaluated(value.expression, values)
        if isinstance(value, TracedFloat) and not isinstance(found, TracedFloat):
            return TracedFloat(value, as_expression(found)) if is_traced(found) else float.__add__(value, 0.0)
        return found
    return value


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
        step = _sum(forms[1], forms[0], -1)
        if any(_sum(b, a, -1) != step for a, b in itertools.pairwise(forms)):
            return None
        base = _sum(forms[0], _product(step, _of(first)), -1)
        return _sum(base, _product(step, Polynomial((((variable,), 1),))))
    operations = [e for e in expressions if isinstance(e, Operation)]
    head = operations[0] if len(operations) == len(expressions) else None
    if head is None or any((o.operator, len(o.operands)) != (head.operator, len(head.operands)) for o in operations):
        return None
    found = [affine(column, variable, first) for column in zip(*(o.operands for o in operations), strict=True)]
    return Operation(head.operator, tuple(found)) if None not in found else None  # type: ignore[arg-type]


def _evaluated(expression: Expression, values: Mapping[Variable, Any]) -> Any:
    if isinstance(expression, Variable):
        return values[expression]
    if isinstance(expression, float):
        return expression
    if isinstance(expression, Digits):
        return TracedFloat(expression.value, expression)
    if isinstance(expression, Operation):
        operands = [_evaluated(o, values) for o in expression.operands]
        if expression.operator in _PRECEDENCE and expression.operator != "%":
            return applied(expression.operator, operands)
        return called(expression.operator, operands, expression.value)
    total: Any = 0
    for atoms, n in expression.terms:
        product: Any = n
        for atom in atoms:
            product = product * _evaluated(atom, values)
        total = total + product
    return total


def applied(operator: str, operands: list[Any]) -> Any:
    """An operator applied to numbers, with its expression where one of them is traced."""
    if operator == "neg":
        return -operands[0]
    one, *rest = operands
    other = rest[0] if rest else None
    if operator == "+":
        return one + other
    if operator == "-":
        return one - other
    if operator == "*":
        return one * other
    if operator == "//":
        return one // other
    if operator == "%":
        return called("%", operands, untraced(one) % untraced(other))
    if operator == "**":
        return one**other
    if operator == "/":
        if isinstance(one, int) and isinstance(other, int) and int.__mod__(one, other) == 0:
            return one // other
        return one / other
    known = {"min": min, "max": max, "abs": abs}
    if operator in known:
        return called(operator, operands, known[operator](*map(untraced, operands)))  # type: ignore[operator]
    raise KeyError(operator)


def untraced(value: Any) -> Any:
    """A number without its form: for checks, which do not change what is generated."""
    if isinstance(value, TracedInt):
        return int.__add__(value, 0)
    return float.__add__(value, 0.0) if isinstance(value, TracedFloat) else value


def called(name: str, operands: list[Any], value: Any) -> Any:
    """The value of a function, with the call as its expression where an operand is traced."""
    if not any(map(is_traced, operands)):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    call = Operation(name, tuple(map(as_expression, operands)), value)
    return traced_by(value, call) if isinstance(value, int) else TracedFloat(value, call)


def traced_by(value: int, atom: Atom) -> TracedInt:
    """A whole number that an atom stands for."""
    return TracedInt(value, Polynomial((((atom,), 1),)))


def note_decision(value: Any) -> None:
    """Notes that what is generated depends on a value in a way that its text does not say."""
    if isinstance(value, (TracedInt, TracedFloat)):
        _depends_on(value.expression)
    elif isinstance(value, tuple):
        for item in value:
            note_decision(item)


# Text

_SUM, _TERM, _UNARY, _ATOM = 1, 2, 3, 4
_PRECEDENCE = {"+": _SUM, "-": _SUM, "*": _TERM, "/": _TERM, "//": _TERM, "%": _TERM, "neg": _UNARY}


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
    mine = _PRECEDENCE.get(operator)
    if mine is None:
        return f"{operator}({', '.join(map(render, operands))})"
    if operator == "neg":
        text = f"-{render(operands[0], _UNARY)}"
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


_LARGEST = 1e30


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


def decimal(value: float) -> str:
    """A real number in the fewest digits that mean the same in single precision or better: 0.015, 1e-6."""
    value = float.__add__(value, 0.0)
    text = repr(value)
    short = f"{value:.12g}"
    if len(text) > 17 and abs(value) < _LARGEST and struct.pack("f", float(short)) == struct.pack("f", value):
        text = short if any(c in short for c in ".en") else f"{short}.0"
    return text.replace("e-0", "e-").replace("e+0", "e+").replace("e+", "e")
