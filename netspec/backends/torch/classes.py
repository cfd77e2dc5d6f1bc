"""One class for all instances of a block that differ in numbers only: the numbers become its parameters.

Instances of a block are laid side by side as text. Where the texts agree but for numbers, they share a class; a
number that is the same in all of them stays, the others are named after what they follow: an argument of the block,
the channels that come in, a multiple of one of these, or else the place where they stand.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from netspec.backends.torch.plan import Plan
from netspec.elaborate.declarations import RESERVED_LABELS
from netspec.graph import Graph
from netspec.ops.python_text import CallText

__all__ = ["Draft", "SharedClass", "share"]

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?!\w)")


@dataclass(slots=True, eq=False)
class Draft:
    """One instance on its way to a class: `members` are (attribute, constructor), `forward` its statements."""

    plan: Plan
    members: list[tuple[str, str]]
    parameters: list[str]
    forward: list[str]

    def rough(self) -> tuple[object, ...]:
        """What instances of one class have in common before numbers and defaults are looked at."""
        names = [(m, _skeleton(str(t)) if not isinstance(t, CallText) else t.parts[0][1]) for m, t in self.members]
        return (self.plan.is_chain, *names, *self.parameters, *map(_skeleton, self.forward))

    def lines(self) -> list[str]:
        return [*(str(text) for _, text in self.members), *self.forward]


@dataclass(slots=True)
class SharedClass:
    """A class: its constructor's parameters (name, type), its lines, and for each instance the call that makes it."""

    parameters: list[tuple[str, str]]
    members: list[tuple[str, str]]
    attributes: list[str]
    forward: list[str]
    arguments: list[dict[str, object]] = field(default_factory=list)


def share(graph: Graph, drafts: Sequence[Draft]) -> list[tuple[SharedClass, list[Draft]]]:
    """The classes for the instances of one block, each with its instances."""
    groups: dict[object, list[Draft]] = {}
    for draft in drafts:
        groups.setdefault(draft.rough(), []).append(draft)
    found = []
    for group in groups.values():
        _write_defaults_alike(group)
        exact: dict[tuple[str, ...], list[Draft]] = {}
        for draft in group:
            exact.setdefault(tuple(map(_skeleton, draft.lines())), []).append(draft)
        found += [(_shared(graph, members), members) for members in exact.values()]
    return found


def _skeleton(text: str) -> str:
    return _NUMBER.sub("#", text)


def _write_defaults_alike(group: list[Draft]) -> None:
    """An option that one instance writes out is written out in all."""
    for i in range(len(group[0].members)):
        calls = [draft.members[i][1] for draft in group]
        if not all(isinstance(c, CallText) for c in calls):
            continue
        options = frozenset().union(*(c.written() for c in calls if isinstance(c, CallText)))
        for draft in group:
            name, made = draft.members[i]
            assert isinstance(made, CallText)
            draft.members[i] = (name, made.showing(options))


Values: TypeAlias = tuple[float, ...]
Kind: TypeAlias = Literal["int", "float"]

_TAKEN = frozenset(
    [
        "self",
        "x",
        "y",
        "i",
        "super",
        "range",
        "nn",
        "torch",
        "F",
        "Tensor",
        "int",
        "float",
        "tuple",
        "list",
        "True",
        "False",
        "None",
    ]
)


class _Names:
    """Finds a name or an expression for a number that differs between instances.

    A parameter has one kind: where a block uses an argument as a whole number here and as a real one there, it
    becomes two parameters, since torch tells 2 from 2.0.
    """

    def __init__(self, graph: Graph, drafts: Sequence[Draft]) -> None:
        self.taken = set(_TAKEN)
        self.known: dict[tuple[Values, Kind], str] = {}
        self.used: dict[str, tuple[Values, Kind]] = {}
        self.base: list[tuple[str, Values]] = []
        regions = [draft.plan.region for draft in drafts]
        for i, (name, _) in enumerate(regions[0].arguments):
            values = [r.arguments[i][1] for r in regions if len(r.arguments) > i]
            if len(values) == len(drafts) and all(type(v) in (int, float) for v in values):
                self.base.append((self.unique(name.strip("_") or "value"), tuple(float(v) for v in values)))
        inputs = [graph.nodes[draft.plan.inputs[0]].type.features for draft in drafts]
        self.base.append((self.unique("in_channels"), tuple(float(v) for v in inputs)))

    def unique(self, name: str) -> str:
        """A name that is free, and a legal one for a parameter."""
        name = f"n{name}" if name[:1].isdigit() else name
        free, number = name, 2
        while free in self.taken or keyword.iskeyword(free):
            free, number = f"{name}_{number}", number + 1
        self.taken.add(free)
        return free

    def expression(self, values: Values, kind: Kind, place: str) -> str:
        key = (values, kind)
        if key not in self.known:
            self.known[key] = self._find(values, kind, place)
        return self.known[key]

    def _find(self, values: Values, kind: Kind, place: str) -> str:
        for name, base in self.base:
            if base == values:
                return self._use(name, base, kind)
        for name, base in self.base:
            for k in range(2, 65):
                if all(v == b * k for v, b in zip(values, base, strict=True)):
                    return f"{k} * {self._use(name, base, kind)}"
                if all(v == b / k for v, b in zip(values, base, strict=True)):
                    return f"{self._use(name, base, kind)} {'//' if kind == 'int' else '/'} {k}"
        return self._use(self.unique(place), values, kind)

    def _use(self, name: str, values: Values, kind: Kind) -> str:
        whole = all(v.is_integer() for v in values)
        if (name in self.used and self.used[name] != (values, kind)) or (kind == "int" and not whole):
            name = self.unique(f"{name}_{kind}")
        self.used[name] = (values, kind)
        return name

    def parameters(self) -> list[tuple[str, Values, Kind]]:
        """What was used: the channels that come in first, then the block's own parameters, then the rest."""
        order = [self.base[-1][0], *(name for name, _ in self.base[:-1])]
        names = [n for n in order if n in self.used] + [n for n in self.used if n not in order]
        return [(name, *self.used[name]) for name in names]


def _shared(graph: Graph, drafts: list[Draft]) -> SharedClass:
    names = _Names(graph, drafts)
    members = []
    for i, (member, _) in enumerate(drafts[0].members):
        texts = [str(draft.members[i][1]) for draft in drafts]
        members.append((member, _fill(texts, names, f"{member}_channels".strip("_"))))
    attributes = _Attributes({member for member, _ in members})
    forward = []
    for i in range(len(drafts[0].forward)):
        texts = [draft.forward[i] for draft in drafts]
        forward.append(_fill(texts, names, "size", attributes))
    used = names.parameters()
    made = SharedClass([(n, kind) for n, _, kind in used], members, attributes.lines(), forward)
    for i in range(len(drafts)):
        made.arguments.append({n: int(values[i]) if kind == "int" else values[i] for n, values, kind in used})
    return made


class _Attributes:
    """Numbers of the forward pass that differ between instances: kept on the module, under names of their own."""

    def __init__(self, members: set[str]) -> None:
        self.taken = members | RESERVED_LABELS
        self.names: dict[str, str] = {}

    def name(self, expression: str) -> str:
        if expression not in self.names:
            free = re.sub(r"\W+", "_", expression).strip("_")
            while free in self.taken or not free.isidentifier():
                free = f"size_{free}"
            self.taken.add(free)
            self.names[expression] = free
        return self.names[expression]

    def lines(self) -> list[str]:
        return [f"self.{name} = {expression}" for expression, name in self.names.items()]


def _fill(texts: list[str], names: _Names, place: str, attributes: _Attributes | None = None) -> str:
    """The text that instances share, with expressions where their numbers differ.

    With `attributes`, for a line of the forward pass, an expression is kept as an attribute of the module.
    """
    columns = list(zip(*(_NUMBER.findall(text) for text in texts), strict=True))
    pieces = _NUMBER.split(texts[0])
    out = pieces[0]
    for column, piece, before in zip(columns, pieces[1:], pieces, strict=False):
        if len(set(column)) == 1:
            out += column[0]
        else:
            option = re.search(r"(\w+)=\(?$", before)
            kind: Kind = "int" if all(token.isdigit() for token in column) else "float"
            expression = names.expression(tuple(map(float, column)), kind, option.group(1) if option else place)
            out += expression if attributes is None else f"self.{attributes.name(expression)}"
        out += piece
    # a slice between names is written with spaces
    return re.sub(
        r"(\d+|self\.\w+):(\d+|self\.\w+)(?=[],])", lambda m: " : ".join(m.groups()) if "self" in m[0] else m[0], out
    )
