"""netspec run"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import click

from netspec.cli.output import echo
from netspec.cli.specs import checked_model, limit_option, parameter_option, stop_on_error
from netspec.diagnostics import SpecError

__all__ = ["command"]


@click.command("run")
@click.argument("file", metavar="SPEC|MODEL.onnx")
@click.option(
    "--input",
    "source",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="An image or an .npy array.",
)
@click.option(
    "--weights", metavar="FILE", type=click.Path(path_type=Path), help="Weights for a spec; default: initial weights."
)
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Number of classes to print.")
@click.option(
    "--labels",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File with the names of the classes, one per line.",
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
    """Run a spec or an ONNX model on an image or array with ONNX Runtime.

    An image is scaled so that its shorter side fits, center-cropped, and converted to numbers from 0 to 1, channels
    first. A `normalize` layer in the spec does the rest.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(file)
            if path.suffix != ".onnx":
                model = checked_model(file, definitions, limits)
                path = Path(folder) / "model.onnx"
                model.to_onnx(path, wanted["weights"])
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
    for row in values if values.ndim == 2 else ():
        _print_top(row, wanted["top"], wanted["labels"])
    if values.ndim != 2 and wanted["output"] is None:
        extent = f", from {values.min():.4g} to {values.max():.4g}" if values.size else ", without values"
        echo(f"output {shape}{extent}; --output OUT.npy writes it")


def _write(path: Path, values: Any) -> None:
    import numpy as np

    from netspec.files import atomic_write

    with atomic_write(path) as file:
        np.save(file, values, allow_pickle=False)


def _print_top(row: Any, top: int, labels: Path | None) -> None:
    import numpy as np

    row = row.astype(np.float64)
    names = _labels(labels, len(row)) if labels is not None else [str(i) for i in range(len(row))]
    probable = bool((row >= 0).all() and abs(float(row.sum()) - 1) < 1e-3)
    for index in np.argsort(-row, kind="stable")[:top]:
        value = f"{row[index]:8.2%}" if probable else f"{row[index]:10.4g}"
        echo(f"{value}  {names[index]}")


def _labels(path: Path, count: int) -> list[str]:
    from netspec.reading.text import read_text

    names = read_text(path).splitlines()
    if len(names) != count:
        raise SpecError.of("NS503", f"{path} has {len(names)} lines for {count} classes")
    return names
