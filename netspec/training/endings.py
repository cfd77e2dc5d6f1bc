"""How a run or an evaluation ends before its time."""

from __future__ import annotations

from netspec.training.sampling import Piece

__all__ = ["Diverged", "Interrupted"]


class Interrupted(Exception):
    """An evaluation was stopped."""


class Diverged(Exception):
    """The loss of an update is NaN or infinite, or has been above three times the first for so many `updates`.

    `pieces` are its inputs. The weights are those before it if it was read at once; where losses are read later, the run has
    gone on for `later` updates."""

    def __init__(self, step: int, loss: float, pieces: list[Piece], updates: int = 0, later: int = 0) -> None:
        super().__init__(f"the loss of update {step} is {loss}")
        self.step, self.loss, self.pieces, self.updates, self.later = step, loss, pieces, updates, later
