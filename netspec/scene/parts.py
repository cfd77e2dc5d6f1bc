"""The network as it is drawn: written layers, blocks, and equal neighbours as one part with a count."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from netspec.graph import Graph, Node, Region
from netspec.ops.windowing import Scoped

__all__ = ["Level", "Part", "Parts", "Wire", "pointwise", "title_of_windows", "written_together"]


@dataclass(slots=True, eq=False)
class Part:
    """What is drawn as one: the layers of one written layer (`conv3-64 act=relu`), or a block, a labelled group, the body
    of windows or a repeat with its `members`. Its nodes are `start` to `stop`; with a `count`, those of all rounds."""

    name: str
    start: int
    stop: int
    region: Region | None = None
    members: list[Part] = field(default_factory=list)
    count: int = 1
    kind: int = 0
    """Equal for parts that compute the same way, whatever the sizes that come in."""
    differing: frozenset[str] = frozenset()
    """The arguments of a block that are not the same in all rounds, such as rates of stochastic depth."""
    tail: int = 0
    """How many nodes after the rounds of a layer are drawn with it: a dropout after the third of three convolutions."""

    @property
    def is_layer(self) -> bool:
        return not self.members

    @property
    def is_frame(self) -> bool:
        """Whether it is drawn open, whatever is folded: rounds of several layers, or the body of windows."""
        return self.region is not None and self.region.kind in ("repeat", "windows")

    @property
    def is_output(self) -> bool:
        """Whether this is no part of the net, but the end of the line from node `start`."""
        return self.start == self.stop

    @property
    def round_stop(self) -> int:
        """Where the first round ends: the one that is drawn."""
        return self.start + (self.stop - self.tail - self.start) // self.count

    def drawn(self, node: int) -> int:
        """The node of the first round that stands for one of any round."""
        return self.start + (node - self.start) % (self.round_stop - self.start)

    def walk(self) -> Iterator[Part]:
        stack = [self]
        while stack:
            part = stack.pop()
            yield part
            stack.extend(reversed(part.members))


@dataclass(frozen=True, slots=True)
class Wire:
    """A tensor from one member of a level to another; -1 is the border of the level. `node` is what made the tensor."""

    source: int
    target: int
    node: int


@dataclass(frozen=True, slots=True)
class Level:
    """What stands inside one open part: its members, the tensors between them, and those that come in and go out."""

    members: tuple[Part, ...]
    wires: tuple[Wire, ...]
    entries: tuple[int, ...]
    exits: tuple[int, ...]


def written_together(before: Node, node: Node) -> bool:
    """Whether a layer comes from the same written layer as the one before it: of `act=` and `norm=`, which keep the size, or
    the second convolution of `sepconv`."""
    together = bool(before.inputs) and node.span == before.span
    return together and (before.kind == "dwconv" if node.op.weight_layer else node.type == before.type)


def pointwise(graph: Graph, part: Part) -> Node | None:
    """The second convolution of `sepconv`, which is drawn with the first as the one layer that was written."""
    second = graph.nodes[part.start + 1] if part.is_layer and part.start + 1 < part.round_stop else None
    return second if second is not None and second.op.weight_layer else None


def title_of_windows(region: Region) -> str:
    """What a body of `windows` or `each` runs on; empty for what is none, or not known because of an error."""
    first = region.members[0] if region.kind == "windows" and region.members else None
    if not isinstance(first, Node) or not isinstance(first.op, Scoped) or first.type.windows is None:
        return ""
    return first.op.title(first.type.windows)


def _is_plain_identity(node: Node) -> bool:
    """A branch of a join that passes its input on: it is drawn as the line that it is, unless its author named it."""
    return node.kind == "identity" and node.name.rpartition(".")[2].rstrip("0123456789") == "identity"


def _extent(members: Iterable[Node | Region]) -> tuple[int, int]:
    """The first of the nodes and the one after the last."""
    nodes = [n.index for m in members for n in ((m,) if isinstance(m, Node) else m.nodes())]
    return (min(nodes), max(nodes) + 1) if nodes else (0, 0)


def _real(graph: Graph, index: int) -> int:
    """The node that gives what node `index` gives, identities left out."""
    while _is_plain_identity(graph.nodes[index]):
        index = graph.nodes[index].inputs[0]
    return index


def _different_arguments(one: Region | None, other: Region | None) -> frozenset[str]:
    if one is None or other is None:
        return frozenset()
    values = dict(other.arguments)
    return frozenset(name for name, value in one.arguments if values.get(name, value) != value)


def _drawn(node: Node) -> tuple[int, ...]:
    """The tensors from which a line leads to a node: not those of which it uses no values."""
    if node.op.ignores_input:
        return ()
    return node.inputs[:1] if node.op.measures_second else node.inputs


def _without_identities(graph: Graph) -> list[tuple[int, ...]]:
    return [tuple(_real(graph, i) for i in _drawn(node)) for node in graph.nodes]


class Parts:
    """The tree of parts of a graph. `folded=False` keeps every round of a repeat; `joins` says which layers are drawn as one
    with the layer that alone they read."""

    def __init__(
        self, graph: Graph, *, folded: bool = True, joins: Callable[[Node, Node], bool] = written_together
    ) -> None:
        self.graph = graph
        self._folded = folded
        self._joins = joins
        self._kinds: dict[object, int] = {}
        self._inputs = _without_identities(graph)
        self._ops = [self._op_kind(node) for node in graph.nodes]
        self._last_use, self._kept = self._uses()
        self._end_parts = [Part(name, i, i) for name, i in self._ends()]
        count = len(graph.nodes)
        self.root = Part(graph.name, 0, count, graph.root, self._parts(graph.root.members))

    # The tree

    def _parts(self, members: Iterable[Node | Region]) -> list[Part]:
        found: list[Part] = []
        for member in members:
            if isinstance(member, Node):
                if not _is_plain_identity(member):
                    self._add_node(found, member)
            elif member.named or title_of_windows(member):
                inner = self._parts(member.members)
                if inner:
                    name = member.path.rstrip(".") if member.named else inner[0].name
                    self._append(found, Part(name, *_extent(member.members), member, inner))
            elif member.kind == "repeat" and len(member.rounds) > 1:
                self._add_rounds(found, member)
            else:
                for part in self._parts(member.members):
                    self._append(found, part)
        return found

    def _add_node(self, found: list[Part], node: Node) -> None:
        """A layer that is drawn with the one before it joins its part."""
        last = found[-1] if found else None
        if last is not None and last.is_layer and last.stop == node.index:
            before = self.graph.nodes[last.stop - 1]
            alone = self._last_use[before.index] == node.index and before.index not in self._kept
            if (
                self._inputs[node.index] == (before.index,)
                and (node.region is before.region or last.count > 1)
                and alone
                and self._joins(before, node)
            ):
                last.stop += 1
                if last.count > 1:
                    last.tail += 1
                else:
                    last.kind = self._kind_of(last.start, last.stop)
                return
        self._append(found, Part(node.name, node.index, node.index + 1))

    def _add_rounds(self, found: list[Part], repeat: Region) -> None:
        ends = [*repeat.rounds[1:], len(repeat.members)]
        written = [repeat.members[a:b] for a, b in zip(repeat.rounds, ends, strict=True)]
        rounds = [self._parts(members) for members in written]
        spans = [_extent(members) for members in written]
        if len(rounds[0]) > 1 and self._folds(spans):
            part = Part(rounds[0][0].name, spans[0][0], spans[-1][1], repeat, rounds[0], len(rounds))
            part.kind = self._kind_of(*spans[0])
            found.append(part)
            return
        for parts in rounds:
            for part in parts:
                self._append(found, part)

    def _append(self, found: list[Part], part: Part) -> None:
        """Adds a part, to the count of the one before where the two are rounds of one thing. A block begins with the
        identities before it, which pass on what it is called with: `decoder() [ identity; from memory ]`."""
        last = found[-1] if found else None
        if last is not None and part.members and part.count == 1:
            while part.start > last.stop and _is_plain_identity(self.graph.nodes[part.start - 1]):
                part.start -= 1
                part.kind = 0
        part.kind = part.kind or self._kind_of(part.start, part.round_stop)
        if (
            last is not None
            and last.kind == part.kind
            and last.stop == part.start
            and part.count == 1
            and not last.tail
            and self.graph.nodes[part.start].inputs
        ):
            size = part.stop - part.start
            latest = range(max(last.start, part.stop - 3 * size), part.stop, size)
            if self._folds([(at, at + size) for at in latest]):
                last.stop, last.count = part.stop, last.count + 1
                last.differing |= _different_arguments(last.region, part.region)
                return
        found.append(part)

    def _folds(self, spans: Sequence[tuple[int, int]]) -> bool:
        """Whether these ranges of nodes are rounds: each computes the same on what the one before gave."""
        if not self._folded or len({self._kind_of(a, b) for a, b in spans}) > 1:
            return False
        entries = [self._entries(a, b) for a, b in spans]
        steps: list[int | None] | None = None
        for (a, b), (_, next_stop), here, there in zip(spans, spans[1:], entries, entries[1:], strict=False):
            if any(self._last_use[i] >= next_stop or i in self._kept for i in range(a, b)):
                return False
            found = [j - a if a <= j < b else None for j in there]
            if any(step is None and i != j for step, i, j in zip(found, here, there, strict=True)):
                return False
            if steps is not None and found != steps:
                return False
            steps = found
        return steps is not None and any(step is not None for step in steps)

    # What is equal

    def _op_kind(self, node: Node) -> int:
        said = set(node.op.options) - node.op.differing
        options = tuple(repr(getattr(node.op, name, None)) for name in sorted(said))
        local = node.name.rpartition(".")[2].rstrip("0123456789")
        key = (node.kind, options, node.region.block, local, node.shares is not None, node.tied is not None)
        return self._kinds.setdefault(key, len(self._kinds) + 1)

    def _kind_of(self, start: int, stop: int) -> int:
        key = tuple(
            (self._ops[i], tuple(j - start if j >= start else -1 for j in self._inputs[i])) for i in range(start, stop)
        )
        return self._kinds.setdefault(key, len(self._kinds) + 1)

    def _entries(self, start: int, stop: int) -> list[int]:
        """What comes in from outside, in the order of its uses."""
        return [j for i in range(start, stop) for j in self._inputs[i] if not start <= j < stop]

    def _uses(self) -> tuple[list[int], frozenset[int]]:
        """The last node that reads each node, and the nodes that the net itself gives."""
        last = [-1] * len(self.graph.nodes)
        for node in self.graph.nodes:
            if not _is_plain_identity(node):
                for i in self._inputs[node.index]:
                    last[i] = node.index
        return last, frozenset(i for _, i in self._ends())

    def _ends(self) -> list[tuple[str, int]]:
        """The outputs and the auxiliary heads, by name."""
        ends = [*self.graph.outputs, *((name, i) for name, i, _ in self.graph.aux)]
        return [(name, _real(self.graph, i)) for name, i in ends]

    # What stands inside

    def layers(self, part: Part) -> int:
        """How many layers one round of a part has, without identities that are drawn as lines."""
        return sum(not _is_plain_identity(node) for node in self.graph.nodes[part.start : part.round_stop])

    def gives(self, part: Part) -> tuple[int, ...]:
        """The nodes whose tensors leave a part."""
        return tuple(i for i in range(part.start, part.stop) if self._last_use[i] >= part.stop or i in self._kept)

    def key(self, part: Part) -> str:
        """What tells a part from all others, also after an edit elsewhere: a frame has the name of its first layer."""
        return f"{part.name}..{self.graph.nodes[part.stop - 1].name}" if part.is_frame else part.name

    def level(self, part: Part) -> Level:
        """The inside of a part: of one with a count, of its first round."""
        members, start, stop = part.members, part.start, part.round_stop
        starts = [member.start for member in members]

        def place(i: int) -> int:
            return bisect_right(starts, i) - 1 if start <= i < stop else -1

        wires: dict[Wire, None] = {}
        entries: dict[int, None] = {}
        for target, member in enumerate(members):
            for i in range(member.start, member.stop):
                for j in () if _is_plain_identity(self.graph.nodes[i]) else self._inputs[i]:
                    if member.start <= j < member.stop:
                        continue
                    source = place(j)
                    if source < 0:
                        entries[j] = None
                    wires[Wire(source, target, j)] = None
        if part is self.root:
            ends = enumerate(self._end_parts)
            wires |= {Wire(place(end.start), len(members) + k, end.start): None for k, end in ends}
            return Level((*members, *self._end_parts), tuple(wires), (), ())
        exits = [i for i in range(start, stop) if self._last_use[i] >= stop or i in self._kept]
        wires |= {Wire(place(i), -1, i): None for i in exits}
        return Level(tuple(members), tuple(wires), tuple(entries), tuple(exits))
