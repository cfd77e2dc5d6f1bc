"""netspec run"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from netspec.cli.output import echo
from netspec.cli.specs import checked_model, limit_option, parameter_option, stop_on_error
from netspec.diagnostics import SpecError

__all__ = ["command"]


@click.command("run")
@click.argument("file", metavar="SPEC|RUN|MODEL.onnx")
@click.option(
    "--input",
    "source",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="An image or an .npy array.",
)
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
    "--output", metavar="OUT.npy", type=click.Path(path_type=Path), help="Write the full output to this file."
)
@click.option(
    "--provider",
    type=click.Choice(["cuda", "tensorrt", "cpu"]),
    help="ONNX Runtime provider; default: the first available.",
)
@parameter_option
@limit_option
def command(file: str, source: Path, definitions: tuple[str, ...], limits: tuple[str, ...], **wanted: Any) -> None:
    """Run a spec, a trained run or an ONNX model on an image or array with ONNX Runtime.

    An image is scaled so that its shorter side fits, center-cropped, and converted to numbers from 0 to 1, channels
    first. A `normalize` layer in the spec does the rest.
    """
    from netspec.training.run_folder import RunFolder

    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(file)
            if path.suffix != ".onnx":
                model = checked_model(file, definitions, limits)
                if wanted["weights"] is None and (path / "run.json").is_file():
                    wanted["weights"] = path
                path = Path(folder) / "model.onnx"
                model.to_onnx(path, wanted["weights"], classes=RunFolder.classes_in(wanted["weights"]))
                if wanted["weights"] is None:
                    echo(
                        "the weights are untrained, so the output is meaningless; use --weights to load trained weights",
                        err=True,
                    )
            _run(path, source, wanted)
    except SpecError as error:
        stop_on_error(error)


def _run(path: Path, source: Path, wanted: dict[str, Any]) -> None:
    from netspec.backends.onnx.single_run import run_on_file

    answer = run_on_file(path, source, wanted["provider"])
    echo(f"ONNX Runtime on {answer.provider}")
    values = answer.values
    shape = "x".join(map(str, values.shape)) or "one number"
    if wanted["output"] is not None:
        _write(wanted["output"], values)
        echo(f"{wanted['output']}: {shape}")
    names = _labels(wanted["labels"]) if wanted["labels"] is not None else answer.classes
    for row in values if values.ndim == 2 else ():
        _print_top(row, wanted["top"], _fitting(names, len(row), wanted["labels"]))
    if values.ndim != 2 and wanted["output"] is None:
        extent = f", from {values.min():.4g} to {values.max():.4g}" if values.size else ", without values"
        echo(f"output {shape}{extent}; --output OUT.npy writes it")
    if values.ndim == 4 and values.shape[1] == len(names):
        _print_shares(values, wanted["top"], names)


def _write(path: Path, values: Any) -> None:
    import numpy as np

    from netspec.files import atomic_write

    with atomic_write(path) as file:
        np.save(file, values, allow_pickle=False)


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
