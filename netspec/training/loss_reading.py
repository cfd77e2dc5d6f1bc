"""Reads the losses of updates from the device and checks each of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from netspec.training.endings import Diverged

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.training.rows import Progress
    from netspec.training.sampling import Piece

__all__ = ["LossReader"]

_TOGETHER = 16


class LossReader:
    """One process on a CPU reads a loss at once. On a GPU and with several processes those of 16 updates are read together,
    because reading waits for all of them."""

    give_up: int | None = None
    """After so many updates in a row above three times the first loss, the run has diverged; None: never."""

    def __init__(self, fabric: Any) -> None:
        self.fabric, self.alone = fabric, fabric.world_size == 1
        self.at_once = self.alone and fabric.device.type == "cpu"
        self.high = 0
        """How many updates in a row there are now above three times the first loss."""
        self.unread: list[tuple[int, Tensor, list[Piece]]] = []
        """Update, loss on the device, and inputs of the updates since losses were last read."""

    def see(self, loss: Tensor, pieces: list[Piece], at: Progress) -> float | None:
        """The loss of an update, or of an earlier one; None where it is read later."""
        if self.at_once:
            return self._check(float(loss), at.step, pieces, at)
        self.unread.append((at.step, loss, pieces))
        return self.read(at) if at.step % _TOGETHER == 0 else None

    def read(self, at: Progress) -> float | None:
        """Checks the losses that are still on the device; returns the last. Every process takes part."""
        import torch

        unread, self.unread = self.unread, []
        if not unread:
            return None
        losses = torch.stack([loss for _, loss, _ in unread])
        read = losses if self.alone else self.fabric.all_reduce(losses, reduce_op="mean")
        values: list[float] = read.tolist()
        for (step, _, pieces), value in zip(unread, values, strict=True):
            self._check(value, step, pieces, at)
        return values[-1]

    def _check(self, value: float, step: int, pieces: list[Piece], at: Progress) -> float:
        if at.first_loss is None:
            at.first_loss = value
        if not math.isfinite(value):
            raise Diverged(step, value, pieces, later=at.step - step)
        self.high = self.high + 1 if value > 3 * abs(at.first_loss) else 0
        if self.give_up is not None and self.high >= self.give_up:
            raise Diverged(step, value, pieces, self.high, later=at.step - step)
        return value
