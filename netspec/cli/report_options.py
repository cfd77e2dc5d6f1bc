"""The options of `check` that say what its report shows: columns, rows, format, file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from netspec.analysis.conditions import Conditions
from netspec.analysis.figures import ALL
from netspec.cli.condition_options import condition_options, read_conditions, read_size, require_peaks
from netspec.report.outline import View
from netspec.report.selection import FACTS, PRESETS, UnknownColumn, columns_of

__all__ = ["FORMATS", "ReportOptions", "read_report_options", "report_options"]

TABLES = ("csv", "markdown", "html", "latex")
DIAGNOSTICS = ("diagnostics", "jsonl", "sarif", "github")
FORMATS = ("table", "json", *TABLES, *DIAGNOSTICS)
_SUFFIXES = {".json": "json", ".csv": "csv", ".md": "markdown", ".html": "html", ".tex": "latex"}
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What the report shows, and where it goes: standard output, or a file."""

    form: str
    output: Path | None
    columns: tuple[str, ...]
    view: View
    conditions: Conditions
    fits: int | None
    explain: str | None


def report_options(command: F) -> F:
    """Adds the options; `read_report_options` makes `ReportOptions` of their values."""
    command = condition_options(command)
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option(
        "--format",
        "form",
        type=click.Choice(FORMATS),
        metavar="FORMAT",
        help="The report: table (default), json, csv, markdown, html or latex; or only the diagnostics: as text (diagnostics), jsonl (JSON lines), "
        "sarif (SARIF 2.1.0) or github (workflow commands).",
    ),
    click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write the report to a file; .json, .csv, .md, .html and .tex say its format.",
    ),
    click.option(
        "--columns",
        metavar="NAME,…",
        default="default",
        help=f"Figures to show, such as params,macs,rf, or a preset: {', '.join(PRESETS)}. See docs/figures.md.",
    ),
    click.option("--depth", type=click.IntRange(1), metavar="N", help="Levels of blocks and labels to open."),
    click.option(
        "--expand", "expand", metavar="NAME", multiple=True, help="Open a block, an instance or a label; or: all."
    ),
    click.option("--all", "everything", is_flag=True, help="The same as --expand all."),
    click.option(
        "--explain", metavar="LAYER", help="Show the formulas of a layer with its numbers: by name, label or line."
    ),
    click.option("--fits", metavar="SIZE", help="Show the largest batch that fits into a memory, such as 80GB."),
)


def read_report_options(
    form: str | None,
    output: Path | None,
    columns: str,
    depth: int | None,
    expand: tuple[str, ...],
    everything: bool,
    fits: str | None,
    explain: str | None,
    **conditions: Any,
) -> ReportOptions:
    """Raises UsageError."""
    form = form or _SUFFIXES.get(output.suffix.lower() if output is not None else "", "table")
    given = read_conditions(**conditions)
    names = _read_columns(columns, given)
    expanded = tuple(name for text in expand for name in text.split(",")) + (("all",) if everything else ())
    view = View(depth, expanded)
    asked = names != ("default",) or view != View() or given != Conditions()
    if form in DIAGNOSTICS and (asked or fits is not None):
        raise click.UsageError(f"--format {form} writes diagnostics only, without rows and columns.")
    if fits is not None and form != "table":
        raise click.UsageError("--fits is a line of the table; elsewhere, the column `fits` has it for the device.")
    if explain is not None and (form != "table" or asked or fits is not None):
        raise click.UsageError("--explain shows formulas instead of the table, without rows, columns and conditions.")
    return ReportOptions(form, output, names, view, given, read_size(fits) if fits is not None else None, explain)


def _read_columns(text: str, given: Conditions) -> tuple[str, ...]:
    """Raises UsageError."""
    names = tuple(name for name in text.split(",") if name.strip())
    if not names:
        raise click.UsageError(f"--columns needs at least one name.\n{_every_column()}")
    try:
        chosen = columns_of(names)
    except UnknownColumn as unknown:
        hint = f" Did you mean `{unknown.near}`?" if unknown.near else ""
        raise click.UsageError(f"There is no column `{unknown.name}`.{hint}\n{_every_column()}") from None
    require_peaks(chosen, given, "column")
    return names


def _every_column() -> str:
    figures = ", ".join(f"{f.name} ({', '.join(f.aliases)})" if f.aliases else f.name for f in ALL)
    return f"Figures: {figures}.\nOther columns: {', '.join(FACTS)}.\nPresets: {', '.join(PRESETS)}."
