"""The output of `--sanity` and `--find-lr`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netspec.cli.output import echo
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from netspec.training.rate_search import Search
    from netspec.training.sanity import CheckResult

__all__ = ["print_sanity", "print_search"]

_COLORS = {"ok": "green", "note": "yellow", "problem": "red"}


def print_sanity(results: Sequence[CheckResult]) -> None:
    """One line per check, and the result. Raises SpecError (NS607) if there is a problem."""
    width = max(len(f.check) for f in results)
    for result in results:
        echo(f"{result.status:7}", nl=False, fg=_COLORS[result.status], bold=result.status == "problem")
        echo(f"  {result.check:{width}}  {result.measured}")
        if result.advice:
            echo(" " * (11 + width) + result.advice)
    problems = list(dict.fromkeys(f.fault for f in results if f.status == "problem"))
    if not problems:
        echo("ready to train", bold=True)
        return
    raise SpecError.of("NS607", f"not ready to train: {'; '.join(problems)}")


def print_search(search: Search, folder: Path | None) -> None:
    """The table and the suggested rate; the plot is written to the folder, or to a free path."""
    from netspec.training.rate_search import draw_search

    echo(f"{'rate':>8}  {'updates':>7}  {'loss':>9}   (initial: {search.trials[0].first:.4g})", bold=True)
    finer = False
    for trial in search.trials:
        if trial.fine and not finer:
            finer = True
            echo("refined around the best:")
        loss = "stopped" if trial.given_up else f"{trial.last:.4g}"
        echo(f"{trial.rate:8.2g}  {trial.updates:7}  {loss:>9}")
    if search.proposal is None:
        echo("no learning rate reduces the loss; to find out why, run `netspec train --sanity`", bold=True)
    else:
        echo(f"suggested: --lr {search.proposal:g}   (the recipe has {search.given:g})", bold=True)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    path = (folder or Path()) / "find-lr.svg"
    draw_search(path, search)
    echo(f"plot: {path}")
