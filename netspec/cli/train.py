"""netspec train"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.output import echo
from netspec.cli.specs import (
    parameter_option,
    read_limits,
    read_spec,
    run_check,
    strict_option,
    usable,
)
from netspec.cli.training_options import (
    data_option,
    data_options,
    read_data_options,
    recipe_options,
    resolved_source,
)
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from netspec.training.hardware import Hardware
    from netspec.training.run_folder import RunFolder
    from netspec.training.session import Request

__all__ = ["command"]


@click.command("train")
@click.argument("file", metavar="SPEC", required=False)
@data_option
@click.option(
    "--folder",
    "run",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Folder of the run; default: runs/NAME-1.",
)
@click.option(
    "--resume",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Resume a run exactly; with SPEC, start it if it does not exist yet.",
)
@recipe_options
@parameter_option
@strict_option
@click.option(
    "--weights",
    metavar="FILE|RUN",
    type=click.Path(path_type=Path),
    help="Weights to start from: a file, or the best weights of a run; tensors that do not match keep their initial values.",
)
@click.option(
    "--teacher",
    metavar="RUN|SPEC",
    type=click.Path(path_type=Path),
    help="The teacher for `distill`: a run, or a spec that names its weights.",
)
@data_options()
@click.option("--folds", type=click.IntRange(2), help="Cross-validation: number of folds, each with its own run.")
@click.option(
    "--restarts", type=click.IntRange(2), help="Number of runs, each with its own seed; the best one is kept."
)
@click.option(
    "--sanity",
    is_flag=True,
    help="Run the standard sanity checks: initial loss, overfitting twenty examples, gradients.",
)
@click.option("--find-lr", is_flag=True, help="Search for a learning rate, coarse to fine.")
@click.option(
    "--give-up",
    metavar="N",
    type=click.IntRange(1),
    help="Stop, and say why, after N updates in a row whose loss is above three times the first.",
)
@click.option(
    "--track", type=click.Choice(["mlflow", "wandb"]), multiple=True,
    help="Write the run to a tracker, too, whose own environment variables say where; can be repeated. TensorBoard's files are always in the run folder.",
)  # fmt: skip
@click.option("--no-test", is_flag=True, help="Do not evaluate on the test examples.")
@click.option(
    "--save-every", type=click.FloatRange(0), default=30.0, show_default=True, help="Seconds between checkpoints."
)
@click.option(
    "--save-updates", metavar="N", type=click.IntRange(1), help="Updates between checkpoints, in place of seconds."
)
@click.option(
    "--accelerator",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Device type; mps is the GPU of a Mac.",
)
@click.option(
    "--devices",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Number of devices per node (on CPUs: processes).",
)
@click.option(
    "--nodes",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Number of machines, launched by torchrun or SLURM.",
)
@click.option(
    "--strategy",
    type=click.Choice(["auto", "ddp", "fsdp"]),
    default="auto",
    show_default=True,
    help="How to distribute training over several devices.",
)
@click.option(
    "--compile/--no-compile", "compiled", default=None, help="Use torch.compile; default: only on a CUDA GPU."
)
@click.option(
    "--cuda-graphs", is_flag=True, help="Compile, and replay what the GPU computes as CUDA graphs; for small nets on one GPU."
)  # fmt: skip
def command(file: str | None, **wanted: Any) -> None:
    """Train the net of a spec by its recipe.

    The run folder contains the spec as trained, metrics, curves, the best and last weights, and a checkpoint. Ctrl-C
    saves a checkpoint before it stops.
    """
    _check_usage(file, wanted)
    if file is None or (wanted["resume"] is not None and (wanted["resume"] / "run.json").is_file()):
        _go_on(wanted, _request(file, wanted) if file is not None else None)
        return
    request = _request(file, wanted)
    if wanted["sanity"]:
        _sanity(request)
    elif wanted["find_lr"]:
        _find_lr(request, wanted)
    elif wanted["folds"] or wanted["restarts"]:
        _several(request, wanted)
    else:
        _train(request, wanted)


def _check_usage(file: str | None, wanted: dict[str, Any]) -> None:
    """Raises UsageError for options that contradict each other."""
    if file is None and wanted["resume"] is None:
        raise click.UsageError("Give a SPEC to train, or a run to resume with --resume FOLDER.")
    if wanted["resume"] is not None:
        if wanted["run"] is not None:
            raise click.UsageError("--resume already gives the run folder; use --folder only for a new run.")
        settings = ("epochs", "batch", "lr", "seed", "precision", "weights", "data", "save_updates")
        changed = [name.replace("_", "-") for name in settings if wanted[name] is not None]
        changed += ["set"] if wanted["settings"] else []
        changed += ["-D"] if wanted["definitions"] else []
        if wanted["strict"] and file is None:
            raise click.UsageError("--strict checks a SPEC; give one beside --resume.")
        if changed and file is None:
            raise click.UsageError(
                f"A run resumes with its original settings; --{changed[0].removeprefix('-D') or 'D'} would change it. Start a new run with --weights FOLDER."
            )
    modes = [m for m in ("sanity", "find_lr", "folds", "restarts", "resume") if wanted[m]]
    if len(modes) > 1:
        first, second = (m.replace("_", "-") for m in modes[:2])
        raise click.UsageError(f"--{first} and --{second} cannot be combined.")
    if wanted["track"] and (wanted["sanity"] or wanted["find_lr"]):
        raise click.UsageError("--track is for runs; --sanity and --find-lr make none.")


def _request(file: str, wanted: dict[str, Any]) -> Request:
    """The request, with a checked spec. Raises SpecError, SystemExit(1)."""
    from netspec.training.run_data import built_in_data
    from netspec.training.session import Request

    limits = read_limits(())
    source = read_spec(file, limits)
    usable(source, _parameters(wanted), limits, strict=wanted["strict"])
    source = resolved_source(source, wanted["definitions"], wanted)
    again = run_check(source, {}, limits).lenient()
    if not again.ok:
        raise SpecError(again.diagnostics)
    hardware = _hardware(wanted)
    return Request(
        source, wanted["data"] or built_in_data(again), read_data_options(wanted), hardware, wanted["weights"], wanted["save_every"],
        wanted["save_updates"], not wanted["no_test"], wanted["give_up"], wanted["teacher"], wanted["track"],
    )  # fmt: skip


def _hardware(wanted: dict[str, Any]) -> Hardware:
    """Raises SpecError (NS604)."""
    from netspec.training.hardware import Hardware

    compiled = wanted["compiled"]
    if wanted["cuda_graphs"]:
        if compiled is False:
            raise SpecError.of(
                "NS604", "`--cuda-graphs` replays what torch.compile makes", helps=["remove `--no-compile`"]
            )
        compiled = "graphs"
    return Hardware(wanted["accelerator"], wanted["devices"], wanted["nodes"], wanted["strategy"], compiled)


def _parameters(wanted: dict[str, Any]) -> dict[str, Any]:
    from netspec.cli.specs import read_parameters

    return read_parameters(wanted["definitions"])


def _folder(request: Request, path: Path | None) -> RunFolder:
    from netspec.training.run_folder import RunFolder, new_run_path

    return RunFolder(path if path is not None else new_run_path(request.source.path))


def _train(request: Request, wanted: dict[str, Any]) -> None:
    from netspec.cli.training_console import print_outcome, run_and_show

    folder = _folder(request, wanted["resume"] or wanted["run"])
    print_outcome(run_and_show(request, folder))


def _go_on(wanted: dict[str, Any], asked: Request | None) -> None:
    """Resumes a run; `asked` is the request from the command line, which must match that of the run."""
    from netspec.cli.training_console import print_outcome, run_and_show
    from netspec.training.continuation import request_of
    from netspec.training.run_folder import RunFolder

    folder = RunFolder(wanted["resume"])
    hardware = _hardware(wanted)
    request = request_of(folder, hardware, workers=wanted["workers"], teacher=wanted["teacher"], asked=asked)
    request = replace(request, track=(*request.track, *wanted["track"]))
    print_outcome(run_and_show(request, folder, resume=True))


def _several(request: Request, wanted: dict[str, Any]) -> None:
    """`--restarts` and `--folds`."""
    from netspec.cli.training_console import run_and_show
    from netspec.training.several import fold_requests, keep_best, restart_requests, summary

    folder = _folder(request, wanted["run"])
    part = "restart" if wanted["restarts"] else "fold"
    requests = (
        restart_requests(request, wanted["restarts"]) if wanted["restarts"] else fold_requests(request, wanted["folds"])
    )
    outcomes = []
    for number, one in enumerate(requests, start=1):
        echo(f"{part} {number} of {len(requests)}", bold=True)
        outcome = run_and_show(one, type(folder)(folder.path / f"{part}-{number}"))
        if not outcome.finished:
            raise SystemExit(128 + (outcome.signal or 2))
        outcomes.append(outcome)
    echo(summary(outcomes, part))
    if wanted["restarts"]:
        best = keep_best(outcomes, folder)
        echo(f"restart {best + 1} is the best; saved in {folder.path}")
        echo(f"to evaluate it on the test examples, which were not used to choose it: netspec eval {folder.path}")


def _sanity(request: Request) -> None:
    from netspec.cli.sanity_console import print_sanity
    from netspec.training.sanity import check_sanity

    print_sanity(check_sanity(request))


def _find_lr(request: Request, wanted: dict[str, Any]) -> None:
    from netspec.cli.sanity_console import print_search
    from netspec.training.rate_search import search_rate

    print_search(search_rate(request), wanted["run"])
