"""netspec compile"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from netspec.cli.output import echo
from netspec.cli.specs import checked_model, limit_option, parameter_option, strict_option
from netspec.diagnostics import SpecError
from netspec.model import Model

__all__ = ["command"]


@click.command("compile")
@click.argument("file", metavar="FILE|RUN")
@click.option(
    "-o",
    "output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    required=True,
    help="Output file: OUT.py, OUT.pt2 or OUT.onnx.",
)
@parameter_option
@click.option(
    "--weights",
    metavar="FILE|RUN",
    type=click.Path(path_type=Path),
    help="Weights to load: safetensors, a torch state dict, or the folder of a run (its best weights).",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the initial weights.")
@click.option(
    "--verify",
    "verified",
    is_flag=True,
    help="Compare ONNX Runtime with PyTorch and print the largest difference.",
)
@click.option("--opset", type=int, default=17, show_default=True, help="ONNX opset, 13 to 22.")
@click.option(
    "--dynamic",
    metavar="AXES",
    default="batch",
    show_default=True,
    help="Axes with dynamic sizes: batch,height,width.",
)
@click.option("--fold/--no-fold", default=True, help="Fold batch norms into the layers before them (default).")
@click.option("--train", is_flag=True, help="Keep dropout, batch statistics and auxiliary heads.")
@click.option("--fp16", is_flag=True, help="Store weights and compute in half precision.")
@click.option("--int8", is_flag=True, help="Quantize to 8 bits; requires --calibrate.")
@click.option(
    "--calibrate",
    metavar="DATA",
    type=click.Path(path_type=Path),
    help="Calibration inputs for --int8: an .npy or .npz file.",
)
@strict_option
@limit_option
def command(file: str, output: Path, definitions: tuple[str, ...], limits: tuple[str, ...], **wanted: Any) -> None:
    """Compile a spec to a readable PyTorch module (.py), an exported program (.pt2) or an ONNX model (.onnx).

    FILE is a .net file, or - for standard input. RUN is the folder of a run: its spec, with its best weights unless
    --weights is given. The names of its classes go into the metadata of an ONNX model.
    """
    kind = output.suffix.lower()
    _check_usage(kind, output, wanted)
    model: Model = checked_model(file, definitions, limits, strict=wanted.pop("strict"), any_size=True)
    if kind != ".py" and wanted["weights"] is None and Path(file, "run.json").is_file():
        wanted["weights"] = Path(file)
    {".py": _write_torch, ".pt2": _write_program, ".onnx": _write_onnx}[kind](model, output, wanted)


def _check_usage(kind: str, output: Path, wanted: dict[str, Any]) -> None:
    """Raises UsageError for options that contradict each other or the output format."""
    if kind not in (".py", ".pt2", ".onnx"):
        raise click.UsageError(
            f"OUT must end in .py (PyTorch), .pt2 (exported program) or .onnx, found `{output.name}`."
        )
    if kind == ".py" and wanted["weights"] is not None:
        raise click.UsageError("--weights requires an .onnx or .pt2 file; a .py file contains no weights.")
    defaults = {
        "opset": 17,
        "dynamic": "batch",
        "fold": True,
        "train": False,
        "fp16": False,
        "int8": False,
        "calibrate": None,
    }
    changed = [name for name, value in defaults.items() if wanted[name] != value]
    if kind != ".onnx" and changed:
        raise click.UsageError(f"--{changed[0]} requires an .onnx file.")
    if wanted["int8"] != (wanted["calibrate"] is not None):
        raise click.UsageError("--int8 and --calibrate DATA must be given together.")
    if wanted["int8"] and (wanted["fp16"] or wanted["train"]):
        raise click.UsageError("--int8 cannot be combined with --fp16 or --train.")
    if wanted["verified"] and (wanted["train"] or kind == ".pt2"):
        raise click.UsageError("--verify compares inference, so it cannot be combined with --train or a .pt2 file.")


def _write_torch(model: Model, output: Path, wanted: dict[str, Any]) -> None:
    from netspec.files import atomic_write

    text = model.torch_source()
    said = [f"{output}: class {model.name}, {model.params:,} parameters, {text.count(chr(10))} lines"]
    with atomic_write(output) as file:
        file.write(text.encode())
        if wanted["verified"]:
            from tempfile import TemporaryDirectory

            with TemporaryDirectory() as folder:
                beside = Path(folder) / "model.onnx"
                model.to_onnx(beside, seed=wanted["seed"])
                said.append(_verified(model, beside, None, wanted["seed"]))
    echo("\n".join(said))


def _write_program(model: Model, output: Path, wanted: dict[str, Any]) -> None:
    from netspec.backends.torch.program import write_program

    write_program(model.graph, output, wanted["weights"], seed=wanted["seed"])
    echo(
        f"{output}: exported program, {output.stat().st_size / 1e6:,.1f} MB, {model.params:,} parameters, dynamic batch size"
    )


def _write_onnx(model: Model, output: Path, wanted: dict[str, Any]) -> None:
    """The file takes its name only when all that is asked for has succeeded."""
    from netspec.files import staged
    from netspec.training.run_folder import RunFolder

    axes = [axis.strip() for axis in wanted["dynamic"].split(",") if axis.strip()]
    axes += [axis for axis in model.open_axes if axis not in axes]
    weights, seed = wanted["weights"], wanted["seed"]
    options = {name: wanted[name] for name in ("opset", "fold", "train", "fp16")}
    classes = RunFolder.classes_in(weights)
    origin = f"weights from {weights}" if weights is not None else f"initial weights, seed {seed}"
    with staged(output) as path:
        model.to_onnx(path, weights, seed=seed, dynamic=axes, classes=classes, **options)
        size = sum(p.stat().st_size for p in path.parent.iterdir())
        if classes:
            origin += f", {len(classes)} class names"
        said = [f"{output}: {size / 1e6:,.1f} MB, {model.params:,} parameters, opset {wanted['opset']}, {origin}"]
        if wanted["verified"]:
            said.append(_verified(model, path, weights, seed, half=wanted["fp16"]))
        if wanted["int8"]:
            from netspec.backends.onnx.quantize import quantize

            said.append(quantize(model.graph, path, wanted["calibrate"]))
    echo("\n".join(said))


def _verified(model: Model, path: Path, weights: Path | None, seed: int, *, half: bool = False) -> str:
    """What the comparison found. Raises SpecError (NS504) where the difference is too large."""
    from netspec.backends.onnx.verify import HALF_TOLERANCE, TOLERANCE, verify

    difference = verify(model.graph, path, weights, seed=seed)
    allowed = HALF_TOLERANCE if half else TOLERANCE
    text = f"{difference.largest:.3g} (output magnitude {difference.scale:.3g}, relative difference {difference.relative:.3g}, tolerance {allowed:g})"
    if not difference.relative <= allowed:
        raise SpecError.of("NS504", f"ONNX Runtime and PyTorch differ by {text}", helps=["nothing was written"])
    return f"verified: ONNX Runtime and PyTorch differ by at most {text}"
