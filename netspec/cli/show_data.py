"""netspec show boundary, panel, worst"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.show_options import Look, run_options, shown, view_options

if TYPE_CHECKING:
    from netspec.inside.view import View

__all__ = ["boundary_command", "panel_command", "worst_command"]


@click.command("boundary")
@view_options
@click.option(
    "--part",
    type=click.Choice(["test", "validation", "train"]),
    default="train",
    show_default=True,
    help="Points of a run to draw.",
)
def boundary_command(file: str, part: str, outputs: tuple[Path, ...], as_json: bool, **wanted: Any) -> None:
    """Show the decision regions of a network with two inputs, for a run with the points of its data."""
    shown(lambda: _boundary(Look(file, wanted), part), outputs, as_json=as_json)


def _boundary(look: Look, part: str) -> View:
    if not look.is_run or len(look.inside.graph.inputs) != 1:
        return look.inside.boundary()
    from netspec.training.run_views import RunExamples, labelled_points

    return look.inside.boundary(*labelled_points(RunExamples(look.run, part)))


@click.command("panel")
@run_options
def panel_command(run: Path, count: int, part: str | None, kept: str, outputs: tuple[Path, ...], as_json: bool) -> None:
    """Show images of the data of a run with their five likeliest classes; the true one is marked."""
    from netspec.training.run_views import panel
    from netspec.training.trained import Trained

    shown(lambda: panel(Trained.open(run, kept), count, part), outputs, as_json=as_json)


@click.command("worst")
@run_options
def worst_command(run: Path, count: int, part: str | None, kept: str, outputs: tuple[Path, ...], as_json: bool) -> None:
    """Show the most confident mistakes of a run: those with the highest loss."""
    from netspec.training.run_views import worst
    from netspec.training.trained import Trained

    shown(lambda: worst(Trained.open(run, kept), count, part), outputs, as_json=as_json)
