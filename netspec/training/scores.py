"""Sums of losses and correct predictions over examples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Score", "Sums"]


@dataclass(frozen=True, slots=True)
class Score:
    """Means over examples: the loss and the accuracy (None if the net is not a classifier)."""

    loss: float
    accuracy: float | None = None

    @property
    def rank(self) -> tuple[float, float]:
        """The sort key, larger is better: accuracy, then loss; only the loss without accuracy."""
        return (
            self.accuracy if self.accuracy is not None else 0.0,
            -self.loss if self.loss == self.loss else -math.inf,
        )

    @property
    def value(self) -> float:
        """A single number, larger is better: the accuracy or the negative loss."""
        return self.accuracy if self.accuracy is not None else -self.loss


class Sums:
    """Sums of losses, examples, correct predictions and all predictions. On a GPU, the sums stay there until read."""

    def __init__(self, values: list[float] | None = None) -> None:
        self.loss: Any
        self.hits: Any
        self.loss, self.examples, self.hits, self.answers = values or (0.0, 0.0, 0.0, 0.0)

    def add(self, loss: Tensor, examples: int, hits: Tensor | None = None, answers: int = 0) -> None:
        """loss: the sum over `examples`; hits: the number of correct predictions among `answers`."""
        on_cpu = loss.device.type == "cpu"
        self.loss += loss.item() if on_cpu else loss.detach()
        self.examples += examples
        if hits is not None:
            self.hits += hits.item() if on_cpu else hits
            self.answers += answers

    def values(self) -> list[float]:
        return [float(self.loss), float(self.examples), float(self.hits), float(self.answers)]

    def score(self, fabric: Any = None) -> Score:
        """The means over all processes."""
        values = self.values()
        if fabric is not None and fabric.world_size > 1:
            import torch

            mine = torch.tensor(values, dtype=torch.float64, device=fabric.device)
            values = fabric.all_reduce(mine, reduce_op="sum").tolist()
        loss, examples, hits, answers = values
        return Score(loss / max(1.0, examples), hits / answers if answers else None)
