"""Which items of two sequences correspond: the alignment of least cost.

Exact (dynamic programming over all pairs) as long as the work for it lasts. Beyond that, common items first (Myers 1986,
"An O(ND) difference algorithm and its variations"), then repetitions as wholes, then pieces of equal proportion.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Generic, TypeAlias, TypeVar

from netspec.analysis.runs import Run, runs

__all__ = ["CELLS", "Costs", "Pair", "Work", "aligned"]

T = TypeVar("T")
Pair: TypeAlias = "tuple[int | None, int | None]"
"""Two items that correspond, by position, or one (of the first, of the second sequence) without a counterpart."""

CELLS = 1_000_000
_SMALL = 10_000
_EDITS = 400
_MATCH, _REMOVE, _ADD = range(3)


@dataclass(slots=True)
class Work:
    """The pairs of items that may still be compared."""

    left: int = CELLS


@dataclass(frozen=True)
class Costs(Generic[T]):
    """`key`: items of one key correspond at no cost. `whole`: the cost of an item without a counterpart. `change`: that of
    two items that correspond; None where they cannot."""

    key: Callable[[T], Hashable]
    whole: Callable[[T], int]
    change: Callable[[T, T], int | None]


def aligned(first: Sequence[T], second: Sequence[T], costs: Costs[T], work: Work) -> list[Pair]:
    """The alignment, in the order of both sequences. Of alignments of one cost, that which matches earlier items."""
    a, b = [costs.key(item) for item in first], [costs.key(item) for item in second]
    return list(_Aligner(first, second, a, b, costs, work).span(0, len(a), 0, len(b)))


class _Aligner(Generic[T]):
    def __init__(
        self, first: Sequence[T], second: Sequence[T], a: list[Hashable], b: list[Hashable], costs: Costs[T], work: Work
    ) -> None:
        self.first, self.second, self.a, self.b, self.costs, self.work = first, second, a, b, costs, work
        self.change = cache(self._change)
        self._examples = {
            key: item for keys, items in ((a, first), (b, second)) for key, item in zip(keys, items, strict=True)
        }

    def _change(self, key: Hashable, other: Hashable) -> int | None:
        return 0 if key == other else self.costs.change(self._examples[key], self._examples[other])

    def span(self, i: int, i_end: int, j: int, j_end: int) -> Iterator[Pair]:
        """The alignment of two slices."""
        while i < i_end and j < j_end and self.a[i] == self.b[j]:
            yield i, j
            i, j = i + 1, j + 1
        tail = 0
        small = (i_end - i) * (j_end - j) <= _SMALL  # the exact alignment matches earlier items
        while (
            not small and i < i_end - tail and j < j_end - tail and self.a[i_end - tail - 1] == self.b[j_end - tail - 1]
        ):
            tail += 1
        yield from self._middle(i, i_end - tail, j, j_end - tail)
        yield from ((i_end - k, j_end - k) for k in range(tail, 0, -1))

    def _middle(self, i: int, i_end: int, j: int, j_end: int) -> Iterator[Pair]:
        cells = (i_end - i) * (j_end - j)
        if not cells:
            yield from ((k, None) for k in range(i, i_end))
            yield from ((None, k) for k in range(j, j_end))
        elif cells <= self.work.left:
            self.work.left -= cells
            yield from self._exact(i, i_end, j, j_end)
        elif common := _common(self.a[i:i_end], self.b[j:j_end]):
            yield from self._between([(i + k, j + m) for k, m in common], i, i_end, j, j_end)
        else:
            yield from self._of_runs(i, i_end, j, j_end)

    def _between(self, anchors: list[tuple[int, int]], i: int, i_end: int, j: int, j_end: int) -> Iterator[Pair]:
        """The alignment of what is between pairs that are fixed."""
        for k, m in anchors:
            yield from self._middle(i, k, j, m)
            yield k, m
            i, j = k + 1, m + 1
        yield from self._middle(i, i_end, j, j_end)

    def _exact(self, i: int, i_end: int, j: int, j_end: int) -> Iterator[Pair]:
        """Least costs from each pair of positions to the end, then forward along them."""
        adds = [self.costs.whole(item) for item in self.second[j:j_end]]
        columns = len(adds)
        below = [0] * (columns + 1)
        for m in range(columns - 1, -1, -1):
            below[m] = below[m + 1] + adds[m]
        choices: list[bytearray] = []
        for k in range(i_end - 1, i - 1, -1):
            remove = self.costs.whole(self.first[k])
            changes = [self.change(self.a[k], key) for key in self.b[j:j_end]]
            row, chosen = [0] * (columns + 1), bytearray(columns)
            right = row[columns] = below[columns] + remove
            for m in range(columns - 1, -1, -1):
                best, choice = below[m] + remove, _REMOVE
                if right + adds[m] < best:
                    best, choice = right + adds[m], _ADD
                change = changes[m]
                if change is not None and below[m + 1] + change <= best:
                    best, choice = below[m + 1] + change, _MATCH
                row[m] = right = best
                chosen[m] = choice
            choices.append(chosen)
            below = row
        choices.reverse()
        k, m = 0, 0
        while k < i_end - i or m < columns:
            choice = _ADD if k == i_end - i else _REMOVE if m == columns else choices[k][m]
            yield None if choice == _ADD else i + k, None if choice == _REMOVE else j + m
            k, m = k + (choice != _ADD), m + (choice != _REMOVE)

    def _of_runs(self, i: int, i_end: int, j: int, j_end: int) -> Iterator[Pair]:
        """Repetitions as wholes; where there are none, pieces that are small enough."""
        ones, others = runs(self.a[i:i_end]), runs(self.b[j:j_end])
        if len(ones) * len(others) * 4 <= (i_end - i) * (j_end - j):
            yield from self._rounds(ones, others, i, j)
            return
        most = min(i_end - i, j_end - j)
        room = self.work.left // 2
        pieces = min(most, -(-(i_end - i) * (j_end - j) // room)) if room > i_end - i + j_end - j else most
        cuts = [(i + (i_end - i) * k // pieces, j + (j_end - j) * k // pieces) for k in range(pieces + 1)]
        for (k, m), (k_end, m_end) in pairwise(cuts):
            if pieces < most:
                yield from self._middle(k, k_end, m, m_end)
            else:
                yield from self._in_turn(k, k_end, m, m_end)

    def _in_turn(self, i: int, i_end: int, j: int, j_end: int) -> Iterator[Pair]:
        """No work is left: the first items of two pieces correspond if they can."""
        together = self.change(self.a[i], self.b[j]) is not None
        if together:
            yield i, j
        yield from ((k, None) for k in range(i + together, i_end))
        yield from ((None, k) for k in range(j + together, j_end))

    def _rounds(self, ones: list[Run], others: list[Run], i: int, j: int) -> Iterator[Pair]:
        """The alignment of runs: those that correspond do so round by round."""

        def whole(run: Run, keys: list[Hashable], offset: int) -> int:
            unit = (self._examples[keys[offset + k]] for k in range(run.start, run.start + run.length))
            return run.times * sum(map(self.costs.whole, unit))

        def units(one: Run, other: Run) -> list[Pair]:
            at, to = i + one.start, j + other.start
            return list(self._middle(at, at + one.length, to, to + other.length))

        def change(one: tuple[int, Run], other: tuple[int, Run]) -> int:
            cost = 0
            for k, m in units(one[1], other[1]):
                if k is not None and m is not None:
                    cost += self.change(self.a[k], self.b[m]) or 0
                else:
                    cost += self.costs.whole(self.first[k] if k is not None else self.second[m or 0])
            rounds = min(one[1].times, other[1].times)
            extra = [run._replace(times=run.times - rounds) for run in (one[1], other[1])]
            return rounds * cost + whole(extra[0], self.a, i) + whole(extra[1], self.b, j)

        costs: Costs[tuple[int, Run]] = Costs(
            key=lambda side: (side[0], side[1].start),
            whole=lambda side: whole(side[1], self.b if side[0] else self.a, j if side[0] else i),
            change=change,
        )
        sides = [(0, run) for run in ones], [(1, run) for run in others]
        for x, y in aligned(*sides, costs, self.work):
            one, other = ones[x] if x is not None else None, others[y] if y is not None else None
            rounds = min(one.times, other.times) if one and other else 0
            pairs = units(one, other) if one and other else []
            for number in range(rounds):
                assert one is not None
                assert other is not None
                for k, m in pairs:
                    yield (
                        None if k is None else k + number * one.length, None if m is None else m + number * other.length,
                    )  # fmt: skip
            if one:
                yield from ((k, None) for k in range(i + one.start + rounds * one.length, i + one.end))
            if other:
                yield from ((None, m) for m in range(j + other.start + rounds * other.length, j + other.end))


def _common(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]] | None:
    """A longest common subsequence, as pairs of positions; None where it takes more than some hundred edits."""
    furthest = {1: 0}
    history: list[dict[int, int]] = []
    for edits in range(_EDITS + 1):
        history.append(dict(furthest))
        for diagonal in range(-edits, edits + 1, 2):
            down = diagonal == -edits or (diagonal != edits and furthest[diagonal - 1] < furthest[diagonal + 1])
            x = furthest[diagonal + 1] if down else furthest[diagonal - 1] + 1
            while x < len(a) and 0 <= x - diagonal < len(b) and a[x] == b[x - diagonal]:
                x += 1
            furthest[diagonal] = x
            if x >= len(a) and x - diagonal >= len(b):
                return _path(history, len(a), len(b))
    return None


def _path(history: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for edits in range(len(history) - 1, -1, -1):
        furthest, diagonal = history[edits], x - y
        down = diagonal == -edits or (diagonal != edits and furthest[diagonal - 1] < furthest[diagonal + 1])
        before = diagonal + 1 if down else diagonal - 1
        start_x = furthest[before] if edits else 0
        start_y = start_x - before if edits else 0
        while x > max(start_x, 0) and y > max(start_y, 0):
            x, y = x - 1, y - 1
            pairs.append((x, y))
        x, y = start_x, start_y
    return pairs[::-1]
