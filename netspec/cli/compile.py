"""netspec compile"""

from __future__ import annotations

from pathlib import Path

import click

from netspec.cli.specs import checked_model, limit_option, parameter_option, stop_on_error
from netspec.diagnostics import SpecError
from netspec.model import Model

__all__ = ["command"]


@click.command("compile")
@click.argument("file", metavar="FILE")
@click.option(
    "-o",
    "output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    required=True,
    help="OUT.py for PyTorch, OUT.onnx for ONNX.",
)
@parameter_option
@click.option(
    "--weights",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Weights for ONNX: safetensors, or a torch state dict.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of fresh weights.")
@click.option(
    "--verify",
    "verified",
    is_flag=True,
    help="Run ONNX Runtime against PyTorch afterwards and print the largest difference.",
)
@limit_option
def command(
    file: str,
    output: Path,
    definitions: tuple[str, ...],
    weights: Path | None,
    seed: int,
    verified: bool,
    limits: tuple[str, ...],
) -> None:
    """Turn a spec into a readable PyTorch module (.py) or an ONNX model (.onnx).

    FILE is a .net file, or - for standard input.
    """
    kind = output.suffix.lower()
    if kind not in (".py", ".onnx"):
        raise click.UsageError(f"OUT ends in .py (PyTorch) or .onnx, found `{output.name}`.")
    if kind == ".py" and weights is not None:
        raise click.UsageError("--weights goes into an .onnx file; a .py file holds no weights.")
    model: Model = checked_model(file, definitions, limits)
    try:
        if kind == ".py":
            _write_torch(model, output, seed, verified)
        else:
            _write_onnx(model, output, weights, seed, verified)
    except SpecError as error:
        stop_on_error(error)


def _write_torch(model: Model, output: Path, seed: int, verified: bool) -> None:
    from netspec.files import atomic_write

    text = model.torch_source()
    with atomic_write(output) as file:
        file.write(text.encode())
    click.echo(f"{output}: class {model.name}, {model.params:,} parameters, {text.count(chr(10))} lines")
    if verified:
        from tempfile import TemporaryDirectory

        with TemporaryDirectory() as folder:
            beside = Path(folder) / "model.onnx"
            model.to_onnx(beside, seed=seed)
            _verify(model, beside)


def _write_onnx(model: Model, output: Path, weights: Path | None, seed: int, verified: bool) -> None:
    from netspec.backends.onnx import IR_VERSION, OPSET

    model.to_onnx(output, weights, seed=seed)
    size = output.stat().st_size
    origin = f"weights of {weights}" if weights is not None else f"fresh weights, seed {seed}"
    click.echo(
        f"{output}: {size / 1e6:,.1f} MB, {model.params:,} parameters, opset {OPSET}, IR version {IR_VERSION}, {origin}"
    )
    if verified:
        _verify(model, output)


def _verify(model: Model, path: Path) -> None:
    from netspec.backends.onnx.verify import TOLERANCE, verify

    difference = verify(model, path)
    text = f"{difference.largest:.3g} (output up to {difference.scale:.3g}: relative {difference.relative:.3g}, allowed {TOLERANCE:g})"
    if not difference.ok:
        raise SpecError.of("NS504", f"ONNX Runtime and PyTorch differ by {text}")
    click.echo(f"verified: ONNX Runtime and PyTorch differ by at most {text}")
