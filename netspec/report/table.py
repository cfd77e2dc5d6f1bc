"""The report of a network for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netspec.analysis.analysis import Analysis
from netspec.diagnostics.display import wrapped
from netspec.graph import Graph
from netspec.report.columns import in_columns, painted
from netspec.report.network_table import headings_of, inputs_of, network_rows, notes_of, total_row
from netspec.report.outline import Item, View, outline
from netspec.report.selection import FACTS, PRESETS, columns_of
from netspec.report.summary import Line, condition_lines, convention, total_lines
from netspec.report.table_formats import Entry, Row

__all__ = ["as_text", "report_lines"]

MOST_ROWS = 200
"""Unless rows are requested, of longer tables the middle is left out."""
_LAST = 10
"""How many rows stay after what is left out."""


def as_text(graph: Graph, *, columns: int) -> str:
    lines = report_lines(Analysis(graph), columns=columns, color=False)
    return "".join(f"{line}\n" for line in lines)


def report_lines(
    analysis: Analysis,
    *,
    columns: int,
    color: bool,
    chosen: Iterable[str] = ("default",),
    view: View | None = None,
    fits: int | None = None,
) -> Iterator[str]:
    """The outline of a network with its figures in `columns` of the terminal, then the totals with their conventions.

    `fits` asks for the largest batch that fits into so many bytes. Raises UnknownColumn, UnknownPart.
    """
    graph = analysis.graph
    names = columns_of(chosen)
    usual = tuple(name for name in names if name not in FACTS) == PRESETS["default"]
    view = view or View()
    items = outline(graph, view)
    rows = network_rows(analysis, names, _shortened(items, view), local=True)
    left_out = len(items) - MOST_ROWS if view == View() else 0
    if left_out > 0:
        gap = Entry(f"… {left_out:,} more rows")
        rows.insert(MOST_ROWS - _LAST, Row((gap, *(Entry("") for _ in names))))
    if not usual and not graph.failed:
        rows.append(total_row(analysis, names))
    yield from _title(graph, columns, color)
    yield from in_columns(headings_of(names), rows, room=columns, color=color)
    if left_out > 0 or any(item.layer is None and not item.opened for item in items):
        note = f"{len(graph.layers):,} layers; to see inside of a part, use --depth N, --expand NAME or --all"
        yield from _notes(note, columns, color)
    if graph.failed:
        yield from _notes("totals unavailable: some layers have errors", columns, color)
        return
    below = [*(total_lines(analysis) if usual else ()), *condition_lines(analysis, fits)]
    if below:
        yield ""
        yield from _summary(below, columns, color)
    if not usual:
        yield ""
    for note in [convention(analysis)] if usual else notes_of(analysis, names):
        yield from _notes(note, columns, color)


def _shortened(items: list[Item], view: View) -> list[Item]:
    cut = len(items) > MOST_ROWS and view == View()
    return [*items[: MOST_ROWS - _LAST], *items[-_LAST:]] if cut else items


def _title(graph: Graph, columns: int, color: bool) -> Iterator[str]:
    first, *rest = wrapped(f"   input {inputs_of(graph)}", columns, lead=graph.name, hang=4)
    yield painted(graph.name, "bold", color=color) + first[len(graph.name) :]
    yield from rest
    if graph.sizes:
        for note in graph.sizes_notes:
            yield from _notes(f"   {note}", columns, color)
        built = " and ".join(f"{name} = {size}" for name, size in graph.sizes.items())
        example = next(iter(graph.sizes))
        yield from _notes(f"   figures are for {built}; `-D {example}=…` gives others", columns, color)
        yield ""


def _notes(text: str, columns: int, color: bool) -> Iterator[str]:
    return (painted(line, "dim", color=color) for line in wrapped(text, columns))


def _summary(lines: Iterable[Line], columns: int, color: bool) -> Iterator[str]:
    lines = list(lines)
    room = max((len(line.value) for line in lines), default=0)
    for name, value, note in lines:
        lead = f"{name:<11}{value:>{room}}"
        first, *rest = wrapped(note, columns, lead=f"{lead}   ", hang=len(lead) + 3)
        said = painted(first[len(lead) :], "dim", color=color)
        yield (painted(f"{name:<11}", "bold", color=color) + lead[11:] + said).rstrip()
        yield from (painted(line, "dim", color=color) for line in rest)
