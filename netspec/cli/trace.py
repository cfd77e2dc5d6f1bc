"""netspec trace"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.given_options import input_option, read_given, value_or_path
from netspec.cli.output import color_wanted, columns, echo, echo_json, echo_verbatim
from netspec.cli.specs import (
    limit_option,
    parameter_option,
    read_limits,
    read_parameters,
    read_spec,
    usable,
)

if TYPE_CHECKING:
    from netspec.inside.gradient_check import GradientCheck
    from netspec.inside.objective import Objective
    from netspec.inside.trace import Trace
    from netspec.model import Model

__all__ = ["command"]

_TABLES = ("csv", "markdown", "html", "latex")


def _step(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """`1e-4` or `h=1e-4`."""
    if text is None:
        return None
    try:
        step = float(text.removeprefix("h="))
    except ValueError:
        raise click.BadParameter(f"{text} is not a step such as 1e-4; write --check after the spec") from None
    if not 0 < step < 1:
        raise click.BadParameter(f"the step is between 0 and 1, such as 1e-4, not {text}")
    return step


@click.command("trace")
@click.argument("file", metavar="SPEC|RUN")
@input_option()
@click.option(
    "--batch", type=click.IntRange(1), help="Number of random examples; default: 1, with --check or --train 2."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of random inputs and weights.")
@click.option(
    "--weights",
    metavar="FILE|RUN",
    type=click.Path(path_type=Path),
    help="Weights for a spec: a file, or the folder of a run; default: initial weights.",
)
@click.option("--train", "training", is_flag=True, help="Run as in training: dropout from the seed, batch statistics.")
@click.option("--backward", is_flag=True, help="Gradients too, of the sum of the outputs or of the loss.")
@click.option(
    "--target",
    metavar="VALUE",
    help="Differentiate the loss of the recipe for this target: a class, a list of values, or an .npy file.",
)
@click.option("--loss", metavar="LOSS", help='Another loss than that of the recipe: "hinge margin=1", mse.')
@click.option(
    "--check",
    "step",
    metavar="[h=1e-4]",
    is_flag=False,
    flag_value="1e-4",
    callback=_step,
    help="Compare the gradients with finite differences of this step, in float64.",
)
@click.option("--values", type=click.IntRange(1), help="With --check: number of values to check at most.")
@click.option("--out", metavar="OUT.npz", type=click.Path(path_type=Path), help="Write every tensor by its name.")
@click.option(
    "--draw",
    metavar="OUT.svg",
    type=click.Path(path_type=Path),
    help="Draw the network with its values (.svg, .png, …).",
)
@click.option(
    "--format", "form", type=click.Choice(["table", "json", *_TABLES]), default="table", help="Format of the report."
)
@parameter_option
@limit_option
def command(file: str, definitions: tuple[str, ...], limits: tuple[str, ...], **wanted: Any) -> None:
    """Show what every layer of a spec computes, and the gradients.

    Small tensors are shown as numbers, large ones as statistics. An input that is not given is random (standard normal). The
    network runs as in inference: without dropout, with the stored statistics of batch norms, without auxiliary heads; with
    --train as in training, still without these heads.
    --check exits with 1 if a gradient is wrong.
    """
    _require_options(wanted)
    given = read_given(wanted["inputs"])
    model, weights = _opened(file, definitions, limits, wanted)
    objective = _objective(model, given, wanted)
    if wanted["step"] is not None:
        _report_check(_checked(model, given, weights, objective, wanted), wanted["form"])
        return
    from netspec.inside.trace import trace

    found = trace(
        model.graph, given, weights=weights, seed=wanted["seed"], examples=wanted["batch"] or (2 if wanted["training"] else 1),
        backward=wanted["backward"], objective=objective, training=wanted["training"],
    )  # fmt: skip
    if wanted["out"] is not None:
        found.save(wanted["out"])
    if wanted["draw"] is not None:
        found.draw(wanted["draw"])
    _report(found, wanted["form"])
    if wanted["form"] == "table":
        if wanted["weights"] is None and weights is None and model.graph.starts_random:
            echo("the weights are untrained (--weights loads trained ones)")
        for path in filter(None, (wanted["out"], wanted["draw"])):
            echo(f"written to {path}")


def _require_options(wanted: dict[str, Any]) -> None:
    """Raises UsageError for options that do not go together."""
    if wanted["step"] is not None and (wanted["out"] is not None or wanted["draw"] is not None):
        raise click.UsageError("--check writes a report only, without --out and --draw.")
    if wanted["step"] is not None and wanted["training"]:
        raise click.UsageError("--check compares gradients as in inference, without --train.")
    if wanted["values"] is not None and wanted["step"] is None:
        raise click.UsageError("--values is for --check.")
    if wanted["out"] is not None and wanted["out"].suffix != ".npz":
        raise click.UsageError("--out needs a file name ending in .npz.")


def _opened(
    file: str, definitions: tuple[str, ...], limits: tuple[str, ...], wanted: dict[str, Any]
) -> tuple[Model, Path | None]:
    """The model, and the weights that are given or those of a run."""
    bounds = read_limits(limits)
    source = read_spec(file, bounds)
    if wanted["loss"] is not None:
        from netspec.training.resolve import Override, resolved

        try:
            source = resolved(source, {}, [Override.of(f"loss={wanted['loss']}")])
        except ValueError as error:
            raise click.UsageError(f"--loss {error}.") from None
    model = usable(source, read_parameters(definitions), bounds).model()
    is_run = wanted["weights"] is None and (Path(file) / "run.json").is_file()
    return model, Path(file) if is_run else wanted["weights"]


def _objective(model: Model, given: list[tuple[str, Any]], wanted: dict[str, Any]) -> Objective | None:
    """The loss for a target, where one is given. Raises UsageError, SpecError."""
    from netspec.training.objective import loss_objective, needs_no_target

    if wanted["target"] is None:
        if wanted["loss"] is not None and not needs_no_target(model.graph):
            raise click.UsageError("--loss needs --target.")
        return loss_objective(model.graph, None) if wanted["loss"] is not None else None
    return loss_objective(model.graph, value_or_path(wanted["target"]))


def _checked(
    model: Model,
    given: list[tuple[str, Any]],
    weights: Path | None,
    objective: Objective | None,
    wanted: dict[str, Any],
) -> GradientCheck:
    from netspec.inside.gradient_check import check_gradients

    return check_gradients(
        model.graph, given, weights=weights, seed=wanted["seed"], examples=wanted["batch"] or 2, step=wanted["step"],
        values=wanted["values"], objective=objective,
    )  # fmt: skip


def _report(found: Trace, form: str) -> None:
    from netspec.inside.trace_report import tables_of, trace_data, trace_text

    if form == "json":
        echo_json(trace_data(found))
    elif form in _TABLES:
        echo_verbatim("\n".join(table.write(form) for table in tables_of(found)), nl=False)
    else:
        color = color_wanted(sys.stdout)
        echo_verbatim(trace_text(found, columns=columns(sys.stdout), color=color), color=color)


def _report_check(found: GradientCheck, form: str) -> None:
    from netspec.inside.gradient_report import check_data, check_table, check_text

    if form == "json":
        echo_json(check_data(found))
    elif form in _TABLES:
        echo_verbatim(check_table(found).write(form), nl=False)
    else:
        color = color_wanted(sys.stdout)
        echo_verbatim(check_text(found, columns=columns(sys.stdout), color=color), color=color)
    if not found.ok:
        raise SystemExit(1)
