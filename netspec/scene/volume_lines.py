"""Where lines meet the front of a volume: so far from each other and from its edges that each arrow is seen."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.scene.level_geometry import Point

__all__ = ["arriving_apart"]

_APART = 7.0
"""From arrow to arrow: a little more than the height of a head."""
_HEAD = 6.5
"""The same where a volume is too low for that."""
_EDGE = 6.0


def arriving_apart(lines: Sequence[Sequence[Point]], top: float, bottom: float) -> list[list[Point]]:
    """Lines from left to right, whose level last pieces are moved up or down. One that is straight stays if there is room."""
    order = sorted(range(len(lines)), key=lambda i: lines[i][-1][1])
    ends = [lines[i][-1][1] for i in order]
    edge = min(_EDGE, max(1.0, (bottom - top - _HEAD * (len(ends) - 1)) / 2))
    low, high = top + edge, bottom - edge
    step = min(_APART, (high - low) / max(1, len(ends) - 1))
    places = _placed(ends, low, high, step)
    for k, i in enumerate(order):
        y, after = ends[k], len(ends) - 1 - k
        if _is_straight(lines[i]) and low - 0.1 <= y - k * step and y + after * step <= high + 0.1:
            above, below = _placed(ends[:k], low, y - step, step), _placed(ends[k + 1 :], y + step, high, step)
            places = [*above, y, *below]
            break
    found = [list(line) for line in lines]
    for i, place in zip(order, places, strict=True):
        found[i][-2:] = [(x, place) for x, _ in found[i][-2:]]
    return found


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
