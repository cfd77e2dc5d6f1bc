"""A table in columns for a terminal: each as wide as its widest cell, as far as the line allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from netspec.diagnostics.display import printable, width, wrapped
from netspec.report.table_formats import Entry, Heading, Row

__all__ = ["in_columns", "painted"]

_GAP = " " * 3
_INDENT = " " * 2
_NARROW = 12
"""How narrow a column of texts becomes, at the least."""
_STYLES = {"bold": "1", "dim": "2", "cyan": "36", "bold red": "1;31"}


def painted(text: str, style: str, *, color: bool) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if color and style and text.strip() else text


def in_columns(headings: Sequence[Heading], rows: Iterable[Row], *, room: int, color: bool) -> Iterator[str]:
    """The lines of a table with its titles, a rule below them and above a total.

    Where the line is too short, texts are folded and cut; then columns of folded texts are left out; then the table is
    continued below, its first column repeated. Numbers are never cut: a line with one number may be too long.
    """
    shown = [_printable(row) for row in rows]
    for number, part in enumerate(_parts(headings, shown, room)):
        if number:
            yield ""
        some = [headings[i] for i in part]
        yield from _drawn(some, [row._replace(entries=[row.entries[i] for i in part]) for row in shown], room, color)


def _printable(row: Row) -> Row:
    first, *rest = [Entry(printable(entry.text), None, entry.style) for entry in row.entries]
    return row._replace(entries=[first._replace(text=_INDENT * row.level + first.text), *rest])


def _drawn(headings: Sequence[Heading], rows: Sequence[Row], room: int, color: bool) -> Iterator[str]:
    widths = _widths(headings, rows, room)
    rule = "─" * _total(widths)
    yield from _lines(headings, widths, [Entry(heading.title, None, "bold") for heading in headings], color=color)
    yield rule
    for row in rows:
        if row.role == "total":
            yield rule
        yield from _lines(headings, widths, row.entries, color=color)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _parts(headings: Sequence[Heading], rows: Sequence[Row], room: int) -> list[list[int]]:
    """The columns of each part of the table, by their positions."""
    every = list(range(len(headings)))
    if _total(_widths(headings, rows, room)) <= room:
        return [every]
    kept = [i for i in every if i == 0 or headings[i].narrow != "fold"]
    widths = _widths(
        [headings[i] for i in kept], [r._replace(entries=[r.entries[i] for i in kept]) for r in rows], room
    )
    parts, used = [[0]], widths[0]
    for i, own in zip(kept[1:], widths[1:], strict=True):
        if used + len(_GAP) + own > room and len(parts[-1]) > 1:
            parts.append([0])
            used = widths[0]
        parts[-1].append(i)
        used += len(_GAP) + own
    return parts


def _widths(headings: Sequence[Heading], rows: Sequence[Row], room: int) -> list[int]:
    cells = [(heading.title, *(row.entries[i].text for row in rows)) for i, heading in enumerate(headings)]
    widths = [max(map(width, texts)) for texts in cells]
    excess = _total(widths) - room
    for way in ("fold", "cut"):
        for i, heading in enumerate(headings):
            if heading.narrow == way and excess > 0:
                less = min(excess, max(0, widths[i] - _NARROW))
                widths[i] -= less
                excess -= less
    return widths


def _lines(headings: Sequence[Heading], widths: Sequence[int], row: Sequence[Entry], *, color: bool) -> Iterator[str]:
    """The lines of one row: as many as its longest folded cell has."""
    cells = [_fitted(entry.text, heading, room) for entry, heading, room in zip(row, headings, widths, strict=True)]
    for number in range(max(map(len, cells))):
        line = ""
        for i, (entry, heading, room) in enumerate(zip(row, headings, widths, strict=True)):
            text = cells[i][number] if number < len(cells[i]) else ""
            blank = " " * (room - width(text))
            shown = painted(text, entry.style, color=color)
            line += (_GAP if i else "") + (blank + shown if heading.right else shown + blank)
        yield line.rstrip()


def _fitted(text: str, heading: Heading, room: int) -> list[str]:
    if width(text) <= room or not heading.narrow:
        return [text]
    return wrapped(text, room) if heading.narrow == "fold" else [_cut(text, room)]


def _cut(text: str, room: int) -> str:
    """A text with an ellipsis in place of its middle, by what it takes on the screen; the number at its end stays."""
    tail = text[len(text.rstrip("0123456789-")) :]
    tail = tail if width(tail) < room - 1 else ""
    kept = ""
    for char in text:
        if width(kept + char) > room - 1 - width(tail):
            break
        kept += char
    return f"{kept}…{tail}"
