"""The difference of two networks as Markdown for a review comment."""

from __future__ import annotations

from netspec.analysis.difference import Difference
from netspec.report.difference_tables import changes_table, totals_table
from netspec.report.table_formats import Table, markdown

__all__ = ["difference_markdown"]

MOST = 100
"""Rows of layers; a comment has a longest length."""


def difference_markdown(titles: tuple[str, str], found: Difference) -> str:
    """The totals, then the layers, which a reader unfolds."""
    before, after = titles
    totals = markdown(totals_table(found, f"{before} → {after}"))
    changes = changes_table(found)
    summary, *notes = changes.notes or ["what changed"]
    if found.equal:
        return f"{totals}\nNo difference.\n" + "".join(f"\n{note}\n" for note in changes.notes)
    rows = list(changes.rows)
    if len(rows) > MOST:
        notes.insert(0, f"{len(rows) - MOST:,} more rows")
    table = markdown(Table("", changes.headings, rows[:MOST], notes))
    return f"{totals}\n<details>\n<summary>{_escaped(summary)}</summary>\n\n{table}\n</details>\n"


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)
