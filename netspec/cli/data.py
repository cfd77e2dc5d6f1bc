"""netspec data"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.output import echo, progress_shown
from netspec.cli.specs import parameter_option
from netspec.cli.training_options import data_options, read_data_options, resolved_source
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from netspec.source import SourceFile

__all__ = ["command"]


@click.group("data")
def command() -> None:
    """Work with training data: `check` shows what is in it, `pack` stores it so that it is read fast."""


@command.command("check")
@click.argument("where", metavar="SOURCE")
@click.argument("file", metavar="[SPEC]", required=False)
@data_options("validation", "test", "resize", "workers")
@parameter_option
def check_command(where: str, file: str | None, definitions: tuple[str, ...], **wanted: Any) -> None:
    """Show what is in SOURCE: examples by class and part, sizes, files that cannot be decoded, and copies in several parts.

    With SPEC, also whether the data fits the net. The exit code is 1 if something is wrong.
    """
    from netspec.cli.data_console import print_contents
    from netspec.datasets.contents import contents_of
    from netspec.datasets.formats import open_stored
    from netspec.datasets.wanted import Wanted

    options = read_data_options(wanted)
    source = None if file is None else _spec(file, definitions)
    found = open_stored(where, Wanted.anything() if source is None else _needed(source, options)[0], options)
    with progress_shown():
        contents = contents_of(found, options)
    misfit = None if source is None else _misfit(source, where, options, broken=bool(contents.broken))
    print_contents(contents, None if file is None else Path(file).name, misfit)


@command.command("pack")
@click.argument("where", metavar="SOURCE")
@click.argument("file", metavar="[SPEC]", required=False)
@click.option(
    "-o", "output", metavar="FOLDER", required=True, type=click.Path(path_type=Path), help="The folder to write; it must not exist yet."
)  # fmt: skip
@data_options("resize", "workers", "corrupt")
@parameter_option
def pack_command(where: str, file: str | None, output: Path, definitions: tuple[str, ...], **wanted: Any) -> None:
    """Store SOURCE in one folder, which `--data` takes like any other and which gives the same examples.

    Image files are stored one after another, as they are; arrays as they are, uncompressed. With SPEC, examples are stored as
    the net takes them: decoded and scaled. Interrupted, the same command goes on where it was.
    """
    from netspec.datasets.packing import require_new
    from netspec.training.run_lock import locked

    require_new(output)
    options = read_data_options(wanted)
    if file is None and wanted["resize"]:
        raise click.UsageError("--resize scales images to the input of a net: give its SPEC.")
    with locked(output.with_name(output.name + ".lock"), f"the folder {output}"), progress_shown():
        size = _packed(where, output, options) if file is None else _packed_for(_spec(file, definitions), where, output, options)  # fmt: skip
    echo(f"{output}: {size / 1e6:,.1f} MB")


def _packed(where: str, output: Path, options: Any) -> int:
    from netspec.datasets.arrays import ArraySet
    from netspec.datasets.formats import open_stored
    from netspec.datasets.image_set import ImageSet
    from netspec.datasets.packing import pack_arrays, pack_images
    from netspec.datasets.wanted import Wanted

    found = open_stored(where, Wanted.anything(), options)
    if isinstance(found, ImageSet):
        size = pack_images(found, output)
        if found.unread:
            columns = ", ".join(f"`{name}`" for name in found.unread)
            echo(f"left out, as only the images and their labels are packed: {columns}", err=True)
        return size
    if isinstance(found, ArraySet):
        return pack_arrays(found, output)
    raise SpecError.of("NS601", f"{where} holds neither images nor arrays as they are stored", helps=["give the SPEC of a network that takes it: netspec data pack SOURCE SPEC -o FOLDER"])  # fmt: skip


def _packed_for(source: SourceFile, where: str, output: Path, options: Any) -> int:
    from netspec.datasets.formats import open_source
    from netspec.datasets.packing import pack_examples

    wanted, options = _needed(source, options, whole=True)
    if any(goal.points for goal in wanted.goals.values()):
        raise SpecError.of(
            "NS604", "points of images that are scaled for a spec cannot be packed",
            helps=["train on the data itself, which is read where it is"],
        )  # fmt: skip
    size, missing = pack_examples(open_source(where, wanted, options), wanted.inputs, output, options)
    if missing:
        echo(f"{len(missing)} examples cannot be decoded and are left out: {', '.join(missing[:3])}", err=True)
    return size


def _spec(file: str, definitions: tuple[str, ...]) -> SourceFile:
    from netspec.cli.specs import read_limits, read_parameters, read_spec, usable

    limits = read_limits(())
    source = read_spec(file, limits)
    usable(source, read_parameters(definitions), limits, strict=False)
    return resolved_source(source, definitions, {})


def _needed(source: SourceFile, options: Any, *, whole: bool = False) -> tuple[Any, Any]:
    """What the net of a spec needs from data, and how it is read; `whole`: of images that are not cut at random. Raises SpecError
    (NS604)."""
    from netspec.model import check
    from netspec.training.plan import Plan
    from netspec.training.run_data import cuts_randomly, wanted_data

    plan = Plan.of(check(source).lenient().model().graph)
    if whole and cuts_randomly(plan):
        raise SpecError.of(
            "NS604", f"{source.name} reads a random part of each image, which cannot be decoded in advance",
            helps=["leave out the spec: files are then packed as they are"],
        )  # fmt: skip
    return wanted_data(plan, options)


def _misfit(source: SourceFile, where: str, options: Any, *, broken: bool) -> SpecError | None:
    """Why the data does not fit a net, if so. Broken files are reported already."""
    from dataclasses import replace

    from netspec.model import check
    from netspec.training.plan import Plan
    from netspec.training.request import Request
    from netspec.training.run_data import open_data

    try:
        plan = Plan.of(check(source).lenient().model().graph)
        open_data(plan, Request(source, where, replace(options, corrupt="skip" if broken else "stop")))
    except SpecError as error:
        return error
    return None
