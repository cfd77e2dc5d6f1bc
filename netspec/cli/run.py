"""netspec run"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from netspec.cli.given_options import input_option, read_given
from netspec.cli.output import echo
from netspec.cli.specs import checked_model, limit_option, parameter_option
from netspec.diagnostics import SpecError

__all__ = ["command"]


@click.command("run")
@click.argument("file", metavar="SPEC|RUN|MODEL.onnx")
@input_option(required=True)
@click.option(
    "--weights",
    metavar="FILE|RUN",
    type=click.Path(path_type=Path),
    help="Weights for a spec: a file, or the folder of a run; default: initial weights.",
)
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Number of classes to print.")
@click.option(
    "--labels",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File with the names of the classes, one per line; default: those in the metadata of the model.",
)
@click.option(
    "--output",
    metavar="OUT.npy|OUT.npz",
    type=click.Path(path_type=Path),
    help="Write the output of all examples to this file; .npz: every output by its name.",
)
@click.option(
    "--provider",
    type=click.Choice(["cuda", "tensorrt", "cpu"]),
    help="ONNX Runtime provider; default: the first available.",
)
@parameter_option
@limit_option
def command(
    file: str, inputs: tuple[str, ...], definitions: tuple[str, ...], limits: tuple[str, ...], **wanted: Any
) -> None:
    """Run a spec, a trained run or an ONNX model on images, arrays or numbers with ONNX Runtime.

    Prints every output for every example. An image is scaled so that its shorter side fits, center-cropped, and converted to numbers from 0 to 1, channels
    first. A `normalize` layer in the spec does the rest.
    """
    from netspec.training.run_folder import RunFolder

    given = read_given(inputs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(file)
        if path.suffix != ".onnx":
            model = checked_model(file, definitions, limits)
            if wanted["weights"] is None and (path / "run.json").is_file():
                wanted["weights"] = path
            path = Path(folder) / "model.onnx"
            model.to_onnx(path, wanted["weights"], classes=RunFolder.classes_in(wanted["weights"]))
            if wanted["weights"] is None and model.graph.starts_random:
                echo(
                    "the weights are untrained, so the output is meaningless; use --weights to load trained weights",
                    err=True,
                )
        _run(path, given, wanted)


def _run(path: Path, given: list[tuple[str, Any]], wanted: dict[str, Any]) -> None:
    from netspec.backends.onnx.single_run import run_on_inputs
    from netspec.files import write_arrays

    answer = run_on_inputs(path, given, wanted["provider"])
    echo(f"ONNX Runtime on {answer.provider}")
    if wanted["output"] is not None:
        write_arrays(wanted["output"], answer.outputs)
        shapes = {name: "x".join(map(str, values.shape)) or "one number" for name, values in answer.outputs.items()}
        named = wanted["output"].suffix == ".npz"
        echo(f"{wanted['output']}: {', '.join(f'{n} {s}' if named else s for n, s in shapes.items())}")
    for name, values in answer.outputs.items():
        if len(answer.outputs) > 1:
            echo(f"{name}:")
        _print(values, answer.classes, wanted, several=len(answer.outputs) > 1)


def _print(values: Any, classes: Sequence[str], wanted: dict[str, Any], *, several: bool) -> None:
    """One output: for vectors the largest values of each example, else its extent. Where there are several outputs, the names
    of the classes are for those that they fit."""
    names = _labels(wanted["labels"]) if wanted["labels"] is not None else classes
    for number, row in enumerate(values if values.ndim == 2 else (), 1):
        if len(values) > 1:
            echo(f"example {number}")
        _print_top(row, wanted["top"], _fitting(names, len(row), None if several else wanted["labels"]))
    if values.ndim != 2 and wanted["output"] is None:
        shape = "x".join(map(str, values.shape)) or "one number"
        extent = f", from {values.min():.4g} to {values.max():.4g}" if values.size else ", without values"
        echo(f"output {shape}{extent}; --output OUT.npy writes it")
    if values.ndim == 4 and values.shape[1] == len(names):
        _print_shares(values, wanted["top"], names)


def _print_top(row: Any, top: int, names: Sequence[str]) -> None:
    import numpy as np

    row = row.astype(np.float64)
    if len(row) == 1 and len(names) == 2:  # one output for two classes: it speaks for the second
        names = names[1:]
    probable = bool((row >= 0).all() and abs(float(row.sum()) - 1) < 1e-3)
    for index in np.argsort(-row, kind="stable")[:top]:
        value = f"{row[index]:8.2%}" if probable else f"{row[index]:10.4g}"
        echo(f"{value}  {names[index]}")


def _print_shares(values: Any, top: int, names: Sequence[str]) -> None:
    """The share of the pixels that are predicted as each class, for a map with a channel for each."""
    import numpy as np

    counts = np.bincount(values.argmax(1).ravel(), minlength=len(names))
    for index in np.argsort(-counts, kind="stable")[:top]:
        if counts[index]:
            echo(f"{counts[index] / counts.sum():8.2%}  {names[index]}")


def _labels(path: Path) -> list[str]:
    from netspec.reading.text import read_text

    return read_text(path).splitlines()


def _fitting(names: Sequence[str], count: int, file: Path | None) -> Sequence[str]:
    """The names if they fit so many outputs, otherwise numbers; names from a file must fit. Raises SpecError (NS503)."""
    if len(names) == count or (count == 1 and len(names) == 2):
        return names
    if file is not None:
        raise SpecError.of("NS503", f"{file} has {len(names)} lines for {count} classes")
    return [str(i) for i in range(count)]
