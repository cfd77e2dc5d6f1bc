"""The progress of a run: a progress bar with throughput and remaining time on a terminal, and one line per epoch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from netspec.diagnostics.display import printable
from netspec.training.engine import Engine, Row, Watcher
from netspec.training.scores import r2_text

if TYPE_CHECKING:
    from rich.progress import TaskID

__all__ = ["Reporter", "percent"]


_EVERY = 0.1
"""Seconds between updates of the bar."""


def _loss(value: float) -> str:
    """Four decimals, in at most nine characters."""
    return f"{value:.4f}" if abs(value) < 1e3 else _within(value, 9)


def _within(value: float, room: int) -> str:
    """As many digits as fit."""
    texts = [f"{value:.{digits}e}" for digits in (3, 2, 1, 0)]
    return next((text for text in texts if len(text) <= room), texts[-1])


def percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


class Reporter(Watcher):
    """Prints to a console; a context manager, so that the bar is always removed."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"), BarColumn(None), MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}"), TextColumn("{task.fields[rate]} examples/s"), TimeRemainingColumn(compact=True),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self.task: TaskID | None = None
        self.headed = False
        self.smoothed: float | None = None
        self.shown = 0.0

    def __enter__(self) -> Reporter:
        self.bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.bar.stop()

    def note(self, text: str) -> None:
        self.console.print(printable(text), highlight=False, markup=False)

    def update(self, engine: Engine, loss: float | None) -> None:
        now = time.monotonic()
        if loss is not None:
            self.smoothed = loss if self.smoothed is None else 0.95 * self.smoothed + 0.05 * loss
        if not self.console.is_terminal or now - self.shown < _EVERY:
            return
        self.shown = now
        at, plan = engine.at, engine.plan
        if self.task is None:
            self.task = self.bar.add_task(
                "", total=plan.epochs * engine.updates, epoch=1, epochs=plan.epochs, loss="", rate=""
            )
        before = at.history[-1].step if at.history else 0
        seen = engine.calendar.examples(at.step) - engine.calendar.examples(before)
        rate = seen / at.seconds if at.seconds else 0.0
        shown = "" if self.smoothed is None else f"{self.smoothed:.4f}"
        self.bar.update(self.task, completed=at.step, epoch=at.epoch + 1, loss=shown, rate=f"{rate:,.0f}")

    def epoch(self, engine: Engine, row: Row, *, best: bool) -> None:
        columns = _columns(row)
        if not self.headed:
            self.headed = True
            self.console.print("".join(f"{name:>{width}}" for name, width, _ in columns), style="bold", highlight=False)
        line = "".join(f"{text:>{width}}" for _, width, text in columns)
        self.console.print(line + ("  best" if best else ""), highlight=False)


def _columns(row: Row) -> list[tuple[str, int, str]]:
    """(heading, width, text) of the line of an epoch; 79 columns with accuracies."""
    columns = [("epoch", 7, str(row.epoch)), ("loss", 10, _loss(row.train.loss))]
    if row.train.accuracy is not None:
        columns.append(("accuracy", 10, percent(row.train.accuracy)))
    elif row.train.r2 is not None:
        columns.append(("R2", 10, r2_text(row.train.r2)))
    if row.validation is not None:
        columns.append(("val. loss", 11, _loss(row.validation.loss)))
        if row.train.accuracy is not None:
            columns.append(("val. acc.", 11, percent(row.validation.accuracy)))
        elif row.train.r2 is not None:
            columns.append(("val. R2", 11, r2_text(row.validation.r2)))
        columns += [_column(name, value) for name, value in row.validation.metrics if not _has_better(name, row)]
    rate = row.examples / row.seconds if row.seconds else 0.0
    return [
        *columns,
        ("rate", 10, _within(row.lr, 8)),
        ("examples/s", 13, f"{rate:,.0f}" if rate < 1e9 else _within(rate, 12)),
    ]


def _column(name: str, value: float) -> tuple[str, int, str]:
    """That of a metric, wider for a long name."""
    title = f"val. {name}"
    return title, max(11, len(title) + 2), percent(value) if name.endswith("_accuracy") else _loss(value)


def _has_better(name: str, row: Row) -> bool:
    """Whether a loss of one of several outputs can be left out, since the output has an accuracy or R2."""
    names = dict(row.validation.metrics) if row.validation is not None else {}
    output = name.removesuffix("_loss")
    return output != name and (f"{output}_accuracy" in names or f"{output}_r2" in names)
