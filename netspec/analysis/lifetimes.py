"""How long the generated PyTorch module holds a tensor: as long as a variable of a forward pass names it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from netspec.analysis.in_place import source
from netspec.graph import Graph, Node, Region

__all__ = ["Holds"]

_ROUNDS = 3
"""Fewer rounds of a repeat are no loop."""
_LONGEST = 3
"""So many calls of layers stand in one statement at most."""


class Holds:
    """For a tensor and a layer that reads it: until when it is held."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.ends: dict[int, int] = {}
        self.readers: list[list[int]] = [[] for _ in graph.nodes]
        for node in graph.nodes:
            for region in _around(node):
                self.ends[id(region)] = node.index
            for i in node.inputs if node.kind != "identity" else ():
                self.readers[source(graph, i)].append(node.index)
        self.loops = Loops(graph.root)
        self.chains = {id(region) for region in _named(graph.root) if self.is_chain(region)}
        self.lines = self.line_starts()
        self.line_ends = {start: i for i, start in enumerate(self.lines)}
        self.carried: frozenset[int] = frozenset()
        self.kept_names: frozenset[int] = frozenset()
        self.name_what_loops_carry()

    def until(self, made: int, reader: Node) -> int:
        """The index of the layer after which tensor `made` is free, if nothing but `reader` reads it."""
        if reader.kind == "identity":
            return reader.index
        made = source(self.graph, made)
        maker = self.graph.nodes[made]
        around = {id(region) for region in _around(maker)}
        entered = [self.ends[id(region)] for region in _around(reader) if region.named and id(region) not in around]
        within = self.lines[made] == self.lines[reader.index]
        found = max([reader.index if within else self.line_ends[self.lines[reader.index]], *entered])
        if made in self.kept_names:
            return max(found, self.ends[id(_module(maker))])
        if not self.has_name(maker):
            return found
        taken_over = self.loops.end_of_round(maker, [self.graph.nodes[i] for i in self.readers[made]])
        return max(found, taken_over if taken_over is not None else self.ends[id(self.scope(maker))])

    def name_what_loops_carry(self) -> None:
        """A tensor that goes from round to round has the name of the one that enters the loop: if that is a name of its own, it
        stays after the loop (`kept_names`); if not, those of the rounds have none either (`carried`)."""
        kept, carried = set(), set()
        for node in self.graph.nodes:
            rounds = self.loops.entered(node, [self.graph.nodes[i] for i in self.readers[node.index]])
            if rounds and self.has_name(node):
                kept.add(rounds[-1])
            else:
                carried.update(rounds)
        self.kept_names, self.carried = frozenset(kept), frozenset(carried)

    def body(self, join: Node) -> int | None:
        """The branch of a join of two that has a variable of its own beside `x`: the first, if what enters it is needed again,
        else the second."""
        if len(join.inputs) != 2:
            return None
        branches = {source(self.graph, i) for i in join.inputs}
        own = sorted(i for i in branches if self.readers[i] == [join.index] and self.graph.nodes[i].inputs)
        if not own or join.residual:
            return min(own, default=None)
        if any(self.has_name(self.graph.nodes[i]) for i in branches):
            return None
        entering = own[0]
        while len(self.readers[entering]) == 1 and self.graph.nodes[entering].inputs:
            entering = source(self.graph, self.graph.nodes[entering].inputs[0])
        needed = self.readers[entering][-1] > own[0] and not self.has_name(self.graph.nodes[entering])
        return own[0] if needed else own[1] if len(own) > 1 else None

    def body_until(self, join: Node) -> int:
        """Until when the branch of a join of two is held, after it: its variable is taken by the branch of the next join of
        the same forward pass, once the first statement of that has run."""
        scope = _module(join)
        if join.index in self.kept_names:  # what goes on has a name of its own, so the branch has that of what follows
            after = join.index + 1
            return self.line_ends[self.lines[after]] if after < len(self.graph.nodes) else join.index
        later = (node for node in self.graph.nodes[join.index + 1 :] if _module(node) is scope)
        following = next((node for node in later if self.body(node) is not None), None)
        if following is None:
            return self.ends[id(scope)]
        body = self.body(following)
        entering = next((j for i in following.inputs if (j := source(self.graph, i)) != body), body or 0)
        while entering > join.index and self.readers[entering][0] >= following.index:  # a projection, another branch
            entering = source(self.graph, self.graph.nodes[entering].inputs[0])
        return self.statement_end(scope, self.graph.nodes[self.readers[entering][0]])

    def statement_end(self, scope: Region, first: Node) -> int:
        """The last node of the statement that runs a node, which may be in a part."""
        part = self.part(scope, first)
        return self.ends[part] if part in self.ends else self.line_ends[self.lines[first.index]]

    def scope(self, maker: Node) -> Region:
        """The part whose forward pass hands a tensor from its maker to its readers."""
        readers = [{id(region) for region in _around(self.graph.nodes[i])} for i in self.readers[maker.index]]
        return next(r for r in _around(maker) if r.named and all(id(r) in around for around in readers))

    def has_name(self, maker: Node) -> bool:
        """Whether the forward pass names a tensor after its layer, because it is used again later."""
        readers = self.readers[maker.index]
        if not maker.inputs or not readers or maker.residual or maker.index in self.carried:
            return False
        scope = self.scope(maker)
        parts = [self.part(scope, self.graph.nodes[i]) for i in readers]
        made = self.part(scope, maker)
        following = (self.ends[made] if made >= 0 and made in self.ends else maker.index) + 1
        if readers[-1] <= following or set(parts) == {self.part(scope, self.graph.nodes[min(following, readers[-1])])}:
            return False
        return not (len(readers) == 1 and len(self.graph.nodes[readers[0]].inputs) == 2)

    def part(self, scope: Region, node: Node) -> int:
        """What of a forward pass a layer belongs to: the outermost part below it, or itself."""
        found = -node.index
        for region in _around(node):
            if region is scope:
                break
            found = id(region) if region.named else found
        return found

    def is_chain(self, region: Region) -> bool:
        """Whether a part becomes an `nn.Sequential`: modules one after the other, each called by itself."""
        nodes = [node for node in region.nodes() if node.inputs]
        return all(
            node.inputs == (node.index - 1,)
            and not node.aux
            and node.shares is None
            and node.op.torch(self.graph.nodes[node.index - 1].type).call is None
            for node in nodes
        )

    def line_starts(self) -> list[int]:
        """For each node the first of those that one statement of the module runs: a layer with its norm and activation, a
        short chain in one line of the spec, the addition of a residual with what follows."""
        nodes, found, start = self.graph.nodes, [0] * len(self.graph.nodes), 0
        while start < len(nodes):
            end = start
            while self.nests(end):
                last = end + 1
                while self.nests(last) and _one_layer(nodes[last], nodes[last + 1]):
                    last += 1
                if not _one_layer(nodes[end], nodes[end + 1]) and last - start + 1 > _LONGEST:
                    break
                end = last
            found[start : end + 1] = [start] * (end + 1 - start)
            start = end + 1
        return found

    def nests(self, index: int) -> bool:
        """Whether the call of the next layer can be written around that of this one."""
        nodes = self.graph.nodes
        if index + 1 >= len(nodes) or nodes[index + 1].inputs != (index,) or self.readers[index] != [index + 1]:
            return False
        one, other = nodes[index], nodes[index + 1]
        if not one.inputs or _module(one) is not _module(other) or id(_module(one)) in self.chains:
            return False
        if not one.residual and one.span.line != other.span.line:
            return False
        if self.loops.around(one) != self.loops.around(other):
            return False
        made = one.op.torch(*self.graph.input_types(one)).call
        return (made is None or made.startswith("{m}") or one.residual) and other.op.torch(one.type).call is None


def _one_layer(one: Node, other: Node) -> bool:
    """Whether two nodes are what one layer of the spec is short for: a layer with its norm and activation."""
    return one.span.start == other.span.start and not other.op.weight_layer


class Loops:
    """The rounds of repeats that the forward pass writes as loops: in each the tensor that is carried on gets its name anew."""

    def __init__(self, root: Region) -> None:
        self.rounds: dict[int, tuple[Region, int]] = {}
        """For each member of a repeat, by identity, the repeat and the number of the round."""
        self.last: dict[tuple[int, int], int] = {}
        """For each round the index of its last node."""
        for region in _all(root):
            if len(region.rounds) < _ROUNDS:
                continue
            for place, member in enumerate(region.members):
                number = bisect_right(region.rounds, place) - 1
                self.rounds[id(member)] = (region, number)
                nodes = [member] if isinstance(member, Node) else list(member.nodes())
                if nodes:
                    self.last[id(region), number] = nodes[-1].index

    def around(self, node: Node) -> set[tuple[int, int]]:
        """The rounds that a layer is in, of the repeats of its own forward pass."""
        member: Node | Region = node
        found = set()
        for region in _around(node):
            if id(member) in self.rounds:
                repeat, number = self.rounds[id(member)]
                found.add((id(repeat), number))
            member = region
        return found

    def shared(self, maker: Node, readers: list[Node]) -> set[tuple[int, int]]:
        """The rounds that all readers of a tensor are in, but not its maker."""
        if not self.rounds or not readers:
            return set()
        return set.intersection(*map(self.around, readers)) - self.around(maker)

    def end_of_round(self, maker: Node, readers: list[Node]) -> int | None:
        """The last node of the round that alone reads a tensor."""
        ends = [self.last[found] for found in self.shared(maker, readers)]
        return max(ends, default=None)

    def entered(self, maker: Node, readers: list[Node]) -> list[int]:
        """The last node of each round of the loop whose first round alone reads a tensor."""
        starts = [repeat for repeat, number in self.shared(maker, readers) if number == 0]
        return sorted(last for (repeat, _), last in self.last.items() if repeat in starts)


def _module(node: Node) -> Region:
    """The part whose forward pass calls a layer."""
    return next(region for region in _around(node) if region.named)


def _around(node: Node) -> Iterator[Region]:
    region: Region | None = node.region
    while region is not None:
        yield region
        region = region.parent


def _all(region: Region) -> Iterator[Region]:
    yield region
    for member in region.members:
        if isinstance(member, Region):
            yield from _all(member)


def _named(region: Region) -> Iterator[Region]:
    """A region and those below it that are modules."""
    if region.named:
        yield region
    for member in region.members:
        if isinstance(member, Region):
            yield from _named(member)
