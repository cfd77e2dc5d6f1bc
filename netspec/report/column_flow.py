"""The lines of a configuration table, and which of them reads what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from netspec.graph import Graph, Node, Region
from netspec.ops import JOINS
from netspec.report.notation import blocks_text, notation

__all__ = ["Bracket", "Flow", "Line", "Size"]

Size: TypeAlias = tuple[int, ...]


class Bracket(NamedTuple):
    """The layers of a block, and how many instances follow each other."""

    lines: tuple[str, ...]
    times: int


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """What stands in a cell for some `nodes`; for none of them it is a note on what follows, which begins a row if `opens`.

    `bare` is the same without strides; `size` is that of what it gives. A block can also be written by the calls of its
    instances. `apart`: its nodes are no chain.
    """

    cell: str | Bracket
    bare: str | Bracket
    nodes: tuple[Node, ...]
    size: Size
    calls: tuple[Region, ...] = ()
    apart: bool = False
    opens: bool = False
    sizes: tuple[Size, ...] = field(default=())
    """Those of its layers, in order."""

    @property
    def times(self) -> int:
        return self.cell.times if isinstance(self.cell, Bracket) else 1

    @property
    def closed(self) -> str:
        """In one line, without its number."""
        if isinstance(self.cell, str):
            return self.cell
        return blocks_text(self.calls) if self.calls else ", ".join(self.cell.lines)


class Flow:
    """What the lines of a network read; `written` are the layers that lines account for."""

    def __init__(self, graph: Graph, written: frozenset[int]) -> None:
        self.graph, self.written = graph, written
        self._gives: dict[int, frozenset[int]] = {}

    def follows(self, line: Line, before: Line) -> bool:
        """Whether it reads what the line before it gives."""
        if line.nodes[0].op.ignores_input:
            return False
        given = {node.index for node in before.nodes}
        return any(self._from(i) & given for i in self._reads(line))

    def _reads(self, line: Line) -> list[int]:
        """What comes in from outside: of a layer its first input, of a join all that it joins."""
        own = {node.index for node in line.nodes}
        found = [
            i
            for node in (line.nodes if line.apart else line.nodes[:1])
            for i in (node.inputs if line.apart or node.kind in JOINS else node.inputs[:1])
            if i not in own and not (self._from(i) & own)
        ]
        return list(dict.fromkeys(found))

    def _from(self, index: int) -> frozenset[int]:
        """The written layers, or the input, whose values a tensor is made of."""
        if index not in self._gives:
            node = self.graph.nodes[index]
            if index in self.written or not node.inputs:
                found = frozenset((index,))
            else:
                inputs = node.inputs if node.kind in JOINS else node.inputs[:1]
                found = frozenset().union(*map(self._from, inputs))
            self._gives[index] = found
        return self._gives[index]

    def made_of(self, line: Line) -> frozenset[int]:
        """The written layers, or the inputs, that a line reads."""
        return frozenset().union(*map(self._from, self._reads(line)))

    def names(self, line: Line) -> str:
        """What a line reads, as the spec calls it."""
        names = [self._name(i) for i in self._reads(line)]
        return " and ".join(dict.fromkeys(names)) if len(names) < 4 else f"{len(names)} layers above"

    def _name(self, index: int) -> str:
        """What a spec calls a tensor: its label, the output of a block, or its layer."""
        node = self.graph.nodes[index]
        while index not in self.written and node.inputs and self.graph.nodes[node.inputs[0]].span == node.span:
            index = node.inputs[0]
            node = self.graph.nodes[index]
        local = node.name.rpartition(".")[2]
        region: Region | None = node.region
        if not node.inputs or local.rstrip("0123456789") != node.kind.lower():
            return local
        while region is not None and region.parent is not None:
            given = [name for name, i in region.outputs if i == index]
            if region.name and given:
                return f"{region.name}.{given[0]}"
            if region.name and self._ends(region) == index:
                return region.name
            region = region.parent
        return notation(self.graph, node)

    def _ends(self, region: Region) -> int:
        return max(node.index for node in region.nodes())

    def outputs(self, line: Line) -> list[str]:
        """Those of several outputs of the network that a line gives."""
        given = {node.index for node in line.nodes}
        several = self.graph.outputs if len(self.graph.outputs) > 1 else []
        return [name for name, i in several if self._from(i) & given]
