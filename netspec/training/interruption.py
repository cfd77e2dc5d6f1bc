"""Ctrl-C and SIGTERM, checked between updates, so that a run saves before it ends."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

__all__ = ["ASKED", "Interruption"]

ASKED = 255
"""No signal, but a callback that asked."""
_EVERY = 16
"""Number of updates between synchronizations of several processes."""


class Interruption:
    """While active, the first signal is recorded, and a second one ends the process immediately.

    Call it after every update to find out whether to stop. Several processes agree, so that none waits forever.
    """

    def __init__(self, fabric: Any) -> None:
        self.fabric = fabric
        self.signal: int | None = None
        self.calls = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        here = threading.current_thread() is threading.main_thread()  # Python gives signals to no other
        for number in (signal.SIGINT, signal.SIGTERM) if here else ():
            self._before[number] = signal.signal(number, self._keep)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _keep(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        signal.signal(number, self._before[number])

    def ask(self) -> None:
        """As if there had been a signal."""
        self.signal = ASKED

    def __call__(self) -> bool:
        if self.fabric.world_size == 1:
            return self.signal is not None
        self.calls += 1
        if self.calls % _EVERY:
            return False
        import torch

        mine = torch.tensor(float(self.signal or 0), device=self.fabric.device)
        told = int(self.fabric.all_reduce(mine, reduce_op="max"))
        self.signal = told or None
        return self.signal is not None
