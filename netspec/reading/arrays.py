"""Arrays of `.npy` and `.npz` files. Nothing is unpickled, and headers are checked against the size of the file."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any, BinaryIO

from netspec.diagnostics import SpecError
from netspec.files import open_regular
from netspec.reading.bounds import Unfolds, require_modest_archive
from netspec.reading.pieces import Pieces
from netspec.reading.stored_array import StoredArray

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ArrayArchive", "open_archive", "open_array", "read_array", "read_arrays"]

_MAGIC = b"\x93NUMPY"
_ZIP = b"PK"
_MOST_AXES = 64
_PIECE = 1 << 24


class ArrayArchive(Mapping[str, Any]):
    """The arrays of an `.npz`, read on demand; those of at least `large` bytes that are not compressed stay on disk."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, large: int | None = None) -> None:
        self._path, self._archive, self._large = path, archive, large
        self._members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}

    def __getitem__(self, name: str) -> Any:
        info = self._members[name]
        with self._archive.open(info) as file:
            stays = (
                self._large is not None and info.file_size >= self._large and info.compress_type == zipfile.ZIP_STORED
            )
            if stays and (found := _left(file, info.file_size, self._path, self._start(info))) is not None:  # type: ignore[arg-type]
                return found
            file.seek(0)
            return _array(file, info.file_size)  # type: ignore[arg-type]

    def _start(self, info: zipfile.ZipInfo) -> int:
        """Where the content of a member begins: after its header, whose length is that of its fields."""
        with open_regular(self._path) as file:
            file.seek(info.header_offset)
            head = file.read(30)
        return info.header_offset + 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


def read_arrays(path: Path, code: str = "NS503") -> dict[str, np.ndarray[Any, Any]]:
    """The array of an `.npy` (with an empty name) or the arrays of an `.npz`, by name. Raises SpecError (NS001, `code`)."""
    with _diagnosed(path, code), open_regular(path) as file:
        zipped = file.read(2) == _ZIP
        file.seek(0)
        if not zipped:
            return {"": _array(file, path.stat().st_size)}
    with open_archive(path, code) as archive:
        return dict(archive)


def read_array(path: Path, code: str = "NS503") -> np.ndarray[Any, Any]:
    """The array of an `.npy`. Raises SpecError (NS001, `code`)."""
    with _diagnosed(path, code), open_regular(path) as file:
        return _array(file, path.stat().st_size)


def open_array(path: Path, code: str, large: int) -> np.ndarray[Any, Any] | StoredArray:
    """The array of an `.npy`, which stays on disk if it has `large` bytes or more. Raises SpecError (NS001, `code`)."""
    with _diagnosed(path, code), open_regular(path) as file:
        size = path.stat().st_size
        found = _left(file, size, path, 0) if size >= large else None
        if found is None:
            file.seek(0)
        return _array(file, size) if found is None else found


class HoldsObjects(ValueError):
    """An array of Python objects, which only unpickling could read."""


@contextmanager
def open_archive(path: Path, code: str = "NS503", large: int | None = None) -> Iterator[ArrayArchive]:
    """The arrays of an `.npz`; those of `large` bytes and more may stay on disk (StoredArray). Raises SpecError (NS001, `code`), also when a damaged array is read."""
    with _diagnosed(path, code):
        require_modest_archive(path)
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            yield ArrayArchive(path, archive, large)


@contextmanager
def _diagnosed(path: Path, code: str) -> Iterator[None]:
    """Turns errors while reading into a diagnostic."""
    try:
        yield
    except FileNotFoundError:
        raise SpecError.of("NS001", f"no such file: {path}") from None
    except OSError as error:
        raise SpecError.of(code, f"{path} cannot be read", notes=[error.strerror or str(error)]) from None
    except _DAMAGE as error:
        said = "it is truncated" if isinstance(error, EOFError) and not str(error) else str(error)[:200]
        helps = []
        if isinstance(error, HoldsObjects):
            helps = ["store arrays of numbers; loading Python objects would run the code in them"]
        elif isinstance(error, Unfolds):
            helps = ["store it uncompressed: np.savez"]
        raise SpecError.of(code, f"{path} cannot be read as an array", notes=[said], helps=helps) from None


_DAMAGE = (
    ValueError, EOFError, MemoryError, KeyError, IndexError, SyntaxError, RecursionError, RuntimeError, OverflowError,
    NotImplementedError, zipfile.BadZipFile, zlib.error, TypeError, AttributeError, TokenError,
)  # fmt: skip
"""The exceptions that numpy and zipfile raise for damaged files."""


def _header(file: BinaryIO, size: int) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and type of an array in NumPy's format in a stream of `size` bytes. Raises ValueError."""
    import numpy as np

    magic = file.read(8)
    if magic[:6] != _MAGIC:
        raise ValueError("it is not in NumPy's format")
    readers: dict[int, Callable[..., Any]] = {
        1: np.lib.format.read_array_header_1_0,
        2: np.lib.format.read_array_header_2_0,
    }
    reader = readers.get(magic[6])
    if reader is None:
        raise ValueError(f"version {magic[6]} of NumPy's format is unknown")
    shape, fortran, dtype = reader(file)
    if dtype.hasobject:
        raise HoldsObjects("it contains Python objects, not numbers")
    if len(shape) > _MOST_AXES or any(not isinstance(n, int) or n < 0 for n in shape):
        raise ValueError("its header contains an invalid shape")
    count, wanted = prod(shape), prod(shape) * dtype.itemsize
    if wanted > size or (count and not wanted):
        said = "x".join(map(str, shape))
        raise ValueError(f"its header specifies {said} values ({dtype}), but the file has {size:,} bytes")
    return shape, fortran, dtype


def _left(file: BinaryIO, size: int, path: Path, start: int) -> StoredArray | None:
    """The array of a stream of `size` bytes, which begins at byte `start` of a file, left there; None if its rows do not follow
    one another. Raises ValueError, EOFError."""
    shape, fortran, dtype = _header(file, size)
    if (fortran and len(shape) > 1) or not shape or not prod(shape):
        return None
    if file.tell() + prod(shape) * dtype.itemsize > size:
        raise EOFError
    return StoredArray(Pieces([str(path)]), start + file.tell(), dtype, shape)


def _array(file: BinaryIO, size: int) -> np.ndarray[Any, Any]:
    """One array in NumPy's format from a stream of `size` bytes. Raises ValueError."""
    import numpy as np

    shape, fortran, dtype = _header(file, size)
    wanted = prod(shape) * dtype.itemsize
    flat = np.empty(prod(shape), dtype)
    if wanted:
        _fill(memoryview(flat.view(np.uint8)), file)  # type: ignore[arg-type]
    return flat.reshape(shape[::-1]).transpose() if fortran else flat.reshape(shape)


def _fill(view: memoryview, file: BinaryIO) -> None:
    at = 0
    while at < len(view):
        piece = file.read(min(_PIECE, len(view) - at))
        if not piece:
            raise EOFError(f"its header specifies {len(view):,} bytes of values, but it has {at:,}")
        view[at : at + len(piece)] = piece
        at += len(piece)
