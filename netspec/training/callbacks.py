"""`netspec.train(…, callbacks=[…])`: what is called during a run, and what it sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netspec.training.engine import Engine, Watcher
from netspec.training.rows import Row
from netspec.training.scores import Score

if TYPE_CHECKING:
    import torch

__all__ = ["Callback", "Calling", "Training", "Watchers"]


class Training:
    """A run while it trains. With several processes, callbacks are called in the first one."""

    def __init__(self, engine: Engine, path: Path, stop: Callable[[], None]) -> None:
        self._engine = engine
        self.path = path
        """The folder of the run."""
        self.stop = stop
        """Ends the run after this update (with several processes: within 16) and saves it, as Ctrl-C does: it can be resumed."""

    @property
    def module(self) -> torch.nn.Module:
        """The module that is trained, which outputs logits."""
        return self._engine.module

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        return self._engine.optimizer

    @property
    def epochs(self) -> int:
        """As many epochs as the recipe has."""
        return self._engine.plan.epochs

    @property
    def updates(self) -> int:
        """The updates of each epoch."""
        return self._engine.updates

    @property
    def epoch(self) -> int:
        """Complete epochs."""
        return self._engine.at.step // self._engine.updates

    @property
    def step(self) -> int:
        """Complete updates of the whole run."""
        return self._engine.at.step

    @property
    def lr(self) -> float:
        """The learning rate of the last update."""
        return self._engine.at.lr

    @property
    def history(self) -> Sequence[Row]:
        """The results of the complete epochs."""
        return tuple(self._engine.at.history)


class Callback:
    """A base class of callbacks. Override what you need; an exception ends the run, which can be resumed from its last
    checkpoint."""

    def on_start(self, run: Training) -> None:
        """Before the first update, also of a resumed run."""

    def on_update(self, run: Training, loss: float | None) -> None:
        """After every update. On a GPU and with several processes losses are read every 16 updates, and None between."""

    def on_epoch(self, run: Training, row: Row) -> None:
        """After every epoch and its validation (or as `validate` says): `row.train` and `row.validation` have a loss and, where it applies, an
        accuracy, an R2 and further metrics."""

    def on_end(self, run: Training, test: Score | None) -> None:
        """After the last update and the final test, also of a run that was stopped; not after an error."""


class Calling(Watcher):
    """Calls callbacks, in their order."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self.callbacks = tuple(callbacks)
        for given in self.callbacks:
            if not isinstance(given, Callback):
                raise TypeError(f"callbacks are instances of subclasses of netspec.Callback, not {given!r:.60}")
        self.run: Training

    def start(self, engine: Engine, path: Path, stop: Callable[[], None]) -> None:
        self.run = Training(engine, path, stop)
        for callback in self.callbacks:
            callback.on_start(self.run)

    def update(self, engine: Engine, loss: float | None) -> None:
        for callback in self.callbacks:
            callback.on_update(self.run, loss)

    def epoch(self, engine: Engine, row: Row, *, best: bool) -> None:
        for callback in self.callbacks:
            callback.on_epoch(self.run, row)

    def end(self, *, finished: bool, best: Row | None, test: Score | None) -> None:
        for callback in self.callbacks:
            callback.on_end(self.run, test)


class Watchers(Watcher):
    """Several watchers, in their order."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self.watchers = tuple(watchers)

    def note(self, text: str) -> None:
        for watcher in self.watchers:
            watcher.note(text)

    def start(self, engine: Engine, path: Path, stop: Callable[[], None]) -> None:
        for watcher in self.watchers:
            watcher.start(engine, path, stop)

    def update(self, engine: Engine, loss: float | None) -> None:
        for watcher in self.watchers:
            watcher.update(engine, loss)

    def epoch(self, engine: Engine, row: Row, *, best: bool) -> None:
        for watcher in self.watchers:
            watcher.epoch(engine, row, best=best)

    def end(self, *, finished: bool, best: Row | None, test: Score | None) -> None:
        for watcher in self.watchers:
            watcher.end(finished=finished, best=best, test=test)
