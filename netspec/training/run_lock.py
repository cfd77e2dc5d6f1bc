"""One process at a time: a lock for the folder of a run, and for a study. It goes with the process, however it ends."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from netspec.diagnostics import SpecError
from netspec.files import cannot_write

__all__ = ["LOCK_NAME", "locked"]

LOCK_NAME = ".lock"
_MOST_BYTES = 4096


@contextlib.contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Holds the lock file `path`, whose folder is made and, left empty, removed. Raises SpecError (NS606) where another
    process holds it, naming that process, and NS501 where the file cannot be written."""
    from filelock import FileLock, Timeout

    made = not path.parent.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire(timeout=0)
    except Timeout:
        raise SpecError.of(
            "NS606", f"{what} is in use", notes=[f"by {_holder(path)}"], helps=["wait for it to end, or name another"]
        ) from None
    except OSError as error:
        raise cannot_write(path, error) from None
    try:
        path.write_text(json.dumps({"process": os.getpid(), "host": socket.gethostname(), "command": sys.argv}))
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()  # while it is held: who waits for it finds out that it is gone, and makes a new one
        lock.release()
        if made:
            with contextlib.suppress(OSError):
                path.parent.rmdir()


def _holder(path: Path) -> str:
    """Who holds a lock, by what it wrote."""
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(_MOST_BYTES))
        command = " ".join(["netspec", *map(str, said["command"][1:])])
        return f"process {said['process']} on {said['host']}: {command}"
    except (OSError, ValueError, LookupError, TypeError):
        return "another process"
