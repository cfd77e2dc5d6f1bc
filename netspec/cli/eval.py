"""netspec eval"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.output import echo_json
from netspec.cli.specs import print_diagnostics, stop_on_error
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from netspec.training.evaluation import Evaluation, Question

__all__ = ["command"]


@click.command("eval")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--data", metavar="WHERE", help="Other examples than the run's own: any form that `netspec train` takes.")
@click.option(
    "--part",
    type=click.Choice(["test", "validation", "train"]),
    help="Which examples; default: test, or else validation, or else all of WHERE.",
)
@click.option("--ten-crop", is_flag=True, help="Mean over the corners, the centre and their mirror images.")
@click.option(
    "--weights", type=click.Choice(["best", "last"]), default="best", show_default=True, help="Which weights of a run."
)
@click.option(
    "--export",
    metavar="OUT.onnx",
    type=click.Path(path_type=Path),
    help="Write the run as ONNX and measure that too; it must be as accurate.",
)
@click.option(
    "--onnx", metavar="MODEL.onnx", type=click.Path(path_type=Path), help="Measure this model of the run too."
)
@click.option(
    "--confusion", metavar="OUT.svg|.csv", type=click.Path(path_type=Path), help="Write the confusion matrix."
)
@click.option("--resize", is_flag=True, help="Scale images of WHERE to the net's input.")
@click.option("--workers", type=click.IntRange(0), default=0, show_default=True, help="Processes that decode images.")
@click.option(
    "--corrupt",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="What an image of WHERE that cannot be decoded does.",
)
@click.option("--size", type=click.IntRange(1), help="How many examples of `synthetic`.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(runs: tuple[Path, ...], **wanted: Any) -> None:
    """Measure runs on examples that they have not learnt.

    Several runs are an ensemble: the mean of their probabilities. Without --data the examples are the run's own test
    set; WHERE is split only as far as it says itself.
    """
    model = wanted["export"] or wanted["onnx"]
    if wanted["export"] and wanted["onnx"]:
        raise click.UsageError("--export and --onnx exclude each other.")
    if model and len(runs) > 1:
        raise click.UsageError("--export and --onnx take one RUN.")
    if wanted["confusion"] and wanted["confusion"].suffix not in (".svg", ".csv"):
        raise click.UsageError("--confusion takes a file that ends in .svg or .csv.")
    try:
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
    except SpecError as error:
        stop_on_error(error)


def _evaluated(runs: tuple[Path, ...], model: Path | None, wanted: dict[str, Any]) -> Evaluation:
    from netspec.training.evaluation import evaluate, evaluate_exported
    from netspec.training.trained import Trained

    opened = [Trained.open(path, wanted["weights"]) for path in runs]
    question = _question(wanted)
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
    """Raises SpecError (NS504) where the exported model is another one than the run."""
    ours, theirs = found.scores.values()
    same = (
        ours.accuracy == theirs.accuracy
        if ours.accuracy is not None
        else abs(ours.loss - theirs.loss) <= 1e-4 * max(1e-4, abs(ours.loss))
    )
    if not same:
        notes = [f"the largest difference of an answer is {found.difference:.2g}"]
        if found.disagreements:
            notes.append(f"{found.disagreements} answers of {ours.examples:,} examples are other classes")
        raise SpecError.of("NS504", f"{path} is not as accurate as the run that it was made of", notes=notes)


def _as_json(found: Evaluation) -> dict[str, Any]:
    final = found.final
    per_class = [
        {"class": name, **asdict(c), "precision": c.precision, "recall": c.recall}
        for name, c in zip(found.classes, final.classes, strict=False)
    ]
    scores = {name: _score(score) for name, score in found.scores.items()}
    result: dict[str, Any] = {"data": found.data, "part": found.part, "scores": scores}
    if found.ensemble is not None:
        result["ensemble"] = _score(found.ensemble)
    if final.confusion is not None:
        result |= {"classes": per_class, "confusion": final.confusion}
    return result


def _score(score: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(score).items() if value is not None and name != "confusion"}
