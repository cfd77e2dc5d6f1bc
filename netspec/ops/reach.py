"""Which positions of its input one position of an output depends on, along one axis: the algebra of receptive fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, gcd, lcm

__all__ = ["SAME", "Reach", "between_corners", "interpolated", "sampled", "sliding", "spreading", "whole"]

_MOST = 4096
"""A pattern of more positions than this is cut off; it is exact for the positions before."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Output position p depends on the input positions from `lows` to `highs`, both of p modulo their length, moved on
    by `stride` for each position.

    Where the stride is a whole number, one entry is enough (Araujo et al. 2019); after a layer that upsamples by 2, even
    and odd positions see different parts. A low above its high is a position that depends on nothing.
    """

    lows: tuple[int, ...]
    highs: tuple[int, ...]
    stride: Fraction = Fraction(1)

    def sees(self, p: int) -> tuple[int, int]:
        """The first and the last input position that output position p depends on; negative positions are padding."""
        n = len(self.lows)
        rounds, i = divmod(p, n)
        moved = floor(rounds * n * self.stride)
        return self.lows[i] + moved, self.highs[i] + moved

    @property
    def size(self) -> int:
        """The largest number of input positions that an output position depends on."""
        return max(high - low + 1 for low, high in zip(self.lows, self.highs, strict=True))

    @property
    def start(self) -> int:
        """The first input position that output position 0 depends on: minus the padding before it."""
        return self.lows[0]

    @property
    def center(self) -> Fraction:
        """The middle of what output position 0 depends on."""
        return Fraction(self.lows[0] + self.highs[0], 2)

    def then(self, step: Reach, size: int) -> Reach:
        """What an output of a layer depends on, if it depends on `step` of our positions; `size` outputs matter."""
        n, m = len(self.lows), len(step.lows)
        advance = step.stride * m
        if advance.denominator == 1:
            m *= n // gcd(n, advance.numerator)
        m = min(m, max(size, 1), _MOST)
        seen = [self._between(*step.sees(p)) for p in range(m)]
        return Reach(tuple(low for low, _ in seen), tuple(high for _, high in seen), self.stride * step.stride)

    def _between(self, first: int, last: int) -> tuple[int, int]:
        """The extent of what a range of positions depends on."""
        n = len(self.lows)
        if n == 1 or last < first:
            return self.sees(first)[0], self.sees(last)[1]
        near, far = range(first, min(last, first + n - 1) + 1), range(max(first, last - n + 1), last + 1)
        return min(self.sees(q)[0] for q in near), max(self.sees(q)[1] for q in far)

    def joined(self, other: Reach) -> Reach:
        """The extent of both: what a join of branches depends on. The stride is the larger one."""
        if self == other:
            return self
        m = min(lcm(len(self.lows), len(other.lows)), _MOST)
        seen = [(self.sees(p), other.sees(p)) for p in range(m)]
        lows = tuple(min(a[0], b[0]) for a, b in seen)
        return Reach(lows, tuple(max(a[1], b[1]) for a, b in seen), max(self.stride, other.stride))


SAME = Reach((0,), (0,))


def sliding(extent: int, stride: int, before: int) -> Reach:
    """A window of `extent` that moves by `stride` over an input padded with `before` positions."""
    return Reach((-before,), (extent - 1 - before,), Fraction(stride))


def whole(size: int) -> Reach:
    """Every position depends on all `size` positions."""
    return Reach((0,) * size, (size - 1,) * size)


def spreading(taps: Sequence[int], stride: int, before: int) -> Reach:
    """A transposed convolution: input i reaches the outputs i * stride + tap - before."""
    lows, highs = [], []
    for p in range(stride):
        found = [(p + before - tap) // stride for tap in taps if (p + before - tap) % stride == 0]
        near = (ceil(Fraction(p + before - taps[-1], stride)), (p + before - taps[0]) // stride)
        lows.append(min(found, default=near[0]))
        highs.append(max(found, default=near[1]))
    return Reach(tuple(lows), tuple(highs), Fraction(1, stride))


def sampled(size: int, sizes: int, ranges: Sequence[tuple[int, int]]) -> Reach:
    """A change of size: for each of the first outputs, the range of inputs that it depends on."""
    return Reach(tuple(r[0] for r in ranges), tuple(r[1] for r in ranges), Fraction(size, sizes))


def interpolated(size: int, sizes: int, *, taps: int = 1) -> Reach:
    """Outputs that are size/sizes apart in the input: each is its nearest input, or lies among 2 or 4 of them, measured
    from the centers of pixels."""
    stride = Fraction(size, sizes)
    count = range(min(stride.denominator, _MOST))
    places = [(p + Fraction(1, 2)) * stride - Fraction(1, 2) if taps > 1 else p * stride for p in count]
    return sampled(size, sizes, [_among(place, taps) for place in places])


def between_corners(size: int, sizes: int, *, taps: int = 2) -> Reach:
    """Outputs that lie among inputs, where the first and the last of both coincide."""
    stride = Fraction(size - 1, sizes - 1) if sizes > 1 else Fraction(0)
    seen = [_among(p * stride, taps) for p in range(min(stride.denominator, _MOST))]
    return Reach(tuple(low for low, _ in seen), tuple(high for _, high in seen), stride)


def _among(place: Fraction, taps: int) -> tuple[int, int]:
    """The inputs that a place between them is made of: the one before it, or as many before as after it."""
    if taps == 1 or place.denominator == 1:
        return floor(place), floor(place)
    return floor(place) - taps // 2 + 1, ceil(place) + taps // 2 - 1
