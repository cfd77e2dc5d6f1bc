"""How far a run is, and the results of its evaluations."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from netspec.training.plan import Plan
from netspec.training.scores import Score

__all__ = ["Calendar", "Progress", "Row", "progress_of", "progress_values", "row_of", "row_values", "rows_since_best"]


@dataclass(frozen=True, slots=True)
class Row:
    """The results of an evaluation, usually after every epoch; those of training are means since the one before."""

    epoch: float
    """The epochs until here; not a whole number in the middle of one."""
    step: int
    lr: float
    train: Score
    validation: Score | None
    seconds: float
    examples: int

    @property
    def score(self) -> Score:
        """The score to monitor: validation if there is any."""
        return self.validation or self.train


@dataclass
class Progress:
    """The progress of a run."""

    epoch: int = 0
    update: int = 0
    """Completed updates of this epoch."""
    step: int = 0
    """Completed updates of the whole run."""
    seconds: float = 0.0
    lr: float = 0.0
    """The learning rate of the last update."""
    best: tuple[float, float] | None = None
    waited: int = 0
    """Evaluations since the best one."""
    first_loss: float | None = None
    history: list[Row] = field(default_factory=list)


def row_values(row: Row) -> list[Any]:
    """As plain values, for a checkpoint."""
    scores = [None if s is None else _values(s) for s in (row.train, row.validation)]
    return [row.epoch, row.step, row.lr, *scores, row.seconds, row.examples]


def _values(score: Score) -> list[Any]:
    more = [[list(one) for one in score.metrics], score.by] if score.metrics or score.by is not None else []
    return [score.loss, score.accuracy, score.r2, *more]


def row_of(values: list[Any]) -> Row:
    """The row of plain values."""
    epoch, step, lr, train, validation, seconds, examples = values
    return Row(epoch, step, lr, _score(train), _score(validation) if validation else None, seconds, examples)


def _score(values: list[Any]) -> Score:
    loss, accuracy, r2, metrics, by = (*values, (), None)[:5] if len(values) == 3 else values
    return Score(loss, accuracy, r2, metrics=tuple((str(name), value) for name, value in metrics), by=by)


def progress_values(at: Progress) -> list[Any]:
    """As plain values, without the history, for a checkpoint."""
    return [at.epoch, at.update, at.step, at.seconds, at.lr, at.best, at.waited, at.first_loss]


def progress_of(values: list[Any], history: list[list[Any]]) -> Progress:
    """The progress of plain values."""
    epoch, update, step, seconds, lr, best, waited, first_loss = values
    rows = [row_of(one) for one in history]
    return Progress(epoch, update, step, seconds, lr, tuple(best) if best else None, waited, first_loss, rows)


def rows_since_best(history: list[Row], name: str) -> int:
    """Rows since the first of those that are best by a score."""
    merits = [row.score.merit(name) for row in history]
    known = [-math.inf if m is None or m != m else m for m in merits]
    return len(known) - 1 - known.index(max(known)) if known else 0


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a run is evaluated: after every `every` updates, and at its end."""

    every: int
    updates: int
    """Of an epoch."""
    end: int
    per_update: int
    per_epoch: int
    """Examples of an update and of an epoch."""

    @classmethod
    def of(cls, plan: Plan, updates: int, examples: int) -> Calendar:
        every, unit = plan.validate
        per_update = plan.batch * plan.accumulate
        return cls(every * (updates if unit == "epoch" else 1), updates, plan.epochs * updates, per_update, examples)

    def due(self, step: int) -> bool:
        """Whether it is after so many updates."""
        return step > 0 and (step % self.every == 0 or step == self.end)

    def epoch(self, step: int) -> float:
        """The epochs that so many updates are: a whole number at the end of one, else rounded."""
        whole, rest = divmod(step, self.updates)
        return whole if not rest else round(step / self.updates, 4)

    def examples(self, step: int) -> int:
        """The examples of so many updates."""
        whole, rest = divmod(step, self.updates)
        return whole * self.per_epoch + min(rest * self.per_update, self.per_epoch)
