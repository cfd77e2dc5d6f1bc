"""Where the trials of a search are stored: opening a study, holding it, and reading its trials.

A study may be shared by several commands, each with a folder of its own, and on a database server by several machines: each
trial counts from when it starts, and one whose process was lost stops counting. That of a study in a file is lost where the
command that holds its folder has ended, on a server where it gives no sign of life.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import stat
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.model import check
from netspec.optional import not_installed
from netspec.training.plan import Plan
from netspec.training.run_lock import LOCK_NAME, in_use, locked
from netspec.training.search_space import SearchSpace
from netspec.training.session import Request

if TYPE_CHECKING:
    import optuna

__all__ = [
    "Search",
    "Trial",
    "beating",
    "done",
    "has_room_for",
    "metric_of",
    "next_trial",
    "open_study",
    "place_of",
    "room_left",
    "running",
    "study_held",
    "trials",
]

_STARTUP = 5
"""The number of trials that are never pruned."""
_BEAT, _LOST = 30, 180
"""Seconds between signs of life of a trial, and without one after which it is lost."""
_PATIENCE, _TRIES = 60.0, 5


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
    prune: str = ""
    """Which trials are stopped early: `median`, `asha` or `hyperband`; empty: none."""
    seed: int = 0

    @property
    def shown(self) -> str:
        """The storage, without a possible password."""
        scheme, slashes, rest = self.storage.partition("://")
        return f"{scheme}{slashes}{rest.partition('?')[0].rpartition('@')[2]}" if slashes else self.storage


@dataclass(frozen=True)
class Trial:
    """A finished trial. `state` is complete, pruned or failed; `reason` is the reason for a failure."""

    number: int
    state: str
    value: float | None
    values: dict[str, str]
    folder: Path | None
    reason: str = ""


# Opening and holding


def open_study(search: Search) -> optuna.Study:
    """Opens the study, or creates it. Raises SpecError (NS502, NS604, NS606)."""
    try:
        import optuna
    except ImportError:
        raise not_installed("Optuna", "train") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    metric = metric_of(search)
    direction: Any = "maximize" if metric == "accuracy" else "minimize"
    with _created_by_one(search) as tries:
        while True:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    study = optuna.create_study(
                        storage=_storage(search), study_name=search.study, pruner=_pruner(search), load_if_exists=True,
                        direction=direction,
                    )  # fmt: skip
                break
            except Exception as error:  # from Optuna, SQLAlchemy, the database driver, or the system
                tries -= 1
                if not tries or isinstance(error, ImportError | OSError):
                    raise _cannot_open(search, error) from None
                time.sleep(0.5)  # another machine may be making the tables
        _check_same(study, search, metric)
    return study


def _pruner(search: Search) -> Any:
    """Optuna's pruner. ASHA and Hyperband compare trials after 1, 3, 9, … epochs, and keep a third of them each time."""
    import optuna

    match search.prune:
        case "median":
            return optuna.pruners.MedianPruner(n_startup_trials=_STARTUP)
        case "asha":
            return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
        case "hyperband":
            epochs = Plan.of(check(search.request.source).lenient().model().graph).epochs
            return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=3)
    return optuna.pruners.NopPruner()


@contextlib.contextmanager
def study_held(search: Search) -> Iterator[None]:
    """The folder of the trials, held by this process. Raises SpecError (NS501, NS606)."""
    with locked(search.folder / LOCK_NAME, f"the study in {search.folder}"):
        _forget_lost(open_study(search), search, starting=True)
        yield


@contextlib.contextmanager
def _created_by_one(search: Search) -> Iterator[int]:
    """How often to try to open a study: in a file, one process at a time does, and a failure is one."""
    file = _file(search)
    if file is None:
        yield _TRIES
        return
    with locked(file.with_name(f".{file.name}.lock"), f"the file {file}", wait=_PATIENCE):
        yield 1


def _file(search: Search) -> Path | None:
    """The file of a study, links followed; None on a server. Raises SpecError (NS606) for what cannot hold a study."""
    where = search.storage
    if "://" in where:
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(where)
        except (ArgumentError, ValueError) as error:
            raise _cannot_open(search, error) from None
        if url.get_backend_name() != "sqlite":
            return None
        where = url.database or ":memory:"
        if where == ":memory:" or where.startswith("file:"):
            raise SpecError.of(
                "NS606", f"the study in {search.shown} cannot be kept",
                notes=["it would be in memory, or in a file that netspec cannot lock"],
                helps=["give a file: `--storage study.db`"],
            )  # fmt: skip
    try:
        path = Path(where).resolve()
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise OSError(22, "it is not a regular file", where)
        path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        raise _cannot_open(search, error) from None
    return path


def _cannot_open(search: Search, error: Exception) -> SpecError:
    said = str(error).strip().split("\n")[0][:200]
    notes, helps = [said], []
    if isinstance(error, OSError):
        notes = ["its folder is a file" if isinstance(error, FileExistsError) else error.strerror or said]
    elif "://" in search.storage:  # an error of a driver may repeat the password
        notes = [type(error).__name__]
        if type(error).__name__ in ("NoSuchModuleError", "ArgumentError"):
            notes = ["the address does not name a database that SQLAlchemy knows"]
            helps = ["write it as `postgresql://user@host/name`, or give a file: `--storage study.db`"]
        elif isinstance(error, ImportError):
            name = getattr(error.__cause__ or error, "name", None)
            notes = ["the driver of this database is not installed" + (f": {name}" if name else "")]
            helps = ["install it with pip, or give a file: `--storage study.db`"]
    return SpecError.of("NS606", f"the study in {search.shown} cannot be opened", notes=notes, helps=helps)


def metric_of(search: Search) -> str:
    """What trials are compared by. Raises SpecError (NS604)."""
    plan = Plan.of(check(search.request.source).lenient().model().graph)
    classifies = len(plan.heads) == 1 and (plan.task == "class" or plan.labels)
    if search.metric == "accuracy" and not classifies:
        raise SpecError.of(
            "NS604",
            f"`loss {plan.loss.word}` is a regression loss, so there is no accuracy"
            if plan.task in ("values", "input") and len(plan.heads) == 1
            else "there is no single accuracy of what this recipe trains",
            helps=["use `--metric loss`"],
        )
    return search.metric or ("accuracy" if classifies else "loss")


def _storage(search: Search) -> Any:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    where = search.storage
    if _file(search) is None:
        return optuna.storages.RDBStorage(where, heartbeat_interval=_BEAT, grace_period=_LOST)
    if "://" not in where:
        if Path(where).suffix == ".log":
            return optuna.storages.JournalStorage(JournalFileBackend(where))
        where = f"sqlite:///{where}"
    return optuna.storages.RDBStorage(where, engine_kwargs={"connect_args": {"timeout": _PATIENCE}})


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
        changed = [name for name, value in asked.items() if not isinstance(held, dict) or held.get(name) != value]
        raise SpecError.of(
            "NS606", f"the study `{search.study}` in {search.shown} belongs to a different search",
            notes=[f"it was started with a different {' and a different '.join(changed)}"],
            helps=["choose a new study with `--study`, or another folder with `--folder`"],
        )  # fmt: skip


# Trials


def trials(study: optuna.Study, space: SearchSpace) -> list[Trial]:
    """The finished trials, by number, without interrupted ones. Raises SpecError (NS606) if they are not of this search."""
    found = []
    try:
        for one in study.get_trials(deepcopy=False):
            state = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}.get(one.state.name)
            reason = one.user_attrs.get("reason", "")
            if state is None or (state == "failed" and not reason):
                continue
            folder = one.user_attrs.get("folder")
            value = one.value if state == "complete" else None
            values = space.texts(one.params)
            found.append(Trial(one.number, state, value, values, Path(folder) if folder else None, str(reason)))
    except (TypeError, ValueError, LookupError) as error:
        said = f"{type(error).__name__}: {error}"[:200]
        raise SpecError.of(
            "NS606", f"the trials of `{study.study_name}` are not of this search", notes=[said]
        ) from None
    return found


def done(study: optuna.Study, space: SearchSpace) -> int:
    return len(trials(study, space))


def running(study: optuna.Study) -> list[int]:
    """The numbers of trials that have begun and not ended, on all machines."""
    return [t.number for t in study.get_trials(deepcopy=False) if t.state.name == "RUNNING"]


def next_trial(study: optuna.Study, search: Search) -> optuna.Trial:
    """Begins a trial; `beating` gives its signs of life, which Optuna warns about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trial = study.ask()
    trial.set_user_attr("folder", str((search.folder / f"trial-{trial.number}").resolve()))
    trial.set_user_attr("place", place_of(study, search, trial))
    return trial


def place_of(study: optuna.Study, search: Search, trial: optuna.Trial) -> int:
    """The lowest place in a study that no other trial has, of those that are done and those that began before this one, on all
    machines. That of an interrupted or lost trial is free again, and who takes it draws what that one drew."""
    finished = {one.number for one in trials(study, search.space)}
    before = [
        t for t in study.get_trials(deepcopy=False)
        if t.number in finished or (t.state.name == "RUNNING" and t.number < trial.number)
    ]  # fmt: skip
    taken = {t.user_attrs["place"] for t in before if "place" in t.user_attrs}
    unplaced = sum("place" not in t.user_attrs for t in before)  # another machine is about to say it
    free = (place for place in itertools.count() if place not in taken)
    return next(itertools.islice(free, unplaced, None))


def has_room_for(search: Search, trial: optuna.Trial) -> bool:
    """Whether a trial that has been begun is one of those asked for. Numbers are given in order, so of several processes
    that begin one at the same time, those with the lower numbers go on."""
    return bool(trial.user_attrs["place"] < search.trials)


def room_left(study: optuna.Study, search: Search) -> bool:
    """Whether another trial may begin. Where those that others run would be the last ones, this waits until they have ended, or
    are known not to be lost."""
    until = time.monotonic() + (_BEAT + _LOST if _file(search) is None else 0)
    while True:
        _forget_lost(study, search)
        ended = done(study, search.space)
        if ended + len(running(study)) < search.trials:
            return True
        if ended >= search.trials or time.monotonic() >= until:
            return False
        time.sleep(1)


def _forget_lost(study: optuna.Study, search: Search, *, starting: bool = False) -> None:
    """Ends trials whose processes were killed. `starting`: those of this folder are from an earlier command."""
    import optuna

    if _file(search) is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            optuna.storages.fail_stale_trials(study)
        return
    ours = search.folder.resolve()
    for trial in study.get_trials(deepcopy=False):
        if trial.state.name != "RUNNING":
            continue
        folder = trial.user_attrs.get("folder")
        home = Path(folder).parent if folder else ours  # one that has just begun, or whose process was killed just then
        if starting if home == ours else not in_use(home / LOCK_NAME):
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL, skip_if_finished=True)


@contextlib.contextmanager
def beating(study: optuna.Study, trial: optuna.Trial) -> Iterator[None]:
    """Signs of life of a trial on a database server, from a thread; `study` was opened by `open_study`."""
    storage: Any = study._storage
    if getattr(storage, "get_heartbeat_interval", lambda: None)() is None:
        yield
        return
    ended = threading.Event()

    def beat() -> None:
        while not ended.is_set():
            with contextlib.suppress(Exception):  # the next one may arrive
                storage.record_heartbeat(trial._trial_id)
            ended.wait(_BEAT)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
