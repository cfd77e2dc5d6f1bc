"""netspec predict"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.output import columns, echo, echo_json
from netspec.cli.run_options import run_weights_option
from netspec.cli.specs import print_diagnostics
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from netspec.training.prediction import Prediction, Predictor

__all__ = ["command"]

_MOST_VALUES = 16


@click.command("predict")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Number of classes to print.")
@run_weights_option()
@click.option(
    "-o",
    "--output",
    metavar="OUT.png|OUT.npy|FOLDER",
    type=click.Path(path_type=Path),
    help="Write masks (PNG with a palette, or .npy of class indices) and other outputs (.npy) to a file, or one file per example and the names of the classes to a folder.",
)
@click.option("--resize", is_flag=True, help="Scale images to the input size of the net.")
@click.option("--json", "as_json", is_flag=True, help="Print all predictions as JSON.")
def command(run: Path, files: tuple[Path, ...], **wanted: Any) -> None:
    """Predict on images, arrays (.npy, .npz), texts, the rows of tables, IDX and CIFAR files, or folders of them with a trained
    run.

    Files are read like the training data: bytes are scaled to 0 to 1, and gray and color images are converted as needed.
    An array contains one example, or several along its first axis; a table has one in each row, with or without the label.
    A file that cannot be read is reported, and the
    others are still predicted. A mask is as large as the output of the net; its pixels are class indices.
    """
    from netspec.training.predicted_files import PredictedFiles
    from netspec.training.prediction import Predictor, found_files
    from netspec.training.trained import Trained

    predictor = Predictor(Trained.open(run, wanted["weights"]), resize=wanted["resize"])
    files_out = PredictedFiles(wanted["output"], predictor) if wanted["output"] is not None else None
    failed = False
    answered: list[Any] = []
    several = len(files) > 1 or files[0].is_dir()
    for given in files:
        try:
            inner = found_files(given)
        except SpecError as error:
            print_diagnostics(error.diagnostics)
            failed = True
            continue
        for file in inner:
            try:
                for number, prediction in enumerate(predictor.predictions(file)):
                    one = prediction.name == str(file)
                    path = files_out.write(prediction, file, None if one else number) if files_out is not None else None
                    if wanted["as_json"]:
                        answered.append(_as_json(prediction, predictor, wanted["top"], path))
                        continue
                    _print(prediction, predictor, wanted["top"], line=several or not one)
                    if path is not None:
                        echo(f"  written to {path}")
            except SpecError as error:
                print_diagnostics(error.diagnostics)
                failed = True
    if wanted["as_json"]:
        echo_json(answered)
    if failed:
        raise SystemExit(1)


def _class_name(predictor: Predictor, index: int) -> str:
    names = predictor.class_names
    return names[index] if index < len(names) else str(index)


def _figure(value: float, predictor: Predictor) -> str:
    """A probability, or a score for the hinge loss."""
    return f"{value:.4g}" if predictor.run.plan.loss.word == "hinge" else f"{value:.2%}"


def _print(prediction: Prediction, predictor: Predictor, top: int, *, line: bool) -> None:
    if prediction.ranked:
        best = [(_class_name(predictor, i), _figure(v, predictor)) for i, v in prediction.ranked[:top]]
        if not line:
            for name, figure in best:
                echo(f"{figure:>8}  {name}")
            return
        text = f"{prediction.name}: {best[0][0]} {best[0][1]}"
        for name, figure in best[1:]:
            more = f", {name} {figure}"
            if len(text) + len(more) > columns(sys.stdout):
                break
            text += more
        echo(text)
        return
    text = _values_text(prediction, predictor, top)
    echo(f"{prediction.name}: {text}" if line else text)


def _values_text(prediction: Prediction, predictor: Predictor, top: int) -> str:
    """All values of a small output, with the names of labels; for a class at every position, the share of each class."""
    if predictor.masks:
        counts = Counter(predictor.mask(prediction).ravel().tolist())
        total = counts.total()
        best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:top]
        parts = [f"{_class_name(predictor, index)} {count / total:.2%}" for index, count in best]
        return (
            f"{', '.join(parts)} of {total:,} {'pixels' if predictor.run.plan.output.type.rank == 2 else 'positions'}"
        )
    plan = predictor.run.plan
    flat = prediction.values.flatten().tolist()
    if len(flat) > _MOST_VALUES:
        return f"{plan.output.type} values, from {min(flat):.4g} to {max(flat):.4g}; --json prints them"
    names = predictor.run.classes
    if plan.labels and len(flat) == 1 and len(names) == 2:
        names = names[1:]
    if plan.labels and len(names) == len(flat):
        return ", ".join(f"{name} {value:.2%}" for name, value in zip(names, flat, strict=True))
    return " ".join(f"{v:.6g}" for v in flat)


def _as_json(prediction: Prediction, predictor: Predictor, top: int, path: Path | None) -> dict[str, Any]:
    written = {"file": str(path)} if path is not None else {}
    if not prediction.ranked:
        return {"name": prediction.name, "values": prediction.values.tolist(), **written}
    what = "score" if predictor.run.plan.loss.word == "hinge" else "probability"
    best = [{"class": _class_name(predictor, i), "index": i, what: v} for i, v in prediction.ranked[:top]]
    return {"name": prediction.name, "top": best, **written}
