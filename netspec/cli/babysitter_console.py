"""What `--sanity` and `--find-lr` print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netspec.cli.output import echo
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from netspec.training.rate_search import Search
    from netspec.training.sanity import Finding

__all__ = ["print_sanity", "print_search"]

_COLOURS = {"ok": "green", "note": "yellow", "problem": "red"}


def print_sanity(findings: Sequence[Finding]) -> None:
    """A line a check and the verdict. Raises SpecError (NS607) where there is a problem."""
    width = max(len(f.check) for f in findings)
    for finding in findings:
        echo(f"{finding.status:7}", nl=False, fg=_COLOURS[finding.status], bold=finding.status == "problem")
        echo(f"  {finding.check:{width}}  {finding.said}")
        if finding.advice:
            echo(" " * (11 + width) + finding.advice)
    problems = list(dict.fromkeys(f.fault for f in findings if f.status == "problem"))
    if not problems:
        echo("verdict: ready to train", bold=True)
        return
    raise SpecError.of("NS607", f"not ready to train: {'; '.join(problems)}")


def print_search(search: Search, folder: Path | None) -> None:
    """The table and the proposal; the plot goes into the folder, or to where one stands."""
    from netspec.training.rate_search import draw_search

    echo(f"{'rate':>8}  {'updates':>7}  {'loss':>9}   (the first: {search.trials[0].first:.4g})", bold=True)
    finer = False
    for trial in search.trials:
        if trial.fine and not finer:
            finer = True
            echo("finer, around the best:")
        loss = "given up" if trial.given_up else f"{trial.last:.4g}"
        echo(f"{trial.rate:8.2g}  {trial.updates:7}  {loss:>9}")
    if search.proposal is None:
        echo("no rate makes the loss fall; `netspec train --sanity` says why", bold=True)
    else:
        echo(f"proposal: --lr {search.proposal:g}   (the recipe has {search.given:g})", bold=True)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    path = (folder or Path()) / "find-lr.svg"
    draw_search(path, search)
    echo(f"plot: {path}")
