"""Safe reading and writing of files.

Reading accepts only regular files and never blocks. Writing uses a temporary file next to the target, which it replaces
once all data is on disk, so an interrupted or failed run never damages the old file. Only regular files are replaced:
devices, pipes and symbolic links are rejected as outputs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from netspec.diagnostics import SpecError

__all__ = ["atomic_write", "beside", "cannot_write", "open_regular", "read_bounded", "staged", "write_arrays"]


# Reading


def open_regular(path: Path) -> BinaryIO:
    """Opens a regular file, without blocking on pipes. Raises OSError, also if it is not a regular file."""
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
    """The first `most` + 1 bytes of a regular file. Raises OSError."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        data: bytes | None = file.read(most + 1)
    if data is None or (data and not size):  # a file of the kernel, such as /proc/kmsg: it has no size and no end
        raise OSError(11, "it has no end", str(path))
    return data


# Writing


def cannot_write(path: Path, error: OSError) -> SpecError:
    """NS501, with the error message of the system."""
    helps = []
    if isinstance(error, FileNotFoundError) and not path.parent.is_dir():
        helps = [f"create the folder first: mkdir -p {path.parent}"]
    elif isinstance(error, PermissionError):
        helps = ["write to another folder, or change its permissions"]
    elif isinstance(error, IsADirectoryError):
        helps = ["give a file name in this folder"]
    return SpecError.of("NS501", f"{path} cannot be written: {error.strerror or error}", helps=helps)


def _require_replaceable(path: Path) -> None:
    """Raises SpecError (NS501) if the path exists and is not a regular file, OSError if the system cannot tell."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(21, "it is a folder", str(path))
    if stat.S_ISLNK(mode):
        target = path.readlink()
        raise SpecError.of(
            "NS501", f"{path} cannot be written: it is a symbolic link", helps=[f"give the file it points to: {target}"]
        )
    if not stat.S_ISREG(mode):
        raise SpecError.of("NS501", f"{path} cannot be written: it is a device or a pipe, not a regular file")


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name only once all data is on disk. Raises SpecError (NS501)."""
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
    """A path with the same name in a temporary folder next to `path`, for output that is written, checked and then moved.
    At the end of the block the file is moved to `path`, after any files written next to it (`beside`), and then those of
    the file that it replaces are removed: between any two of these steps, `path` and what it refers to are whole. Raises
    SpecError (NS501)."""
    try:
        _require_replaceable(path)
        _remove_abandoned(path)
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    except OSError as error:
        raise cannot_write(path, error) from None
    handle, kept = os.open(folder, os.O_RDONLY), set()
    try:
        _claim(handle)
        yield folder / path.name
        for made in sorted(folder.iterdir(), key=lambda p: p.name == path.name):
            _require_replaceable(path.with_name(made.name))
            _take_name(made, path.with_name(made.name))
            kept.add(made.name)
        for other in path.parent.glob(f"{_literal(path.name)}.{'[0-9a-f]' * 8}.data"):
            if other.name not in kept:
                other.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        os.close(handle)
        shutil.rmtree(folder, ignore_errors=True)


def beside(path: Path, content: int) -> Path:
    """The name of a file that belongs to a file, by the checksum of its content (32 bits)."""
    return path.with_name(f"{path.name}.{content:08x}.data")


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """NumPy arrays: an `.npz` with their names, otherwise an `.npy`, which holds one. Raises SpecError (NS501, NS505)."""
    import zipfile

    from numpy.lib import format as numpy_format

    if path.suffix != ".npz":
        if len(arrays) != 1:
            names = ", ".join(list(arrays)[:6])
            raise SpecError.of(
                "NS505", f"{path.name} can hold one array, but there are {len(arrays)}: {names}",
                helps=[f"write {path.with_suffix('.npz').name}"],
            )  # fmt: skip
        with atomic_write(path) as file:
            numpy_format.write_array(file, next(iter(arrays.values())), allow_pickle=False)
        return
    with atomic_write(path) as file, zipfile.ZipFile(file, "w") as archive:  # np.savez has names of its own: `file`
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                numpy_format.write_array(entry, array, allow_pickle=False)


def _take_name(temporary: Path, path: Path) -> None:
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
    temporary.chmod(mode)
    temporary.replace(path)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


# Leftovers of killed runs: a temporary file is locked while its writer is alive


def _claim(handle: int) -> bool:
    """Locks a temporary file or folder; returns whether it was free. The lock ends with the process."""
    try:
        import fcntl
    except ImportError:  # on other systems leftovers stay
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_abandoned(path: Path) -> None:
    """Removes temporary files of this output whose writers no longer exist."""
    for left in path.parent.glob(f".{_literal(path.name)}.????????.part"):
        with contextlib.suppress(OSError):
            handle = os.open(left, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            try:
                if _claim(handle) and _is_old(handle):
                    shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink()
            finally:
                os.close(handle)


def _is_old(handle: int) -> bool:
    """Whether it is older than a moment; a newer one may not be locked yet."""
    import time

    return abs(time.time() - os.fstat(handle).st_mtime) > 2


def _literal(name: str) -> str:
    """A glob pattern that matches only this name."""
    import glob

    return glob.escape(name)
