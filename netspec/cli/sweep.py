"""netspec sweep"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.condition_options import condition_options, read_conditions, require_peaks
from netspec.cli.figure_names import read_figure
from netspec.cli.grid_values import read_axes
from netspec.cli.output import color_wanted, columns, echo_json, echo_verbatim
from netspec.cli.specs import limit_option, read_limits, read_spec

if TYPE_CHECKING:
    from netspec.exploring import Sweep

__all__ = ["command"]

_WIDE = 120
"""Columns of a terminal in which there is room for the reasons in the table."""
_FORMATS = ("table", "csv", "json", "markdown", "html", "latex")


@click.command("sweep")
@click.argument("file", metavar="FILE")
@click.option(
    "-D",
    "axes",
    metavar="NAME=VALUES",
    multiple=True,
    required=True,
    help="Values of a parameter: 32,64,128 or 2..5 or 8..512..8 or 8..512..*2.",
)
@click.option(
    "--where",
    metavar="CONDITION",
    default="",
    help="Only points that meet this, such as 'params < 5M and macs < 600M'.",
)
@click.option("--figures", metavar="NAMES", help="Figures to show, separated by commas.")
@click.option(
    "--maximize", metavar="FIGURE", multiple=True, help="A figure that should be large, for the Pareto front."
)
@click.option(
    "--minimize", metavar="FIGURE", multiple=True, help="A figure that should be small, for the Pareto front."
)
@click.option("--format", "form", type=click.Choice(_FORMATS), default="table", help="Output format.")
@click.option("--csv", "form", flag_value="csv", help="The same as --format csv.")
@click.option(
    "--plot", metavar="OUT.svg", type=click.Path(path_type=Path), help="Plot the first two goals to this file."
)
@condition_options
@limit_option
def command(
    file: str, axes: tuple[str, ...], where: str, figures: str | None, maximize: tuple[str, ...], minimize: tuple[str, ...],
    form: str, plot: Path | None, limits: tuple[str, ...], **given: Any,
) -> None:  # fmt: skip
    """Tabulate the figures of a spec over a grid of parameters, the Pareto front marked.

    Without --maximize and --minimize, the front is the most parameters for the least MACs.
    """
    from netspec.analysis.sweep import Goal
    from netspec.elaborate import UnknownParameter
    from netspec.exploring import FIGURES_SHOWN, sweep_source

    if plot is not None and plot.suffix != ".svg":
        raise click.UsageError("--plot needs a file name ending in .svg.")
    shown = [read_figure(name.strip()) for name in figures.split(",")] if figures else list(FIGURES_SHOWN)
    goals = [Goal(read_figure(name), "maximize") for name in maximize]
    goals += [Goal(read_figure(name), "minimize") for name in minimize]
    goals = goals or [Goal("params", "maximize"), Goal("macs", "minimize")]
    if plot is not None and len(goals) < 2:
        raise click.UsageError("--plot needs two figures: give --maximize and --minimize.")
    conditions = read_conditions(**given)
    require_peaks([*shown, *(g.figure for g in goals)], conditions, "figure")
    bounds = read_limits(limits)
    try:
        found = sweep_source(read_spec(file, bounds), read_axes(axes), where, shown, goals, {}, bounds, conditions)
        _print(found, form)
        if plot is not None:
            found.plot(plot)
    except UnknownParameter as unknown:
        raise click.UsageError(f"The net in {file} has no parameter `{unknown.name}`; {unknown.help}.") from None
    except ValueError as error:
        raise click.UsageError(f"The grid is too large: {error}.") from None


def _print(found: Sweep, form: str) -> None:
    if form == "json":
        echo_json(found.to_dict())
    elif form == "table":
        from netspec.report.terminal import terminal_lines

        color, room = color_wanted(sys.stdout), columns(sys.stdout)
        lines = terminal_lines(found.table(reasons=room >= _WIDE), room=room, color=color)
        echo_verbatim("\n".join(lines), color=color)
    else:
        from netspec.report.table_formats import WRITERS

        echo_verbatim(WRITERS[form](found.table()), nl=False)
