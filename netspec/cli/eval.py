"""netspec eval"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.output import echo_json, progress_shown
from netspec.cli.run_options import part_option, run_weights_option
from netspec.cli.specs import print_diagnostics
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from netspec.training.evaluation import Evaluation, Question

__all__ = ["command"]


@click.command("eval")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--data",
    metavar="WHERE",
    help="Data to evaluate instead of the run's own: any format that `netspec train` supports.",
)
@part_option("Split to evaluate; default: test, else validation, else all of WHERE.")
@click.option(
    "--ten-crop", is_flag=True, help="Average over crops of the corners and the center, and their mirror images."
)
@run_weights_option()
@click.option(
    "--export",
    metavar="OUT.onnx",
    type=click.Path(path_type=Path),
    help="Export the run to ONNX and evaluate that too; its accuracy must be the same.",
)
@click.option(
    "--onnx", metavar="MODEL.onnx", type=click.Path(path_type=Path), help="Also evaluate this ONNX model of the run."
)
@click.option(
    "--confusion",
    metavar="OUT.svg|.csv",
    type=click.Path(path_type=Path),
    help="Write the confusion matrix to this file.",
)
@click.option(
    "--per-example",
    metavar="OUT.csv",
    type=click.Path(path_type=Path),
    help="Write the loss of every example, with its true and predicted class, to this file.",
)
@click.option("--resize", is_flag=True, help="Scale the images of WHERE to the input size of the net.")
@click.option(
    "--workers",
    type=click.IntRange(0),
    help="Number of processes that decode images; default: one less than the cores.",
)
@click.option(
    "--corrupt",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="How to handle undecodable images of WHERE.",
)
@click.option("--size", type=click.IntRange(1), help="Number of examples of `synthetic`.")
@click.option("--json", "as_json", is_flag=True, help="Print all results as JSON.")
def command(runs: tuple[Path, ...], **wanted: Any) -> None:
    """Evaluate runs on examples that they were not trained on.

    Several runs form an ensemble, which averages their probabilities. The default data is the test set of the run. WHERE
    is used as a whole unless it has its own splits.
    """
    model = wanted["export"] or wanted["onnx"]
    if wanted["export"] and wanted["onnx"]:
        raise click.UsageError("--export and --onnx cannot be combined.")
    if model and len(runs) > 1:
        raise click.UsageError("--export and --onnx accept only one RUN.")
    if wanted["per_example"] and (model or len(runs) > 1):
        raise click.UsageError("--per-example accepts only one RUN, without --export and --onnx.")
    if wanted["confusion"] and wanted["confusion"].suffix not in (".svg", ".csv"):
        raise click.UsageError("--confusion needs a file name ending in .svg or .csv.")
    with progress_shown():
        found = _evaluated(runs, model, wanted)
    print_diagnostics(found.warnings)
    if wanted["as_json"]:
        echo_json(_as_json(found))
    else:
        from netspec.cli.eval_console import print_evaluation

        print_evaluation(found)
    if wanted["confusion"]:
        from netspec.training.confusion import write_confusion

        write_confusion(wanted["confusion"], found.final, found.classes)
    if wanted["export"]:
        _check_same(found, wanted["export"])


def _evaluated(runs: tuple[Path, ...], model: Path | None, wanted: dict[str, Any]) -> Evaluation:
    from netspec.training.evaluation import evaluate, evaluate_exported
    from netspec.training.trained import Trained

    opened = [Trained.open(path, wanted["weights"]) for path in runs]
    question = _question(wanted)
    if wanted["per_example"]:
        from netspec.training.per_example import PerExample

        losses = PerExample()
        found = evaluate(opened, question, losses)
        losses.write(wanted["per_example"])
        return found
    if model is None:
        return evaluate(opened, question)
    return evaluate_exported(opened[0], model, question, export=wanted["export"] is not None)


def _question(wanted: dict[str, Any]) -> Question:
    from netspec.datasets import DataOptions
    from netspec.training.evaluation import Question

    names = ("resize", "workers", "corrupt", "size")
    options = DataOptions(validation=0.0, test=0.0, **{name: wanted[name] for name in names})
    return Question(wanted["data"], options, wanted["part"], wanted["ten_crop"])


def _check_same(found: Evaluation, path: Path) -> None:
    """Raises SpecError (NS504) if the exported model differs from the run."""
    ours, theirs = found.scores.values()
    same = (
        ours.accuracy == theirs.accuracy
        if ours.accuracy is not None
        else abs(ours.loss - theirs.loss) <= 1e-4 * max(1e-4, abs(ours.loss))
    )
    if not same:
        notes = [f"the largest difference of an output is {found.difference:.2g}"]
        if found.disagreements:
            notes.append(f"{found.disagreements} of {ours.examples:,} predictions differ")
        raise SpecError.of("NS504", f"the accuracy of {path} differs from that of the run", notes=notes)


def _as_json(found: Evaluation) -> dict[str, Any]:
    scores = {name: _score(score) for name, score in found.scores.items()}
    result: dict[str, Any] = {"data": found.data, "part": found.part, "scores": scores}
    if found.ensemble is not None:
        result["ensemble"] = _score(found.ensemble)
    if found.final.outputs is not None:
        return result | {"outputs": {name: _classes_as_json(one) for name, one in found.of_outputs().items()}}
    return result | _classes_as_json(found)


def _classes_as_json(found: Evaluation) -> dict[str, Any]:
    """The classes or labels of an output, if it predicts any."""
    final = found.final
    per_class = [
        _one_class(name, c, final) for name, c in zip(found.classes, final.labels or final.classes, strict=False)
    ]
    if final.labels is not None:
        return {"labels": per_class}
    return {"classes": per_class, "confusion": final.confusion} if final.confusion is not None else {}


def _one_class(name: str, score: Any, final: Any) -> dict[str, Any]:
    kept = {n: value for n, value in asdict(score).items() if value is not None}
    found = {"label" if final.labels else "class": name, **kept, "precision": score.precision, "recall": score.recall}
    if final.labels is not None:
        found["accuracy"] = score.accuracy
    return found | {"iou": score.iou, "dice": score.dice} if final.segments else found


def _score(score: Any) -> dict[str, Any]:
    kept = {
        n: v
        for n, v in asdict(score).items()
        if v is not None and n not in ("confusion", "labels", "images", "segments", "outputs")
    }
    if score.outputs is not None:
        kept["outputs"] = {name: _score(one) for name, one in score.outputs.items()}
    return kept | {"iou": score.iou, "dice": score.dice} if score.segments else kept
