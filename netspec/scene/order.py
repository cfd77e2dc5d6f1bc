"""Layered drawing of one level (Sugiyama, Tagawa & Toda, 1981): ranks by longest path, one chain of bends for each
source whatever the number of its targets, and an order within the ranks with few crossings.

Nothing here knows sizes: only where tensors enter and leave parts, from first to last.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Edge", "Ordered", "Ports", "ordered"]

_SWEEPS = 6
_LONG = 6
"""How many layers an item holds that is worth a rank of its own length."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """`ranks` holds items in order; those from `count` on are bends. `links` go from one rank to the next.

    `paths` gives for each edge the items that it runs through, its ends included.
    An edge is (from, to, tensor): edges of one tensor share their bends.
    """

    count: int
    ranks: tuple[tuple[int, ...], ...]
    links: tuple[tuple[int, int], ...]
    paths: tuple[tuple[int, ...], ...]

    @property
    def total(self) -> int:
        """How many items and bends there are."""
        return max((item for row in self.ranks for item in row), default=-1) + 1


Edge: TypeAlias = "tuple[int, int, int]"
Ports: TypeAlias = "tuple[tuple[int, ...], tuple[int, ...]]"
"""The tensors that enter an item and those that leave it, each in the order in which they must; others may anywhere."""
_Strands: TypeAlias = "dict[int, list[tuple[float, int, float]]]"
"""For each item the lines on one side of it: how far from its middle each ends, the item at its other end, and how far from
the middle of that; half the distance between neighbors is 0.5."""


def ordered(
    count: int,
    edges: Sequence[Edge],
    first: Sequence[int] = (),
    last: Sequence[int] = (),
    ports: Sequence[Ports] = (),
    *,
    lengths: Sequence[int] = (),
    backwards: bool = False,
) -> Ordered:
    """The order of `count` items joined by `edges`, which lead from lower to higher ranks; `first` stand in the first rank
    and `last` in the last. `ports` and `lengths` (how many layers they hold) are those of the first items. `backwards`: items that could change places stand from the
    last to the first, skips still after them."""
    rank = _abreast(_ranks(count, edges, first, last), edges, lengths)
    links, paths, height = _bends(count, edges, rank)
    below, above = _strands(edges, paths, ports)
    best, fewest = None, 0
    for straight_first in (True, False):
        rows: list[list[int]] = [[] for _ in range(max(height, default=-1) + 1)]
        for item in _depth_first(len(height), count, links, straight_first=straight_first, backwards=backwards):
            rows[height[item]].append(item)
        untangled, crossings = _untangled(rows, above, below)
        if best is None or crossings < fewest:
            best, fewest = untangled, crossings
        if not fewest:
            break
    assert best is not None
    return Ordered(count, tuple(map(tuple, best)), tuple(links), tuple(paths))


def _ranks(count: int, edges: Sequence[Edge], first: Sequence[int], last: Sequence[int]) -> list[int]:
    """Longest paths from the top; an item without predecessors stands just above its first reader."""
    after: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for a, b, _ in edges:
        after[a].append(b)
        waiting[b] += 1
    begins, ends = set(first), set(last)
    rank = [1 if begins and i not in begins else 0 for i in range(count)]
    ready = [i for i in range(count) if not waiting[i]]
    sources = [i for i in ready if i not in begins]
    for a in ready:
        for b in after[a]:
            rank[b] = max(rank[b], rank[a] + 1)
            waiting[b] -= 1
            if not waiting[b]:
                ready.append(b)
    for a in reversed(sources):
        if after[a]:
            rank[a] = max(rank[a], min(rank[b] for b in after[a]) - 1)
    bottom = max((rank[i] for i in range(count) if i not in ends), default=0) + 1
    for i in last:
        rank[i] = bottom
    return rank


def _abreast(rank: list[int], edges: Sequence[Edge], lengths: Sequence[int]) -> list[int]:
    """Long items further down beside others, where that moves nothing but what follows them and has room below."""
    long = sorted((i for i, length in enumerate(lengths) if length >= _LONG), key=lambda i: -rank[i])
    if len({rank[i] for i in long}) < 2:
        return rank
    downwards = sorted(edges, key=lambda edge: rank[edge[0]])
    latest = [max(rank)] * len(rank)
    for a, b, _ in reversed(downwards):
        latest[a] = min(latest[a], latest[b] - 1)
    placed: list[int] = []
    for item in long:
        if rank[item] < latest[item] and all(rank[i] != rank[item] for i in long if i != item):
            for wanted in sorted({rank[i] for i in placed if rank[i] <= latest[item]}):
                moved = list(rank)
                moved[item] = wanted
                for a, b, _ in downwards:
                    moved[b] = max(moved[b], moved[a] + 1)
                if all(moved[i] == rank[i] for i in placed):
                    rank = moved
                    break
        placed.append(item)
    return rank


def _bends(
    count: int, edges: Sequence[Edge], rank: Sequence[int]
) -> tuple[list[tuple[int, int]], list[tuple[int, ...]], list[int]]:
    """Links between neighbouring ranks; a tensor that many read runs down one chain."""
    height = list(rank)
    chains: dict[int, list[int]] = {}
    links: dict[tuple[int, int], None] = {}
    paths = []
    for a, b, tensor in edges:
        chain = chains.setdefault(tensor, [a])
        steps = rank[b] - rank[a]
        while len(chain) < steps:
            height.append(rank[a] + len(chain))
            chain.append(len(height) - 1)
            links[chain[-2], chain[-1]] = None
        path = (*chain[:steps], b)
        links[path[-2], b] = None
        paths.append(path)
    return list(links), paths, height


def _strands(
    edges: Sequence[Edge], paths: Sequence[tuple[int, ...]], ports: Sequence[Ports]
) -> tuple[_Strands, _Strands]:
    """The lines below each item, and those above it."""

    def offset(item: int, side: int, tensor: int) -> float:
        tensors = ports[item][side] if item < len(ports) else ()
        return (tensors.index(tensor) + 1) / (len(tensors) + 1) - 0.5 if tensor in tensors else 0.0

    found = {
        (a, offset(a, 1, tensor) if a == source else 0.0, b, offset(b, 0, tensor) if b == target else 0.0): None
        for (source, target, tensor), path in zip(edges, paths, strict=True)
        for a, b in itertools.pairwise(path)
    }
    below: _Strands = {}
    above: _Strands = {}
    for a, leaves, b, arrives in found:
        below.setdefault(a, []).append((leaves, b, arrives))
        above.setdefault(b, []).append((arrives, a, leaves))
    return below, above


def _depth_first(
    total: int, count: int, links: Sequence[tuple[int, int]], *, straight_first: bool, backwards: bool
) -> list[int]:
    """The items as a walk from the sources meets them: the way through real items first, so that skips stand at the side;
    or the skips first, so that they stand at the other."""
    after: list[list[int]] = [[] for _ in range(total)]
    entered = [False] * total
    for a, b in links:
        after[a].append(b)
        entered[b] = True
    found: list[int] = []
    seen = [False] * total
    sign = -1 if backwards else 1

    def turn(item: int) -> tuple[bool, int]:
        return (item >= count) == straight_first, item if item >= count else sign * item

    def side(start: int) -> tuple[bool, int]:
        return (min(after[start], default=0) >= count) == straight_first, sign * start

    for start in sorted((item for item in range(count) if not entered[item]), key=side):
        stack = [start]
        while stack:
            item = stack.pop()
            if seen[item]:
                continue
            seen[item] = True
            found.append(item)
            stack.extend(sorted(after[item], key=turn, reverse=True))
    return found


def _untangled(rows: list[list[int]], above: _Strands, below: _Strands) -> tuple[list[list[int]], int]:
    """Barycentre sweeps down and up; the order with the fewest crossings wins, the earliest of equals. And their number."""
    if all(len(row) < 2 for row in rows):
        return rows, 0
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        strands = above if down else below
        for k in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            fixed = {item: i for i, item in enumerate(rows[k - 1 if down else k + 1])}
            rows[k] = _by_barycentre(rows[k], strands, fixed)
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best, fewest


def _by_barycentre(row: list[int], strands: _Strands, fixed: dict[int, int]) -> list[int]:
    """Sorted by the mean place of the other ends of their lines; items without any keep their place."""
    means = {}
    for item in row:
        places = [fixed[other] + offset for _, other, offset in strands.get(item, ())]
        if places:
            means[item] = sum(places) / len(places)
    movable = iter(sorted(means, key=lambda item: (means[item], row.index(item))))
    return [next(movable) if item in means else item for item in row]


def _crossings(rows: Sequence[Sequence[int]], below: _Strands) -> int:
    """How many pairs of lines cross (inversions, counted by insertion)."""
    total = 0
    for upper, lower in itertools.pairwise(rows):
        if len(upper) < 2 and len(lower) < 2:
            continue
        place = {item: i for i, item in enumerate(lower)}
        total += _inversions(
            (i + leaves, place[b] + arrives)
            for i, item in enumerate(upper)
            for leaves, b, arrives in below.get(item, ())
        )
    return total


def _inversions(lines: Iterable[tuple[float, float]]) -> int:
    total = 0
    met: list[float] = []
    for _, group in itertools.groupby(sorted(lines), key=lambda line: line[0]):
        ends = [end for _, end in group]
        total += sum(len(met) - bisect_right(met, end) for end in ends)
        for end in ends:
            insort(met, end)
    return total
