"""Names of figures on the command line."""

from __future__ import annotations

import click

__all__ = ["read_figure", "read_figures"]


def read_figure(name: str) -> str:
    """The name of a figure of the whole network. Raises UsageError."""
    from netspec.analysis.figures import FIGURES
    from netspec.diagnostics import nearest

    known = {alias: figure.name for alias, figure in FIGURES.items() if figure.part is not None}
    if name in known:
        return known[name]
    near = nearest(name, known)
    have = f"Did you mean `{near}`?" if near else f"There are {', '.join(dict.fromkeys(known.values()))}."
    raise click.UsageError(f"There is no figure `{name}`. {have}")


def read_figures(names: str | None) -> tuple[str, ...]:
    """Names separated by commas; those that are compared unless others are chosen. Raises UsageError."""
    from netspec.analysis.difference import TOTALS

    if names is None:
        return TOTALS
    return tuple(read_figure(name.strip()) for name in names.split(","))
