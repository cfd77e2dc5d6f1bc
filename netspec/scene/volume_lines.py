"""Where lines meet the front of a volume: so far from each other and from its edges that each arrow is seen."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.scene.level_geometry import Point

__all__ = ["arriving_apart"]

_APART = 7.0
"""From arrow to arrow: a little more than the height of a head."""
_HEAD = 6.5
"""The same where a volume is too low for that."""
_EDGE, _LEAST = 6.0, 3.0
"""From an edge, and where that would bend a straight line."""


def arriving_apart(lines: Sequence[Sequence[Point]], top: float, bottom: float) -> list[list[Point]]:
    """Lines from left to right, whose level last pieces are moved up or down. One that is straight stays if there is room."""
    order = sorted(range(len(lines)), key=lambda i: lines[i][-1][1])
    ends = [lines[i][-1][1] for i in order]
    straight = next((k for k, i in enumerate(order) if _is_straight(lines[i])), None)
    places = None if straight is None else _around(ends, straight, top + _LEAST, bottom - _LEAST)
    if places is None:
        edge = min(_EDGE, max(1.0, (bottom - top - _HEAD * (len(ends) - 1)) / 2))
        low, high = top + edge, bottom - edge
        places = _placed(ends, low, high, min(_APART, (high - low) / max(1, len(ends) - 1)))
    found = [list(line) for line in lines]
    for i, place in zip(order, places, strict=True):
        found[i][-2:] = [(x, place) for x, _ in found[i][-2:]]
    return found


def _around(ends: Sequence[float], fixed: int, low: float, high: float) -> list[float] | None:
    """The places of all where one of them stays as it is; None where there is no room for that."""
    y, after = ends[fixed], len(ends) - 1 - fixed
    for step in (_APART, _HEAD):
        if low <= y - fixed * step and y + after * step <= high:
            above, below = _placed(ends[:fixed], low, y - step, step), _placed(ends[fixed + 1 :], y + step, high, step)
            return [*above, y, *below]
    return None


def _is_straight(line: Sequence[Point]) -> bool:
    return all(abs(y - line[-1][1]) < 0.5 for _, y in line)


def _placed(wanted: Sequence[float], low: float, high: float, step: float) -> list[float]:
    """Near the wanted places, in their order, between two bounds and so far apart."""
    found: list[float] = []
    for place in wanted:
        found.append(max(place, found[-1] + step if found else low))
    for i in reversed(range(len(found))):
        found[i] = min(found[i], found[i + 1] - step if i + 1 < len(found) else high)
    return found
