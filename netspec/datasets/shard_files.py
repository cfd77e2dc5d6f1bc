"""Where shards are: in files, or in an object store, which fsspec reads (`s3://bucket/shards-{000..123}.tar`).

Of a shard in a store, pieces are read where they are. Its index is read once from the whole shard and kept in the cache of the user,
under what the store says of it: its size, and its time or entity tag.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar

from netspec.datasets.class_folders import printable
from netspec.datasets.user_cache import cache_folder, mark_used, prune
from netspec.diagnostics import SpecError
from netspec.files import atomic_write
from netspec.optional import not_installed, package_missing

__all__ = ["RemotePieces", "Shard", "indices", "is_remote", "local_shard", "named_shards"]

_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MOST_SHARDS = 100_000
_AT_ONCE = 16
"""Shards that a store is asked for at the same time."""
_LISTED = 5
"""Missing shards that are named."""
_CACHE = "shards"
Entry: TypeAlias = tuple[str, int, int, str]
"""Name, start and size of an image, and the text of its label."""
T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """A tar file: its address, its size, and for one in a store what identifies its content."""

    where: str
    size: int
    mark: str = ""

    @property
    def name(self) -> str:
        return self.where.rpartition("/")[2] if is_remote(self.where) else Path(self.where).name

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Raises OSError, SpecError (NS502, NS601)."""
        if not is_remote(self.where):
            with Path(self.where).open("rb") as file:
                yield file
            return
        system, path = _system(self.where)
        with _reading(self.where, lambda: system.open(path, "rb")) as stream:
            yield stream


def is_remote(where: str) -> bool:
    """Whether data is in an object store."""
    return "://" in where


def local_shard(file: Path) -> Shard:
    return Shard(str(file), file.stat().st_size)


def named_shards(pattern: str) -> list[Shard]:
    """The files of `name-{000..123}.tar`, or of one address in a store; none of a local path that is no such pattern. Raises SpecError
    (NS502, NS601)."""
    found, remote = _RANGE.search(pattern), is_remote(pattern)
    if not pattern.lower().endswith(".tar") or (found is None and not remote):
        if remote:
            raise SpecError.of("NS601", f"{pattern} is not a shard", helps=["of an object store, .tar files are read: s3://bucket/shards-{000..123}.tar"])  # fmt: skip
        return []
    places = [pattern]
    if found is not None:
        first, last = int(found[1]), int(found[2])
        if not first <= last < first + _MOST_SHARDS:
            raise SpecError.of("NS601", f"{pattern} names {'no' if last < first else 'too many'} files")
        width = len(found[1])
        places = [f"{pattern[: found.start()]}{n:0{width}}{pattern[found.end() :]}" for n in range(first, last + 1)]
    if remote:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            shards = list(threads.map(_remote_shard, places))
    else:
        shards = list(map(_local_shard, places))
    missing = [printable(place) for place, shard in zip(places, shards, strict=True) if shard is None]
    if missing:
        more = [f"and {len(missing) - _LISTED:,} more"] if len(missing) > _LISTED else []
        raise SpecError.of("NS601", f"{len(missing)} of {len(places)} shards are missing", notes=[", ".join(missing[:_LISTED]), *more])  # fmt: skip
    return [shard for shard in shards if shard is not None]


def _local_shard(place: str) -> Shard | None:
    file = Path(place)
    return local_shard(file) if file.is_file() else None


def _remote_shard(place: str) -> Shard | None:
    system, path = _system(place)
    try:
        said = _reading(place, lambda: system.info(path))
    except FileNotFoundError:
        return None
    if said.get("size") is None:
        raise SpecError.of(
            "NS601", f"{printable(place)} cannot be read", notes=["its server does not say how large it is"]
        )
    mark = {name: str(value) for name, value in sorted(said.items()) if name.lower() in _MARKS}
    return Shard(place, int(said["size"]), repr(mark))


_MARKS = (
    "etag",
    "mtime",
    "lastmodified",
    "last_modified",
    "created",
    "md5hash",
    "generation",
    "version_id",
    "checksum",
)
"""What stores call that which changes with the content."""


def _system(where: str, *, again: bool = False) -> tuple[Any, str]:
    """The file system of an address, and the path in it. Raises SpecError (NS502, NS601)."""
    try:
        import fsspec
    except ImportError:
        raise not_installed("fsspec, which reads object stores,", "torch") from None
    try:
        system, path = fsspec.core.url_to_fs(where, **({"skip_instance_cache": True} if again else {}))
    except ImportError as error:
        package = getattr(error.__cause__, "name", None) or str(error)
        raise package_missing(package, f"which reads {where.partition('://')[0]}://") from None
    except Exception as error:
        raise _unreadable(where, error) from None
    return system, str(path)


def _reading(where: str, read: Callable[[], T]) -> T:
    """Raises FileNotFoundError, SpecError (NS601): each store has errors of its own."""
    try:
        return read()
    except FileNotFoundError:
        raise
    except ImportError as error:
        raise package_missing(getattr(error, "name", None) or str(error), f"which reads {where.partition('://')[0]}://") from None  # fmt: skip
    except Exception as error:
        raise _unreadable(where, error) from None


def _unreadable(where: str, error: Exception) -> SpecError:
    said = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    return SpecError.of("NS601", f"{printable(where)} cannot be read", notes=[f"{type(error).__name__}: {said}"[:200]])


class RemotePieces:
    """Pieces of files in stores. A process that was forked makes connections of its own."""

    def __init__(self, files: Sequence[str]) -> None:
        self.files = list(files)
        self._reset()

    def _reset(self) -> None:
        self._systems: dict[str, Any] = {}
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return {"files": self.files}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.files = state["files"]
        self._reset()

    def read(self, which: int, start: int, size: int) -> bytes:
        """Raises SpecError (NS502, NS601)."""
        forked = self._process != os.getpid()
        if forked:
            self._reset()
        where = self.files[which]
        if where not in self._systems:
            self._systems[where] = _system(where, again=forked)
        system, path = self._systems[where]
        try:
            content: bytes = _reading(where, lambda: system.cat_file(path, start=start, end=start + size))
        except FileNotFoundError as error:
            raise _unreadable(where, error) from None
        return content


# The index of a shard in a store, kept


def indices(shards: Sequence[Shard], read: Callable[[Shard], Iterable[Entry]]) -> Iterator[list[Entry]]:
    """The entries of shards in stores, each read once and then kept. Raises what `read` raises."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        yield from threads.map(lambda shard: _kept(shard, lambda: list(read(shard))), shards)
    prune(cache_folder(_CACHE))


def _kept(shard: Shard, read: Callable[[], list[Entry]]) -> list[Entry]:
    """The entries of a shard: of one in a store that is known by its time or entity tag, those in the cache, if it has them."""
    if shard.mark in ("", "{}"):
        return read()
    import numpy as np

    text = f"{shard.where} {shard.size} {shard.mark}"
    place = cache_folder(_CACHE) / f"{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}.npz"
    try:
        with np.load(place, allow_pickle=False) as stored:
            names, labels = (
                stored[word].tobytes().decode("utf-8", "surrogateescape").split("\0") for word in ("names", "labels")
            )
            entries = list(zip(names, stored["starts"].tolist(), stored["sizes"].tolist(), labels, strict=True))
        mark_used(place)
        return entries
    except Exception:  # there is none, or it is damaged
        entries = read()
    with contextlib.suppress(OSError, SpecError):
        place.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(place) as file:
            words = {"names": [e[0] for e in entries], "labels": [e[3] for e in entries]}
            arrays: dict[str, Any] = {
                w: np.frombuffer("\0".join(t).encode("utf-8", "surrogateescape"), np.uint8) for w, t in words.items()
            }
            np.savez(
                file,
                starts=np.array([e[1] for e in entries], np.int64),
                sizes=np.array([e[2] for e in entries], np.int64),
                **arrays,
            )
    return entries
