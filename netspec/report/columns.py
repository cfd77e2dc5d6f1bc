"""Text in columns for a terminal: each as wide as its widest cell, as far as the line allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Literal, NamedTuple

from netspec.diagnostics.display import printable, width, wrapped

__all__ = ["Cell", "Column", "in_columns", "painted"]

_GAP = " " * 3
_NARROW = (12, 4)
"""How narrow a column becomes before the next gives way, and at last."""
_STYLES = {"bold": "1", "dim": "2", "cyan": "36", "bold red": "1;31"}


class Cell(NamedTuple):
    """A text, and how it looks in colors: bold, dim, cyan, bold red, or plain."""

    text: str
    style: str = ""


class Column(NamedTuple):
    """`narrow` says what gives where the line is too short: nothing, or its cells are folded into lines, or cut."""

    title: str
    right: bool = False
    narrow: Literal["", "fold", "cut"] = ""


def painted(text: str, style: str, *, color: bool) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if color and style and text.strip() else text


def in_columns(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, room: int, color: bool) -> Iterator[str]:
    """The lines of a table with its titles. Numbers are never cut: a line that is still too long stays so."""
    rows = [[Cell(printable(cell.text), cell.style) for cell in row] for row in rows]
    widths = _widths(columns, rows, room)
    yield from _lines(columns, widths, [Cell(column.title, "bold") for column in columns], color=color)
    yield "─" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    for row in rows:
        yield from _lines(columns, widths, row, color=color)


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], room: int) -> list[int]:
    cells = [(column.title, *(row[i].text for row in rows)) for i, column in enumerate(columns)]
    widths = [max(map(width, texts)) for texts in cells]
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - room
    for least, way in product(_NARROW, ("fold", "cut")):
        for i, column in enumerate(columns):
            if column.narrow == way and excess > 0:
                less = min(excess, max(0, widths[i] - least))
                widths[i] -= less
                excess -= less
    return widths


def _lines(columns: Sequence[Column], widths: Sequence[int], row: Sequence[Cell], *, color: bool) -> Iterator[str]:
    """The lines of one row: as many as its longest folded cell has."""
    cells = [_fitted(cell.text, column, room) for cell, column, room in zip(row, columns, widths, strict=True)]
    for number in range(max(map(len, cells))):
        line = ""
        for i, (cell, column, room) in enumerate(zip(row, columns, widths, strict=True)):
            text = cells[i][number] if number < len(cells[i]) else ""
            blank = " " * (room - width(text))
            shown = painted(text, cell.style, color=color)
            line += (_GAP if i else "") + (blank + shown if column.right else shown + blank)
        yield line.rstrip()


def _fitted(text: str, column: Column, room: int) -> list[str]:
    if width(text) <= room or not column.narrow:
        return [text]
    return wrapped(text, room) if column.narrow == "fold" else [text[: room - 1] + "…"]
