"""`netspec.diff`: two networks compared, as a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from netspec.analysis.conditions import Conditions
from netspec.analysis.difference import TOTALS, Difference, difference
from netspec.elaborate.limits import Limits
from netspec.model import Checked, Model, check
from netspec.spec_source import Spec, is_text, path_or_revision, source_of

__all__ = ["Diff", "diff", "side"]

_TOLERATED = frozenset(("NS401", "NS402"))
"""Errors with which a network is still whole: expectations that do not hold are what a difference may be about."""


@dataclass(frozen=True, slots=True)
class Diff:
    """What is different between two networks. In a notebook it is a table; as text, the table of `netspec diff`."""

    titles: tuple[str, str]
    found: Difference

    @property
    def equal(self) -> bool:
        """Whether both are the same network; names of layers are no difference."""
        return self.found.equal

    def to_dict(self) -> dict[str, Any]:
        """The difference as plain data, as `netspec diff --format json` prints it."""
        from netspec.report.difference_tables import difference_data

        return {**difference_data(self.found), "specs": list(self.titles)}

    def to_markdown(self) -> str:
        """Two tables for a review comment, the layers folded away."""
        from netspec.report.difference_markdown import difference_markdown

        return difference_markdown(self.titles, self.found)

    def lines(self, *, columns: int = 80, color: bool = False, everything: bool = False) -> list[str]:
        """The lines of the table in a terminal."""
        from netspec.report.difference_tables import changes_table, totals_table
        from netspec.report.terminal import terminal_lines

        before, after = self.titles
        changes = changes_table(self.found, everything=everything, hint=True)
        lines = list(terminal_lines(totals_table(self.found, f"{before} → {after}"), room=columns, color=color))
        if self.equal:
            lines += ["", "no difference"]
        return (
            [*lines, "", *terminal_lines(changes, room=columns, color=color)]
            if changes.rows or changes.notes
            else lines
        )

    def __str__(self) -> str:
        return "".join(f"{line}\n" for line in self.lines())

    def _repr_html_(self) -> str:
        from netspec.report.difference_tables import changes_table, totals_table
        from netspec.report.table_formats import html

        tables = [totals_table(self.found, " → ".join(self.titles)), changes_table(self.found)]
        shown = "".join(html(table) for table in tables if table.rows or table.notes)
        return f"{shown}<p>no difference</p>\n" if self.equal else shown


def diff(
    a: Spec | Model,
    b: Spec | Model,
    *,
    figures: Iterable[str] = TOTALS,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    conditions: Conditions | None = None,
) -> Diff:
    """What is different in `b`: models, texts, paths, open files, or files of a git revision (`"HEAD~1:net.net"`).

    `figures` are those of the whole networks that are compared; `before` and `after` are values for the parameters of
    either. Raises SpecError where a spec cannot be read or has errors other than expectations that do not hold, and
    KeyError for a name that is not a figure.
    """
    sides = side(a, before or {}), side(b, after or {})
    found = difference(sides[0][1].graph, sides[1][1].graph, tuple(figures), conditions)
    return Diff((sides[0][0], sides[1][0]), found)


def side(spec: Spec | Model, parameters: Mapping[str, Any], limits: Limits | None = None) -> tuple[str, Model]:
    """A network that is compared, and what it is called."""
    if isinstance(spec, Model):
        return spec.name, spec
    limits = limits or Limits()
    named = isinstance(spec, str) and not is_text(spec)
    found = check(path_or_revision(str(spec), limits) if named else source_of(spec, limits), parameters, limits)
    given = ", ".join(f"{name}={value}" for name, value in parameters.items())
    return f"{found.source.name} ({given})" if given else found.source.name, whole(found)


def whole(found: Checked) -> Model:
    """The model of a check whose network is whole, whatever is expected of it. Raises SpecError."""
    errors = [d for d in found.diagnostics if d.is_error]
    if found.graph is not None and errors and all(d.code in _TOLERATED for d in errors):
        return Model(found.source, found.graph, found.diagnostics)
    return found.model()
