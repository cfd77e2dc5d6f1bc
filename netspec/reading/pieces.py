"""Pieces of files, read where they are: neither the files nor their pages count as memory of the process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

__all__ = ["Pieces"]


class Pieces:
    """Files of which pieces are read, in any order; each process opens each file once, when it needs it."""

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
        if which not in self._open:
            self._open[which] = os.open(self.files[which], os.O_RDONLY | getattr(os, "O_BINARY", 0))
        done = 0
        while done < len(view):
            count = _read_at(self._open[which], start + done, view[done:])
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
