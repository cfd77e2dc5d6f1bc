"""Loops for repeats: members of a chain that follow one another with numbers that step evenly."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["member_lines"]

# A whole number that is an argument by itself, so that an expression can stand in its place
_NUMBER = re.compile(r"(?<=[(=])(?:0|[1-9]\d*)(?=[,)])|(?<=, )(?:0|[1-9]\d*)(?=[,)])")
_NUMBERED = re.compile(r"(.*?)(0|[1-9]\d*)")
_LEAST = 3
"""Repeats before a loop is worth its line."""
_LONGEST = 8


def member_lines(members: Sequence[tuple[str, str]], *, loops: bool) -> list[str]:
    """Assignments of the members; with `loops` (in a Sequential), runs of them are loops over `add_module`."""
    lines: list[str] = []
    i = 0
    while i < len(members):
        period, repeats = _run(members, i) if loops else (0, 0)
        if repeats:
            lines += _loop(members, i, period, repeats)
            i += period * repeats
        else:
            name, text = members[i]
            lines.append(f"self.{name} = {text}")
            i += 1
    return lines


def _run(members: Sequence[tuple[str, str]], start: int) -> tuple[int, int]:
    """(period, repeats) of the run that covers most members from here on; (0, 0) where there is none."""
    best = (0, 0)
    for period in range(1, _LONGEST + 1):
        repeats = 1
        while _continues(members, start, period, repeats):
            repeats += 1
        if repeats >= _LEAST and period * repeats > best[0] * best[1] and period * repeats > period + 1:
            best = (period, repeats)
    return best


def _continues(members: Sequence[tuple[str, str]], start: int, period: int, repeats: int) -> bool:
    """Whether the next `period` members go on as those before: names by 1, numbers by a constant step."""
    at = start + period * repeats
    if at + period > len(members):
        return False
    for k in range(period):
        first, name = _NUMBERED.fullmatch(members[start + k][0]), _NUMBERED.fullmatch(members[at + k][0])
        if first is None or name is None or first[1] != name[1] or int(name[2]) != int(first[2]) + repeats:
            return False
        one, this = members[start + k][1], members[at + k][1]
        if _NUMBER.sub("#", one) != _NUMBER.sub("#", this):
            return False
        two = members[start + period + k][1] if repeats > 1 else this
        numbers = zip(_numbers(one), _numbers(two), _numbers(this), strict=True)
        if any(c != a + (b - a) * repeats for a, b, c in numbers):
            return False
    return True


def _numbers(text: str) -> list[int]:
    return [int(n) for n in _NUMBER.findall(text)]


def _loop(members: Sequence[tuple[str, str]], start: int, period: int, repeats: int) -> list[str]:
    matches = [_NUMBERED.fullmatch(members[start + k][0]) for k in range(period)]
    first = int(matches[0][2]) if matches[0] else 1
    lines = [f"for i in range({first}, {first + repeats}):"]
    for k, match in enumerate(matches):
        assert match is not None
        offset = int(match[2]) - first
        number = "{i}" if not offset else f"{{i {'+' if offset > 0 else '-'} {abs(offset)}}}"
        text = _stepping(members[start + k][1], members[start + period + k][1], first)
        lines.append(f'    self.add_module(f"{match[1]}{number}", {text})')
    return lines


def _stepping(one: str, two: str, first: int) -> str:
    """The constructor with an expression in `i` where a number grows."""
    steps = [b - a for a, b in zip(_numbers(one), _numbers(two), strict=True)]
    values = iter(zip(_numbers(one), steps, strict=True))

    def replace(match: re.Match[str]) -> str:
        value, step = next(values)
        if not step:
            return match.group()
        base = value - step * first
        product = "i" if step == 1 else f"{step} * i"
        return product if not base else f"{base} + {product}" if base > 0 else f"{product} - {-base}"

    return _NUMBER.sub(replace, one)
