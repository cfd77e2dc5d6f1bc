"""Numbers with units as a reader sees them."""

from __future__ import annotations

from fractions import Fraction

__all__ = ["bytes_text", "count_text", "number_text"]


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
