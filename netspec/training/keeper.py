"""The files of a run while it trains: copied between updates, and written in the background."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any

from netspec.training.checkpoint_files import write_checkpoint, write_weights
from netspec.training.curves import Board
from netspec.training.engine import Engine, Row, Watcher
from netspec.training.request import Request
from netspec.training.run_folder import RunFolder
from netspec.training.sharding import sharded

__all__ = ["Background", "Keeper"]


class Background:
    """A thread that does one job at a time. At the end of the block nothing is under way any more."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "netspec-background")
        self._job: Future[None] | None = None

    def __enter__(self) -> Background:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()
        if error is None:
            self.wait()

    def start(self, job: Callable[[], None]) -> None:
        """Starts a job once the one before has ended. Raises what that one raised."""
        self.wait()
        self._job = self._thread.submit(job)

    def wait(self) -> None:
        """Waits for the job under way. Raises what it raised."""
        job, self._job = self._job, None
        if job is not None:
            job.result()


class Keeper(Watcher):
    """Writes the files of a run during training, and forwards to another watcher.

    What is written follows an order: the best weights and the table, then the checkpoint that knows of them, then the last weights.
    So a run that is killed at any moment resumes from a checkpoint whose best weights are there. Raises SpecError (NS501)
    where the write before has failed.
    """

    def __init__(
        self, engine: Engine, folder: RunFolder, request: Request, told: Watcher, background: Background
    ) -> None:
        self.engine, self.folder, self.told, self.background = engine, folder, told, background
        self.every, self.updates = request.save_every, request.save_updates
        self.saved = time.monotonic()
        self.alone = engine.fabric.world_size == 1
        self.first = engine.fabric.is_global_zero
        self.board = Watcher()

    def begin(self) -> None:
        """Called when the run folder exists and the engine is ready to start or resume."""
        self.engine.tell = self.told.note
        if self.first:
            self.board = Board(self.folder.tensorboard, self.engine.at.step)

    def update(self, engine: Engine, loss: float | None) -> None:
        if self._due(engine):
            engine.loss_reader.read(engine.at)  # what is counted of them is part of the checkpoint
            self.save()
        if self.first:
            self.board.update(engine, loss)
        self.told.update(engine, loss)

    def _due(self, engine: Engine) -> bool:
        """Whether to save. Several processes go by the clock of the first, every 16th update, since asking waits for all."""
        if self.updates is not None:
            return engine.at.step % self.updates == 0
        due = time.monotonic() - self.saved >= self.every
        if self.alone or engine.at.step % 16:
            return self.alone and due
        import torch

        asked = torch.tensor(float(due and self.first), device=engine.fabric.device)
        return bool(engine.fabric.all_reduce(asked, reduce_op="max"))

    def epoch(self, engine: Engine, row: Row, *, best: bool) -> None:
        self._write(row if best else None, table=True, whole=not self.alone)
        if self.first:
            self.board.epoch(engine, row, best=best)
        self.told.epoch(engine, row, best=best)

    def save(self) -> None:
        """Copies the state and begins to write it: the checkpoint and the current weights. Every process takes part."""
        self._write(None, table=False, whole=True)

    def settle(self) -> None:
        """Waits until all is written. Every process takes part."""
        self.background.wait()
        self.engine.fabric.barrier()

    def _write(self, best: Row | None, *, table: bool, whole: bool) -> None:
        """The current weights as the best (of that row), the table, and the state as a `whole`."""
        engine, folder, jobs = self.engine, self.folder, list[Callable[[], None]]()
        self.background.wait()  # there is one copy at a time
        seen: dict[Any, Any] = {}
        gathers = self.first or sharded(engine.fabric)
        weights = engine.weights() if gathers and (best is not None or whole) else {}
        state = engine.state() if whole else {}
        if not self.first:
            return
        copy = _copied(weights, seen)
        if best is not None:
            jobs.append(partial(write_weights, folder.best, copy, {"epoch": str(best.epoch)}))
        if table:
            jobs.append(partial(folder.write_metrics, tuple(engine.at.history)))
        if whole:
            self.saved = time.monotonic()
            jobs.append(partial(write_checkpoint, folder.checkpoint, _copied(state, seen)))
            jobs.append(partial(write_weights, folder.last, copy, {"step": str(engine.at.step)}))
        self.background.start(partial(_all, jobs))


def _all(jobs: Sequence[Callable[[], None]]) -> None:
    for job in jobs:
        job()


def _copied(value: Any, seen: dict[Any, Any]) -> Any:
    """Nested values with copies of their tensors on the CPU; those of one tensor, `seen` before, are one."""
    import torch

    if isinstance(value, torch.Tensor):
        key = (value.device, value.data_ptr(), value.dtype, value.shape, value.stride())
        if key not in seen:
            seen[key] = value.detach().to("cpu", copy=True)
        return seen[key]
    if isinstance(value, dict):
        return {name: _copied(one, seen) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_copied(one, seen) for one in value)
    return value
