"""What a module consists of: its members in order, and the tensors that go between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from netspec.graph import Graph, Node, Region
from netspec.ops.op import TorchCode

__all__ = ["MODULES", "Item", "Plan", "plan"]

MODULES = -(2**40)


@dataclass(slots=True)
class Item:
    """One member of a module: a layer, or a module of its own.

    `reads` and `gives` are node indices; -1-i stands for the weight of node i, which a tied layer reads, and
    MODULES-k for the k-th shared part that stands in another module.
    """

    name: str
    reads: list[int]
    gives: list[int]
    node: Node | None = None
    code: TorchCode | None = None
    part: Plan | None = None
    shared: bool = False
    line: int = 0

    @property
    def is_aux(self) -> bool:
        """An auxiliary head: it runs in training only."""
        return self.part is not None and self.part.region.kind == "aux"


@dataclass(slots=True, eq=False)
class Plan:
    """A module: one named region of the graph."""

    region: Region
    inputs: list[int]
    outputs: list[int]
    items: list[Item] = field(default_factory=list)
    owners: list[Region] = field(default_factory=list)

    def parts(self) -> Iterator[Plan]:
        """Every part below this one, inner ones first."""
        for item in self.items:
            if item.part is not None:
                yield from item.part.parts()
                yield item.part

    @property
    def is_chain(self) -> bool:
        """Whether each member reads what the one before gives and nothing else, all of them plain modules."""
        if len(self.outputs) != 1:
            return False
        before = self.inputs
        for item in self.items:
            plain = (item.part is not None and item.part.region.kind != "aux" and not item.part.region.checkpoint) or (
                item.code is not None and item.code.modules and item.code.call is None
            )
            if not plain or item.shared or item.reads != before or len(item.gives) != 1:
                return False
            before = item.gives
        return len(self.inputs) == 1 and len(self.outputs) == 1 and before == self.outputs and bool(self.items)


def plan(graph: Graph) -> Plan:
    """The plan of the whole net; parts of it that are named have plans of their own."""
    users: dict[int, list[int]] = {}
    for node in graph.nodes:
        for i in node.inputs:
            users.setdefault(i, []).append(node.index)
    kept = {i for _, i in graph.outputs} | {i for _, i, _ in graph.aux}
    inputs = [i for _, i in graph.inputs]
    outputs = [i for _, i in graph.outputs]
    planner = _Planner(graph, users, kept)
    made = planner.module(graph.root, inputs, outputs)
    made.owners = planner.owners
    for part in made.parts():
        part.owners = planner.owners
    return made


class _Planner:
    def __init__(self, graph: Graph, users: dict[int, list[int]], kept: set[int]) -> None:
        self.graph, self.users, self.kept = graph, users, kept
        self.owners: list[Region] = []

    def module(self, region: Region, inputs: list[int], outputs: list[int]) -> Plan:
        made = Plan(region, inputs, outputs)
        for member in _members(region):
            item = self.part(member, region) if isinstance(member, Region) else self.layer(member, region)
            if item is not None:
                made.items.append(item)
        return made

    def layer(self, node: Node, region: Region) -> Item | None:
        if not node.inputs:
            return None
        code = node.op.torch(*self.graph.input_types(node))
        if node.kind in _IN_PLACE and self.owns_input(node):
            code = in_place(code)
        name = node.name.removeprefix(region.path)
        return Item(name, _reads(node), [node.index], node=node, code=code, line=node.span.start)

    def owns_input(self, node: Node) -> bool:
        """Whether nothing else needs the tensor that comes in, not even the backward pass of what made it."""
        (i,) = node.inputs
        before = self.graph.nodes[i]
        alone = len(self.users[i]) == 1 and i not in self.kept and before.region.path == node.region.path
        return alone and before.kind in _KEEPS_NO_OUTPUT and node.shares is None

    def part(self, member: Region, region: Region) -> Item | None:
        nodes = list(member.nodes())
        if not nodes:
            return None
        owner = member.shares or member
        inside = {n.index for n in nodes}
        weights = inside | {n.index for n in owner.nodes()}
        made = self.module(member, [], [])
        borrowed = [v for item in made.items for v in item.reads if v <= MODULES and not self.holds(owner, v)]
        reads = [i for n in nodes for i in _reads(n) if (i not in inside if i >= 0 else -1 - i not in weights)]
        reads = list(dict.fromkeys(reads + borrowed))
        gives = [
            n.index for n in nodes if n.index in self.kept or any(u not in inside for u in self.users.get(n.index, []))
        ]
        if not gives:
            gives = [nodes[-1].index]
        made.inputs, made.outputs = list(reads), gives
        if member.shares is not None and not owner.path.startswith(region.path):
            reads = [*reads, self.borrow(owner)]
        name = owner.path.removeprefix(region.path).rstrip(".")
        return Item(name, reads, gives, part=made, shared=member.shares is not None, line=member.span.start)

    def borrow(self, owner: Region) -> int:
        """The value that stands for a shared part where it is not at hand."""
        if owner not in self.owners:
            self.owners.append(owner)
        return MODULES - self.owners.index(owner)

    def holds(self, region: Region, value: int) -> bool:
        return self.owners[MODULES - value].path.startswith(region.path)


_IN_PLACE = ("relu", "relu6", "leaky_relu")
"""Activations whose backward pass needs their result only."""
_KEEPS_NO_OUTPUT = ("conv", "dwconv", "convT", "FC", "linear", "bn", "gn", "add")
"""Layers whose backward pass does not need their result."""


def in_place(code: TorchCode) -> TorchCode:
    """The same activation, written over its input: what a careful person does to save memory and time."""
    ((suffix, text),) = code.modules
    inner = text.rstrip(")")
    return replace(code, modules=((suffix, f"{inner}{', ' if not inner.endswith('(') else ''}inplace=True)"),))


def _reads(node: Node) -> list[int]:
    return [*node.inputs, *([] if node.tied is None else [-1 - node.tied])]


def _members(region: Region) -> Iterator[Node | Region]:
    """Layers and named regions, those inside unnamed regions included."""
    for member in region.members:
        if isinstance(member, Region) and not member.named:
            yield from _members(member)
        else:
            yield member
