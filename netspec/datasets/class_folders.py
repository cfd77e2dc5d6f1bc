"""Files in one folder per class, optionally inside `train`, `val` and `test`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from netspec.datasets.names import Listing
from netspec.datasets.pools import TEST, TRAIN, VALIDATION
from netspec.diagnostics import SpecError

__all__ = [
    "AUDIO",
    "IMAGES",
    "PARTS",
    "SUFFIXES",
    "TEXTS",
    "FileKind",
    "Visited",
    "has_files",
    "images_in",
    "part_of_file",
    "printable",
    "scanned",
]

Visited: TypeAlias = dict[str, os.stat_result]
"""Folders with what the system said of them before they were listed."""
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
AUDIO = FileKind("recordings", (".wav",), "1.wav")


def has_files(folder: Path, kind: FileKind) -> bool:
    """Whether the folder contains such a file, at any depth."""
    return any(True for _ in images_in(str(folder), kind=kind))


def scanned(
    folder: Path, *, labeled: bool, kind: FileKind = IMAGES, visited: Visited | None = None
) -> tuple[Listing, tuple[str, ...]]:
    """The files in one folder per class, optionally inside folders of splits, and the names of the classes; `visited` gets the
    folders that were listed. Raises SpecError (NS601)."""
    _visit(str(folder), visited)
    parts = _parts(folder, labeled=labeled)
    for part in parts:
        _visit(str(folder / part), visited)
    names = {part: _classes(folder / part) for part in parts}
    found = Listing()
    if not labeled and not all(names.values()):
        files = (
            (f"{p}{n}", code)
            for p, code in parts.items()
            for n in images_in(str(folder / p), kind=kind, visited=visited)
        )
        for file, code in sorted(files):
            found.add(file, code, -1)
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
            images = sorted(images_in(str(folder / part / name), kind=kind, visited=visited))
            if not images and code == TRAIN:
                raise SpecError.of(
                    "NS601",
                    f"{printable(str(folder / part / name))} contains no {kind.noun}",
                    notes=["every folder is a class"],
                    helps=[f"move it elsewhere, or add the {kind.noun} of its class", f"supported extensions: {', '.join(kind.suffixes)}"],
                )  # fmt: skip
            for n in images:
                found.add(f"{part}{name}/{n}", code, label)
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
    folder: str, prefix: str = "", above: tuple[tuple[int, int], ...] = (), *, kind: FileKind = IMAGES,
    visited: Visited | None = None,
) -> Iterator[str]:  # fmt: skip
    """Names of the images in a folder, at any depth. Links that lead back up are not followed."""
    status = _visit(folder, visited)
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if not _visible(entry.name):
                continue
            if entry.is_dir():
                yield from images_in(entry.path, f"{prefix}{entry.name}/", (*above, here), kind=kind, visited=visited)
            elif entry.name.lower().endswith(kind.suffixes) and (
                entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))  # noqa: PTH110
            ):
                yield prefix + entry.name  # a broken link is reported as corrupt; pipes and devices are ignored


def _visit(folder: str, visited: Visited | None) -> os.stat_result:
    status = os.stat(folder)  # noqa: PTH116
    if visited is not None:
        visited.setdefault(os.path.normpath(folder), status)
    return status


def part_of_file(name: str) -> int:
    """The split of a file whose name begins with `train`, `val` or `test`; TRAIN of others."""
    return PARTS.get(re.split(r"[^a-z]", name.lower(), maxsplit=1)[0], TRAIN)


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
