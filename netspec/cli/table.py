"""netspec table"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from netspec.cli.output import columns, echo, echo_verbatim
from netspec.cli.specs import checked_model, limit_option, parameter_option

__all__ = ["command"]

_FORMATS = ("terminal", "markdown", "html", "latex")
_SUFFIXES = {".md": "markdown", ".html": "html", ".tex": "latex"}


@click.command("table")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@parameter_option
@click.option("--format", "form", type=click.Choice(_FORMATS), help="Format of the table (default: terminal).")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the table to a file; .md, .html and .tex say its format.",
)
@click.option(
    "--figures",
    metavar="NAME,…",
    default="params",
    help="Figures in the last rows, such as params,macs (default: params). See docs/figures.md.",
)
@click.option(
    "--sizes/--no-sizes", default=None, help="Whether to show the sizes of outputs (default: if there are blocks)."
)
@limit_option
def command(
    files: tuple[str, ...],
    definitions: tuple[str, ...],
    form: str | None,
    output: Path | None,
    figures: str,
    sizes: bool | None,
    limits: tuple[str, ...],
) -> None:
    """Show networks side by side, their layers aligned, as in the configuration tables of papers.

    FILE is a .net file. Activations, norms and dropout after a layer, and the shortcuts of residuals, are not shown.
    """
    from netspec.report.configuration import configuration
    from netspec.report.configuration_formats import WRITERS, terminal

    names = _figures(figures)
    form = form or _SUFFIXES.get(output.suffix.lower() if output is not None else "", "terminal")
    graphs = [checked_model(file, definitions, limits, any_size=True).graph for file in files]
    table = configuration(graphs, names, sizes)
    text = terminal(table, columns(sys.stdout)) if form == "terminal" else WRITERS[form](table)
    if output is None:
        echo_verbatim(text, nl=False)
        return
    from netspec.files import atomic_write

    with atomic_write(output) as file:
        file.write(text.encode())
    echo(f"{output}: {len(text.splitlines()):,} lines", err=True)


def _figures(text: str) -> list[str]:
    """The names of figures. Raises UsageError."""
    from netspec.analysis.figures import FIGURES
    from netspec.diagnostics import nearest

    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in FIGURES or FIGURES[name].part is None:
            near = nearest(name, FIGURES)
            hint = f" Did you mean `{near}`?" if near else f" There are {', '.join(FIGURES)}."
            raise click.UsageError(f"There is no figure `{name}` of a whole network.{hint}")
    return names
