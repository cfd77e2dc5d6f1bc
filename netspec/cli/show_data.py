"""netspec show boundary, panel, worst"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.run_options import part_option
from netspec.cli.show_options import Look, run_options, shown, view_options

if TYPE_CHECKING:
    from netspec.inside.view import View

__all__ = ["boundary_command", "panel_command", "worst_command"]


@click.command("boundary")
@view_options
@part_option("Points of a run to draw.", "train")
def boundary_command(file: str, part: str, outputs: tuple[Path, ...], as_json: bool, **wanted: Any) -> None:
    """Show the decision regions of a network with two inputs, for a run with the points of its data.

    With -o OUT.gif, the regions after every epoch of a run, which is trained again from its seed.
    """
    animated = any(path.suffix.lower() == ".gif" for path in outputs)
    shown(lambda: _boundary(Look(file, wanted), part, animated=animated), outputs, as_json=as_json)


def _boundary(look: Look, part: str, *, animated: bool) -> View:
    if not look.is_run or len(look.inside.graph.inputs) != 1:
        return look.inside.boundary()
    from netspec.training.learning_views import learning
    from netspec.training.run_views import RunExamples, labelled_points

    held = RunExamples(look.run, part)
    return learning(held) if animated else look.inside.boundary(*labelled_points(held))


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
