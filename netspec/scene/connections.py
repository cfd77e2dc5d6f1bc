"""The lines of a drawing from box to box, whatever frames they cross: for Graphviz, which knows no levels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from netspec.scene.parts import Part, Parts

__all__ = ["Connection", "connections"]


@dataclass(frozen=True, slots=True)
class Connection:
    """The tensor that `node` gives, from one closed part to another."""

    source: Part
    target: Part
    node: int


def connections(parts: Parts, is_open: Callable[[Part], bool]) -> list[Connection]:
    """In the order of their targets; of a repeat, those of the round that is drawn."""
    return list(_Connections(parts, is_open).into(parts.root, lambda node: parts.root))


class _Connections:
    def __init__(self, parts: Parts, is_open: Callable[[Part], bool]) -> None:
        self._parts, self._is_open = parts, is_open

    def into(self, part: Part, outside: Callable[[int], Part]) -> Iterator[Connection]:
        """Those that end in `part`; `outside` finds the closed part that gives a tensor which comes in."""
        level = self._parts.level(part)
        sources = {
            (wire.target, wire.node): level.members[wire.source] if wire.source >= 0 else None for wire in level.wires
        }

        def source(target: int, node: int) -> Part:
            member = sources[target, node]
            return self._within(member, node) if member is not None else outside(node)

        for target, member in enumerate(level.members):
            if self.opens(member):
                yield from self.into(member, partial(source, target))
            else:
                for (end, node), _ in sources.items():
                    if end == target:
                        yield Connection(source(target, node), member, node)

    def opens(self, part: Part) -> bool:
        return bool(part.members) and self._is_open(part)

    def _within(self, part: Part, node: int) -> Part:
        """The closed part that gives the tensor of a node in `part`."""
        while self.opens(part):
            node = part.drawn(node)
            part = next(member for member in part.members if member.start <= node < member.stop)
        return part
