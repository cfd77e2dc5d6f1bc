"""netspec show filters, receptive, maximize"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from netspec.cli.show_options import Look, shown, view_options

__all__ = ["filters_command", "maximize_command", "receptive_command"]


@click.command("filters")
@view_options
@click.option("--layer", metavar="NAME", help="Layer; default: the first one with kernels.")
def filters_command(file: str, outputs: tuple[Path, ...], as_json: bool, layer: str | None, **wanted: Any) -> None:
    """Show the kernels of a layer as images: gray is 0.

    Kernels of one or three channels are images; of others every channel is, a row for each kernel. The correlation of
    neighboring weights says whether they look clean or noisy. The weights of a fully connected layer on an image are
    images, too.
    """
    shown(lambda: Look(file, wanted).inside.filters(layer), outputs, as_json=as_json)


@click.command("receptive")
@view_options
@click.argument("unit", metavar="UNIT")
@click.option(
    "--image", metavar="IMAGE", help="Image to draw on and to compute gradients for; default: 16 random inputs."
)
def receptive_command(
    file: str, unit: str, image: str | None, outputs: tuple[Path, ...], as_json: bool, **wanted: Any
) -> None:
    """Show the receptive field of UNIT: `conv3`, `conv3[5]` for channel 5, `conv3[5,2,2]` for a position.

    The box is the theoretical field, by the geometry of the layers. The effective field is where the gradient of the unit is
    at least 4.55% of its largest value. IMAGE is a file, or `test:3` of a run.
    """
    look = Look(file, wanted)
    shown(lambda: look.inside.receptive(unit, None if image is None else look.image(image)), outputs, as_json=as_json)


@click.command("maximize")
@view_options
@click.argument("target", metavar="CLASS|UNIT")
@click.option(
    "--steps",
    type=click.IntRange(1, 100_000),
    help="Steps of gradient ascent; default: 512, down to 24 for large networks.",
)
def maximize_command(
    file: str, target: str, steps: int | None, outputs: tuple[Path, ...], as_json: bool, **wanted: Any
) -> None:
    """Find an image that maximizes the score of a class, or a unit such as `conv3[5]`, by gradient ascent from noise."""
    shown(lambda: Look(file, wanted).inside.maximize(target, steps=steps), outputs, as_json=as_json)
