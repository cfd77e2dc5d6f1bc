"""netspec draw"""

from __future__ import annotations

from pathlib import Path

import click

from netspec.cli.output import echo
from netspec.cli.specs import checked_model, limit_option, parameter_option, stop_on_error
from netspec.diagnostics import SpecError
from netspec.model import Model

__all__ = ["command"]


@click.command("draw")
@click.argument("file", metavar="FILE")
@click.option(
    "-o",
    "output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    required=True,
    help="Output file: OUT.svg, .png, .pdf or .dot.",
)
@click.option(
    "--direction",
    type=click.Choice(["TB", "LR"], case_sensitive=False),
    default="TB",
    show_default=True,
    help="Direction: top to bottom (TB) or left to right (LR).",
)
@parameter_option
@limit_option
def command(file: str, output: Path, direction: str, definitions: tuple[str, ...], limits: tuple[str, ...]) -> None:
    """Draw a spec as a diagram: edges show shapes, colors distinguish the kinds of layers.

    FILE is a .net file, or - for standard input.
    """
    model: Model = checked_model(file, definitions, limits)
    try:
        model.draw(output, direction=direction.upper())
    except SpecError as error:
        stop_on_error(error)
    count = len(model.graph.layers)
    echo(f"{output}: {count} layer{'s' if count > 1 else ''}")
