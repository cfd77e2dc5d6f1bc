"""Numbers with units as a reader sees them."""

from __future__ import annotations

from fractions import Fraction

__all__ = ["bytes_text", "count_text", "number_text", "seconds_text"]


def bytes_text(size: int) -> str:
    """Bytes in a suitable unit (1 MB = 10^6 bytes)."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.2f} {unit}"
    return f"{size} bytes"


def count_text(value: int) -> str:
    return f"{value:,}"


def number_text(value: float | Fraction) -> str:
    """A whole number, a fraction such as 1/2, or four digits."""
    return str(value) if isinstance(value, (int, Fraction)) else f"{value:.4g}"


def seconds_text(value: float) -> str:
    """Seconds in a suitable unit."""
    for unit, factor in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns" if value else "0"
