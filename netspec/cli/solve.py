"""netspec solve"""

from __future__ import annotations

import sys
from typing import Any

import click

from netspec.cli.condition_options import condition_options, read_conditions, require_peaks
from netspec.cli.figure_names import read_figure
from netspec.cli.grid_values import read_unknowns
from netspec.cli.output import color_wanted, columns, echo_json, echo_verbatim
from netspec.cli.specs import limit_option, read_limits, read_spec

__all__ = ["command"]


@click.command("solve")
@click.argument("file", metavar="FILE")
@click.option(
    "-D",
    "definitions",
    metavar="NAME=?",
    multiple=True,
    required=True,
    help="An unknown: ? or ?8..512 or ?8..512..8 or ?relu,gelu; or the value of another parameter.",
)
@click.option("--target", metavar="CONDITION", required=True, help="What must hold, such as 'params <= 5M'.")
@click.option("--maximize", metavar="FIGURE", help="The figure that should be as large as possible.")
@click.option("--minimize", metavar="FIGURE", help="The figure that should be as small as possible.")
@click.option("--figures", metavar="NAMES", help="Figures to show, separated by commas.")
@click.option(
    "--budget",
    type=click.IntRange(10, 1_000_000),
    default=2000,
    show_default=True,
    help="Networks to try at most, about.",
)
@click.option("--format", "form", type=click.Choice(("table", "json")), default="table", help="Output format.")
@condition_options
@limit_option
def command(
    file: str, definitions: tuple[str, ...], target: str, maximize: str | None, minimize: str | None, figures: str | None,
    budget: int, form: str, limits: tuple[str, ...], **given: Any,
) -> None:  # fmt: skip
    """Find the largest values of parameters with which a condition holds.

    Of several unknowns, those that maximize the first figure of the condition. Exit code 1 if nothing fits.
    """
    from netspec.analysis.sweep import Goal
    from netspec.elaborate import UnknownParameter
    from netspec.exploring import FIGURES_SHOWN, solve_source

    if maximize and minimize:
        raise click.UsageError("Give either --maximize or --minimize.")
    unknowns, fixed = read_unknowns(definitions)
    if not unknowns:
        raise click.UsageError("Give an unknown: -D 'width=?' or -D 'width=?8..512'.")
    goal = Goal(read_figure(maximize), "maximize") if maximize else None
    goal = Goal(read_figure(minimize), "minimize") if minimize else goal
    shown = [read_figure(name.strip()) for name in figures.split(",")] if figures else list(FIGURES_SHOWN)
    conditions = read_conditions(**given)
    require_peaks([*shown, *([goal.figure] if goal else [])], conditions, "figure")
    bounds = read_limits(limits)
    try:
        found = solve_source(read_spec(file, bounds), target, unknowns, goal, shown, fixed, bounds, budget, conditions)
    except UnknownParameter as unknown:
        raise click.UsageError(f"The net in {file} has no parameter `{unknown.name}`; {unknown.help}.") from None
    if form == "json":
        echo_json(found.to_dict())
    else:
        from netspec.report.terminal import terminal_lines

        color = color_wanted(sys.stdout)
        echo_verbatim("\n".join(terminal_lines(found.table(), room=columns(sys.stdout), color=color)), color=color)
    raise SystemExit(0 if found.values is not None else 1)
