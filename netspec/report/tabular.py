"""What a checked network shows of itself in Python and in notebooks: figures, rows, tables."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from netspec.analysis.analysis import Analysis
from netspec.analysis.conditions import Conditions
from netspec.diagnostics import Diagnostic
from netspec.diagnostics.terminal import render
from netspec.graph import Graph
from netspec.report.figures_view import Figures
from netspec.report.network_table import layer_table, network_table, plain_rows
from netspec.report.outline import View
from netspec.report.table_formats import Table, html_text

__all__ = ["Tabular", "checked_html"]


class Tabular:
    """The tables of what has an analysis."""

    @abstractmethod
    def analysis(self, conditions: Conditions | None = None) -> Analysis:
        """The figures under some conditions."""

    @property
    def figures(self) -> Figures:
        """Every figure of the whole network by name, each computed when it is asked for; shown as a table in notebooks."""
        return Figures(self.analysis())

    def rows(
        self,
        columns: str | Iterable[str] = "default",
        *,
        conditions: Conditions | None = None,
        depth: int | None = None,
    ) -> list[dict[str, Any]]:
        """One dict for each layer, as `pandas.DataFrame` takes them: `layer`, `op`, `what`, `input`, `output` and the figures.

        `columns` as of `netspec check --columns`: names or presets, as text with commas or one by one. Sizes are tuples
        without the batch; a figure without a value is None. With a `depth`, parts below it are one row with their sums.
        Raises KeyError for an unknown column, with the nearest name.
        """
        view = View(depth=depth) if depth is not None else None
        return plain_rows(layer_table(self.analysis(conditions), _names(columns), view))

    def table(
        self,
        columns: str | Iterable[str] = "default",
        *,
        conditions: Conditions | None = None,
        depth: int | None = None,
        expand: str | Iterable[str] = (),
    ) -> Table:
        """The table of `netspec check` as a value: notebooks show it, and `table.write("csv")` gives its text in a format.

        The arguments are those of the command. Raises KeyError for an unknown column or part.
        """
        view = View(depth, tuple(_names(expand)))
        return network_table(self.analysis(conditions), _names(columns), view)

    def _repr_html_(self) -> str:
        """What notebooks show: the table."""
        return self.table()._repr_html_()


def checked_html(name: str, graph: Graph | None, diagnostics: Sequence[Diagnostic], library: Sequence[str]) -> str:
    """The table of the known layers, then the diagnostics as text; for a library, what it declares."""
    parts = [html_text(f"{name}: a library that declares {', '.join(library)}")] if library else []
    if graph is not None and graph.layers:
        parts.append(network_table(Analysis(graph))._repr_html_())
    if diagnostics:
        shown = "\n\n".join(render(d, color=False, columns=100).rstrip("\n") for d in diagnostics)
        parts.append(f'<pre style="font-family:monospace">{chr(10).join(map(html_text, shown.split(chr(10))))}</pre>\n')
    return "".join(parts)


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(given.split(",") if isinstance(given, str) else given)
