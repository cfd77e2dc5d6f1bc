"""The output of the training commands."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from netspec.cli.output import echo, printing_console

if TYPE_CHECKING:
    from rich.console import Console

    from netspec.training.run_folder import RunFolder
    from netspec.training.scores import Score
    from netspec.training.session import Outcome, Request

__all__ = ["console", "print_outcome", "run_and_show", "score_text"]


def console() -> Console:
    """A console for standard output; plain text unless it is a terminal."""
    return printing_console(sys.stdout, soft_wrap=True)


def run_and_show(request: Request, folder: RunFolder, *, resume: bool = False) -> Outcome:
    """Runs one training and shows its progress."""
    from netspec.training.progress import Reporter
    from netspec.training.session import train

    with Reporter(console()) as reporter:
        return train(request, folder, reporter, resume=resume)


def score_text(score: Score) -> str:
    if score.accuracy is None:
        return f"loss {score.loss:.4g}"
    return f"accuracy {score.accuracy:.2%}, loss {score.loss:.4g}"


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
    if outcome.advice is not None:
        echo(outcome.advice)
    echo(f"run: {folder}")
