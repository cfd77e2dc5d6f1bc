"""netspec badge"""

from __future__ import annotations

from pathlib import Path

import click

from netspec.cli.figure_names import read_figure
from netspec.cli.output import echo
from netspec.cli.specs import (
    limit_option,
    parameter_option,
    print_diagnostics,
    read_limits,
    read_parameters,
    read_spec,
    run_check,
)

__all__ = ["command"]


@click.command("badge")
@click.argument("file", metavar="FILE")
@click.option(
    "-o",
    "--output",
    "out",
    metavar="OUT.svg",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to write.",
)
@click.option("--figure", default="params", show_default=True, help="The figure to show.")
@click.option("--label", help="The text on the left; the name of the figure unless given.")
@click.option(
    "--expect", "expect", metavar="CONDITION", multiple=True, help="Green where this holds, red where it does not."
)
@parameter_option
@limit_option
def command(
    file: str, out: Path, figure: str, label: str | None, expect: tuple[str, ...], definitions: tuple[str, ...],
    limits: tuple[str, ...],
) -> None:  # fmt: skip
    """Write a badge with a figure of a spec, as SVG.

    A spec with errors, or one that does not meet --expect, gives a red badge and exit code 1.
    """
    from netspec.analysis.analysis import Analysis
    from netspec.analysis.figures import FIGURES
    from netspec.files import atomic_write
    from netspec.report.badge import badge, short

    name = read_figure(figure)
    if out.suffix != ".svg":
        raise click.UsageError("-o needs a file name ending in .svg.")
    bounds, parameters = read_limits(limits), read_parameters(definitions)
    checked = run_check(read_spec(file, bounds), parameters, bounds, expect)
    errors = [d for d in checked.diagnostics if d.is_error]
    print_diagnostics(errors)
    value = None
    if checked.graph is not None and not any(d.code not in ("NS401", "NS402") for d in errors):
        value = Analysis(checked.graph).total(name)
    plain = isinstance(value, int) and not FIGURES[name].unit
    text = "failing" if value is None and errors else short(value) if plain else FIGURES[name].text(value)  # type: ignore[arg-type]
    kind = "bad" if errors else "good" if expect else "figure"
    with atomic_write(out) as stream:
        stream.write(badge(label or FIGURES[name].title, text, kind).encode())
    echo(f"{out}: {label or FIGURES[name].title} {text}")
    raise SystemExit(1 if errors else 0)
