"""What a module consists of: its members in order, and the tensors that go between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from netspec.graph import Graph, Node, Region
from netspec.ops.op import TorchCode

__all__ = ["Item", "Plan", "plan"]


@dataclass(slots=True)
class Item:
    """One member of a module: a layer, or a module of its own.

    `reads` and `gives` are node indices; -1-i stands for the weight of node i, which a tied layer reads.
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


@dataclass(slots=True)
class Plan:
    """A module: one named region of the graph."""

    region: Region
    inputs: list[int]
    outputs: list[int]
    items: list[Item] = field(default_factory=list)

    @property
    def is_chain(self) -> bool:
        """Whether each member reads what the one before gives and nothing else, all of them plain modules."""
        if len(self.outputs) != 1:
            return False
        before = self.inputs
        for item in self.items:
            plain = (item.part is not None and item.part.region.kind != "aux") or (
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
    return _Planner(graph, users, kept).module(graph.root, inputs, outputs)


class _Planner:
    def __init__(self, graph: Graph, users: dict[int, list[int]], kept: set[int]) -> None:
        self.graph, self.users, self.kept = graph, users, kept

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
        name = node.name.removeprefix(region.path)
        return Item(name, _reads(node), [node.index], node=node, code=code, line=node.span.start)

    def part(self, member: Region, region: Region) -> Item | None:
        nodes = list(member.nodes())
        if not nodes:
            return None
        inside = {n.index for n in nodes}
        reads = list(dict.fromkeys(i for n in nodes for i in _reads(n) if (i if i >= 0 else -1 - i) not in inside))
        gives = [
            n.index for n in nodes if n.index in self.kept or any(u not in inside for u in self.users.get(n.index, []))
        ]
        if not gives:
            gives = [nodes[-1].index]
        owner = member.shares or member
        return Item(
            owner.path.removeprefix(region.path).rstrip("."), reads, gives, part=self.module(member, reads, gives),
            shared=member.shares is not None, line=member.span.start,
        )  # fmt: skip


def _reads(node: Node) -> list[int]:
    return [*node.inputs, *([] if node.tied is None else [-1 - node.tied])]


def _members(region: Region) -> Iterator[Node | Region]:
    """Layers and named regions, those inside unnamed regions included."""
    for member in region.members:
        if isinstance(member, Region) and not member.named:
            yield from _members(member)
        else:
            yield member
