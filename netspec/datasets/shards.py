"""WebDataset shards: uncompressed tar files, in which the files of an example have one name and different extensions
(`00012.jpg`, `00012.cls`).

Only their index is read when they are opened. Images are then read where they are, in any order, so shards are shuffled, dealt to
processes and workers, and resumed exactly like folders.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets.class_folders import SUFFIXES, part_of_file, printable
from netspec.datasets.image_set import ImageSet
from netspec.datasets.names import Names
from netspec.datasets.shard_files import Entry, RemotePieces, Shard, indices, is_remote, local_shard
from netspec.datasets.splits import keys_of_names
from netspec.diagnostics import SpecError
from netspec.reading.pieces import Pieces

if TYPE_CHECKING:
    import numpy as np

__all__ = ["open_shards", "shards_in"]

_LABEL, _MOST_LABEL = ".cls", 1000


def shards_in(folder: Path) -> list[Shard]:
    """The tar files directly in a folder."""
    return [local_shard(file) for file in sorted(folder.iterdir()) if file.suffix.lower() == ".tar" and file.is_file()]


class _Shards:
    """Images in tar files: in which, where, and how long they are."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        files = [shard.where for shard in shards]
        self.files = RemotePieces(files) if any(map(is_remote, files)) else Pieces(files)
        self.names = Names()
        self._which, self._starts, self._sizes = array("Q"), array("Q"), array("Q")

    def add(self, which: int, name: str, start: int, size: int) -> None:
        self.names.append(name)
        self._which.append(which)
        self._starts.append(start)
        self._sizes.append(size)

    def __len__(self) -> int:
        return len(self.names)

    def which(self, row: int) -> int:
        return self._which[row]

    def stored(self, row: int) -> io.BytesIO:
        return io.BytesIO(self.files.read(self._which[row], self._starts[row], self._sizes[row]))

    def shown(self, row: int) -> str:
        return f"{printable(self.names[row])} in {printable(self.files.files[self._which[row]])}"


def open_shards(files: Sequence[Shard], shown: str, *, labeled: bool) -> ImageSet:
    """Shards as data; one whose name begins with train, val or test has examples of that part. Raises SpecError (NS601)."""
    import numpy as np

    images = _Shards(files)
    digest = hashlib.blake2b(digest_size=16)
    labels: list[str] = []
    for which, (file, found) in enumerate(zip(files, _indices(files), strict=True)):
        digest.update(f"{file.name}\0{file.size}\0".encode("utf-8", "surrogateescape"))
        for member, start, size, label in found:
            images.add(which, member, start, size)
            labels.append(label)
    if not len(images):
        raise SpecError.of("NS601", f"{shown} has no images", notes=["an example is an image and its class: 00012.jpg, 00012.cls"])  # fmt: skip
    classes, targets = _targets(labels, shown) if labeled or "" not in labels else ((), None)
    part = np.array([part_of_file(files[images.which(row)].name) for row in range(len(images))], dtype=np.int8)
    keys = keys_of_names([f"{files[images.which(row)].name}/{member}" for row, member in enumerate(images.names)])
    return ImageSet(shown, images, targets, part, keys, digest.hexdigest(), classes)


def _indices(files: Sequence[Shard]) -> Iterator[Iterable[Entry]]:
    """The examples of each shard. Raises SpecError (NS502, NS601)."""
    if not any(is_remote(file.where) for file in files):
        yield from map(_examples, files)
        return
    yield from indices(files, _examples)


def _examples(file: Shard) -> Iterator[Entry]:
    """Name, start and size of each image, and the text of its label, empty if it has none. Raises SpecError (NS502, NS601)."""
    waiting: dict[str, tuple[str, int, int]] = {}
    labels: dict[str, str] = {}
    try:
        with file.opened() as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            for member in tar:
                tar.members = []  # type: ignore[attr-defined]  # the index is ours
                folder, slash, base = member.name.rpartition("/")
                key, dot, extension = base.partition(".")
                key, extension = folder + slash + key, (dot + extension).lower()
                if not member.isreg() or member.offset_data + member.size > file.size:
                    continue
                if extension == _LABEL:
                    content = tar.extractfile(member)
                    labels[key] = content.read(_MOST_LABEL).decode("utf-8", "replace").strip() if content else ""
                elif extension.endswith(SUFFIXES) and key not in waiting:
                    waiting[key] = (member.name, member.offset_data, member.size)
                if key in waiting and key in labels:
                    yield *waiting.pop(key), labels.pop(key)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise SpecError.of(
            "NS601", f"{printable(file.where)} is not a tar file", notes=[str(error)[:200]], helps=["compressed ones are not read: unpack them with gzip -d"]
        ) from None  # fmt: skip
    for found in waiting.values():
        yield *found, ""


def _targets(labels: list[str], shown: str) -> tuple[tuple[str, ...], np.ndarray[Any, Any]]:
    """The names of the classes, if labels are names, and the class of each example. Raises SpecError (NS601)."""
    import numpy as np

    without = labels.count("")
    if without:
        raise SpecError.of("NS601", f"{without} of {len(labels)} images in {shown} have no class", helps=["store it beside the image: 00012.jpg, 00012.cls"])  # fmt: skip
    if all(re.fullmatch(r"-?\d{1,9}", label) for label in labels):
        return (), np.array([int(label) for label in labels], dtype=np.int64)
    names = sorted(set(labels))
    numbers = {name: number for number, name in enumerate(names)}
    return tuple(names), np.array([numbers[label] for label in labels], dtype=np.int64)
