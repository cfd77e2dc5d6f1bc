"""The index of a folder: its files with their classes and splits, cached on disk.

A cached index counts only while every folder in it has the same identity, times and number of entries as when it was listed, which
every new, removed or renamed file changes. What was modified just before it was listed is not cached: its time could stay the
same. Only large folders are cached, in the cache of the user, where it can be written.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets.class_folders import IMAGES, FileKind, Visited, scanned
from netspec.datasets.names import Names
from netspec.datasets.splits import keys_of_names
from netspec.datasets.user_cache import cache_folder, mark_used, prune
from netspec.diagnostics import SpecError
from netspec.files import atomic_write

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Index", "indexed"]

_LARGE = 10_000
"""Files from which an index is cached."""
_MOMENT = 2.0
"""Seconds: the coarsest times of file systems."""
_VERSION = 1


@dataclass(frozen=True)
class Index:
    """The relative paths of files, their splits, classes (-1: none) and keys; a digest of the paths."""

    names: Names
    parts: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any]
    keys: np.ndarray[Any, Any]
    digest: str
    classes: tuple[str, ...]


def indexed(folder: Path, *, labeled: bool, kind: FileKind = IMAGES) -> Index:
    """Raises SpecError (NS601)."""
    import numpy as np

    place = _place(folder, labeled=labeled, kind=kind)
    if (known := _read(place)) is not None:
        mark_used(place)
        return known
    began = time.time()
    visited: Visited = {}
    found, classes = scanned(folder, labeled=labeled, kind=kind, visited=visited)
    digest = hashlib.blake2b(digest_size=16)
    for name in found.names:
        digest.update(f"{name}\0".encode("utf-8", "surrogateescape"))
    index = Index(
        found.names, np.array(found.parts, np.int8), np.array(found.labels, np.int32), keys_of_names(found.names), digest.hexdigest(),
        classes,
    )  # fmt: skip
    settled = all(status.st_mtime < began - _MOMENT for status in visited.values())
    if len(found) >= _LARGE and settled:
        with contextlib.suppress(OSError, SpecError):  # no index is kept where none can be written
            _write(place, index, visited)
    return index


def _place(folder: Path, *, labeled: bool, kind: FileKind) -> Path:
    text = f"{_VERSION} {folder.absolute()} {labeled} {kind.suffixes}"
    digest = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
    return cache_folder("folders") / f"{digest}.npz"


def _stamp(folder: str, status: os.stat_result) -> list[int]:
    """What changes when an entry of a folder is made, removed or renamed."""
    with os.scandir(folder) as entries:
        count = sum(1 for _ in entries)
    return [status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, count]


def _write(place: Path, index: Index, visited: Visited) -> None:
    """Raises OSError, SpecError (NS501)."""
    import numpy as np

    stamps = []
    for folder, before in visited.items():
        after = _stamp(folder, os.stat(folder))  # noqa: PTH116
        if after[:4] != [before.st_dev, before.st_ino, before.st_mtime_ns, before.st_ctime_ns]:
            return  # it is being written to
        stamps.append(after)
    place.parent.mkdir(parents=True, exist_ok=True)
    texts = {"folders": list(visited), "classes": list(index.classes), "digest": [index.digest]}
    with atomic_write(place) as file:
        save: Any = np.savez
        save(
            file,
            names=np.frombuffer(index.names.content, np.uint8), ends=np.frombuffer(index.names.ends, np.uint64),
            parts=index.parts, labels=index.labels, keys=index.keys, stamps=np.array(stamps, np.int64),
            **{name: np.frombuffer("\0".join(text).encode("utf-8", "surrogateescape"), np.uint8) for name, text in texts.items()},
        )  # fmt: skip
    prune(place.parent)


def _read(place: Path) -> Index | None:
    """None if there is no index, or if it does not count any more."""
    import numpy as np

    try:
        with np.load(place, allow_pickle=False) as stored:
            folders = list(_texts(stored["folders"]))
            if any(
                _stamp(folder, os.stat(folder)) != stamp  # noqa: PTH116
                for folder, stamp in zip(folders, stored["stamps"].tolist(), strict=True)
            ):
                return None
            names = Names.of(bytearray(stored["names"].data), array("Q", stored["ends"].tobytes()))
            (digest,) = _texts(stored["digest"])
            index = Index(
                names, stored["parts"], stored["labels"], stored["keys"], digest, tuple(_texts(stored["classes"]))
            )
            return index if len(names) == len(index.parts) == len(index.labels) == len(index.keys) else None
    except Exception:  # of an index that another version wrote, or that is damaged
        return None


def _texts(stored: np.ndarray[Any, Any]) -> Iterator[str]:
    text = stored.tobytes().decode("utf-8", "surrogateescape")
    yield from text.split("\0") if text else ()
