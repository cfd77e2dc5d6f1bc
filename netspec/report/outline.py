"""The rows of a network: its layers within its blocks and labels, as deep as a reader wants them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from netspec.graph import Graph, Node, Region
from netspec.values import show

__all__ = ["EVERYTHING", "FULL_ROWS", "Item", "UnknownPart", "View", "call_text", "named_parts", "outline", "visible"]

FULL_ROWS = 60
"""Unless a depth is requested, parts are opened as long as there are at most this many layers and parts."""

Opens: TypeAlias = Callable[[Region, int], bool]


class UnknownPart(KeyError):
    """A name that no block or label of the network has; `names` are those it has."""

    def __init__(self, name: str, names: tuple[str, ...]) -> None:
        super().__init__(name)
        self.name = name
        self.names = names


@dataclass(frozen=True, slots=True)
class View:
    """How much of a network is shown. `depth` 1 is a row for each block and label of the net itself; None: as deep as
    fits. `expand` names blocks (all their instances), instances and labels that are opened anyway; `all` is everything.
    """

    depth: int | None = None
    expand: tuple[str, ...] = ()


EVERYTHING = View(expand=("all",))


@dataclass(frozen=True, slots=True)
class Item:
    """One row: a layer, a part (a block instance or a label), or several instances of a block, one after another.

    The items of an opened part follow it, one level deeper.
    """

    members: tuple[Node | Region, ...]
    level: int
    opened: bool = False

    @property
    def layer(self) -> Node | None:
        member = self.members[0]
        return member if isinstance(member, Node) else None

    def nodes(self) -> list[Node]:
        """Its layers, in order."""
        return [node for member in self.members for node in _nodes(member)]

    @property
    def name(self) -> str:
        """`conv1`, `stage1.block2`, `block5-11`: unique in the network."""
        first, last = _name(self.members[0]), _name(self.members[-1])
        if len(self.members) == 1:
            return first
        stem = first.rstrip("0123456789")
        same = stem == last.rstrip("0123456789")
        return f"{first}-{last[len(stem) :]}" if same else f"{first} - {last}"

    @property
    def local_name(self) -> str:
        """The name without that of the part in which it is."""
        member = self.members[0]
        outer = member.region.path if isinstance(member, Node) else _outer_path(member)
        return self.name.removeprefix(outer) if self.level else self.name

    def description(self) -> str:
        """Of a part: its block with the arguments given, how many instances and layers: `basic(64) x2, 7 layers each`."""
        region = self.members[0]
        assert isinstance(region, Region)
        count = sum(1 for _ in _nodes(region))
        times = f" x{len(self.members)}" if len(self.members) > 1 else ""
        call = call_text(region) + times
        layers = f"{count:,} layer{'s' if count != 1 else ''}{' each' if times else ''}"
        return ", ".join(filter(None, (call, "checkpoint" if region.checkpoint else "", layers)))


def outline(graph: Graph, view: View | None = None) -> list[Item]:
    """The rows of a network. Raises UnknownPart for a name in `expand` that it does not have."""
    view = view or View()
    if "all" in view.expand:
        return list(_items(graph.root, 0, lambda region, level: True))
    asked = named_parts(graph, view.expand)
    if view.depth is not None:
        return list(_items(graph.root, 0, _to(view.depth, asked)))
    shown = list(_items(graph.root, 0, _to(1, asked)))
    for depth in range(2, 100):
        deeper = list(_items(graph.root, 0, _to(depth, asked)))
        if len(deeper) == len(shown) or _size(deeper) > FULL_ROWS:
            break
        shown = deeper
    return shown


def _size(items: Iterable[Item]) -> int:
    return sum(not item.opened for item in items)


def _to(depth: int, asked: frozenset[Region]) -> Opens:
    return lambda region, level: level + 1 < depth or region in asked


def named_parts(graph: Graph, names: Iterable[str]) -> frozenset[Region]:
    """The parts with some names and all around them. Raises UnknownPart."""
    found: set[Region] = set()
    if not names:
        return frozenset()
    known = list(_named(graph.root))
    for name in names:
        regions = [r for r in known if name in (r.path.rstrip("."), r.name, r.block)]
        if not regions:
            every = (n for r in known for n in (r.block, r.path.rstrip(".")) if n)
            raise UnknownPart(name, tuple(dict.fromkeys(every)))
        for region in regions:
            inner: Region | None = region
            while inner is not None:
                found.add(inner)
                inner = inner.parent
    return frozenset(found)


def _named(region: Region) -> Iterator[Region]:
    for member in region.members:
        if isinstance(member, Region):
            if member.name:
                yield member
            yield from _named(member)


def _items(region: Region, level: int, opens: Opens) -> Iterator[Item]:
    run: list[Region] = []
    for member in visible(region):
        if isinstance(member, Region) and not opens(member, level):
            if run and not _alike(run[-1], member):
                yield Item(tuple(run), level)
                run = []
            run.append(member)
            continue
        if run:
            yield Item(tuple(run), level)
            run = []
        yield Item((member,), level, isinstance(member, Region))
        if isinstance(member, Region):
            yield from _items(member, level + 1, opens)
    if run:
        yield Item(tuple(run), level)


def visible(region: Region) -> Iterator[Node | Region]:
    """The layers and named parts of a region, through the unnamed ones."""
    for member in region.members:
        if isinstance(member, Node):
            if member.inputs:
                yield member
        elif not member.named:
            yield from visible(member)
        elif next(_nodes(member), None) is not None:
            yield member


def _alike(one: Region, other: Region) -> bool:
    """Whether two parts are instances of one block with the same arguments, and the same layers in it."""
    return bool(one.block) and _likeness(one) == _likeness(other)


def _likeness(region: Region) -> tuple[Any, ...]:
    kinds = [(node.kind, node.aux) for node in _nodes(region)]
    return region.block, region.definition, region.arguments, region.shares is None, kinds


def _nodes(member: Node | Region) -> Iterator[Node]:
    if isinstance(member, Node):
        yield member
    else:
        yield from (node for node in member.nodes() if node.inputs)


def _name(member: Node | Region) -> str:
    return member.name if isinstance(member, Node) else member.path.rstrip(".")


def _outer_path(region: Region) -> str:
    return region.parent.path if region.parent is not None else ""


def call_text(region: Region) -> str:
    """A block with what its call gives: `stem`, `basic(64)`, `basic(64, inner=128)`; nothing for a label."""
    texts: list[str] = []
    in_order = True
    for name, value in region.arguments:
        if name in region.given:
            texts.append(show(value) if in_order else f"{name}={show(value)}")
        else:
            in_order = False
    return f"{region.block}({', '.join(texts)})" if texts else region.block
