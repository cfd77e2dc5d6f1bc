"""Files, read and written so that nothing hangs and nothing is lost.

Read: only regular files, without waiting for what never comes. Written: under a temporary name beside the file, which it
replaces when all of it is on disk, so that an interrupted or failed run never harms the old one. Only regular files are
replaced: a device, a pipe or a symbolic link that is named as an output is refused.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from netspec.diagnostics import SpecError

__all__ = ["atomic_write", "cannot_write", "open_regular", "read_bounded", "staged"]


# Reading


def open_regular(path: Path) -> BinaryIO:
    """A regular file, opened without waiting for a writer of a pipe. Raises OSError, also for what is none."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(21, "it is a folder, not a file", str(path))
        if not stat.S_ISREG(mode):
            raise OSError(22, "it is not a regular file", str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(handle)
        raise


def read_bounded(path: Path, most: int) -> bytes:
    """The first bytes of a regular file, at most one more than `most`. Raises OSError."""
    with open_regular(path) as file:
        data: bytes | None = file.read(most + 1)
    if data is None:  # a file of the kernel's that has nothing to say now, such as /proc/kmsg
        raise OSError(11, "it has no end", str(path))
    return data


# Writing


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


def _require_replaceable(path: Path) -> None:
    """Raises SpecError (NS501) for what is there and is no regular file, OSError where the system cannot say."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(21, "it is a folder", str(path))
    if stat.S_ISLNK(mode):
        target = path.readlink()
        raise SpecError.of(
            "NS501", f"{path} cannot be written: it is a symbolic link", helps=[f"name the file it points to: {target}"]
        )
    if not stat.S_ISREG(mode):
        raise SpecError.of("NS501", f"{path} cannot be written: it is a device or a pipe, not a regular file")


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name only when all of it is on disk. Raises SpecError (NS501)."""
    try:
        _require_replaceable(path)
        _remove_abandoned(path)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise cannot_write(path, error) from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            _claim(handle)
            yield file
            file.flush()
            os.fsync(file.fileno())
            _take_name(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


@contextlib.contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A path of the same name in a temporary folder beside `path`, for what is written, checked and then moved: with
    the block's end the file takes its name, after the files that were written next to it (`NAME.data`) took theirs.
    Raises SpecError (NS501)."""
    try:
        _require_replaceable(path)
        _remove_abandoned(path)
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    except OSError as error:
        raise cannot_write(path, error) from None
    handle = os.open(folder, os.O_RDONLY)
    try:
        _claim(handle)
        yield folder / path.name
        for made in sorted(folder.iterdir(), key=lambda p: p.name == path.name):
            _require_replaceable(path.with_name(made.name))
            _take_name(made, path.with_name(made.name))
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        os.close(handle)
        shutil.rmtree(folder, ignore_errors=True)


def _take_name(temporary: Path, path: Path) -> None:
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
    temporary.chmod(mode)
    temporary.replace(path)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


# What a killed run has left: a temporary file is locked while its writer lives


def _claim(handle: int) -> bool:
    """Locks a temporary file or folder; whether nobody else has. The lock goes with the process, however it ends."""
    try:
        import fcntl
    except ImportError:  # elsewhere what was left stays
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_abandoned(path: Path) -> None:
    """Removes the temporary files of this output whose writers have gone."""
    for left in path.parent.glob(f".{_literal(path.name)}.????????.part"):
        with contextlib.suppress(OSError):
            handle = os.open(left, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            try:
                if _claim(handle) and _is_old(handle):
                    shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink()
            finally:
                os.close(handle)


def _is_old(handle: int) -> bool:
    """Not made in this moment, by a writer that has not locked it yet."""
    import time

    return abs(time.time() - os.fstat(handle).st_mtime) > 2


def _literal(name: str) -> str:
    """A name as a pattern that matches only itself."""
    import glob

    return glob.escape(name)
