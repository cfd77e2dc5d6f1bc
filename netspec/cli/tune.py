"""netspec tune"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.output import echo
from netspec.cli.specs import parameter_option, read_limits, read_spec, run_check, strict_option, usable
from netspec.cli.training_options import (
    data_option,
    data_options,
    read_data_options,
    recipe_options,
    resolved_source,
)
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from netspec.source import SourceFile
    from netspec.training.search_space import SearchSpace
    from netspec.training.study import Search, Trial

__all__ = ["command"]

_SHOWN = 5


@click.command("tune")
@click.argument("file", metavar="SPEC")
@click.option(
    "--search",
    "searches",
    metavar='NAME[.OPTION]="LOW..HIGH [log]"|a,b,c',
    multiple=True,
    required=True,
    help="A setting of the recipe, an option of a setting, or a parameter of the net, and its values; can be repeated.",
)
@click.option(
    "--trials",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Total number of trials of the study, including those of earlier commands.",
)
@click.option(
    "--metric",
    type=click.Choice(["accuracy", "loss"]),
    help="Validation metric; default: accuracy if there are classes, else loss.",
)
@click.option(
    "--prune",
    type=click.Choice(["median", "asha", "hyperband"]),
    is_flag=False,
    flag_value="median",
    help="Stop trials early: those worse than the median of the others (without a value), or all but the best third after 1, 3, 9, … epochs.",
)
@click.option("--storage", metavar="FILE.db|FILE.log|URL", help="Where to store the study; default: FOLDER/study.log.")
@click.option("--study", metavar="NAME", help="Name of the study in the storage; default: that of the spec.")
@click.option(
    "--parallel", type=click.IntRange(1), default=1, show_default=True, help="Number of trials to run at the same time."
)
@click.option(
    "--folder",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Folder of the trials; default: runs/NAME-tune.",
)
@data_option
@recipe_options
@parameter_option
@strict_option
@data_options()
def command(file: str, searches: tuple[str, ...], **wanted: Any) -> None:
    """Search for the best settings and sizes with Optuna.

    Every trial is a run in FOLDER/trial-N. Trials are compared on the validation examples; the test examples are not
    used. To continue a study, run the same command again. Several commands can share a study, each
    with its own folder, and on a database server several machines. --seed also seeds the sampler.

    \b
    netspec tune net.net --search optimizer.lr="1e-4..1e-1 log" --search width=16..64
    netspec tune net.net --search "optimizer=sgd momentum=0.9,adam" --search batch=32,64,128
    """
    from netspec.training.search_space import SearchSpace

    source = _source(file, wanted)
    try:
        space = SearchSpace.of(source, searches)
    except ValueError as error:
        said = str(error)
        raise click.UsageError(f"--search {said}" + ("" if said.endswith("?") else ".")) from None
    _check_values(source, space)
    search = _search(source, space, wanted)
    from netspec.training.study import study_held

    with study_held(search):
        _tune(search, wanted["parallel"])


def _source(file: str, wanted: dict[str, Any]) -> SourceFile:
    """The spec with all fixed overrides applied. Raises SpecError, SystemExit(1)."""
    from netspec.cli.specs import read_parameters

    limits = read_limits(())
    source = read_spec(file, limits)
    usable(source, read_parameters(wanted["definitions"]), limits, strict=wanted["strict"])
    return resolved_source(source, wanted["definitions"], wanted)


def _check_values(source: SourceFile, space: SearchSpace) -> None:
    """Raises SpecError if the spec has errors with one of the choices (with all others at their first or last value), or
    with either end of every range."""
    from netspec.model import check

    corners = [{d.name: d.ends[end] for d in space.dimensions} for end in (0, 1)]
    choices = [(d.name, choice) for d in space.dimensions for choice in d.choices]
    for changed in [dict([one]) for one in choices] or [{}]:
        found = [check(space.source(source, corner | changed)).lenient() for corner in corners]
        if not any(checked.ok for checked in found):
            raise SpecError(found[0].diagnostics)


def _search(source: SourceFile, space: SearchSpace, wanted: dict[str, Any]) -> Search:
    from netspec.training.run_data import built_in_data
    from netspec.training.session import Request
    from netspec.training.study import Search

    stem = source.path.stem if source.path is not None else "net"
    folder = wanted["folder"] or Path("runs", f"{stem}-tune")
    storage = wanted["storage"] or str(folder / "study.log")
    if "://" not in storage and Path(storage).suffix not in (".db", ".log"):
        raise click.UsageError("--storage needs a file name ending in .db or .log, or the URL of a database.")
    request = Request(
        source, wanted["data"] or built_in_data(run_check(source, {}, read_limits(()))), read_data_options(wanted)
    )
    return Search(
        request, space, folder, storage, wanted["study"] or stem, wanted["trials"], wanted["metric"],
        wanted["prune"] or "",
        wanted["seed"] or 0,
    )  # fmt: skip


def _tune(search: Search, parallel: int) -> None:
    from netspec.training.study import open_study, running, trials
    from netspec.training.tuning import run_trials, run_workers

    study = open_study(search)
    before = trials(study, search.space)
    if before:
        echo(f"continuing the study `{search.study}`: {len(before)} of {search.trials} trials are done")
    kind = study.direction.name == "MAXIMIZE"

    def told(trial: Trial) -> None:
        _print_trial(trial, share=kind)

    try:
        stopped = run_trials(search, told) if parallel == 1 else run_workers(search, parallel, told)
    except KeyboardInterrupt:  # between two trials
        stopped = 2
    found = trials(study, search.space)
    if stopped is None or any(trial.state == "complete" for trial in found):
        _print_result(search, found, share=kind)
    if stopped is None and len(found) < search.trials:
        echo(f"still running in other processes: trial {', '.join(map(str, running(study)))}")
    if stopped is not None:
        echo("stopped; run the same command again to continue")
        raise SystemExit(128 + stopped)


def _value(trial: Trial, *, share: bool) -> str:
    if trial.value is None:
        return trial.state
    return f"{trial.value:.2%}" if share else f"{trial.value:.4g}"


def _print_trial(trial: Trial, *, share: bool) -> None:
    values = ", ".join(f"{name}={text}" for name, text in trial.values.items())
    echo(
        f"trial {trial.number:>3}  {_value(trial, share=share):>8}  {values}{f'  {trial.reason}' if trial.reason else ''}"
    )


def _print_result(search: Search, found: list[Trial], *, share: bool) -> None:
    from netspec.cli.eval_console import new_table, table_console
    from netspec.training.tuning import write_best

    complete = [trial for trial in found if trial.value is not None]
    if not complete:
        reasons = sorted({trial.reason for trial in found if trial.reason})
        raise SpecError.of("NS604", f"none of the {len(found)} trials was completed", notes=reasons[:5])
    complete.sort(key=lambda trial: ((-1 if share else 1) * (trial.value or 0.0), trial.number))
    names = [d.name for d in search.space.dimensions]
    table = new_table("trial", "validation", *names)
    for trial in complete[:_SHOWN]:
        table.add_row(
            str(trial.number), _value(trial, share=share), *(trial.values.get(n, "") for n in names),
            style="bold" if trial is complete[0] else "",
        )  # fmt: skip
    console = table_console()
    console.print()
    console.print(table)
    counts = {s: sum(t.state == s for t in found) for s in ("complete", "pruned", "failed")}
    console.print()
    echo(f"{len(found)} trials: " + ", ".join(f"{n} {s}" for s, n in counts.items() if n))
    path = write_best(search, complete[0])
    echo(f"wrote the best values to {path}")
    if complete[0].folder is not None and complete[0].folder.is_dir():
        echo(
            f"its run: {search.folder / complete[0].folder.name} (to evaluate it on the unused test examples: netspec eval)"
        )
