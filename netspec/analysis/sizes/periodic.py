"""Sets of sizes that are periodic from some size on.

Every shape rule is arithmetic with floors, so that what it decides about a size is periodic from some size on; such sets
are closed under union, intersection and complement, and are stored exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd

__all__ = ["ALL", "LARGEST", "NONE", "PeriodicSet", "TooManySizes"]

LARGEST = 65_536
"""Sizes up to this one are considered."""


class TooManySizes(Exception):
    """A period is longer than LARGEST: the set is not computed."""


@dataclass(frozen=True, slots=True)
class PeriodicSet:
    """Whole numbers from 1: the bits of `bits` up to start + period - 1; from `start` on they repeat."""

    start: int
    period: int
    bits: int

    def __contains__(self, size: int) -> bool:
        if size >= self.start + self.period:
            size = self.start + (size - self.start) % self.period
        return size >= 1 and bool(self.bits >> size & 1)

    @property
    def empty(self) -> bool:
        return self.bits == 0

    @property
    def first(self) -> int:
        """The smallest size. Raises ValueError where there is none."""
        if self.bits == 0:
            raise ValueError("an empty set has no smallest size")
        return (self.bits & -self.bits).bit_length() - 1

    @property
    def finite(self) -> bool:
        return self.bits >> self.start == 0

    def up_to(self, most: int) -> Iterator[int]:
        """Its sizes up to and including `most`, in order."""
        return (size for size in range(1, most + 1) if size in self)

    def over(self, start: int, period: int) -> int:
        """The bits for a later start and a multiple of the period."""
        length = start + period
        cycle, filled = self.bits >> self.start, self.period
        while self.start + filled < length:
            cycle |= cycle << filled
            filled *= 2
        low = self.bits & ((1 << self.start) - 1)
        return (low | cycle << self.start) & ((1 << length) - 1)

    def __and__(self, other: PeriodicSet) -> PeriodicSet:
        start, period = self._common(other)
        return _normal(start, period, self.over(start, period) & other.over(start, period))

    def __or__(self, other: PeriodicSet) -> PeriodicSet:
        start, period = self._common(other)
        return _normal(start, period, self.over(start, period) | other.over(start, period))

    def __sub__(self, other: PeriodicSet) -> PeriodicSet:
        return self & ~other

    def __invert__(self) -> PeriodicSet:
        return _normal(self.start, self.period, ~self.bits & ((1 << self.start + self.period) - 2))

    def _common(self, other: PeriodicSet) -> tuple[int, int]:
        period = self.period * other.period // gcd(self.period, other.period)
        if period > LARGEST:
            raise TooManySizes
        return max(self.start, other.start), period


def _normal(start: int, period: int, bits: int) -> PeriodicSet:
    """The same set with the shortest period and the earliest start, so that equal sets are equal values."""
    cycle = bits >> start
    for divisor in _divisors(period):
        part = cycle & ((1 << divisor) - 1)
        whole, filled = part, divisor
        while filled < period:
            whole |= whole << filled
            filled *= 2
        if whole & ((1 << period) - 1) == cycle:
            period, cycle = divisor, part
            break
    while start > 1 and (bits >> (start - 1) & 1) == (cycle >> (period - 1) & 1):
        cycle = (cycle << 1 & ((1 << period) - 1)) | (bits >> (start - 1) & 1)
        start -= 1
    return PeriodicSet(start, period, (bits & ((1 << start) - 1)) | cycle << start)


def _divisors(number: int) -> Iterator[int]:
    return (d for d in range(1, number + 1) if number % d == 0)


ALL = PeriodicSet(1, 1, 2)
NONE = PeriodicSet(1, 1, 0)
