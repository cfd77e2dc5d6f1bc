"""The text of the form of an open size: `⌊(H + 1)/2⌋`, `2⌈W/32⌉ - 1`."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain

from netspec.ops.formula import Atom, Operation, Polynomial, Variable, constant, plus
from netspec.ops.size_forms import inside

__all__ = ["form_text", "in_product"]


@lru_cache(maxsize=65_536)
def form_text(form: Polynomial) -> str:
    """A form as mathematics writes it. A constant beside a lone floor is moved into it: ⌊(H - 1)/2⌋, not ⌊(H + 1)/2⌋ - 1."""
    terms = list(form.terms)
    floors = [(atoms, n) for atoms, n in terms if len(atoms) == 1 and isinstance(atoms[0], Operation)]
    free = dict(terms).get((), 0)
    if len(floors) == 1 and floors[0][1] == 1 and free:
        ((atom,), _), lone = floors[0], floors[0]
        terms = [term for term in terms if term[0] and term != lone]
        return _sum(terms, [_floor(atom, free)])
    return _sum(terms, [])


def _sum(terms: list[tuple[tuple[Atom, ...], int]], first: list[str]) -> str:
    positive = [term for term in terms if term[1] > 0 and term[0]]
    free = [term for term in terms if not term[0]]
    negative = [term for term in terms if term[1] < 0 and term[0]]
    parts = [*(("+", text) for text in first)]
    parts += [("-" if n < 0 else "+", _product(atoms, abs(n))) for atoms, n in chain(positive, negative, free)]
    if not parts:
        return "0"
    (sign, text), *others = parts
    return ("-" if sign == "-" else "") + text + "".join(f" {sign} {part}" for sign, part in others)


def _product(atoms: tuple[Atom, ...], n: int) -> str:
    if not atoms:
        return f"{n:,}"
    texts = [_power(atom, atoms.count(atom)) for atom in dict.fromkeys(atoms)]
    joined = "·".join(texts)
    if n == 1:
        return joined
    glued = len(texts[0]) == 1 or texts[0][0] in "⌊⌈"
    return f"{n:,}{joined}" if glued else f"{n:,}·{joined}"


def _power(atom: Atom, power: int) -> str:
    text = atom.name if isinstance(atom, Variable) else _floor(atom, 0)
    return text if power == 1 else text + "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(power))


def _floor(atom: Atom, more: int) -> str:
    """A floor, plus a whole number that is moved into it; as a ceiling where that is shorter."""
    assert isinstance(atom, Operation)
    inner, divisor = inside(atom)
    inner = plus(inner, constant(more * divisor))
    free = dict(inner.terms).get((), 0)
    below = plus(inner, constant(1 - divisor))
    if free and dict(below.terms).get((), 0) == 0:
        return f"⌈{_numerator(below)}/{divisor}⌉"
    return f"⌊{_numerator(inner)}/{divisor}⌋"


def _numerator(form: Polynomial) -> str:
    text = form_text(form)
    return f"({text})" if len(form.terms) > 1 else text


def in_product(form: Polynomial) -> str:
    """The text of a form between the signs of a shape, in brackets where it is a sum or a product, or a longer name: `64x(H - 2)xW`."""
    text = form_text(form)
    depth, bare = 0, False
    for sign in text:
        depth += (sign in "(⌊⌈") - (sign in ")⌋⌉")
        bare = bare or (depth == 0 and sign in " ·")
    return f"({text})" if bare or (text.isidentifier() and len(text) > 2) else text
