"""Images in one folder per class, optionally inside `train`, `val` and `test`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from netspec.datasets.image_set import ImageSet
from netspec.datasets.names import Listing
from netspec.datasets.pools import TEST, TRAIN, VALIDATION
from netspec.datasets.splits import keys_of_names
from netspec.diagnostics import SpecError

__all__ = [
    "IMAGES",
    "PARTS",
    "SUFFIXES",
    "TEXTS",
    "FileKind",
    "ImageFiles",
    "has_files",
    "images_in",
    "open_image_folder",
    "printable",
    "scanned",
]

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
PARTS = {"train": TRAIN, "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION, "test": TEST}
"""The names of splits: of folders, and in a column of a table."""


@dataclass(frozen=True)
class FileKind:
    """Files that are examples: what they are called, and their extensions."""

    noun: str
    suffixes: tuple[str, ...]
    sample: str


IMAGES = FileKind("images", SUFFIXES, "1.png")
TEXTS = FileKind("texts", (".txt", ".text"), "1.txt")


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

    found, classes = scanned(folder, labeled=labeled)
    digest = hashlib.blake2b(digest_size=16)
    for file, size in zip(found.names, found.sizes, strict=True):
        digest.update(f"{file}\0{size}\0".encode("utf-8", "surrogateescape"))
    return ImageSet(
        printable(str(folder)),
        ImageFiles(str(folder), found.names),
        np.array(found.labels, dtype=np.int64) if classes else None,
        np.array(found.parts, dtype=np.int8),
        keys_of_names(found.names),
        digest.hexdigest(),
        classes,
    )


def has_files(folder: Path, kind: FileKind) -> bool:
    """Whether the folder contains such a file, at any depth."""
    return any(True for _ in images_in(str(folder), kind=kind))


def scanned(folder: Path, *, labeled: bool, kind: FileKind = IMAGES) -> tuple[Listing, tuple[str, ...]]:
    """The files in one folder per class, optionally inside folders of splits, and the names of the classes. Raises SpecError
    (NS601)."""
    parts = _parts(folder, labeled=labeled)
    names = {part: _classes(folder / part) for part in parts}
    found = Listing()
    if not labeled and not all(names.values()):
        files = (
            (f"{p}{n}", size, code) for p, code in parts.items() for n, size in images_in(str(folder / p), kind=kind)
        )
        for file, size, code in sorted(files):
            found.add(file, size, code, -1)
        return found, ()
    train = next(part for part, code in parts.items() if code == TRAIN)
    classes = names[train]
    if not classes:
        raise _no_classes(folder, kind)
    for part, code in parts.items():
        unknown = [c for c in names[part] if c not in classes]
        if unknown or not names[part]:
            raise SpecError.of(
                "NS601",
                f"{printable(str(folder / part))} has classes that are not in {printable(str(folder / train))}",
                notes=[f"the additional classes are {', '.join(map(printable, unknown[:6]))}" if unknown else "it has no class folders"],
                helps=[f"sort its {kind.noun} into folders named after the classes, or move it elsewhere"],
            )  # fmt: skip
        for label, name in enumerate(classes):
            if name not in names[part]:
                continue
            images = sorted(images_in(str(folder / part / name), kind=kind))
            if not images and code == TRAIN:
                raise SpecError.of(
                    "NS601",
                    f"{printable(str(folder / part / name))} contains no {kind.noun}",
                    notes=["every folder is a class"],
                    helps=[f"move it elsewhere, or add the {kind.noun} of its class", f"supported extensions: {', '.join(kind.suffixes)}"],
                )  # fmt: skip
            for n, size in images:
                found.add(f"{part}{name}/{n}", size, code, label)
    return found, tuple(map(printable, classes))


def _parts(folder: Path, *, labeled: bool) -> dict[str, int]:
    """The folders of the splits (`train/`) with their split; if there are none, the folder itself (an empty name).

    A class can be named `train`: its folder contains images, while that of a split contains folders of images.
    """
    folders = _classes(folder)
    train = next((f for f in folders if f.lower() == "train"), None)
    others = [f for f in folders if f.lower() not in PARTS]
    if train is None or (others and not _classes(folder / train)) or (labeled and not _classes(folder / train)):
        if folders and not others and len(folders) > 1 and train is None:
            raise SpecError.of("NS601", f"{printable(str(folder))} has {' and '.join(folders)} but no train")
        return {"": TRAIN}
    parts = {f"{f}/": PARTS[f.lower()] for f in folders if f.lower() in PARTS}
    if len(set(parts.values())) < len(parts):
        raise SpecError.of(
            "NS601", f"{printable(str(folder))} has the same split twice", notes=[f"it has {', '.join(parts)}"]
        )
    return parts


def _classes(folder: Path) -> tuple[str, ...]:
    with os.scandir(folder) as entries:
        return tuple(sorted(e.name for e in entries if _visible(e.name) and e.is_dir()))


def _visible(name: str) -> bool:
    return not name.startswith(".") and name != "__MACOSX"


def images_in(
    folder: str, prefix: str = "", above: tuple[tuple[int, int], ...] = (), *, kind: FileKind = IMAGES
) -> Iterator[tuple[str, int]]:
    """Names and sizes of the images in a folder, at any depth. Links that lead back up are not followed."""
    status = os.stat(folder)  # noqa: PTH116
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if not _visible(entry.name):
                continue
            if entry.is_dir():
                yield from images_in(entry.path, f"{prefix}{entry.name}/", (*above, here), kind=kind)
            elif entry.name.lower().endswith(kind.suffixes):
                if entry.is_file():
                    yield prefix + entry.name, entry.stat().st_size
                elif entry.is_symlink() and not os.path.exists(entry.path):  # noqa: PTH110
                    yield (
                        prefix + entry.name,
                        -1,
                    )  # a broken link is reported as corrupt; pipes and devices are ignored


def printable(name: str) -> str:
    """A name of a file, without bytes that are no text."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _no_classes(folder: Path, kind: FileKind) -> SpecError:
    return SpecError.of(
        "NS601",
        f"the {kind.noun} in {printable(str(folder))} are not sorted into class folders",
        helps=[
            f"sort them into one folder per class: cat/{kind.sample}, dog/{kind.sample}",
            "an autoencoder needs no classes: `loss mse target=input`",
        ],
    )
