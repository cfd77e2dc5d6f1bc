"""The order of every level of a drawing. It does not depend on what is open: opening a part changes coordinates, never the order."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.scene.order import Edge, Ordered, Ports, ordered
from netspec.scene.parts import Level, Part, Parts

__all__ = ["Orders", "numbered"]

_NO_PORTS: Ports = ((), ())


def numbered(level: Level) -> tuple[list[int], tuple[Edge, ...]]:
    """The nodes whose tensors are drawn in a level, and its wires as edges between numbers: of the members, then of what comes in,
    then of what goes out; tensors by their place in the list."""
    tensors = list(dict.fromkeys(wire.node for wire in level.wires))
    number = {node: i for i, node in enumerate(tensors)}
    members = len(level.members)
    entry = {node: members + i for i, node in enumerate(level.entries)}
    exit_ = {node: members + len(entry) + i for i, node in enumerate(level.exits)}
    edges = tuple(
        (w.source if w.source >= 0 else entry[w.node], w.target if w.target >= 0 else exit_[w.node], number[w.node])
        for w in level.wires
    )
    return tensors, edges


class Orders:
    """From the inside out: where several tensors enter a part or leave it, they do in the order that its own level has. Levels of
    the same wires share one order. `backwards`: parts that could change places stand from the last to the first."""

    def __init__(self, parts: Parts, *, backwards: bool = False) -> None:
        self._parts, self._backwards = parts, backwards
        self._shared: dict[object, Ordered] = {}
        self._found: dict[int, Ordered] = {}

    def of(self, part: Part) -> Ordered:
        if id(part) not in self._found:
            self._found[id(part)] = self._ordered(self._parts.level(part))
        return self._found[id(part)]

    def _ordered(self, level: Level) -> Ordered:
        tensors, edges = numbered(level)
        number = {node: i for i, node in enumerate(tensors)}
        leaving: dict[int, set[int]] = {}
        for wire in level.wires:
            leaving.setdefault(wire.source, set()).add(wire.node)
        ports = tuple(self._ports(m, number, leaving.get(k, set())) for k, m in enumerate(level.members))
        last = len(level.members) + len(level.entries)
        count = last + len(level.exits)
        lengths = tuple((m.stop - m.start) // m.count if m.members else 1 for m in level.members)
        key = (len(level.members), last, count, edges, ports, lengths)
        if key not in self._shared:
            ends = range(len(level.members), last), range(last, count)
            self._shared[key] = ordered(count, edges, *ends, ports, lengths=lengths, backwards=self._backwards)
        return self._shared[key]

    def _ports(self, part: Part, number: Mapping[int, int], leaving: set[int]) -> Ports:
        if not part.members:
            return _NO_PORTS
        level = self._parts.level(part)
        if len(level.entries) < 2 and len(level.exits) < 2:
            return _NO_PORTS
        ranks, members = self.of(part).ranks, len(level.members)
        entries = dict(enumerate(level.entries, members))
        exits = dict(enumerate(level.exits, members + len(entries)))
        drawn = {part.drawn(node): node for node in sorted(leaving)}
        entering = [entries[item] for item in ranks[0] if item in entries]
        going = [drawn[exits[item]] for item in ranks[-1] if item in exits and exits[item] in drawn]
        return tuple(number[node] for node in entering if node in number), tuple(number[node] for node in going)
