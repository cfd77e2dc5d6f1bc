"""What the commands of training print."""

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
    """Standard output, in its width; plain where it is no terminal."""
    return printing_console(sys.stdout, soft_wrap=True)


def run_and_show(request: Request, folder: RunFolder, *, resume: bool = False) -> Outcome:
    """One run, shown while it goes on."""
    from netspec.training.progress import Reporter
    from netspec.training.session import train

    with Reporter(console()) as reporter:
        return train(request, folder, reporter, resume=resume)


def score_text(score: Score) -> str:
    if score.accuracy is None:
        return f"loss {score.loss:.4g}"
    return f"{score.accuracy:.2%} right, loss {score.loss:.4g}"


def print_outcome(outcome: Outcome) -> None:
    """How a run ended, and what can be done next. Raises SystemExit where a signal ended it."""
    folder = outcome.folder.path
    if not outcome.first:
        return
    if not outcome.finished:
        echo(f"stopped and saved; go on with: netspec train --resume {folder}")
        raise SystemExit(128 + (outcome.signal or 2))
    if outcome.best is not None:
        part = "validation" if outcome.best.validation is not None else "training"
        echo(f"best: epoch {outcome.best.epoch}, {part} {score_text(outcome.best.score)}")
    if outcome.test is not None:
        echo(f"test ({outcome.counts['test']:,} examples, best weights): {score_text(outcome.test)}")
    if outcome.advice is not None:
        echo(outcome.advice)
    echo(f"run: {folder}")
