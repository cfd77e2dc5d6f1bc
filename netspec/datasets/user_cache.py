"""What netspec keeps in the cache of the user: indices of data, each as long as it is used, up to a size."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["cache_folder", "mark_used", "prune"]

_MOST = 1 << 30
"""Bytes of each folder of the cache."""


def cache_folder(name: str) -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netspec" / name


def mark_used(file: Path) -> None:
    """The file counts as used now."""
    with contextlib.suppress(OSError):
        os.utime(file)


def prune(folder: Path) -> None:
    """Removes files of a folder of the cache, those used longest ago first, until it has its size. Another process may do the
    same at the same time: what it has removed is removed, and what it wants to read and is gone it makes again."""
    found = []
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                found.append((status.st_mtime_ns, status.st_size, entry.path))
    total = 0
    for _, size, path in sorted(found, reverse=True):
        total += size
        if total > _MOST:
            with contextlib.suppress(OSError):
                Path(path).unlink()
