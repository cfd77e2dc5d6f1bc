"""Repetitions in a sequence: `a b a b a b c` is `a b` three times, then `c`."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

__all__ = ["Run", "runs"]

_LONGEST = 64


class Run(NamedTuple):
    """`times` copies of a unit of `length` items, the first of which begins at `start`."""

    start: int
    length: int
    times: int

    @property
    def end(self) -> int:
        return self.start + self.length * self.times


def runs(keys: Sequence[Hashable], longest: int = _LONGEST) -> list[Run]:
    """The sequence as runs, from left to right: at each place the unit of at most `longest` items that repeats over the
    most items, the shortest of those; an item that does not repeat is a run of its own."""
    found: list[Run] = []
    start = 0
    while start < len(keys):
        best = Run(start, 1, 1)
        for length in range(1, min(longest, (len(keys) - start) // 2) + 1):
            if keys[start] != keys[start + length]:
                continue
            end = start + length
            while end < len(keys) and keys[end] == keys[end - length]:
                end += 1
            times = (end - start) // length
            if times > 1 and length * times > best.length * best.times:
                best = Run(start, length, times)
        found.append(best)
        start = best.end
    return found
