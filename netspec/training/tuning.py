"""Hyperparameter search with Optuna: every trial is a run, and the study is stored in a file or database."""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.files import atomic_write, cannot_write
from netspec.model import check
from netspec.optional import not_installed
from netspec.training.engine import Engine, Row, Watcher
from netspec.training.plan import Plan
from netspec.training.run_folder import RunFolder
from netspec.training.run_lock import LOCK_NAME, locked
from netspec.training.search_space import SearchSpace
from netspec.training.session import Request, train

if TYPE_CHECKING:
    import optuna

__all__ = ["Search", "Trial", "done", "open_study", "run_trials", "run_workers", "study_held", "trials", "write_best"]

_FATAL = ("NS004", "NS501", "NS502", "NS601", "NS606")
"""Errors that every trial would have."""
_STARTUP = 5
"""The number of trials that are never pruned."""


@dataclass(frozen=True)
class Search:
    """The search space, where the study is stored, and the number of trials."""

    request: Request
    space: SearchSpace
    folder: Path
    storage: str
    study: str
    trials: int
    metric: str | None = None
    """Validation accuracy or loss; None: accuracy for classifiers."""
    prune: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Trial:
    """A finished trial. `state` is complete, pruned or failed; `reason` is the reason for a failure."""

    number: int
    state: str
    value: float | None
    values: dict[str, str]
    folder: Path | None
    reason: str = ""


class _Interrupted(Exception):
    """A signal stopped the run of a trial."""

    def __init__(self, number: int) -> None:
        self.signal = number


# The study


def open_study(search: Search) -> optuna.Study:
    """Opens the study, or creates it. Raises SpecError (NS502, NS604, NS606)."""
    try:
        import optuna
    except ImportError:
        raise not_installed("Optuna", "train") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    metric = _metric(search)
    pruner: Any = optuna.pruners.MedianPruner(n_startup_trials=_STARTUP) if search.prune else optuna.pruners.NopPruner()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study = optuna.create_study(
                storage=_storage(search.storage), study_name=search.study, pruner=pruner, load_if_exists=True,
                direction="maximize" if metric == "accuracy" else "minimize",
            )  # fmt: skip
    except Exception as error:  # from Optuna, SQLAlchemy, the database driver, or the system
        said = str(error).strip().split("\n")[0][:200] if "://" not in search.storage else type(error).__name__
        raise SpecError.of("NS606", f"the study in {_shown(search.storage)} cannot be opened", notes=[said]) from None
    _check_same(study, search, metric)
    return study


@contextlib.contextmanager
def study_held(search: Search) -> Iterator[None]:
    """The study's folder and file, held by this process. Raises SpecError (NS501, NS606)."""
    with contextlib.ExitStack() as held:
        held.enter_context(locked(search.folder / LOCK_NAME, f"the study in {search.folder}"))
        if "://" not in search.storage:
            file = Path(search.storage)
            held.enter_context(locked(file.with_name(f".{file.name}.lock"), f"the study in {file}"))
        yield


def _metric(search: Search) -> str:
    plan = Plan.of(check(search.request.source).model().graph)
    classifies = plan.task == "class" or plan.labels
    if search.metric == "accuracy" and not classifies:
        raise SpecError.of(
            "NS604",
            f"`loss {plan.loss.word}` is a regression loss, so there is no accuracy",
            helps=["use `--metric loss`"],
        )
    return search.metric or ("accuracy" if classifies else "loss")


def _storage(where: str) -> Any:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    if "://" in where:
        return optuna.storages.RDBStorage(where)
    if Path(where).suffix == ".log":
        return optuna.storages.JournalStorage(JournalFileBackend(where))
    return optuna.storages.RDBStorage(f"sqlite:///{where}", engine_kwargs={"connect_args": {"timeout": 60}})


def _shown(where: str) -> str:
    """The address of a database without a possible password."""
    scheme, slashes, rest = where.partition("://")
    return f"{scheme}{slashes}{rest.rpartition('@')[2]}" if slashes else where


def _check_same(study: optuna.Study, search: Search, metric: str) -> None:
    """Raises SpecError (NS606) if the trials of a study are from a different search."""
    request = search.request
    asked = {
        "spec": hashlib.blake2b(request.source.text.encode(), digest_size=8).hexdigest(),
        "data": request.data,
        "split": repr(replace(request.options, workers=0)),
        "search": sorted(search.space.written),
        "metric": metric,
    }
    held = study.user_attrs.get("netspec")
    if held is None:
        study.set_user_attr("netspec", asked)
    elif held != asked:
        changed = [name for name, value in asked.items() if held.get(name) != value]
        raise SpecError.of(
            "NS606", f"the study `{search.study}` in {_shown(search.storage)} belongs to a different search",
            notes=[f"it was started with a different {' and a different '.join(changed)}"],
            helps=["choose a new study with `--study`, or another folder with `--folder`"],
        )  # fmt: skip


def trials(study: optuna.Study, space: SearchSpace) -> list[Trial]:
    """The finished trials, by number, without interrupted ones."""
    found = []
    for one in study.get_trials(deepcopy=False):
        state = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}.get(one.state.name)
        reason = one.user_attrs.get("reason", "")
        if state is None or (state == "failed" and not reason):
            continue
        folder = one.user_attrs.get("folder")
        value = one.value if state == "complete" else None
        found.append(Trial(one.number, state, value, space.texts(one.params), Path(folder) if folder else None, reason))
    return found


def done(study: optuna.Study, space: SearchSpace) -> int:
    return len(trials(study, space))


# Trials


def run_trials(
    search: Search, told: Callable[[Trial], None], *, worker: int = 0, most: int | None = None
) -> int | None:
    """Runs trials until the study has all of them, or at most `most`. Returns the signal that stopped it, or None.

    The sampler is seeded with (seed, finished trials, worker): with one worker, a study that was stopped and continued
    samples the same values as an uninterrupted one. Raises SpecError for errors that every trial would have.
    """
    import optuna

    study = open_study(search)
    ours = 0
    while (count := done(study, search.space)) < search.trials and (most is None or ours < most):
        study.sampler = optuna.samplers.TPESampler(seed=(search.seed * 1009 + count) * 1009 + worker)
        trial = study.ask()
        state = optuna.trial.TrialState
        try:
            value = _run_trial(search, trial)
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


def _run_trial(search: Search, trial: optuna.Trial) -> float:
    values = search.space.values(trial)
    source = search.space.source(search.request.source, values)
    folder = RunFolder(search.folder / f"trial-{trial.number}")
    trial.set_user_attr("folder", str(folder.path.resolve()))
    watcher = _Pruner(trial, _metric(search), prune=search.prune)
    outcome = train(replace(search.request, source=source, test=False), folder, watcher)
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
        self.trial.report(value, row.epoch)
        if self.prune and row.epoch < engine.plan.epochs and self.trial.should_prune():
            raise optuna.TrialPruned


# Several workers


def run_workers(search: Search, workers: int, told: Callable[[Trial], None]) -> int | None:
    """Like `run_trials`, in several processes that share the trials."""
    study = open_study(search)
    left = max(0, search.trials - done(study, search.space))
    shares = [left // workers + (number < left % workers) for number in range(workers)]
    context = multiprocessing.get_context("spawn")
    news: Any = context.Queue()
    processes = [
        context.Process(target=_work, args=(search, number, share, workers, news))
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


def _work(search: Search, number: int, share: int, workers: int, news: Any) -> None:
    import os

    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))
    try:
        news.put((run_trials(search, news.put, worker=number, most=share),))
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
