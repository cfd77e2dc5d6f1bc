"""What is said of a tensor that is too large to show: its mean, spread, extremes, zeros, and a histogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

__all__ = ["BINS", "Statistics", "numbers_text", "statistics_of"]

BINS = 12
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Statistics:
    """Over all finite values; `zeros` is the share of values that are exactly 0. `std` divides by the number of values.
    `histogram` counts the values in bins of equal width from `low` to `high`."""

    count: int
    mean: float
    std: float
    low: float
    high: float
    zeros: float
    histogram: tuple[int, ...]
    not_finite: int = 0

    @property
    def sparkline(self) -> str:
        """The histogram as blocks; an empty bin is a space."""
        most = max(self.histogram, default=0)
        return "".join(" " if not n else _BARS[(n * (len(_BARS) - 1) + most - 1) // most] for n in self.histogram)


def statistics_of(array: np.ndarray[Any, Any]) -> Statistics:
    import numpy as np

    flat = np.asarray(array).ravel()
    finite = flat[np.isfinite(flat)].astype(np.float64) if flat.dtype.kind == "f" else flat.astype(np.float64)
    if not finite.size:
        return Statistics(flat.size, 0.0, 0.0, 0.0, 0.0, 0.0, (), flat.size)
    low, high = float(finite.min()), float(finite.max())
    with np.errstate(all="ignore"):
        histogram = _histogram(finite, low, high)
        mean, std = float(finite.mean()), float(finite.std())
    zeros = float((finite == 0).sum() / flat.size)
    return Statistics(flat.size, mean, std, low, high, zeros, histogram, flat.size - finite.size)


def _histogram(values: np.ndarray[Any, Any], low: float, high: float) -> tuple[int, ...]:
    import numpy as np

    width = high - low
    if not width or not np.isfinite(width):
        return (values.size,)
    places = np.clip(((values - low) / width * BINS).astype(np.int64), 0, BINS - 1)
    return tuple(np.bincount(places, minlength=BINS).tolist())


def numbers_text(array: np.ndarray[Any, Any]) -> str:
    """The values of a small tensor: one number as it is, more in brackets with four digits, a batch as a list of its examples."""
    if array.size == 1:
        return _number(array.ravel()[0], 6)
    return _listed(array[0] if len(array) == 1 else array)


def _listed(array: np.ndarray[Any, Any]) -> str:
    parts = (_listed(part) if part.size > 1 or part.ndim > 1 else _number(part.ravel()[0], 4) for part in array)
    return f"[{', '.join(parts)}]"


def _number(value: Any, digits: int) -> str:
    text = f"{float(value):.{digits}g}"
    return "0" if text == "-0" else text
