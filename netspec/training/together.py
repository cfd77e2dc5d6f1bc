"""What several processes of one run do together: one acts for all, and a mistake ends all of them."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from netspec.diagnostics import SpecError
from netspec.files import cannot_write
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
def speaking_once(fabric: Any) -> Iterator[None]:
    """Of the errors of the processes of a machine the first is raised; the others end like it, with SystemExit(1)."""
    if fabric.world_size == 1:
        yield
        return
    with _open_together(fabric) as board:
        try:
            yield
        except SpecError:
            if _is_first(board, fabric.global_rank):
                raise
            raise SystemExit(1) from None


@contextlib.contextmanager
def _open_together(fabric: Any) -> Iterator[int]:
    """A file that the processes of a machine have open, and that has no name any more: it goes with them, however they end.
    Raises SpecError (NS501)."""
    path = Path(tempfile.gettempdir(), f"netspec-{fabric.broadcast(uuid4().hex)}")
    try:
        board = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise cannot_write(path, error) from None
    try:
        try:
            fabric.barrier()
        finally:
            with contextlib.suppress(OSError):
                path.unlink()
        yield board
    finally:
        os.close(board)


def _is_first(board: int, rank: int) -> bool:
    """Whether this process is the first that adds itself to a file."""
    mine = f"{rank:12}".encode()
    os.write(board, mine)
    os.lseek(board, 0, os.SEEK_SET)
    return os.read(board, len(mine)) == mine


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
