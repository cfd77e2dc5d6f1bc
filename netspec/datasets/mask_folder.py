"""Segmentations: images in `images`, their masks in `masks` under the same names, optionally inside `train`, `val` and
`test`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspec.datasets.class_folders import PARTS, images_in, printable
from netspec.datasets.image_folder import ImageFiles, sizes_digest
from netspec.datasets.image_set import ImageSet
from netspec.datasets.names import Names
from netspec.datasets.pools import TRAIN
from netspec.datasets.splits import keys_of_names
from netspec.diagnostics import SpecError

__all__ = ["has_masks", "open_mask_folder"]

_IMAGES, _MASKS, _NAMES = "images", "masks", "classes.txt"
_SUFFIX = "_mask"
"""What the name of a mask may have after that of its image."""
_SHOWN = 3


@dataclass(frozen=True)
class _Pair:
    """An image and its mask, by their paths in the folder, and their split."""

    image: str
    mask: str
    part: int


def has_masks(folder: Path) -> bool:
    return any(_both(place) for place in (folder, *_part_folders(folder)))


def image_folders(folder: Path) -> list[Path]:
    """The folders of the images that have masks."""
    return [place / _IMAGES for place in (folder, *_part_folders(folder)) if _both(place)]


def _both(folder: Path) -> bool:
    return (folder / _IMAGES).is_dir() and (folder / _MASKS).is_dir()


def _part_folders(folder: Path) -> dict[Path, int]:
    """The folders of the splits that have images."""
    inner = sorted(p for p in folder.iterdir() if p.name.lower() in PARTS and p.is_dir())
    return {p: PARTS[p.name.lower()] for p in inner if (p / _IMAGES).is_dir() or (p / _MASKS).is_dir()}


def open_mask_folder(folder: Path) -> ImageSet:
    """Raises SpecError (NS601)."""
    import numpy as np

    shown = printable(str(folder))
    pairs = list(_pairs(folder))
    if not pairs:
        raise SpecError.of("NS601", f"{shown} has no images", notes=[f"`{_IMAGES}` is empty"])
    digest = hashlib.blake2b(digest_size=16)
    for pair in pairs:
        digest.update(f"{pair.image}\0{pair.mask}\0".encode("utf-8", "surrogateescape"))
    images, masks = (
        ImageFiles(str(folder), Names(names)) for names in zip(*((p.image, p.mask) for p in pairs), strict=True)
    )
    return ImageSet(
        shown,
        images,
        None,
        np.array([p.part for p in pairs], dtype=np.int8),
        keys_of_names([p.image for p in pairs]),
        sizes_digest(digest.hexdigest(), images, masks),
        _class_names(folder / _NAMES),
        masks,
    )


def _class_names(path: Path) -> tuple[str, ...]:
    """One per line; none if there is no such file. Raises SpecError (NS601)."""
    from netspec.reading.text import read_text

    if not path.is_file():
        return ()
    names = tuple(line.strip() for line in read_text(path, "NS601").splitlines() if line.strip())
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise SpecError.of(
            "NS601",
            f"{printable(str(path))} names the class `{twice[:60]}` twice",
            helps=["give each class its own name"],
        )
    return names


# Pairs


def _pairs(folder: Path) -> Iterator[_Pair]:
    """Raises SpecError (NS601) for images without masks and masks without images."""
    parts: Mapping[Path, int] = {folder: TRAIN} if _both(folder) else _part_folders(folder)
    if TRAIN not in parts.values():
        raise SpecError.of("NS601", f"{printable(str(folder))} has {' and '.join(p.name for p in parts)} but no train")
    if len(set(parts.values())) < len(parts):
        raise SpecError.of("NS601", f"{printable(str(folder))} has the same split twice", notes=[f"it has {', '.join(p.name for p in parts)}"])  # fmt: skip
    for place, code in parts.items():
        for kind in (_IMAGES, _MASKS):
            if not (place / kind).is_dir():
                raise SpecError.of("NS601", f"{printable(str(place))} has no folder `{kind}`")
        images, masks = _by_stem(place / _IMAGES), _by_stem(place / _MASKS)
        masks = {_owner(stem, images): file for stem, file in masks.items()}
        _require_all(place, images, masks)
        inner = "" if place == folder else f"{place.name}/"
        nested = _nested_parts(images) if place == folder else {}
        for stem, image in sorted(images.items()):
            split = nested.get(stem.split("/", 1)[0].lower(), code)
            yield _Pair(f"{inner}{_IMAGES}/{image}", f"{inner}{_MASKS}/{masks[stem]}", split)


def _by_stem(folder: Path) -> dict[str, str]:
    """The images in a folder: the path of each by its path without the extension."""
    found: dict[str, str] = {}
    for file in sorted(images_in(str(folder))):
        stem = file.rpartition(".")[0]
        if stem in found:
            raise SpecError.of(
                "NS601", f"two files in {printable(str(folder))} have the same name",
                notes=[f"{printable(found[stem])} and {printable(file)} differ only in their extensions"], helps=["remove one of them"],
            )  # fmt: skip
        found[stem] = file
    return found


def _owner(stem: str, images: Mapping[str, Any]) -> str:
    """The name of the image of a mask: its own, or without `_mask` at the end."""
    return stem if stem in images else stem.removesuffix(_SUFFIX)


def _require_all(place: Path, images: Mapping[str, str], masks: Mapping[str, str]) -> None:
    missing = [file for stem, file in sorted(images.items()) if stem not in masks]
    surplus = [file for stem, file in sorted(masks.items()) if stem not in images]
    if not missing and not surplus:
        return
    said = []
    for files, of, without in ((missing, _IMAGES, "mask"), (surplus, _MASKS, "image")):
        if files:
            some = ", ".join(printable(f"{of}/{file}") for file in files[:_SHOWN])
            more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
            said.append(f"{'has' if len(files) == 1 else 'have'} no {without}: {some}{more}")
    first = (missing or surplus)[0]
    helps = [f"a mask has the name of its image: {_IMAGES}/{_stem(first)}.jpg, {_MASKS}/{_stem(first)}.png", "add what is missing, or remove the rest"]  # fmt: skip
    count = len(missing) or len(surplus)
    noun = "image" if missing else "mask"
    raise SpecError.of(
        "NS601", f"{count} {noun}{'' if count == 1 else 's'} in {printable(str(place))} {said[0]}",
        notes=[f"{len(surplus)} mask{'' if len(surplus) == 1 else 's'} {said[1]}"] if len(said) > 1 else [], helps=helps,
    )  # fmt: skip


def _stem(file: str) -> str:
    return printable(file.rpartition(".")[0])


def _nested_parts(images: Mapping[str, Any]) -> dict[str, int]:
    """The splits, if all images are in folders named after splits (`images/train/a.jpg`)."""
    first = {stem.split("/", 1)[0].lower() for stem in images if "/" in stem}
    flat = any("/" not in stem for stem in images)
    return {name: PARTS[name] for name in first} if "train" in first and first <= PARTS.keys() and not flat else {}
