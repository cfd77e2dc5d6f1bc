"""Which parts of two networks correspond, from the whole nets down to their layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netspec.analysis.alignment import Costs, Pair, Work, aligned
from netspec.analysis.parts import Forest, Part
from netspec.graph import Graph

__all__ = ["Correspondence", "Match"]


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Two parts that correspond, with those in them, or one part without a counterpart."""

    a: Part | None
    b: Part | None
    inner: tuple[Match, ...] = ()

    def leaves(self) -> Iterator[Match]:
        """The layers that correspond."""
        if self.a is not None and self.b is not None and self.a.node is not None:
            yield self
        for match in self.inner:
            yield from match.leaves()


class Correspondence:
    """The correspondence of two networks. `first` and `second` give for a node of one (by index) that of the other."""

    def __init__(self, a: Graph, b: Graph) -> None:
        self.graphs = a, b
        self._forest = Forest()
        self._costs: Costs[Part] = Costs(lambda part: part.digest, self._forest.whole, self._forest.change)
        self._work = Work()
        self._pairs: dict[tuple[tuple[int, ...], tuple[int, ...]], list[Pair]] = {}
        self.root = self._matched(self._forest.tree(a.root), self._forest.tree(b.root))
        self.first: dict[int, int] = {}
        self.second: dict[int, int] = {}
        for match in self.root.leaves():
            one, other = match.a, match.b
            if one is not None and other is not None and one.node is not None and other.node is not None:
                self.first[one.node.index] = other.node.index
                self.second[other.node.index] = one.node.index

    def _matched(self, a: Part, b: Part) -> Match:
        """Two parts that correspond. Equal ones do so part by part."""
        if a.digest == b.digest:
            return Match(a, b, tuple(map(self._matched, a.children, b.children)))
        return Match(a, b, tuple(self._sequence(a.children, b.children)))

    def _sequence(self, a: Sequence[Part], b: Sequence[Part]) -> Iterator[Match]:
        """The matches of two sequences of parts."""
        gap: tuple[list[Part], list[Part]] = [], []
        key = tuple(part.digest for part in a), tuple(part.digest for part in b)
        pairs = self._pairs.get(key)
        if pairs is None:
            pairs = self._pairs[key] = aligned(a, b, self._costs, self._work)
        for i, j in (*pairs, (None, None)):
            if i is not None and j is None:
                gap[0].append(a[i])
            elif j is not None and i is None:
                gap[1].append(b[j])
            else:
                yield from self._gap(*gap)
                gap[0].clear()
                gap[1].clear()
                if i is not None and j is not None:
                    yield self._matched(a[i], b[j])

    def _gap(self, a: list[Part], b: list[Part]) -> Iterator[Match]:
        """Parts without a counterpart. Where layers were moved into a block, or out of one, the layers correspond."""
        if a and b and any(part.children for part in (*a, *b)):
            opened = _opened(a), _opened(b)
            inner = list(self._sequence(*opened))
            kept = sum(self._forest.whole(m.a) for m in inner if m.a is not None and m.b is not None)
            if 2 * kept >= min(sum(map(self._forest.whole, side)) for side in opened):
                yield from inner
                return
        yield from (Match(part, None) for part in a)
        yield from (Match(None, part) for part in b)


def _opened(parts: list[Part]) -> list[Part]:
    """What is in the parts; layers stay as they are."""
    return [inner for part in parts for inner in (part.children or (part,))]
