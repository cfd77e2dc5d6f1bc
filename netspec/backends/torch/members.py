"""What a module consists of: its members in order, and the tensors that go between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from netspec.analysis.in_place import in_place_nodes, source
from netspec.graph import Graph, Node, Region
from netspec.ops.op import TorchCode

__all__ = ["MODULES", "Item", "Plan", "Rounds", "in_place", "plan"]

MODULES = -(2**40)
Rounds: TypeAlias = tuple[tuple[Region, int], ...]
"""The repeats around a member, each with the number of its round, the outermost first."""


@dataclass(slots=True, eq=False)
class Item:
    """One member of a module: a layer, or a module of its own.

    `reads` and `gives` are node indices; -1-i is the weight of node i, which a tied layer reads, and
    MODULES-k for the k-th shared part that another module holds.
    """

    name: str
    reads: list[int]
    gives: list[int]
    node: Node | None = None
    part: Plan | None = None
    shared: bool = False
    in_place: bool = False
    """Whether an activation may be written over its input."""
    line: int = 0
    start: int = 0
    """Where it begins in the spec."""
    rounds: Rounds = ()
    code: TorchCode | None = None
    """The PyTorch of a layer, once the module is traced."""
    spec_name: str = ""
    """Its name in the graph; the attribute of an activation that a parameter names is called by the parameter."""

    def __post_init__(self) -> None:
        self.spec_name = self.name

    @property
    def is_aux(self) -> bool:
        """An auxiliary head: it runs in training only."""
        return self.part is not None and self.part.region.kind == "aux"

    @property
    def is_plain(self) -> bool:
        """Whether it is a module applied to its input, and nothing else."""
        if self.part is not None:
            return not self.is_aux and not self.part.region.checkpoint
        return self.code is not None and bool(self.code.modules) and self.code.call is None


@dataclass(slots=True, eq=False)
class Plan:
    """A module: one named region of the graph."""

    region: Region
    inputs: list[int]
    outputs: list[int]
    items: list[Item] = field(default_factory=list)
    entries: list[tuple[str, int]] = field(default_factory=list)
    """The named inputs of its block, each with its tensor."""
    owners: list[Region] = field(default_factory=list)
    """The shared parts of which MODULES-k is the k-th."""
    recorded: bool = False
    """Whether its forward pass notes the tensor of every layer, for which it has to be written out."""

    def parts(self) -> Iterator[Plan]:
        """Every part below this one, inner ones first."""
        for item in self.items:
            if item.part is not None:
                yield from item.part.parts()
                yield item.part

    @property
    def is_chain(self) -> bool:
        """Whether each member reads what the one before gives and nothing else, all of them plain modules."""
        before = self.inputs
        if self.recorded:
            return False
        for item in self.items:
            if not item.is_plain or item.shared or item.reads != before or len(item.gives) != 1:
                return False
            before = item.gives
        return len(self.inputs) == len(self.outputs) == 1 and before == self.outputs and bool(self.items)


def plan(graph: Graph, *, recorded: bool = False) -> Plan:
    """The plan of the whole net; parts of it that are named have plans of their own.

    In a recorded one no activation is written over its input, since every tensor is kept.
    """
    planner = _Planner(graph, recorded)
    resolved = planner.source
    made = planner.module(graph.root, [i for _, i in graph.inputs], [resolved(i) for _, i in graph.outputs])
    for part in [made, *made.parts()]:
        part.owners = planner.owners
    return made


class _Planner:
    def __init__(self, graph: Graph, recorded: bool) -> None:
        self.graph, self.recorded = graph, recorded
        self.owners: list[Region] = []
        self.users: dict[int, list[int]] = {}
        for node in graph.nodes:
            if node.kind == "identity":
                continue
            for i in node.inputs:
                self.users.setdefault(self.source(i), []).append(node.index)
        self.overwriting = frozenset[int]() if recorded else in_place_nodes(graph)
        self.kept = {self.source(i) for _, i in graph.outputs} | {self.source(i) for _, i, _ in graph.aux}

    def source(self, index: int) -> int:
        """The tensor that a node gives: that of its input, where it does nothing."""
        return source(self.graph, index)

    def reads(self, node: Node) -> list[int]:
        return [*map(self.source, node.inputs), *([] if node.tied is None else [-1 - node.tied])]

    def module(self, region: Region, inputs: list[int], outputs: list[int]) -> Plan:
        made = Plan(region, inputs, outputs, recorded=self.recorded)
        for member, rounds in _members(region):
            if isinstance(member, Region):
                item = self.part(member, region)
            else:
                item = self.layer(member, region) if member.inputs and member.kind != "identity" else None
            if item is not None:
                item.rounds = rounds
                made.items.append(item)
        return made

    def layer(self, node: Node, region: Region) -> Item:
        name = node.name.removeprefix(region.path)
        over = node.index in self.overwriting
        return Item(
            name, self.reads(node), [node.index], node=node, in_place=over, line=node.span.line, start=node.span.start
        )

    def part(self, member: Region, region: Region) -> Item | None:
        nodes = list(member.nodes())
        if not nodes:
            return None
        owner = member.shares or member
        inside = {n.index for n in nodes}
        weights = inside | {n.index for n in owner.nodes()}
        made = self.module(member, [], [])
        borrowed = [v for item in made.items for v in item.reads if v <= MODULES and not self.holds(owner, v)]
        read = [i for n in nodes if n.kind != "identity" for i in self.reads(n)]
        reads = list(
            dict.fromkeys([i for i in read if (i not in inside if i >= 0 else -1 - i not in weights)] + borrowed)
        )
        gives = [i for i in inside if i in self.kept or any(u not in inside for u in self.users.get(i, []))]
        last = self.source(nodes[-1].index)
        gives = sorted(gives) or [last]
        if member.outputs:  # every instance gives all of them, in the order declared
            gives = list(dict.fromkeys(self.source(i) for _, i in member.outputs))
        reads += [i for i in gives if i not in inside and i not in reads]  # a part that does nothing
        entries = [self.source(i) for _, i in member.entries]
        reads.sort(key=lambda i: entries.index(i) if i in entries else len(entries))
        made.inputs, made.outputs = list(reads), gives
        made.entries = [(name, self.source(i)) for name, i in member.entries]
        if member.shares is not None and not owner.path.startswith(region.path):
            reads = [*reads, self.borrow(owner)]
        name = owner.path.removeprefix(region.path).rstrip(".")
        return Item(name, reads, gives, part=made, shared=member.shares is not None, line=member.span.line)

    def borrow(self, owner: Region) -> int:
        """The value that represents a shared part where it is not at hand."""
        if owner not in self.owners:
            self.owners.append(owner)
        return MODULES - self.owners.index(owner)

    def holds(self, region: Region, value: int) -> bool:
        return self.owners[MODULES - value].path.startswith(region.path)


def in_place(code: TorchCode) -> TorchCode:
    """The same activation, written over its input: what a careful person does to save memory and time."""
    ((suffix, text),) = code.modules
    inner = text.removesuffix(")")
    return replace(code, modules=((suffix, f"{inner}{', ' if not inner.endswith('(') else ''}inplace=True)"),))


def _members(region: Region, rounds: Rounds = ()) -> Iterator[tuple[Node | Region, Rounds]]:
    """Layers and named regions, those inside unnamed regions included, each with the repeats around it."""
    number = -1
    for position, member in enumerate(region.members):
        while number + 1 < len(region.rounds) and region.rounds[number + 1] <= position:
            number += 1
        within = (*rounds, (region, number)) if region.rounds else rounds
        if isinstance(member, Region) and not member.named:
            yield from _members(member, within)
        else:
            yield member, within
