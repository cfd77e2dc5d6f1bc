"""Images in one folder per class, optionally inside `train`, `val` and `test`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netspec.datasets.class_folders import printable
from netspec.datasets.folder_index import indexed
from netspec.datasets.image_set import ImageSet

__all__ = ["ImageFiles", "open_image_folder", "sizes_digest"]

_MOST_SIZES = 10_000


@dataclass(frozen=True)
class ImageFiles:
    """Files in a folder, by their relative paths."""

    folder: str
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.names)

    def stored(self, row: int) -> str:
        return os.path.join(self.folder, self.names[row])  # noqa: PTH118

    def shown(self, row: int) -> str:
        return printable(self.stored(row))


def open_image_folder(folder: Path, *, labeled: bool) -> ImageSet:
    """Raises SpecError (NS601)."""
    import numpy as np

    found = indexed(folder, labeled=labeled)
    files = ImageFiles(str(folder), found.names)
    return ImageSet(
        printable(str(folder)),
        files,
        found.labels.astype(np.int64) if found.classes else None,
        found.parts,
        found.keys,
        sizes_digest(found.digest, files),
        found.classes,
    )


def sizes_digest(digest: str, *several: ImageFiles) -> str:
    """The digest of names with the sizes of files; of more than 10,000, of evenly spaced ones."""
    total = hashlib.blake2b(digest.encode(), digest_size=16)
    for files in several:
        for row in range(0, len(files), max(1, -(-len(files) // _MOST_SIZES))):
            total.update(f"{_size(files.stored(row))} ".encode())
    return total.hexdigest()


def _size(path: str) -> int:
    """-1 of a broken link."""
    try:
        return os.path.getsize(path)  # noqa: PTH202
    except OSError:
        return -1
