"""What several processes of one run do together: one acts for all, and a mistake ends all of them."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from netspec.diagnostics import SpecError
from netspec.training.run_lock import LOCK_NAME, locked

__all__ = ["by_first", "holding", "shared", "speaking_once", "telling_lost_processes"]

T = TypeVar("T")


def by_first(fabric: Any, action: Callable[[], Any]) -> None:
    """The first process acts, the others wait. Raises SpecError there, and SystemExit(1) in the others, whose words
    would be the same."""
    failure: SpecError | None = None
    if fabric.is_global_zero:
        try:
            action()
        except SpecError as error:
            failure = error
    if fabric.world_size > 1 and fabric.broadcast(failure is not None) and failure is None:
        raise SystemExit(1)
    if failure is not None:
        raise failure


def shared(fabric: Any, made: Callable[[], T], small: Callable[[T], bool]) -> T:
    """What the first process makes: the others get it, or make it too where it is not `small`. Raises SpecError there, and
    SystemExit(1) in the others."""
    found: list[T] = []
    by_first(fabric, lambda: found.append(made()))
    if fabric.world_size == 1:
        return found[0]
    given: T | None = fabric.broadcast(found[0] if found and small(found[0]) else None)
    if given is not None:
        return found[0] if found else given
    return found[0] if found else made()


@contextlib.contextmanager
def holding(fabric: Any, folder: Path) -> Iterator[None]:
    """The folder of a run, held by its first process for all of them. Raises SpecError (NS501, NS606)."""
    with contextlib.ExitStack() as held:
        by_first(fabric, lambda: held.enter_context(locked(folder / LOCK_NAME, f"the run folder {folder}")))
        yield


@contextlib.contextmanager
def speaking_once(fabric: Any, here: int) -> Iterator[None]:
    """Of the errors of the `here` processes of a machine the first is raised; the others end like it, with SystemExit(1)."""
    if fabric.world_size == 1:
        yield
        return
    made = tempfile.mkdtemp(prefix="netspec-") if fabric.is_global_zero else None
    place = Path(fabric.broadcast(made))
    try:
        yield
    except SpecError:
        if _made(place / "told"):
            raise
        raise SystemExit(1) from None
    finally:
        _made(place / str(fabric.global_rank))
        with contextlib.suppress(OSError):
            if len([mark for mark in place.iterdir() if mark.name != "told"]) >= here:
                shutil.rmtree(place)


def _made(folder: Path) -> bool:
    """Whether this process has made a folder; only one does."""
    try:
        folder.parent.mkdir(exist_ok=True)  # on another machine than that of the first process
        folder.mkdir()
    except FileExistsError:
        return False
    except OSError:
        return True
    return True


@contextlib.contextmanager
def telling_lost_processes(fabric: Any) -> Iterator[None]:
    """Raises SpecError (NS604) where a process waits for one that has ended."""
    try:
        yield
    except RuntimeError as error:  # of torch.distributed and its backends
        if fabric.world_size == 1:
            raise
        said = (
            next(iter(str(error).strip().splitlines()), type(error).__name__)
            .rpartition("] ")[2]
            .partition(". ")[0][:100]
        )
        raise SpecError.of(
            "NS604", "a process of this run has ended before the others", notes=[f"its own message says why; here: {said}"],
            helps=["what it had saved is whole: resume the run"],
        ) from None  # fmt: skip
