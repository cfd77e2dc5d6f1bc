"""Writing files so that an interrupted or failed run leaves no half file and never harms the old one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from netspec.diagnostics import SpecError

__all__ = ["atomic_write", "cannot_write"]


def cannot_write(path: Path, error: OSError) -> SpecError:
    """NS501, with what the system says."""
    helps = []
    if isinstance(error, FileNotFoundError):
        helps = [f"make the folder first: mkdir -p {path.parent}"]
    elif isinstance(error, PermissionError):
        helps = ["write to another folder, or change its permissions"]
    elif isinstance(error, IsADirectoryError):
        helps = ["name a file in it"]
    return SpecError.of("NS501", f"{path} cannot be written: {error.strerror or error}", helps=helps)


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name only when all of it is on disk. Raises SpecError (NS501)."""
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder", str(path))
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise cannot_write(path, error) from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
