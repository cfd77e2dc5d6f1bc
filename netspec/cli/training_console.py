"""The output of the training commands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from netspec.cli.output import echo, printing_console

if TYPE_CHECKING:
    from rich.console import Console

    from netspec.training.run_folder import RunFolder
    from netspec.training.scores import Score
    from netspec.training.session import Outcome, Request

__all__ = ["console", "print_outcome", "run_and_show", "score_text"]


_MOST_LABELS = 12


def console() -> Console:
    """A console for standard output; plain text unless it is a terminal."""
    return printing_console(sys.stdout, soft_wrap=True)


def run_and_show(request: Request, folder: RunFolder, *, resume: bool = False) -> Outcome:
    """Runs one training and shows its progress."""
    from netspec.training.progress import Reporter
    from netspec.training.session import train
    from netspec.training.trackers import tracking

    with Reporter(console()) as reporter, tracking(request.track, reporter) as watcher:
        return train(request, folder, watcher, resume=resume)


def score_text(score: Score) -> str:
    from netspec.training.scores import r2_text

    text = ", ".join([f"loss {score.loss:.4g}", *(f"{name} {value:.4g}" for name, value in score.metrics)])
    if score.accuracy is not None:
        return f"accuracy {score.accuracy:.2%}, {text}"
    return f"R2 {r2_text(score.r2)}, {text}" if score.r2 is not None else text


def _labels_text(score: Score, names: Sequence[str]) -> str:
    """The accuracy of each label, the lowest first if there are many."""
    shares = list(zip(names or map(str, range(len(score.labels))), score.labels, strict=False))
    few = len(shares) <= _MOST_LABELS
    listed = shares if few else sorted(shares, key=lambda pair: pair[1])[:_MOST_LABELS]
    text = ", ".join(f"{name}: {share:.2%}" for name, share in listed)
    return (
        f"accuracy per label: {text}"
        if few
        else f"the {_MOST_LABELS} of {len(shares)} labels with the lowest accuracy: {text}"
    )


def print_outcome(outcome: Outcome) -> None:
    """Prints the result of a run and the next steps. Raises SystemExit if a signal stopped it."""
    folder = outcome.folder.path
    if not outcome.first:
        return
    if not outcome.finished:
        echo(f"stopped and saved; to resume: netspec train --resume {folder}")
        raise SystemExit(128 + (outcome.signal or 2))
    if outcome.best is not None:
        part = "validation" if outcome.best.validation is not None else "training"
        echo(f"best: epoch {outcome.best.epoch}, {part} {score_text(outcome.best.score)}")
    if outcome.test is not None:
        echo(f"test ({outcome.counts['test']:,} examples, best weights): {score_text(outcome.test)}")
        if outcome.test.labels:
            echo(_labels_text(outcome.test, outcome.labels))
    if outcome.advice is not None:
        echo(outcome.advice)
    if outcome.signal is not None and outcome.test is None:
        echo(f"stopped in the final test; the training is complete and its best weights are saved in {folder}")
        echo(f"to evaluate them: netspec eval {folder}")
        raise SystemExit(128 + outcome.signal)
    echo(f"run: {folder}")
