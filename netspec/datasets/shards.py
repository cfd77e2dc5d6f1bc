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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets.class_folders import SUFFIXES, part_of_file, printable
from netspec.datasets.image_set import ImageSet
from netspec.datasets.names import Names
from netspec.datasets.splits import keys_of_names
from netspec.diagnostics import SpecError
from netspec.reading.pieces import Pieces

if TYPE_CHECKING:
    import numpy as np

__all__ = ["open_shards", "shards_in", "shards_of"]

_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MOST_SHARDS = 100_000
_LABEL, _MOST_LABEL = ".cls", 1000


def shards_of(pattern: str) -> list[Path]:
    """The files of `name-{000..123}.tar`; none if it is not such a pattern. Raises SpecError (NS601)."""
    found = _RANGE.search(pattern)
    if found is None or not pattern.lower().endswith(".tar"):
        return []
    first, last = int(found[1]), int(found[2])
    if not first <= last < first + _MOST_SHARDS:
        raise SpecError.of("NS601", f"{pattern} names {'no' if last < first else 'too many'} files")
    width = len(found[1])
    files = [Path(f"{pattern[: found.start()]}{n:0{width}}{pattern[found.end() :]}") for n in range(first, last + 1)]
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise SpecError.of("NS601", f"{len(missing)} of {len(files)} shards are missing", notes=[f"the first is {missing[0]}"])  # fmt: skip
    return files


def shards_in(folder: Path) -> list[Path]:
    """The tar files directly in a folder."""
    return sorted(file for file in folder.iterdir() if file.suffix.lower() == ".tar" and file.is_file())


class _Shards:
    """Images in tar files: in which, where, and how long they are."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = Pieces([str(file) for file in files])
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


def open_shards(files: Sequence[Path], shown: str, *, labeled: bool) -> ImageSet:
    """Shards as data; one whose name begins with train, val or test has examples of that part. Raises SpecError (NS601)."""
    import numpy as np

    images = _Shards(files)
    digest = hashlib.blake2b(digest_size=16)
    labels: list[str] = []
    for which, file in enumerate(files):
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode("utf-8", "surrogateescape"))
        for member, start, size, label in _examples(file):
            images.add(which, member, start, size)
            labels.append(label)
    if not len(images):
        raise SpecError.of("NS601", f"{shown} has no images", notes=["an example is an image and its class: 00012.jpg, 00012.cls"])  # fmt: skip
    classes, targets = _targets(labels, shown) if labeled or "" not in labels else ((), None)
    part = np.array([part_of_file(files[images.which(row)].name) for row in range(len(images))], dtype=np.int8)
    keys = keys_of_names([f"{files[images.which(row)].name}/{member}" for row, member in enumerate(images.names)])
    return ImageSet(shown, images, targets, part, keys, digest.hexdigest(), classes)


def _examples(file: Path) -> Iterator[tuple[str, int, int, str]]:
    """Name, start and size of each image, and the text of its label, empty if it has none. Raises SpecError (NS601)."""
    waiting: dict[str, tuple[str, int, int]] = {}
    labels: dict[str, str] = {}
    whole = file.stat().st_size
    try:
        with tarfile.open(file, "r:") as tar:
            for member in tar:
                tar.members = []  # type: ignore[attr-defined]  # the index is ours
                folder, slash, base = member.name.rpartition("/")
                key, dot, extension = base.partition(".")
                key, extension = folder + slash + key, (dot + extension).lower()
                if not member.isreg() or member.offset_data + member.size > whole:
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
            "NS601", f"{printable(str(file))} is not a tar file", notes=[str(error)[:200]], helps=["compressed ones are not read: unpack them with gzip -d"]
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
