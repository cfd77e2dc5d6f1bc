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
    from netspec.training.prediction import Predictor
    from netspec.training.readings import Prediction, Reading

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


def _class_name(reading: Reading, index: int) -> str:
    names = reading.class_names
    return names[index] if index < len(names) else str(index)


def _figure(value: float, reading: Reading) -> str:
    """A probability, or a score for the hinge loss."""
    return f"{value:.4g}" if reading.head.loss.word == "hinge" else f"{value:.2%}"


def _print(prediction: Prediction, predictor: Predictor, top: int, *, line: bool) -> None:
    reading = predictor.reading
    if prediction.outputs:
        for one in predictor.readings:
            said = f"{one.head.name}: {_text(prediction.outputs[one.head.name], one, top)}"
            echo(f"{prediction.name}: {said}" if line else said)
        return
    if not prediction.ranked or line:
        text = _text(prediction, reading, top)
        echo(f"{prediction.name}: {text}" if line else text)
        return
    for index, value in prediction.ranked[:top]:
        echo(f"{_figure(value, reading):>8}  {_class_name(reading, index)}")


def _text(prediction: Prediction, reading: Reading, top: int) -> str:
    """A prediction on a line that fits the terminal."""
    if not prediction.ranked:
        return _values_text(prediction, reading, top)
    best = [(_class_name(reading, i), _figure(v, reading)) for i, v in prediction.ranked[:top]]
    text = f"{best[0][0]} {best[0][1]}"
    room = columns(sys.stdout) - len(f"{prediction.name}: ")
    for name, figure in best[1:]:
        more = f", {name} {figure}"
        if len(text) + len(more) > room:
            break
        text += more
    return text


def _values_text(prediction: Prediction, reading: Reading, top: int) -> str:
    """All values of a small output, with the names of labels; for a class at every position, the share of each class; a
    sequence of labels as a text."""
    kind = reading.head.type
    if prediction.labels is not None:
        return reading.text(prediction.labels)
    if reading.masks:
        counts = Counter(reading.mask(prediction).ravel().tolist())
        total = counts.total()
        best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:top]
        parts = [f"{_class_name(reading, index)} {count / total:.2%}" for index, count in best]
        return f"{', '.join(parts)} of {total:,} {'pixels' if kind.rank == 2 else 'positions'}"
    flat = prediction.values.flatten().tolist()
    if len(flat) > _MOST_VALUES:
        return f"{kind} values, from {min(flat):.4g} to {max(flat):.4g}; --json prints them"
    names = reading.classes
    if reading.head.labels and len(flat) == 1 and len(names) == 2:
        names = names[1:]
    if reading.head.labels and len(names) == len(flat):
        return ", ".join(f"{name} {value:.2%}" for name, value in zip(names, flat, strict=True))
    return " ".join(f"{v:.6g}" for v in flat)


def _as_json(prediction: Prediction, predictor: Predictor, top: int, path: Path | None) -> dict[str, Any]:
    written = {"file": str(path)} if path is not None else {}
    if prediction.outputs:
        each = {r.head.name: _output_as_json(prediction.outputs[r.head.name], r, top) for r in predictor.readings}
        return {"name": prediction.name, "outputs": each}
    return {"name": prediction.name, **_output_as_json(prediction, predictor.reading, top), **written}


def _output_as_json(prediction: Prediction, reading: Reading, top: int) -> dict[str, Any]:
    if prediction.labels is not None:
        return {"text": reading.text(prediction.labels), "labels": prediction.labels}
    if not prediction.ranked:
        return {"values": prediction.values.tolist()}
    what = "score" if reading.head.loss.word == "hinge" else "probability"
    return {"top": [{"class": _class_name(reading, i), "index": i, what: v} for i, v in prediction.ranked[:top]]}
