"""Options shared by the training commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from netspec.datasets import DataOptions
    from netspec.source import SourceFile

__all__ = ["data_option", "data_options", "read_data_options", "recipe_options", "resolved_source"]

F = TypeVar("F", bound=Callable[..., Any])
_DATA_OPTIONS = ("validation", "test", "resize", "workers", "corrupt", "size")


def data_option(command: F) -> F:
    return click.option(
        "--data", metavar="WHERE", help="digits, synthetic, xor, nand, 8-3-8, spirals, moons, blobs, rings, or a path: a folder with one subfolder of images (or .wav files) per class or with images/ and masks/, a .csv or .parquet file, WebDataset shards (.tar, also s3://…), text (.txt files) for nets that take ids, MNIST IDX files, CIFAR binaries, an .npz file or .npy files, a Hugging Face dataset, or what `netspec data pack` wrote. Default: that of the recipe (`data xor`), else digits.",
    )(command)  # fmt: skip


def data_options(*names: str) -> Callable[[F], F]:
    """Options that control how the data is read and split: all, or those named."""
    share = click.FloatRange(0, 1, max_open=True)
    known = dict(zip(_DATA_OPTIONS, [
        click.option("--validation", type=share, default=0.1, show_default=True, help="Fraction of the examples used for validation, if the data has no validation split."),
        click.option("--test-share", "test", type=share, help="Fraction of the examples used for testing, if the data has no test split; default: 0.2, or 0 if it has another split."),
        click.option("--resize", is_flag=True, help="Scale images to the input size of the net."),
        click.option("--workers", type=click.IntRange(0), help="Number of processes that decode images; default: one less than the cores for each device, none for fewer than 1,000 images."),
        click.option("--corrupt", type=click.Choice(["stop", "skip"]), default="stop", show_default=True, help="How to handle undecodable images."),
        click.option("--size", type=click.IntRange(1), help="Number of examples of `synthetic`."),
    ], strict=True))  # fmt: skip

    def given(command: F) -> F:
        for name in reversed(names or _DATA_OPTIONS):
            command = known[name](command)
        return command

    return given


def read_data_options(wanted: dict[str, Any], **others: Any) -> DataOptions:
    from netspec.datasets import DataOptions

    return DataOptions(**{name: wanted[name] for name in _DATA_OPTIONS if name in wanted}, **others)


def recipe_options(command: F) -> F:
    """Options that override the recipe of the spec."""
    for option in reversed([
        click.option("--epochs", type=click.IntRange(1), help="Override `epochs` of the recipe."),
        click.option("--batch", type=click.IntRange(1), help="Override `batch` of the recipe."),
        click.option("--lr", type=click.FloatRange(0, min_open=True), help="Override `lr` of the optimizer."),
        click.option("--seed", type=click.IntRange(0), help="Override `seed` of the recipe."),
        click.option("--precision", type=click.Choice(["auto", "fp32", "bf16", "fp16"]), help="Override `precision` of the recipe."),
        click.option("--set", "settings", metavar="NAME[.OPTION]=VALUE", multiple=True, help='Override any setting of the recipe: --set "optimizer=adam lr=1e-3", --set optimizer.momentum=0.9; can be repeated.'),
    ]):  # fmt: skip
        command = option(command)
    return command


def resolved_source(source: SourceFile, definitions: Iterable[str], wanted: dict[str, Any]) -> SourceFile:
    """The spec with `-D` and all overrides applied to its text. Raises UsageError, SpecError."""
    from netspec.cli.specs import read_parameters
    from netspec.training.resolve import Override, resolved

    values = read_parameters(definitions)
    texts = {
        name: f'"{value}"' if isinstance(value, str) else _written(definitions, name) for name, value in values.items()
    }
    overrides = []
    for written in wanted.get("settings", ()):
        try:
            overrides.append(Override.of(written))
        except ValueError as error:
            said = str(error)
            raise click.UsageError(f"--set {said}" + ("" if said.endswith("?") else ".")) from None
    simple = {
        "epochs": ("epochs", ""),
        "batch": ("batch", "n"),
        "lr": ("optimizer", "lr"),
        "seed": ("seed", ""),
        "precision": ("precision", ""),
    }
    for name, (setting, option) in simple.items():
        if wanted.get(name) is not None:
            overrides.append(Override(setting, option, str(wanted[name])))
    return resolved(source, texts, overrides)


def _written(definitions: Iterable[str], name: str) -> str:
    return next(d.partition("=")[2].strip() for d in definitions if d.partition("=")[0].strip() == name)
