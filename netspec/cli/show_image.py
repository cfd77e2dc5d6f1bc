"""netspec show activations, saliency, gradcam, occlusion, dream"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from netspec.cli.show_options import Look, class_option, shown, view_options

__all__ = ["activations_command", "dream_command", "gradcam_command", "occlusion_command", "saliency_command"]

_image = click.argument("image", metavar="IMAGE")


@click.command("activations")
@view_options
@_image
@click.option("--layer", metavar="NAME", help="All maps of one layer or label; default: some of every layer.")
def activations_command(
    file: str, image: str, layer: str | None, outputs: tuple[Path, ...], as_json: bool, **wanted: Any
) -> None:
    """Show the feature maps of IMAGE, a file or `test:3` of a run. -o OUT.npz writes all of them, with --layer also .npy."""
    look = Look(file, wanted)
    shown(lambda: look.inside.activations(look.image(image), layer), outputs, as_json=as_json)


@click.command("saliency")
@view_options
@_image
@class_option
@click.option("--guided", is_flag=True, help="Guided backpropagation: relu passes only positive gradients back.")
def saliency_command(
    file: str, image: str, cls: str | None, guided: bool, outputs: tuple[Path, ...], as_json: bool, **wanted: Any
) -> None:
    """Show the absolute gradient of the score of a class with respect to the pixels of IMAGE, a file or `test:3` of a run."""
    look = Look(file, wanted)
    shown(lambda: look.inside.saliency(look.image(image), cls, guided=guided), outputs, as_json=as_json)


@click.command("gradcam")
@view_options
@_image
@class_option
@click.option("--layer", metavar="NAME", help="Layer; default: the last one with feature maps of several positions.")
def gradcam_command(
    file: str, image: str, cls: str | None, layer: str | None, outputs: tuple[Path, ...], as_json: bool, **wanted: Any
) -> None:
    """Show the region of IMAGE, a file or `test:3` of a run, that speaks for a class."""
    look = Look(file, wanted)
    shown(lambda: look.inside.gradcam(look.image(image), cls, layer), outputs, as_json=as_json)


@click.command("occlusion")
@view_options
@_image
@class_option
@click.option("--patch", type=click.IntRange(1), help="Side of the square in pixels; default: an eighth of the image.")
@click.option("--stride", type=click.IntRange(1), help="Step in pixels; default: that of the square.")
def occlusion_command(
    file: str, image: str, cls: str | None, patch: int | None, stride: int | None, outputs: tuple[Path, ...],
    as_json: bool, **wanted: Any,
) -> None:  # fmt: skip
    """Show how far the score of a class falls where a square of IMAGE, a file or `test:3` of a run, is covered."""
    look = Look(file, wanted)
    shown(lambda: look.inside.occlusion(look.image(image), cls, patch, stride), outputs, as_json=as_json)


@click.command("dream")
@view_options
@_image
@click.argument("layer", metavar="LAYER")
@click.option(
    "--octaves",
    type=click.IntRange(1, 20),
    default=4,
    show_default=True,
    help="Number of sizes, each 1.4 times the one before.",
)
@click.option(
    "--steps",
    type=click.IntRange(1, 10_000),
    default=12,
    show_default=True,
    help="Steps of gradient ascent at each size.",
)
def dream_command(
    file: str, image: str, layer: str, octaves: int, steps: int, outputs: tuple[Path, ...], as_json: bool, **wanted: Any
) -> None:  # fmt: skip
    """Make what LAYER, or a channel such as `conv3[5]`, sees in IMAGE (a file, or `test:3` of a run) stronger in it (DeepDream)."""
    look = Look(file, wanted)
    shown(lambda: look.inside.dream(look.image(image), layer, octaves=octaves, steps=steps), outputs, as_json=as_json)
