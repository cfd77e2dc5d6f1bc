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

from netspec.backends.torch.plan import Plan
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


class _Names:
    """Finds a name or an expression for a number that differs between instances."""

    def __init__(self, graph: Graph, drafts: Sequence[Draft]) -> None:
        self.count = len(drafts)
        self.known: dict[tuple[float, ...], str] = {}
        self.used: dict[str, tuple[float, ...]] = {}
        self.base: list[tuple[str, tuple[float, ...]]] = []
        regions = [draft.plan.region for draft in drafts]
        for i, (name, _) in enumerate(regions[0].arguments):
            values = [r.arguments[i][1] for r in regions if len(r.arguments) > i]
            if len(values) == self.count and all(
                isinstance(v, (int, float)) and not isinstance(v, bool) for v in values
            ):
                self.base.append((_safe(name), tuple(float(v) for v in values)))
        inputs = [graph.nodes[draft.plan.inputs[0]].type.features for draft in drafts]
        self.base.append(("in_channels", tuple(float(v) for v in inputs)))

    def expression(self, values: tuple[float, ...], place: str) -> str:
        found = self.known.get(values)
        if found is None:
            found = self.known[values] = self._find(values, place)
        return found

    def _find(self, values: tuple[float, ...], place: str) -> str:
        for name, base in self.base:
            if base == values:
                return self._use(name, base)
        for name, base in self.base:
            if 0 in base:
                continue
            ratios = {v / b for v, b in zip(values, base, strict=True)}
            if len(ratios) == 1:
                ratio = ratios.pop()
                if ratio.is_integer() and 1 < ratio <= 64:
                    return f"{int(ratio)} * {self._use(name, base)}"
                if (1 / ratio).is_integer() and 1 < 1 / ratio <= 64:
                    return f"{self._use(name, base)} // {int(1 / ratio)}"
        free, number = place, 2
        while free in self.used:
            free, number = f"{place}{number}", number + 1
        return self._use(free, values)

    def _use(self, name: str, values: tuple[float, ...]) -> str:
        self.used[name] = values
        return name

    def parameters(self) -> list[tuple[str, tuple[float, ...]]]:
        """What was used, the channels that come in first, then the block's own parameters, then the rest."""
        order = ["in_channels", *(name for name, _ in self.base if name != "in_channels")]
        first = [(name, self.used[name]) for name in order if name in self.used]
        return first + [(name, values) for name, values in self.used.items() if name not in order]


def _safe(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) or name in ("self", "x", "nn", "torch", "F", "Tensor") else name


def _shared(graph: Graph, drafts: list[Draft]) -> SharedClass:
    names = _Names(graph, drafts)
    members = []
    for i, (member, _) in enumerate(drafts[0].members):
        texts = [str(draft.members[i][1]) for draft in drafts]
        members.append((member, _fill(texts, names, member)))
    attributes: dict[str, str] = {}
    forward = []
    for i in range(len(drafts[0].forward)):
        texts = [draft.forward[i] for draft in drafts]
        forward.append(_fill(texts, names, "size", attributes))
    used = names.parameters()
    kinds = [(name, "int" if all(v.is_integer() for v in values) else "float") for name, values in used]
    made = SharedClass(kinds, members, [f"self.{n} = {e}" for n, e in attributes.items()], forward)
    for i in range(len(drafts)):
        made.arguments.append(
            {name: _plain(values[i], kind) for (name, values), (_, kind) in zip(used, kinds, strict=True)}
        )
    return made


def _plain(value: float, kind: str) -> int | float:
    return int(value) if kind == "int" else value


def _fill(texts: list[str], names: _Names, place: str, attributes: dict[str, str] | None = None) -> str:
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
            expression = names.expression(tuple(map(float, column)), option.group(1) if option else f"{place}_channels")
            if attributes is not None:
                name = expression if expression.isidentifier() else re.sub(r"\W+", "_", f"n_{expression}")
                attributes[name] = expression
                expression = f"self.{name}"
            out += expression
        out += piece
    return out
