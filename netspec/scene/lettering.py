"""How wide a text is in the font of the pictures."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

__all__ = ["FAMILY", "font_file", "text_width", "written_out"]

FAMILY = "Arimo, Arial, 'Liberation Sans', Helvetica, sans-serif"
"""Fonts of equal widths, so that a picture looks the same where Arimo is not installed."""
_WRITTEN_OUT = {"⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")"}
_WIDE = 1000
"""For a character that the font lacks, in thousandths of the size: that of an ideograph."""


@cache
def _widths() -> dict[str, dict[str, int]]:
    text = files("netspec.scene").joinpath("fonts", "widths.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, int]] = json.loads(text)
    return found


def font_file(*, bold: bool) -> str:
    """The path of the font."""
    return str(files("netspec.scene").joinpath("fonts", f"Arimo-{'Bold' if bold else 'Regular'}.ttf"))


@cache
def text_width(text: str, size: float, bold: bool = False) -> float:
    """In the unit of `size`, the height of the font."""
    widths = _widths()["bold" if bold else "regular"]
    return sum(widths.get(c, _WIDE) for c in text) * size / 1000


def written_out(text: str) -> str:
    """Signs that the font of the pictures lacks as words: `floor(H/2)`."""
    for sign, word in _WRITTEN_OUT.items():
        text = text.replace(sign, word)
    return text
