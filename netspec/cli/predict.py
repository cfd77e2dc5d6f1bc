"""netspec predict"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.output import columns, echo, echo_json
from netspec.cli.specs import print_diagnostics, stop_on_error
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from netspec.training.prediction import Prediction, Predictor

__all__ = ["command"]

_MOST_VALUES = 16


@click.command("predict")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Number of classes to print.")
@click.option(
    "--weights",
    type=click.Choice(["best", "last"]),
    default="best",
    show_default=True,
    help="Weights of the run to use.",
)
@click.option("--resize", is_flag=True, help="Scale images to the input size of the net.")
@click.option("--json", "as_json", is_flag=True, help="Print all predictions as JSON.")
def command(run: Path, files: tuple[Path, ...], **wanted: Any) -> None:
    """Predict on images, .npy arrays, or folders of them with a trained run.

    Files are read like the training data: bytes are scaled to 0 to 1, and gray and color images are converted as needed.
    An array contains one example, or several along its first axis. A file that cannot be read is reported, and the
    others are still predicted.
    """
    from netspec.training.prediction import Predictor, found_files
    from netspec.training.trained import Trained

    try:
        predictor = Predictor(Trained.open(run, wanted["weights"]), resize=wanted["resize"])
    except SpecError as error:
        stop_on_error(error)
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
                for prediction in predictor.predictions(file):
                    if wanted["as_json"]:
                        answered.append(_as_json(prediction, predictor, wanted["top"]))
                    else:
                        _print(prediction, predictor, wanted["top"], line=several or prediction.name != str(file))
            except SpecError as error:
                print_diagnostics(error.diagnostics)
                failed = True
    if wanted["as_json"]:
        echo_json(answered)
    if failed:
        raise SystemExit(1)


def _class_name(predictor: Predictor, index: int) -> str:
    names = predictor.run.classes
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
    """All values of a small output; for per-position classes, the share of positions predicted as each class."""
    values = prediction.values
    plan = predictor.run.plan
    if plan.task == "class":
        chosen = values.argmax(plan.output.type.feature_axis - 1).flatten()
        counts = chosen.bincount()
        order = counts.argsort(descending=True, stable=True)[:top].tolist()
        parts = [f"{_class_name(predictor, i)} {int(counts[i]) / len(chosen):.2%}" for i in order if counts[i]]
        return f"{', '.join(parts)} of {len(chosen):,} positions"
    flat = values.flatten().tolist()
    if len(flat) <= _MOST_VALUES:
        return " ".join(f"{v:.6g}" for v in flat)
    return f"{plan.output.type} values, from {min(flat):.4g} to {max(flat):.4g}; --json prints them"


def _as_json(prediction: Prediction, predictor: Predictor, top: int) -> dict[str, Any]:
    if not prediction.ranked:
        return {"name": prediction.name, "values": prediction.values.tolist()}
    what = "score" if predictor.run.plan.loss.word == "hinge" else "probability"
    best = [{"class": _class_name(predictor, i), "index": i, what: v} for i, v in prediction.ranked[:top]]
    return {"name": prediction.name, "top": best}
