"""netspec show neighbors, embedding, top"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.run_options import part_option
from netspec.cli.show_options import Look, shown, view_options
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from netspec.training.run_views import RunExamples

__all__ = ["embedding_command", "neighbors_command", "top_command"]


_SPLIT = "Split of the data."
_count = click.option("--count", type=click.IntRange(1, 100), default=8, show_default=True, help="Number of examples.")


def _held(look: Look, part: str) -> RunExamples:
    """The examples of a run. Raises SpecError (NS606)."""
    from netspec.training.run_views import RunExamples

    if not look.is_run:
        raise SpecError.of("NS606", f"{look.file} is not a run, and only runs have data", helps=["train one with `netspec train SPEC`"])  # fmt: skip
    return RunExamples(look.run, part)


@click.command("neighbors")
@view_options
@click.argument("image", metavar="IMAGE")
@part_option(_SPLIT, "train")
@_count
def neighbors_command(
    file: str, image: str, part: str, count: int, outputs: tuple[Path, ...], as_json: bool, **wanted: Any
) -> None:
    """Show the examples of a run that are nearest to IMAGE, a file or `test:3`, in the last hidden layer."""
    from netspec.training.feature_views import neighbors

    look = Look(file, wanted)
    shown(lambda: neighbors(look.inside, look.image(image), _held(look, part), count), outputs, as_json=as_json)


@click.command("embedding")
@view_options
@part_option(_SPLIT, "test")
@click.option(
    "--method", type=click.Choice(["pca", "tsne"]), default="pca", show_default=True,
    help="Principal components, or t-SNE (scikit-learn), which --seed repeats.",
)  # fmt: skip
def embedding_command(
    file: str, part: str, method: str, outputs: tuple[Path, ...], as_json: bool, **wanted: Any
) -> None:
    """Show the last hidden layer of the examples of a run in two dimensions, colored by class."""
    from netspec.training.feature_views import embedding

    look = Look(file, wanted)
    shown(lambda: embedding(look.inside, _held(look, part), method), outputs, as_json=as_json)


@click.command("top")
@view_options
@click.argument("unit", metavar="UNIT")
@part_option(_SPLIT, "train")
@_count
def top_command(
    file: str, unit: str, part: str, count: int, outputs: tuple[Path, ...], as_json: bool, **wanted: Any
) -> None:
    """Show the examples of a run that excite UNIT most, with its receptive field: `conv3[5]`, or `conv3` for 8 channels."""
    from netspec.training.feature_views import top

    look = Look(file, wanted)
    shown(lambda: top(look.inside, unit, _held(look, part), count), outputs, as_json=as_json)
