"""The figures of a whole network by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netspec.analysis.analysis import Analysis
from netspec.analysis.figures import ALL, FIGURES, Value

__all__ = ["Figures"]


class Figures(Mapping[str, "Value | None"]):
    """Every figure that a whole network has, by its name or an alias; None where it has no value under the conditions."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis

    def __getitem__(self, name: str) -> Value | None:
        """Raises KeyError for an unknown name."""
        if FIGURES[name].part is None:
            raise KeyError(name)
        return self.analysis.total(name)

    def __iter__(self) -> Iterator[str]:
        return (figure.name for figure in ALL if figure.part is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<Figures of {self.analysis.graph.name}: {', '.join(self)}>"

    def _repr_html_(self) -> str:
        """What notebooks show: names, values and definitions, without those that have no value."""
        from netspec.report.table_formats import Entry, Heading, Row, Table

        headings = (Heading("figure", "figure"), Heading("value", "value", right=True), Heading("doc", "what it is"))
        values = [(FIGURES[name], value) for name, value in self.items() if value is not None]
        rows = [
            Row((Entry(figure.name), Entry(figure.text(value), value), Entry(figure.doc))) for figure, value in values
        ]
        return Table(self.analysis.graph.name, headings, rows)._repr_html_()
