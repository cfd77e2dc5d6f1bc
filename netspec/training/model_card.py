"""A report as a model card in Markdown: what the network is, how it was trained, what it scores, and where it fails."""

from __future__ import annotations

import re

from netspec.diagnostics.display import printable
from netspec.report.table_formats import markdown, markdown_text
from netspec.training.run_report import RunReport, Section

__all__ = ["as_card"]

_FENCE = re.compile(r"`{3,}")


def as_card(report: RunReport) -> str:
    """The sections that have words, tables or a text; pictures are those of the page."""
    lines = [
        f"# {_text(report.network)}",
        "",
        f"Model card of the run {_text(report.run)}, written by `netspec report`.",
        "",
    ]
    lines += [markdown(report.facts)]
    for section in report.sections:
        if section.lines or section.tables or section.code:
            lines += [f"## {section.title}", "", *_content(section)]
    return "\n".join(lines)


def _content(section: Section) -> list[str]:
    parts = [f"{_text(line)}\n" for line in section.lines]
    parts += [markdown(table) for table in section.tables]
    if section.code:
        longest = max((len(found[0]) for found in _FENCE.finditer(section.code)), default=2)
        fence = "`" * (longest + 1)
        parts.append(f"{fence}net\n{printable(section.code).rstrip()}\n{fence}\n")
    return parts


def _text(text: str) -> str:
    return markdown_text(printable(text))
