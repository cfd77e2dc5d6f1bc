"""Hyperparameter search with Optuna: every trial is a run, and the study is stored in a file or database."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.files import atomic_write, cannot_write
from netspec.model import check
from netspec.training.engine import Engine, Row, Watcher
from netspec.training.run_folder import RunFolder
from netspec.training.session import OpenedData, train
from netspec.training.study import (
    Search,
    Trial,
    beating,
    done,
    has_room_for,
    metric_of,
    next_trial,
    open_study,
    room_left,
    trials,
)

if TYPE_CHECKING:
    import optuna

__all__ = ["run_trials", "run_workers", "write_best"]

_FATAL = ("NS004", "NS501", "NS502", "NS601", "NS606")
"""Errors that every trial would have."""
_VISIBLE = "CUDA_VISIBLE_DEVICES"


class _Interrupted(Exception):
    """A signal stopped the run of a trial."""

    def __init__(self, number: int) -> None:
        self.signal = number


# Trials


def run_trials(search: Search, told: Callable[[Trial], None], *, most: int | None = None) -> int | None:
    """Runs trials until the study has all of them, or at most `most`. Returns the signal that stopped it, or None.

    The sampler is seeded with (seed, place in the study): several processes and machines draw different values, and with
    one, a study that was stopped and continued samples the same values as an uninterrupted one. Raises SpecError for errors that every trial would have.
    """
    import optuna

    study = open_study(search)
    ours, data = 0, OpenedData()
    while (most is None or ours < most) and room_left(study, search):
        trial = next_trial(study, search)
        seed = search.seed * 1009 + trial.user_attrs["place"]
        study.sampler = optuna.samplers.TPESampler(seed=seed * 1009)
        state = optuna.trial.TrialState
        if not has_room_for(search, trial):
            study.tell(trial, state=state.FAIL)
            continue
        try:
            with beating(study, trial):
                value = _run_trial(search, trial, data)
        except optuna.TrialPruned:
            study.tell(trial, state=state.PRUNED)
        except SpecError as error:
            if error.diagnostics[0].code in _FATAL:
                study.tell(trial, state=state.FAIL)
                raise
            first = next(d for d in error.diagnostics if d.is_error)
            trial.set_user_attr("reason", f"{first.code}: {first.message}")
            study.tell(trial, state=state.FAIL)
        except (_Interrupted, KeyboardInterrupt) as stop:
            study.tell(trial, state=state.FAIL)
            study.enqueue_trial(trial.params)
            return stop.signal if isinstance(stop, _Interrupted) else int(signal.SIGINT)
        except BaseException:
            study.tell(trial, state=state.FAIL)
            raise
        else:
            study.tell(trial, value)
        ours += 1
        told(next(t for t in trials(study, search.space) if t.number == trial.number))
    return None


def _run_trial(search: Search, trial: optuna.Trial, data: OpenedData) -> float:
    values = search.space.values(trial)
    source = search.space.source(search.request.source, values)
    folder = RunFolder(search.folder / f"trial-{trial.number}")
    watcher = _Pruner(trial, metric_of(search), prune=bool(search.prune))
    check(source).model()  # a trial that misses an expectation has failed, where a run of its own would go on
    outcome = train(replace(search.request, source=source, test=False), folder, watcher, data=data)
    if not outcome.finished:
        raise _Interrupted(outcome.signal or int(signal.SIGINT))
    assert watcher.best is not None
    return watcher.best


class _Pruner(Watcher):
    """Reports the validation score of a trial after every epoch, and stops it if it is worse than the median."""

    def __init__(self, trial: optuna.Trial, metric: str, *, prune: bool) -> None:
        self.trial, self.metric, self.prune = trial, metric, prune
        self.best: float | None = None

    def epoch(self, engine: Engine, row: Row, *, best: bool) -> None:
        import optuna

        if row.validation is None:
            raise SpecError.of(
                "NS601", "there are no validation examples to compare trials with", helps=["set `--validation`"]
            )  # fmt: skip
        value = row.validation.accuracy if self.metric == "accuracy" else row.validation.loss
        assert value is not None
        if value != value:
            raise SpecError.of("NS605", f"the validation loss of epoch {row.epoch} is {value}")
        better = max if self.metric == "accuracy" else min
        self.best = value if self.best is None else better(self.best, value)
        self.trial.report(value, len(engine.at.history))
        if self.prune and row.epoch < engine.plan.epochs and self.trial.should_prune():
            raise optuna.TrialPruned


# Several workers


def run_workers(search: Search, workers: int, told: Callable[[Trial], None]) -> int | None:
    """Like `run_trials`, in several processes that share the trials, and the GPUs in turn."""
    import torch

    gpus = torch.cuda.device_count()
    study = open_study(search)
    left = max(0, search.trials - done(study, search.space))
    shares = [left // workers + (number < left % workers) for number in range(workers)]
    context = multiprocessing.get_context("spawn")
    news: Any = context.Queue()
    processes = [
        context.Process(
            target=_work, args=(search, share, workers, gpu_of(number, os.environ.get(_VISIBLE), gpus), news)
        )
        for number, share in enumerate(shares)
        if share
    ]
    before = {n: signal.signal(n, _pass_on(processes, n)) for n in (signal.SIGINT, signal.SIGTERM)}
    ended, stopped, error = 0, None, None
    try:
        for process in processes:
            process.start()
        while ended < len(processes):
            item = _next(news, processes)
            if item is None:  # a process that died reports nothing
                break
            if isinstance(item, Trial):
                told(item)
                continue
            ended += 1
            if isinstance(item, SpecError):
                error = item
                for process in processes:
                    process.terminate()
            elif item[0] is not None:
                stopped = item[0]
        for process in processes:
            process.join()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if error is not None:
        raise error
    if stopped is None and any(p.exitcode for p in processes):
        raise SpecError.of(
            "NS606", "a worker ended before its trials were done", notes=[f"its exit code is {next(p.exitcode for p in processes if p.exitcode)}"],
            helps=["the study is intact; run the same command to continue it"],
        )  # fmt: skip
    return stopped


def _next(news: Any, processes: list[Any]) -> Any:
    """The next message of a worker; None if no worker is left."""
    import queue

    while True:
        alive = any(process.is_alive() for process in processes)
        try:
            return news.get(timeout=1)
        except queue.Empty:
            if not alive:
                return None


def _pass_on(processes: list[Any], number: int) -> Callable[..., None]:
    """Forwards a signal: a terminal sends Ctrl-C to every process, but another program only to this one."""

    def handler(*_: Any) -> None:
        for process in processes:
            if process.is_alive() and number == signal.SIGTERM:
                process.terminate()

    return handler


def gpu_of(worker: int, visible: str | None, count: int) -> str | None:
    """The GPU of a worker, as CUDA_VISIBLE_DEVICES names it: one of those that are `visible` (all `count` if that is not
    set), in turn; None without GPUs."""
    names = visible.split(",")[:count] if visible else [str(number) for number in range(count)]
    return names[worker % len(names)].strip() if count else None


def _work(search: Search, share: int, workers: int, gpu: str | None, news: Any) -> None:
    if gpu is not None:
        os.environ[_VISIBLE] = gpu  # before CUDA starts in this process

    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))
    try:
        news.put((run_trials(search, news.put, most=share),))
    except SpecError as error:
        news.put(error)
    except KeyboardInterrupt:  # between trials
        news.put((int(signal.SIGINT),))


# The best


def write_best(search: Search, best: Trial) -> Path:
    """Writes FOLDER/best.net, the spec with the best values, next to the files that it uses. Raises SpecError (NS501)."""
    path = search.folder / "best.net"
    source = search.space.source(search.request.source, best.values)
    with atomic_write(path) as file:
        file.write(source.text.encode("utf-8"))
    if best.folder is not None:
        for used in best.folder.rglob("*.net"):
            relative = used.relative_to(best.folder)
            if str(relative) == "spec.net":
                continue
            try:
                (search.folder / relative).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(used, search.folder / relative)
            except OSError as error:
                raise cannot_write(search.folder / relative, error) from None
    return path
