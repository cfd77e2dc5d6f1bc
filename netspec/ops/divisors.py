"""Divisors near a number: suggestions for groups, heads or parts that do not divide the features."""

from __future__ import annotations

from math import gcd, isqrt

from netspec.ops.op import Change

__all__ = ["divisor_changes", "multiple_changes", "near_divisors"]


def near_divisors(wanted: int, *numbers: int, most: int = 3) -> tuple[int, ...]:
    """The common divisors of some numbers that are nearest to a wanted value, in ascending order."""
    whole = gcd(*numbers)
    small = [d for d in range(1, isqrt(whole) + 1) if whole % d == 0]
    found = {*small, *(whole // d for d in small)}
    return tuple(sorted(sorted(found, key=lambda d: (abs(d - wanted), d))[:most]))


def divisor_changes(option: str, what: str, wanted: int, *numbers: int) -> tuple[Change, ...]:
    """A change of the option to the nearest divisor; the help lists several."""
    near = near_divisors(wanted, *numbers)
    help_ = f"{what}: {', '.join(map(str, near))}"
    nearest = min((d for d in near if d > 1 or len(near) == 1), key=lambda d: (abs(d - wanted), d), default=1)
    return (Change(help_, option, str(nearest)),)


def multiple_changes(option: str, what: str, factor: int, value: int) -> tuple[Change, ...]:
    """The nearest multiples of a factor, below and above a value, as a change of an option to the nearer one."""
    near = [n for n in (value - value % factor, value - value % factor + factor) if n > 0]
    nearest = min(near, key=lambda n: (abs(n - value), -n))
    return (Change(f"{what}: {', '.join(map(str, near))}", option, str(nearest)),)
