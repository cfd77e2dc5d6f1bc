"""A large array that stays on disk: its rows are read when they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from netspec.reading.pieces import Pieces

if TYPE_CHECKING:
    import numpy as np

__all__ = ["StoredArray"]

_PIECE = 1 << 24
"""Bytes."""


@dataclass(frozen=True)
class StoredArray:
    """Rows one after another in a file, from a byte on. Indexed with a slice or row numbers, it gives an array in memory."""

    file: Pieces
    start: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Raises OSError, also if the file has become shorter."""
        import numpy as np

        numbers = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else rows
        found = np.empty((len(numbers), *self.shape[1:]), self.dtype)
        size = prod(self.shape[1:]) * self.dtype.itemsize
        if not found.size:
            return found
        view = memoryview(found.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        breaks = np.flatnonzero(np.diff(numbers) != 1) + 1  # neighbors are read at once
        for first, end in zip([0, *breaks.tolist()], [*breaks.tolist(), len(numbers)], strict=True):
            part = view[first * size : end * size]
            if self.file.fill(0, self.start + int(numbers[first]) * size, part) < len(part):
                raise OSError(5, "it has become shorter", self.file.files[0])
        return found

    def pieces(self) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
        """All rows in order, some at a time, each time with the number of the first."""
        rows = max(1, _PIECE // max(1, self.nbytes // max(1, len(self))))
        for first in range(0, len(self), rows):
            yield first, self[first : first + rows]

    def sample(self, count: int) -> np.ndarray[Any, Any]:
        """Evenly spaced rows, the first and the last among them."""
        import numpy as np

        return self[np.unique(np.linspace(0, len(self) - 1, count).astype(np.int64))]
