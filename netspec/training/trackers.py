"""Experiment trackers, by their own clients: a run's recipe, spec, metrics and final figures in MLflow and Weights & Biases.

Where they write, and under which name, their own environment variables say: MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME,
WANDB_PROJECT, WANDB_MODE and others.
"""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from netspec.analysis.totals import totals
from netspec.diagnostics import SpecError
from netspec.optional import not_installed
from netspec.training.callbacks import Watchers
from netspec.training.curves import row_scalars, score_scalars
from netspec.training.engine import Engine, Watcher
from netspec.training.report_tables import recipe_lines
from netspec.training.rows import Row
from netspec.training.run_folder import RunFolder
from netspec.training.scores import Score

__all__ = ["TRACKERS", "Tracker", "tracking"]


class Tracker(Watcher):
    """A run in a tracker, which goes on there when it is resumed. Its client is imported in the process that writes, when the run
    starts; a failure then is an error, a later one is noted and ends only the tracking."""

    name = ""

    def __init__(self, told: Watcher) -> None:
        self.told = told
        self.client: Any = None
        self.tens = 0
        self.ended = "failed"

    def start(self, engine: Engine, path: Path, stop: Callable[[], None]) -> None:
        folder = RunFolder(path)
        info = folder.read_info()
        tracked: dict[str, str] = info.setdefault("track", {})
        graph, plan = engine.plan.graph, engine.plan
        sums = totals(graph, graph.nodes)
        about = {"net": graph.name, "parameters": sums.params, "macs": sums.macs, "data": info["data"]["where"]}
        try:
            self.client = import_module(self.name)
            name, known = path.resolve().name, tracked.get(self.name)
            tracked[self.name] = self.open(name, known, about | recipe_lines(plan), folder.spec.read_text("utf-8"))
        except Exception as error:  # of the client, of its settings and of the network
            raise SpecError.of("NS604", f"{self.name} cannot track this run", notes=[_said(error)]) from None
        folder.write_info(info)
        self.tens = engine.at.step // 10

    def update(self, engine: Engine, loss: float | None) -> None:
        if loss is not None and engine.at.step // 10 != self.tens:
            self.tens = engine.at.step // 10
            self._try(lambda: self.log({"update/loss": loss}, engine.at.step))

    def epoch(self, engine: Engine, row: Row, *, best: bool) -> None:
        self._try(lambda: self.log({**row_scalars(row), "epoch": row.epoch}, row.step))

    def end(self, *, finished: bool, best: Row | None, test: Score | None) -> None:
        self.ended = "finished" if finished else "stopped"
        found = {"best/epoch": float(best.epoch), **score_scalars("best", best.score)} if best is not None else {}
        self._try(lambda: self.final(found | (score_scalars("test", test) if test is not None else {})))

    def close(self) -> None:
        """However the run has ended."""
        self._try(self.leave)

    def _try(self, action: Callable[[], None]) -> None:
        if self.client is None:
            return
        try:
            action()
        except Exception as error:  # of the client and of the network
            self.client = None
            self.told.note(f"{self.name} gets no more of this run: {_said(error)}")

    @abstractmethod
    def open(self, name: str, known: str | None, about: dict[str, Any], spec: str) -> str:
        """Starts a run there, or goes on with a known one; its id."""

    @abstractmethod
    def log(self, values: dict[str, float], step: int) -> None:
        """Metrics after an update."""

    @abstractmethod
    def final(self, values: dict[str, float]) -> None:
        """The figures of the run."""

    @abstractmethod
    def leave(self) -> None:
        """Ends the run there: `ended` is finished, stopped or failed."""


class MLflow(Tracker):
    name = "mlflow"

    def open(self, name: str, known: str | None, about: dict[str, Any], spec: str) -> str:
        run = self.client.start_run(run_id=known) if known else self.client.start_run(run_name=name)
        if not known:
            self.client.log_params(about)
            self.client.log_text(spec, "spec.net")
        return str(run.info.run_id)

    def log(self, values: dict[str, float], step: int) -> None:
        self.client.log_metrics(values, step=step)

    def final(self, values: dict[str, float]) -> None:
        self.client.log_metrics(values)

    def leave(self) -> None:
        self.client.end_run({"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}[self.ended])


class Wandb(Tracker):
    name = "wandb"
    run: Any

    def open(self, name: str, known: str | None, about: dict[str, Any], spec: str) -> str:
        self.run = self.client.init(id=known, resume="allow", name=name, config={**about, "spec": spec})
        return str(self.run.id)

    def log(self, values: dict[str, float], step: int) -> None:
        self.run.log(values, step=step)

    def final(self, values: dict[str, float]) -> None:
        self.run.summary.update(values)

    def leave(self) -> None:
        self.run.finish(exit_code=int(self.ended == "failed"))


TRACKERS: dict[str, type[Tracker]] = {kind.name: kind for kind in (MLflow, Wandb)}


@contextlib.contextmanager
def tracking(names: Sequence[str], told: Watcher) -> Iterator[Watcher]:
    """A watcher and trackers beside it. Raises SpecError (NS502) where a client is not installed."""
    found = [TRACKERS[name](told) for name in dict.fromkeys(names)]
    for name in names:
        if find_spec(name) is None:
            raise not_installed(name, name)
    try:
        yield Watchers([told, *found]) if found else told
    finally:
        for tracker in found:
            tracker.close()


def _said(error: Exception) -> str:
    first = next(iter(str(error).strip().splitlines()), "")[:200]
    return f"{type(error).__name__}: {first}"
