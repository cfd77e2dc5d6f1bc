"""Regions of sizes: a set along each axis, and relations between axes where there are any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product
from typing import TypeAlias

from netspec.analysis.sizes.periodic import ALL, LARGEST, PeriodicSet
from netspec.analysis.sizes.solutions import negative, zero
from netspec.ops.formula import Polynomial, Variable, minus
from netspec.ops.open_size import Decided
from netspec.ops.size_forms import inside, open_name, value_at, variables_of

__all__ = ["SEARCHED", "Box", "Sizes", "equality", "everything", "narrowed", "sizes_of", "without"]

SEARCHED = 200
"""Sizes along each axis that are tried for a relation between axes, from the smallest on."""
_USUAL = range(192, 1025, 32)
"""Sizes of images that are tried as well."""

Sizes: TypeAlias = Mapping[str, int]
"""A size for each name."""


@dataclass(frozen=True, slots=True)
class Box:
    """All sizes whose value along each axis is in its set, and for which the relations hold."""

    axes: tuple[tuple[str, PeriodicSet], ...]
    relations: tuple[Decided, ...] = ()

    def __contains__(self, sizes: Sizes) -> bool:
        return all(sizes[name] in allowed for name, allowed in self.axes) and all(
            _holds(relation, sizes) for relation in self.relations
        )

    def along(self, name: str) -> PeriodicSet:
        """The set along one axis."""
        return dict(self.axes)[name]

    def replaced(self, name: str, allowed: PeriodicSet) -> Box:
        return _tidy({**dict(self.axes), name: allowed}, self.relations)

    def __and__(self, other: Box) -> Box:
        axes = {name: mine & theirs for (name, mine), (_, theirs) in zip(self.axes, other.axes, strict=True)}
        return _tidy(axes, (*self.relations, *other.relations))

    @property
    def empty(self) -> bool:
        """Whether it holds no sizes; with relations, none of those that are tried."""
        if any(allowed.empty for _, allowed in self.axes):
            return True
        return bool(self.relations) and _first_point(self) is None

    def points(self) -> Iterator[dict[str, int]]:
        """Its sizes, the smallest first; with relations, those among the first along each axis."""
        names = [name for name, _ in self.axes]
        count, usual = (SEARCHED, _USUAL) if len(names) < 3 else (24, range(0))
        lists = [_tried(allowed, count, usual) for _, allowed in self.axes]
        for point in _by_largest(lists):
            sizes = dict(zip(names, point, strict=True))
            if all(_holds(relation, sizes) for relation in self.relations):
                yield sizes

    def smallest(self) -> dict[str, int] | None:
        """Its smallest sizes; with relations, the first that is found. None where there are none."""
        if self.empty:
            return None
        return _first_point(self) if self.relations else {name: allowed.first for name, allowed in self.axes}

    def sample(self) -> dict[str, int] | None:
        """Sizes in it that are typical: not small, and often divisible by two; None where there are none."""
        if not self.relations:
            return None if self.empty else {name: _typical(allowed) for name, allowed in self.axes}
        typical = {name: _typical(allowed) for name, allowed in self.axes if not allowed.empty}
        if len(typical) == len(self.axes) and typical in self:
            return typical
        return _first_point(self)


@lru_cache(maxsize=4096)
def _first_point(box: Box) -> dict[str, int] | None:
    return next(box.points(), None)


def everything(names: Iterable[str]) -> Box:
    return Box(tuple((name, ALL) for name in names))


def narrowed(box: Box, decisions: Iterable[Decided]) -> Box:
    """The sizes of a box for which every decision comes out as it did. Raises TooManySizes."""
    axes, relations = dict(box.axes), dict.fromkeys(box.relations)
    for decided in decisions:
        names = variables_of(decided.form)
        if len(names) == 1:
            axes[names[0]] = axes[names[0]] & sizes_of(decided)
        elif not _always(decided, axes):
            relations.setdefault(decided)
    return _tidy(axes, relations)


def _tidy(axes: Mapping[str, PeriodicSet], relations: Iterable[Decided]) -> Box:
    """A box in which sizes that are equal have one set."""
    axes, relations = dict(axes), tuple(dict.fromkeys(relations))
    for relation in relations:
        names = variables_of(relation.form)
        if len(names) == 2 and relation == equality(*names):
            axes[names[0]] = axes[names[1]] = axes[names[0]] & axes[names[1]]
    return Box(tuple(axes.items()), relations)


def equality(one: str, other: str) -> Decided:
    """The relation by which two sizes are equal."""
    return Decided(minus(open_name(min(one, other)), open_name(max(one, other))), "==", True)


def sizes_of(decided: Decided) -> PeriodicSet:
    """The sizes for which a decision about one size comes out as it did. Raises TooManySizes."""
    found = negative(decided.form) if decided.sign == "<" else zero(decided.form)
    return found if decided.holds else ~found


def without(box: Box, other: Box) -> list[Box]:
    """What is in a box and not in another, as boxes that do not overlap."""
    pieces: list[Box] = []
    rest = box
    for name, allowed in other.axes:
        mine = rest.along(name)
        outside = rest.replaced(name, mine - allowed)
        if not outside.along(name).empty:
            pieces.append(outside)
        rest = rest.replaced(name, mine & allowed)
    for relation in other.relations:
        if relation in rest.relations:
            continue
        opposite = Decided(relation.form, relation.sign, not relation.holds)
        pieces.append(Box(rest.axes, (*rest.relations, opposite)))
        rest = _tidy(dict(rest.axes), (*rest.relations, relation))
    return [piece for piece in pieces if not piece.empty]


def _members(allowed: PeriodicSet) -> Iterator[int]:
    return allowed.up_to(allowed.start - 1 if allowed.finite else allowed.start + allowed.period * SEARCHED)


def _tried(allowed: PeriodicSet, count: int, usual: range) -> list[int]:
    """The first members of a set, and those of some larger sizes."""
    found = list(islice(_members(allowed), count))
    return found + [size for size in usual if found and size > found[-1] and size in allowed]


def _by_largest(lists: list[list[int]]) -> Iterator[tuple[int, ...]]:
    """One item of each list, in order of the latest of their places."""
    for last in range(max(map(len, lists), default=0)):
        heads = [items[: last + 1] for items in lists]
        for place, items in enumerate(lists):
            if last < len(items):
                before = [head[:last] for head in heads[:place]]  # the first list that reaches so far
                yield from product(*before, [items[last]], *heads[place + 1 :])


def _typical(allowed: PeriodicSet) -> int:
    """The member near 200 to 300 that is divisible by the largest power of two."""
    if allowed.finite:
        return max(allowed.up_to(allowed.start), key=lambda n: (n & -n, n))
    low = max(allowed.start, 192)
    return max((n for n in range(low, low + max(allowed.period, 64)) if n in allowed), key=lambda n: (n & -n, -n))


def _holds(decided: Decided, sizes: Sizes) -> bool:
    value = value_at(decided.form, sizes)
    return (value < 0 if decided.sign == "<" else value == 0) == decided.holds


def _always(decided: Decided, axes: Mapping[str, PeriodicSet]) -> bool:
    """Whether a decision about several sizes comes out so for all of a box, by the bounds of its form."""
    low, high = _bounds(decided.form, axes)
    if decided.sign == "<":
        return high < 0 if decided.holds else low >= 0
    return not decided.holds and (high < 0 or low > 0)


def _bounds(form: Polynomial, axes: Mapping[str, PeriodicSet]) -> tuple[int, int]:
    """A lower and an upper bound of a form over the sizes that are considered."""
    low = high = 0
    for atoms, n in form.terms:
        least = most = n
        for atom in atoms:
            if isinstance(atom, Variable):
                allowed = axes[atom.name]
                a, b = (1 if allowed.empty else allowed.first), (allowed.start if allowed.finite else LARGEST)
            else:
                inner, divisor = inside(atom)
                a, b = (bound // divisor for bound in _bounds(inner, axes))
            corners = (least * a, least * b, most * a, most * b)
            least, most = min(corners), max(corners)
        low, high = low + least, high + most
    return low, high
