"""Divisors near a number: what could stand in place of groups, heads or parts that do not come out even."""

from __future__ import annotations

from math import gcd, isqrt

from netspec.ops.op import Change

__all__ = ["divisor_changes", "near_divisors"]


def near_divisors(wanted: int, *numbers: int, most: int = 3) -> tuple[int, ...]:
    """The common divisors of some numbers that are nearest to the one wanted, in ascending order."""
    whole = gcd(*numbers)
    small = [d for d in range(1, isqrt(whole) + 1) if whole % d == 0]
    found = {*small, *(whole // d for d in small)}
    return tuple(sorted(sorted(found, key=lambda d: (abs(d - wanted), d))[:most]))


def divisor_changes(option: str, what: str, wanted: int, *numbers: int) -> tuple[Change, ...]:
    """A change of the option for each of the nearest divisors, the nearest first; the help names all of them."""
    near = near_divisors(wanted, *numbers)
    help_ = f"{what}: {', '.join(map(str, near))}"
    nearest = min((d for d in near if d > 1 or len(near) == 1), key=lambda d: (abs(d - wanted), d), default=1)
    return (Change(help_, option, str(nearest)),)
