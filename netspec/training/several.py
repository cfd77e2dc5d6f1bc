"""Several runs of one spec: different seeds, of which the best is kept, or the folds of a cross-validation."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean, stdev

from netspec.model import check
from netspec.training.plan import Plan
from netspec.training.resolve import Override, resolved
from netspec.training.run_folder import RunFolder
from netspec.training.session import Outcome, Request

__all__ = ["fold_requests", "keep_best", "restart_requests", "summary"]


def restart_requests(request: Request, count: int) -> list[Request]:
    """The request with `count` seeds, starting from that of the recipe. The test examples are reserved for the best run."""
    first = Plan.of(check(request.source).lenient().model().graph).seed
    return [
        replace(request, source=resolved(request.source, {}, [Override("seed", "", str(first + number))]), test=False)
        for number in range(count)
    ]


def fold_requests(request: Request, folds: int) -> list[Request]:
    """The request validated on each of `folds` folds; the test examples are not used."""
    return [
        replace(request, options=replace(request.options, folds=folds, fold=fold), test=False) for fold in range(folds)
    ]


def summary(outcomes: Sequence[Outcome], part: str) -> str:
    """The best score of every run, with mean and standard deviation."""
    lines, values = [], []
    classes = all(o.best is not None and o.best.score.accuracy is not None for o in outcomes)
    for number, outcome in enumerate(outcomes, start=1):
        assert outcome.best is not None
        score = outcome.best.score
        values.append(score.accuracy if classes and score.accuracy is not None else score.loss)
        lines.append(f"{part} {number}: {_shown(values[-1], classes)} in epoch {outcome.best.epoch}")
    what = "validation accuracy" if classes else "validation loss"
    lines.append(f"{what}: {_shown(mean(values), classes)} ± {_shown(stdev(values), classes)} (standard deviation)")
    return "\n".join(lines)


def _shown(value: float, share: bool) -> str:
    return f"{value:.2%}" if share else f"{value:.4g}"


def keep_best(outcomes: Sequence[Outcome], folder: RunFolder) -> int:
    """Copies the run with the best validation score to the common folder; returns its index, from 0."""
    best = max(range(len(outcomes)), key=lambda i: outcomes[i].best.score.rank)  # type: ignore[union-attr]
    shutil.copytree(outcomes[best].folder.path, folder.path, dirs_exist_ok=True)
    return best
