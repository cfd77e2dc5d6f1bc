"""A table as the lines of a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.diagnostics.display import printable, wrapped
from netspec.report.columns import in_columns, painted
from netspec.report.table_formats import Table

__all__ = ["terminal_lines"]


def terminal_lines(table: Table, *, room: int, color: bool) -> Iterator[str]:
    """The title, the rows and the notes of a table."""
    if table.title:
        yield from (painted(line, "bold", color=color) for line in wrapped(printable(table.title), room))
    if table.rows:
        yield from in_columns(table.headings, table.rows, room=room, color=color)
    for note in table.notes:
        yield from (painted(line, "dim", color=color) for line in wrapped(printable(note), room))
