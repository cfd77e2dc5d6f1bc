"""The name of a network and its totals above a picture."""

from __future__ import annotations

from netspec.scene.faces import SIZE
from netspec.scene.figure import Item, Text
from netspec.scene.lettering import text_width
from netspec.scene.theme import Theme

__all__ = ["MARGIN", "heading"]

MARGIN = 16.0
"""Around a picture."""
_NAME = 15.0
_HIGH = 41.0


def heading(name: str, total: str, theme: Theme, *, shown: bool) -> tuple[list[Item], float, float]:
    """The texts, how wide they are, and where the picture begins below them; without them, below the margin."""
    if not shown:
        return [], 0.0, MARGIN
    items: list[Item] = [
        Text(MARGIN, MARGIN + 10, name, _NAME, theme.ink, bold=True),
        Text(MARGIN, MARGIN + 27, total, SIZE, theme.faint),
    ]
    return items, max(text_width(name, _NAME, bold=True), text_width(total, SIZE)), MARGIN + _HIGH
