"""Round numbers for an axis."""

from __future__ import annotations

import math

__all__ = ["round_steps", "round_ticks"]


def round_steps(low: float, high: float, most: int) -> list[float]:
    """Up to `most` + 1 equally spaced round numbers (1, 2 or 5 times a power of ten) from below `low` to above `high`."""
    span = high - low or abs(high) or 1.0
    unit = 10.0 ** math.floor(math.log10(span / most))
    widths = (n * unit for n in (1, 2, 5, 10, 20, 50))
    step = next(w for w in widths if math.ceil(high / w - 1e-9) - math.floor(low / w + 1e-9) <= most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12 - math.floor(math.log10(step))) for i in range(first, max(last, first + 1) + 1)]


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """Those of `round_steps` that lie between `low` and `high`."""
    return [value for value in round_steps(low, high, most) if low - 1e-9 <= value <= high + 1e-9]
