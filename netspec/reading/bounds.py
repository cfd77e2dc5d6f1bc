"""How much a file may unfold to."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

from netspec.files import open_regular

__all__ = ["LARGEST_TEXT", "Unfolds", "require_modest_archive", "unfolded_bound"]

LARGEST_TEXT = 1 << 24
"""Bytes of a file of text: class names, a run's description."""

_FLOOR, _RATIO = 1 << 28, 64


class Unfolds(ValueError):
    """A file that is small on disk and enormous when it is unpacked."""


def unfolded_bound(stored: int) -> int:
    """Bytes that a compressed file of this size may unfold to: 64 times its size, and 256 MiB in any case."""
    return max(_FLOOR, _RATIO * stored)


def require_modest_archive(path: Path, wanted: Iterable[str] | None = None) -> None:
    """That the members of a zip archive (all, or those wanted) unfold to no more than the bound. Raises Unfolds,
    OSError, zipfile.BadZipFile."""
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        names = None if wanted is None else set(wanted)
        total = sum(i.file_size for i in archive.infolist() if names is None or i.filename in names)
        bound = unfolded_bound(path.stat().st_size)
    if total > bound:
        raise Unfolds(f"it unfolds to {total:,} bytes, and a file of its size may to {bound:,}")
