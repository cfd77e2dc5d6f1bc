"""How far a run is, and the results of its epochs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from netspec.training.scores import Score

__all__ = ["Progress", "Row", "row_of", "row_values"]


@dataclass(frozen=True, slots=True)
class Row:
    """The results of an epoch."""

    epoch: int
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
    """Epochs since the best one."""
    first_loss: float | None = None
    history: list[Row] = field(default_factory=list)


def row_values(row: Row) -> list[Any]:
    """As plain values, for a checkpoint."""
    scores = [None if s is None else [s.loss, s.accuracy, s.r2] for s in (row.train, row.validation)]
    return [row.epoch, row.step, row.lr, *scores, row.seconds, row.examples]


def row_of(values: list[Any]) -> Row:
    """The row of plain values."""
    epoch, step, lr, train, validation, seconds, examples = values
    return Row(epoch, step, lr, Score(*train), Score(*validation) if validation else None, seconds, examples)
