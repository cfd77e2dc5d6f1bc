"""A network as a tree of parts that can be compared: layers in blocks, labeled groups, joins and their branches.

Repeats and braces without a name are not parts: what is in them belongs to the part around them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from netspec.graph import Node, Region

__all__ = ["Forest", "Part", "differing_options"]

_PARTS = {
    "net": "part", "block": "part", "group": "part", "shared": "part", "aux": "aux", "join": "join", "branch": "branch",
}  # fmt: skip
_LATER = ("norm", "act")
"""Options that stand for layers of their own."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A layer or a region. Parts of one forest with the same `digest` contain the same layers, apart from their names, the
    sizes of their tensors, and what else they read."""

    member: Node | Region
    digest: int
    children: tuple[Part, ...] = ()

    @property
    def node(self) -> Node | None:
        return self.member if isinstance(self.member, Node) else None

    @property
    def named(self) -> bool:
        return isinstance(self.member, Node) or bool(self.member.name)

    def nodes(self) -> Iterator[Node]:
        return iter((self.member,)) if isinstance(self.member, Node) else self.member.nodes()


class Forest:
    """Trees whose parts can be compared, and what it costs to make one part of another.

    A layer that mixes features costs 8 to add or remove, one with other parameters 4, any other 2; to change one of its
    options costs a quarter of that, to replace it with one of its family one and a half times that.
    """

    def __init__(self) -> None:
        self._digests: dict[Hashable, int] = {}
        self._whole: dict[int, int] = {}
        self._layers: dict[int, Counter[int]] = {}
        self._examples: dict[int, Node] = {}

    def tree(self, region: Region) -> Part:
        """A region, such as the whole net, as a part."""
        children = tuple(self._members(region))
        key = (_PARTS[region.kind], region.checkpoint, tuple(c.digest for c in children))
        digest = self._digest(key)
        if digest not in self._whole:
            self._whole[digest] = sum(self._whole[c.digest] for c in children)
            layers: Counter[int] = Counter()
            for child, times in Counter(c.digest for c in children).items():
                for layer, count in self._layers[child].items():
                    layers[layer] += count * times
            self._layers[digest] = layers
        return Part(region, digest, children)

    def _members(self, region: Region) -> Iterator[Part]:
        for member in region.members:
            if isinstance(member, Node):
                yield self._leaf(member)
            elif _PARTS.get(member.kind, "") in ("", "part") and not member.named and not member.checkpoint:
                yield from self._members(member)
            elif any(True for _ in member.nodes()):
                yield self.tree(member)

    def _leaf(self, node: Node) -> Part:
        options = tuple(getattr(node.op, name) for name in node.op.options if name not in _LATER)
        key = (node.kind, options, node.type.layout, len(node.inputs), node.shares is None, node.tied is None, node.aux)
        digest = self._digest(key)
        if digest not in self._whole:
            self._whole[digest] = 8 if node.op.weight_layer else 4 if node.params else 2
            self._layers[digest] = Counter({digest: 1})
            self._examples[digest] = node
        return Part(node, digest)

    def _digest(self, key: Hashable) -> int:
        return self._digests.setdefault(key, len(self._digests))

    # Costs

    def whole(self, part: Part) -> int:
        """What it costs to add or to remove a part."""
        return self._whole[part.digest]

    def change(self, a: Part, b: Part) -> int | None:
        """What it costs to make one part of another; None for parts that have too little in common."""
        if a.node is not None and b.node is not None:
            return self._replaced(a.digest, b.digest)
        if isinstance(a.member, Node) or isinstance(b.member, Node):
            return None
        if _PARTS[a.member.kind] != _PARTS[b.member.kind]:
            return None
        cost = self._distance(self._layers[a.digest], self._layers[b.digest])
        if 4 * cost > 3 * (self.whole(a) + self.whole(b)):
            return None
        return cost + (a.member.block != b.member.block)

    def _replaced(self, a: int, b: int) -> int | None:
        """The cost for one layer in place of another, by their digests."""
        if a == b:
            return 0
        one, other = self._examples[a], self._examples[b]
        least = min(self._whole[a], self._whole[b])
        if one.kind != other.kind:
            return least * 3 // 2 if type(one.op).__module__ == type(other.op).__module__ else None
        return max(1, least * min(3, len(differing_options(one, other))) // 4)

    def _distance(self, a: Counter[int], b: Counter[int]) -> int:
        """At least what it costs to make the layers of one part of those of another, in whatever order they are."""
        cost = 0
        rest: list[dict[str, list[int]]] = []
        for own, other in ((a, b), (b, a)):
            kinds: dict[str, list[int]] = {}
            for digest, count in own.items():
                if count > other[digest]:
                    found = kinds.setdefault(self._examples[digest].kind, [0, 0])
                    found[0] += count - other[digest]
                    found[1] = max(found[1], self._whole[digest])
            rest.append(kinds)
        for kind in {**rest[0], **rest[1]}:
            (ones, weight), (others, weight_) = (side.get(kind, [0, 0]) for side in rest)
            whole = max(weight, weight_)
            cost += min(ones, others) * max(1, whole // 4) + abs(ones - others) * whole
        return cost


def differing_options(a: Node, b: Node) -> tuple[str, ...]:
    """The options in which two layers of one kind differ, those left out that stand for layers of their own."""
    return tuple(name for name in a.op.options if name not in _LATER and getattr(a.op, name) != getattr(b.op, name))
