"""Pieces of files, read where they are: neither the files nor their pages count as memory of the process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

__all__ = ["Pieces"]

_MOST_OPEN = 128
"""Files that stay open: a process may only have so many, often 1,024."""


class Pieces:
    """Files of which pieces are read, in any order. Each process opens the first ones that it needs once, and others for each piece."""

    def __init__(self, files: Sequence[str]) -> None:
        self.files = list(files)
        self._open: dict[int, int] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"files": self.files, "_open": {}}

    def __del__(self) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)

    def read(self, which: int, start: int, size: int) -> bytes:
        """Fewer bytes where the file ends. Raises OSError."""
        content = bytearray(size)
        return bytes(content[: self.fill(which, start, memoryview(content))])

    def fill(self, which: int, start: int, view: memoryview) -> int:
        """Fills the view and returns how many bytes there were. Raises OSError."""
        if which not in self._open and len(self._open) >= _MOST_OPEN:
            descriptor = _opened(self.files[which])
            try:
                return _filled(descriptor, start, view)
            finally:
                os.close(descriptor)
        if which not in self._open:
            self._open[which] = _opened(self.files[which])
        return _filled(self._open[which], start, view)


def _opened(file: str) -> int:
    return os.open(file, os.O_RDONLY | getattr(os, "O_BINARY", 0))


def _filled(descriptor: int, start: int, view: memoryview) -> int:
    done = 0
    while done < len(view):
        count = _read_at(descriptor, start + done, view[done:])
        if not count:
            break
        done += count
    return done


def _read_at(descriptor: int, start: int, view: memoryview) -> int:
    if hasattr(os, "preadv"):  # a process and those forked from it share the position, but not this
        return os.preadv(descriptor, [view], start)
    os.lseek(descriptor, start, os.SEEK_SET)
    content = os.read(descriptor, len(view))
    view[: len(content)] = content
    return len(content)
