"""Limits on the uncompressed size of files."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

from netspec.files import open_regular

__all__ = ["LARGEST_TEXT", "Unfolds", "require_modest_archive", "unfolded_bound"]

LARGEST_TEXT = 1 << 24
"""Maximum size of a text file in bytes: class names, the description of a run."""

_FLOOR, _RATIO = 1 << 28, 64


class Unfolds(ValueError):
    """A file that is small on disk but enormous when uncompressed."""


def unfolded_bound(stored: int) -> int:
    """The maximum uncompressed size of a file: 64 times its size, but at least 256 MiB."""
    return max(_FLOOR, _RATIO * stored)


def require_modest_archive(path: Path, wanted: Iterable[str] | None = None) -> None:
    """Checks the total uncompressed size of the members of a zip archive (all, or those wanted). Raises Unfolds, OSError,
    zipfile.BadZipFile."""
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        names = None if wanted is None else set(wanted)
        total = sum(i.file_size for i in archive.infolist() if names is None or i.filename in names)
        bound = unfolded_bound(path.stat().st_size)
    if total > bound:
        raise Unfolds(f"its uncompressed size, {total:,} bytes, exceeds the limit for a file of its size, {bound:,}")
