"""The table of a network: a row for each item of its outline, a column for each figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from netspec.analysis.analysis import Analysis
from netspec.analysis.conditions import Conditions
from netspec.analysis.description import description
from netspec.analysis.figures import FIGURES, Value
from netspec.graph import Failed, Graph, Node
from netspec.report.outline import EVERYTHING, Item, View, outline
from netspec.report.selection import FACTS, columns_of
from netspec.report.summary import conditions_text, convention
from netspec.report.table_formats import Entry, Heading, Row, Table

__all__ = [
    "conditions_note",
    "headings_of",
    "inputs_of",
    "layer_table",
    "network_rows",
    "network_table",
    "notes_of",
    "plain_rows",
    "title_of",
    "total_row",
    "with_column",
]

_LAYER = Heading("layer", "layer", narrow="cut")
_UNKNOWN = Entry("?")
_BLANK = Entry("")


def network_table(analysis: Analysis, columns: Iterable[str] = ("default",), view: View | None = None) -> Table:
    """The table of a checked network: its outline, then its totals. Raises UnknownColumn, UnknownPart."""
    names = columns_of(columns)
    rows = network_rows(analysis, names, outline(analysis.graph, view), local=False)
    if not analysis.graph.failed:
        rows.append(total_row(analysis, names))
    return Table(title_of(analysis.graph), headings_of(names), rows, notes_of(analysis, names))


def layer_table(analysis: Analysis, columns: Iterable[str] = ("default",), view: View | None = None) -> Table:
    """The table of a network for machines: one row for each layer, or for each part that is not opened where a view is
    given, so that sums over the rows are totals. Raises UnknownColumn, UnknownPart."""
    names = columns_of(columns, ("op", "what", "input", "output"))
    items = [item for item in outline(analysis.graph, view or EVERYTHING) if not item.opened]
    rows = [row._replace(level=0, role="") for row in network_rows(analysis, names, items, local=False)]
    return Table(title_of(analysis.graph), headings_of(names), rows)


def plain_rows(table: Table) -> list[dict[str, Any]]:
    """The values of a table, one dict for each row by the names of its columns. Fractions are numbers as Python has them."""
    names = [heading.name for heading in table.headings]
    return [{n: _plain(entry.value) for n, entry in zip(names, row.entries, strict=True)} for row in table.rows]


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    return value


def with_column(name: str, tables: Iterable[tuple[str, Table]]) -> Table:
    """Tables with the same headings as one; the first column, `name`, says which each row comes from."""
    tables = list(tables)
    rows = [row._replace(entries=(Entry(key, key), *row.entries)) for key, table in tables for row in table.rows]
    return Table("", (Heading(name, name), *tables[0][1].headings), rows)


def title_of(graph: Graph) -> str:
    return f"{graph.name}, input {inputs_of(graph)}"


def inputs_of(graph: Graph) -> str:
    several = len(graph.inputs) > 1
    types = ((name, graph.shown(i)) for name, i in graph.inputs)
    return ", ".join(f"{name} {kind}" if several else str(kind) for name, kind in types)


def notes_of(analysis: Analysis, columns: Iterable[str]) -> list[str]:
    """What each figure is, and the conditions where they are not one input in float32, counted by netspec."""
    figures = [FIGURES[name] for name in columns if name in FIGURES]
    notes = [f"{figure.title}: {figure.doc}" for figure in figures]
    if analysis.conditions.macs != "netspec":
        notes.append(convention(analysis))
    said = conditions_note(analysis.conditions)
    return [*notes, said] if said else notes


def conditions_note(given: Conditions) -> str:
    """The conditions of memory, traffic and time; "" for one input in float32."""
    if given == Conditions(macs=given.macs):
        return ""
    others = (f", optimizer {given.optimizer}" if given.optimizer else "") + (
        f", {given.device}" if given.device else ""
    )
    return f"Memory, traffic and time: {conditions_text(given)}{others}."


def headings_of(columns: Iterable[str]) -> list[Heading]:
    figures = (FACTS[name] if name in FACTS else Heading(name, FIGURES[name].title, right=True) for name in columns)
    return [_LAYER, *figures]


def network_rows(analysis: Analysis, columns: Sequence[str], items: Iterable[Item], *, local: bool) -> list[Row]:
    """A row for each item, and a marked one for each layer with an error. `local`: names without those of their parts."""
    waiting = list(analysis.graph.failed)
    rows: list[Row] = []
    for item in items:
        while waiting and waiting[0].place <= item.nodes()[0].index:
            rows += _failure(waiting.pop(0), columns, item.level)
        name = Entry(item.local_name if local else item.name, item.name, _style(item))
        entries = (name, *(_entry(analysis, item, column) for column in columns))
        rows.append(Row(entries, item.level, "part" if item.opened else ""))
    return rows + [row for failed in waiting for row in _failure(failed, columns, 0)]


def _style(item: Item) -> str:
    if item.nodes()[-1].aux:
        return "dim"
    return "bold" if item.opened else ""


def total_row(analysis: Analysis, columns: Iterable[str]) -> Row:
    totals = (_BLANK if name in FACTS else _figure_entry(name, analysis.total(name)) for name in columns)
    return Row((Entry("total", "total"), *totals), role="total")


def _entry(analysis: Analysis, item: Item, column: str) -> Entry:
    if column in FACTS:
        return _fact(analysis.graph, item, column)
    node = item.layer
    if node is None:
        return _figure_entry(column, analysis.of(column, item.nodes()))
    if column == "params" and node.shares is not None and node.params:
        return Entry("shared", 0)
    return _figure_entry(column, analysis.layer(column, node))


def _figure_entry(name: str, value: Value | None) -> Entry:
    if value is None or value == () or (value == 0 and not isinstance(value, tuple)):
        return Entry("-", value, "dim")
    return Entry(FIGURES[name].text(value), value)


def _fact(graph: Graph, item: Item, column: str) -> Entry:
    node, nodes = item.layer, item.nodes()
    if column == "output":
        return Entry(str(graph.shown(nodes[-1].index)), nodes[-1].type.shape, "cyan")
    if column == "input":
        before = nodes[0].inputs[0]
        return Entry(str(graph.shown(before)), graph.nodes[before].type.shape)
    if column == "line":
        line = item.members[0].span.line
        return Entry(str(line), line)
    if column == "what":
        return _text(description(graph, node) if node is not None else item.description())
    if node is None:
        return _BLANK
    return _text(node.kind if column == "op" else _names(graph, node))


def _names(graph: Graph, node: Node) -> str:
    return ", ".join(graph.nodes[i].name for i in node.inputs)


def _text(text: str) -> Entry:
    return Entry(text, text)


def _failure(failed: Failed, columns: Sequence[str], level: int) -> list[Row]:
    text = " ".join(failed.span.text.split())
    shown = text if len(text) <= 40 else f"{text[:39]}…"
    took = f" on {', '.join(map(str, failed.inputs))}" if failed.inputs else ""
    where = Entry(f"{shown}{took}, line {failed.span.line}")
    first = Entry(f"✗ {failed.name}", failed.name, "bold red")
    rows = [Row((first, *(where if name == "what" else _UNKNOWN for name in columns)), level)]
    if failed.followers:
        plural = "s" if failed.followers > 1 else ""
        said = Entry(f"{failed.followers:,} layer{plural} after it {'are' if plural else 'is'} unknown")
        rows.append(Row((Entry("…", None, "dim"), *(said if name == "what" else _BLANK for name in columns)), level))
    return rows
