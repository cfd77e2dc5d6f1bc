"""What is counted of predictions over examples, and the scores that follow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Kind", "Score", "Sums", "r2_text", "score_of"]

Kind = Literal["classes", "labels", "values", ""]
"""What predictions are compared as: one of several classes, labels that hold or not, values, or nothing but the loss."""

_LOSS, _EXAMPLES, _ANSWERS = 0, 1, 2
_COUNTS = 3


@dataclass(frozen=True, slots=True)
class Score:
    """Means over examples: the loss; the accuracy of classes and labels; R2 of values (the coefficient of determination,
    1 - squared error / squared deviation from the mean, averaged over the features). None where it does not apply."""

    loss: float
    accuracy: float | None = None
    r2: float | None = None
    labels: tuple[float, ...] = ()
    """The accuracy of each label, if there are several."""
    metrics: tuple[tuple[str, float], ...] = ()
    """Names and values of further metrics."""
    by: float | None = None
    """What `best by=…` ranks epochs by, larger is better; None: accuracy, then loss."""

    def merit(self, name: str) -> float | None:
        """A score by its name, larger is better; None if there is none."""
        known = {"loss": self.loss, "accuracy": self.accuracy, "r2": self.r2, **dict(self.metrics)}
        value = known.get(name)
        lower = name.rpartition("_")[2] in ("loss", "mae", "mse", "cer")
        return -value if value is not None and lower else value

    @property
    def rank(self) -> tuple[float, float]:
        """The sort key, larger is better: accuracy, then loss; only the loss without accuracy."""
        if self.by is not None:
            return (self.by if self.by == self.by else -math.inf, 0.0)
        return (
            self.accuracy if self.accuracy is not None else 0.0,
            -self.loss if self.loss == self.loss else -math.inf,
        )

    @property
    def value(self) -> float:
        """A single number, larger is better: the accuracy or the negative loss."""
        if self.by is not None:
            return self.by
        return self.accuracy if self.accuracy is not None else -self.loss


class Sums:
    """Sums over examples: losses, examples, predictions, and `width` counts whose meaning depends on the kind (see Judge).

    On a GPU, the sums of batches stay there until they are read; they are added up in double precision.
    """

    def __init__(self, kind: Kind = "", width: int = 0, values: Sequence[float] | None = None) -> None:
        self.kind = kind
        self._totals = [0.0] * (_COUNTS + width) if values is None else list(values)
        self._pending: list[tuple[Tensor, Tensor | None, Any]] = []

    def add(self, loss: Tensor, examples: int, counts: Tensor | None = None, answers: Any = 0) -> None:
        """loss: the sum over `examples`, detached; counts: a vector, or the only one; answers: the number of predictions."""
        self._totals[_EXAMPLES] += examples
        self._pending.append((loss, counts, answers))
        if loss.is_cpu:
            self._settle()

    def _settle(self) -> None:
        for loss, counts, answers in self._pending:
            self._totals[_LOSS] += loss.item()
            self._totals[_ANSWERS] += float(answers)
            if counts is not None and counts.ndim == 0:
                self._totals[_COUNTS] += counts.item()
            elif counts is not None:
                for place, count in enumerate(counts.tolist(), _COUNTS):
                    self._totals[place] += count
        self._pending.clear()

    def values(self) -> list[float]:
        self._settle()
        return list(self._totals)

    def totals(self, fabric: Any = None) -> list[float]:
        """The values, added up over all processes."""
        values = self.values()
        if fabric is not None and fabric.world_size > 1:
            import torch

            mine = torch.tensor(values, dtype=torch.float64, device=fabric.device)
            values = fabric.all_reduce(mine, reduce_op="sum").tolist()
        return values

    def score(self, fabric: Any = None) -> Score:
        """The means over all processes."""
        return score_of(self.kind, self.totals(fabric))


def score_of(kind: Kind, values: Sequence[float]) -> Score:
    """The score of the sums in `values` (see `Sums.values`)."""
    loss, examples, answers = values[:_COUNTS]
    counts = values[_COUNTS:]
    mean = loss / max(1.0, examples)
    if kind == "values":
        return Score(mean, r2=_r2(answers, counts))
    if not kind or not answers:
        return Score(mean)
    shares = tuple(hits / answers for hits in counts)
    return Score(mean, sum(shares) / len(shares), labels=shares if len(shares) > 1 else ())


def _r2(answers: float, counts: Sequence[float]) -> float | None:
    """Counts: for each feature the sum of the deviations of the targets from a fixed center, then of their squares, then of
    the squared errors."""
    if answers < 2:
        return None
    width = len(counts) // 3
    found = []
    for summed, squares, errors in zip(counts[:width], counts[width : 2 * width], counts[2 * width :], strict=True):
        spread = squares - summed * summed / answers
        constant = spread <= 1e-12 * squares
        found.append(float(errors == 0) if constant else 1 - errors / spread)
    return sum(found) / width


def r2_text(value: float | None) -> str:
    """Three decimals; far below 0, where no decimal matters, an order of magnitude."""
    return "" if value is None else f"{value:.3f}" if value > -100 else f"{value:.1e}"
