"""What a pattern of axes does to one tensor: its axes taken apart, which of them are left, and how they are put together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from netspec.graph import TensorType
from netspec.ops.axis_pattern import ELLIPSIS, Axis, Group, Pattern
from netspec.ops.features import amount_of
from netspec.ops.op import Misfit
from netspec.ops.open_size import settled
from netspec.ops.windows import AXES

__all__ = ["Arrangement", "Atom", "arranged", "axis_names"]


@dataclass(frozen=True, slots=True)
class Atom:
    """An axis of the pattern with its size. `given`: the size is stated; otherwise it is what is left of an axis."""

    name: str
    size: int
    given: bool


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The axes of the input and of the output, each as the atoms that it consists of."""

    left: tuple[tuple[Atom, ...], ...]
    right: tuple[tuple[Atom, ...], ...]

    @property
    def taken(self) -> tuple[Atom, ...]:
        """The atoms in the order of the input."""
        return tuple(atom for group in self.left for atom in group)

    @property
    def reduced(self) -> tuple[int, ...]:
        """The positions, in the order of the input, of the atoms that are not in the output."""
        here = {atom.name for group in self.right for atom in group}
        return tuple(i for i, atom in enumerate(self.taken) if atom.name not in here)

    @property
    def order(self) -> tuple[int, ...]:
        """For each atom of the output, its position among those that are left."""
        rest = [atom.name for i, atom in enumerate(self.taken) if i not in self.reduced]
        return tuple(rest.index(atom.name) for group in self.right for atom in group)

    @property
    def copies(self) -> bool:
        """Whether atoms are put together that do not follow each other in the input: then values are moved."""
        places = {atom.name: i for i, atom in enumerate(self.taken)}
        return any(places[b.name] != places[a.name] + 1 for group in self.right for a, b in pairwise(group))

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(prod(atom.size for atom in group) for group in self.right)


def axis_names(x: TensorType) -> tuple[str, ...]:
    """What the axes of a tensor are called, without the batch."""
    if x.layout == "sequence":
        return ("tokens", "features")
    return ("channels", *AXES[x.rank]) if x.layout == "map" else ("features",)


def arranged(pattern: Pattern, sizes: dict[str, int], x: TensorType) -> Arrangement:
    """Raises Misfit where the pattern does not fit the tensor."""
    groups = _matched(pattern, x)
    shown = ", ".join(f"{_text(pattern, group)} = {size}" for group, size in zip(groups, x.shape, strict=True))
    notes = (f"the input is {x.noun}: {shown}",)
    left: list[tuple[Atom, ...]] = []
    for group, size, name in zip(groups, x.shape, axis_names(x), strict=True):
        left.append(_taken_apart(pattern, group, size, name, sizes, notes))
    by_name = {atom.name: atom for group in left for atom in group}
    dots = [name for name in by_name if name.startswith(ELLIPSIS)]
    right: list[tuple[Atom, ...]] = []
    for group in pattern.right:
        if group.is_ellipsis:
            right += [(by_name[name],) for name in dots]
        else:
            names = [n for axis in group.axes for n in (dots if axis.name == ELLIPSIS else [axis.name])]
            right.append(tuple(by_name[n] for n in names))
    if not right:
        raise Misfit("NS307", f"nothing is left of {x}: `{pattern.text.strip()}`", option="pattern", notes=notes)
    return Arrangement(tuple(left), tuple(right))


def _text(pattern: Pattern, group: Group) -> str:
    text = pattern.written(group.within)
    return f"`{text}`" if not group.is_ellipsis else text


def _matched(pattern: Pattern, x: TensorType) -> list[Group]:
    """For each axis of the tensor the group that stands for it. Raises Misfit where their numbers differ."""
    dots = next((i for i, group in enumerate(pattern.left) if group.is_ellipsis), None)
    found, wanted = len(x.shape), len(pattern.left) - (dots is not None)
    if found == wanted or (dots is not None and found > wanted):
        if dots is None:
            return list(pattern.left)
        within = pattern.left[dots].within
        rest = [Group((Axis(f"{ELLIPSIS}{i}", 0, within),), within) for i in range(found - wanted)]
        return [*pattern.left[:dots], *rest, *pattern.left[dots + 1 :]]
    first = pattern.left[0].within[0] if pattern.left else 0
    last = pattern.left[-1].within[1] if pattern.left else pattern.text.index("->")
    batch = pattern.left[0].axes[0].name if wanted == found + 1 and len(pattern.left[0].axes) == 1 else ""
    helps = (
        [f"leave out `{batch}` on both sides: the batch is never written"]
        if batch in ("b", "batch", "n", "B", "N")
        else []
    )
    names = ", ".join(f"{name} = {size}" for name, size in zip(axis_names(x), x.shape, strict=True))
    least = "at least " if dots is not None else ""
    raise Misfit(
        "NS307", f"the left side has {least}{wanted} {'axis' if wanted == 1 else 'axes'}, the input {found}: "
        f"`{pattern.text.strip()}`", option="pattern", within=(first, last), label=f"the input is {x.noun}",
        notes=(f"the axes of the input are {names}",), helps=tuple(helps),
    )  # fmt: skip


def _taken_apart(
    pattern: Pattern, group: Group, size: int, name: str, sizes: dict[str, int], notes: tuple[str, ...]
) -> tuple[Atom, ...]:
    """The atoms of one axis of the input, their product its size. Raises Misfit."""
    known = [axis.size or sizes.get(axis.name, 0) for axis in group.axes]
    rest = [axis for axis, n in zip(group.axes, known, strict=True) if n == 0]
    product = prod(n for n in known if n != 0)
    if not rest and product != size:
        raise _unequal(pattern, group, size, name, sizes, notes)
    if rest and known != [0] and size % product:
        raise _indivisible(pattern, group, size, name, sizes, notes)
    atoms = []
    for axis, n in zip(group.axes, known, strict=True):
        key = axis.name or f"{axis.size}@{axis.within[0]}"
        atoms.append(Atom(key, n if n != 0 else size // product, n != 0))
    return tuple(atoms)


def _stated(group: Group, sizes: dict[str, int]) -> str:
    """`p * q = 4 * 4`."""
    pairs = [(axis.name or str(axis.size), axis.size or sizes.get(axis.name, 0)) for axis in group.axes]
    pairs = [pair for pair in pairs if pair[1]]
    names, values = " * ".join(a for a, _ in pairs), " * ".join(str(b) for _, b in pairs)
    return values if names == values else f"{names} = {values}"


def _unequal(
    pattern: Pattern, group: Group, size: int, name: str, sizes: dict[str, int], notes: tuple[str, ...]
) -> Misfit:
    text = pattern.written(group.within)
    if not group.axes:
        message = f"`{text}` is an axis of size 1, and the {name} {_verb(name)} {size}: `{pattern.text.strip()}`"
    else:
        message = f"`{text}` is {_stated(group, sizes)}, and the {name} {_verb(name)} {size}: `{pattern.text.strip()}`"
    lone = group.axes[0].name if len(group.axes) == 1 else ""
    helps = (f"leave out `{lone}={sizes[lone]}`: the size is that of the input",) if lone in sizes else ()
    return Misfit("NS307", message, option="pattern", within=group.within, notes=notes, helps=helps)


def _indivisible(
    pattern: Pattern, group: Group, size: int, name: str, sizes: dict[str, int], notes: tuple[str, ...]
) -> Misfit:
    product = prod(axis.size or sizes.get(axis.name, 0) or 1 for axis in group.axes)
    text, given = pattern.written(group.within), [axis.name for axis in group.axes if axis.name in sizes]
    helps: tuple[str, ...] = ()
    if len(given) == 1:
        settled()  # what is proposed decides nothing
        fits = [n for n in range(2, min(size, 65)) if size % n == 0]
        near = sorted(sorted(fits, key=lambda n: abs(n - sizes[given[0]]))[:4])
        helps = (f"{size} is divisible by {', '.join(map(str, near))}",) if near else ()
    return Misfit(
        "NS307", f"`{text}` cannot divide {amount_of(name, size)} by {_stated(group, sizes)}: `{pattern.text.strip()}`",
        option="pattern", within=group.within, notes=(*notes, f"{size} / {product} = {size / product:.2f}"), helps=helps,
        indivisible=(size, product) if name in ("channels", "features") else None,
    )  # fmt: skip


def _verb(name: str) -> str:
    return "are" if name.endswith("s") else "is"
