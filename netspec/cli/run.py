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
    import numpy as np

    from netspec.backends.onnx.runtime import open_session
    from netspec.files import atomic_write

    if not path.is_file():
        raise SpecError.of("NS001", f"no such file: {path}")
    session, provider = open_session(path, [wanted["provider"]] if wanted["provider"] else None)
    echo(f"ONNX Runtime on {provider}")
    (declared, *more) = session.get_inputs()
    if more:
        raise SpecError.of("NS505", "a model with several inputs cannot be run on one file")
    array = _input(source, declared.shape[1:], declared.type)
    results = session.run(None, {declared.name: array})
    if wanted["output"] is not None:
        with atomic_write(wanted["output"]) as file:
            np.save(file, results[0])
        echo(f"{wanted['output']}: {'x'.join(map(str, results[0].shape))}")
    for row in results[0] if results[0].ndim == 2 else ():
        _print_top(row, wanted["top"], wanted["labels"])
    if results[0].ndim != 2 and wanted["output"] is None:
        echo(
            f"output {'x'.join(map(str, results[0].shape))}, from {results[0].min():.4g} to {results[0].max():.4g}; --output OUT.npy writes it"
        )


def _input(source: Path, shape: list[Any], kind: str) -> Any:
    """A batch with one image or with the examples of an array. Raises SpecError (NS001, NS503)."""
    import numpy as np

    if not source.is_file():
        raise SpecError.of("NS001", f"no such file: {source}")
    if source.suffix != ".npy":
        return _image(source, shape)
    try:
        array = np.load(source, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise SpecError.of("NS503", f"{source} cannot be read as an array", notes=[str(error)[:200]]) from None
    array = array[None] if array.ndim == len(shape) else array
    if array.ndim != len(shape) + 1 or any(
        isinstance(s, int) and s != n for s, n in zip(shape, array.shape[1:], strict=True)
    ):
        wanted = "x".join(map(str, shape))
        raise SpecError.of(
            "NS503",
            f"{source} does not match the input of the model",
            notes=[f"expected {wanted} or N x {wanted}, found {'x'.join(map(str, array.shape))}"],
        )
    return array.astype(np.int64 if "int64" in kind else np.float32)


def _image(source: Path, shape: list[Any]) -> Any:
    import numpy as np

    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise SpecError.of("NS502", "Pillow is not installed", helps=["install it with `pip install pillow`"]) from None
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise SpecError.of(
            "NS503", "the input of the model is not an image", notes=[f"its shape is {'x'.join(map(str, shape))}"]
        )
    try:
        with Image.open(source) as opened:
            image = opened.convert("RGB" if shape[0] == 3 else "L")
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise SpecError.of("NS503", f"{source} cannot be read as an image", notes=[str(error)[:200]]) from None
    height, width = (
        n if isinstance(n, int) else m for n, m in zip(shape[1:], (image.height, image.width), strict=True)
    )
    scale = max(height / image.height, width / image.width)
    image = image.resize(
        (max(width, round(image.width * scale)), max(height, round(image.height * scale))), Image.Resampling.BILINEAR
    )
    left, top = (image.width - width) // 2, (image.height - height) // 2
    array = np.asarray(image.crop((left, top, left + width, top + height)), dtype=np.float32) / 255
    return (array[None] if shape[0] == 1 else array.transpose(2, 0, 1))[None]


def _print_top(row: Any, top: int, labels: Path | None) -> None:
    import numpy as np

    names = _labels(labels, len(row)) if labels is not None else [str(i) for i in range(len(row))]
    probable = bool((row >= 0).all() and abs(float(row.sum()) - 1) < 1e-3)
    for index in np.argsort(-row)[:top]:
        value = f"{row[index]:8.2%}" if probable else f"{row[index]:10.4g}"
        echo(f"{value}  {names[index]}")


def _labels(path: Path, count: int) -> list[str]:
    try:
        names = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError.of("NS001", f"{path} cannot be read as text", notes=[str(error)[:200]]) from None
    if len(names) != count:
        raise SpecError.of("NS503", f"{path} has {len(names)} lines for {count} classes")
    return names
