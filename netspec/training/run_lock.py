"""One process at a time: a lock for the folder of a run, and for a study. It goes with the process, however it ends."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from netspec.diagnostics import SpecError
from netspec.files import cannot_write, open_regular

__all__ = ["LOCK_NAME", "in_use", "locked"]

LOCK_NAME = ".lock"
_MOST_BYTES = 4096
_PASSWORD = re.compile(r"://[^/@\s]*@")
"""The user and the password in the address of a database."""


@contextlib.contextmanager
def locked(path: Path, what: str, *, wait: float = 0) -> Iterator[None]:
    """Holds the lock file `path`, whose folder is made and, left empty, removed. Raises SpecError (NS606) where another
    process still holds it after `wait` seconds, naming that process, and NS501 where the file cannot be written."""
    from filelock import FileLock, Timeout

    made = not path.parent.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=wait)
        except Timeout:
            os.close(
                os.open(path, os.O_RDWR | os.O_CREAT)
            )  # also a folder that takes no files looks like a lock in use
            raise
    except Timeout:
        raise SpecError.of(
            "NS606", f"{what} is in use", notes=[f"by {_holder(path)}"], helps=["wait for it to end, or name another"]
        ) from None
    except OSError as error:
        raise cannot_write(path, error) from None
    try:
        command = [_PASSWORD.sub("://", word) for word in sys.argv]
        with contextlib.suppress(OSError):  # of a full disk the run itself will speak
            path.write_text(json.dumps({"process": os.getpid(), "host": socket.gethostname(), "command": command}))
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()  # while it is held: who waits for it finds out that it is gone, and makes a new one
        lock.release()
        if made:
            with contextlib.suppress(OSError):
                path.parent.rmdir()


def in_use(path: Path) -> bool:
    """Whether the process that wrote a lock file still runs; of one on another machine, that is assumed. The lock itself is
    not touched: whoever wants to hold it would find it taken."""
    try:
        said = _written(path)
        process, host = int(said["process"]), said["host"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return False
    if host != socket.gethostname():
        return True
    if process <= 0:
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _written(path: Path) -> Any:
    with open_regular(path) as file:
        return json.loads(file.read(_MOST_BYTES))


def _holder(path: Path) -> str:
    """Who holds a lock, by what it wrote."""
    try:
        said = _written(path)
        command = " ".join(["netspec", *map(str, said["command"][1:])])
        return f"process {said['process']} on {said['host']}: {command}"
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return "another process"
