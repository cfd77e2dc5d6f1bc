"""Segmentations: images in `images`, their masks in `masks` under the same names, optionally inside `train`, `val` and
`test`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets.fit import only_input, sizes
from netspec.datasets.image_folder import PARTS, ImageFiles, images_in, printable
from netspec.datasets.images import ImagePool, fitted_frame, headers
from netspec.datasets.masks import VOID, MaskPool, Meaning, pixels_of, require_same_size
from netspec.datasets.names import Names
from netspec.datasets.pools import LEFT_OUT, TRAIN, Pool, Source
from netspec.datasets.splits import keys_of_names
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

if TYPE_CHECKING:
    from netspec.datasets.decoding import Header
    from netspec.datasets.examples import DataOptions, Task

__all__ = ["has_masks", "open_mask_folder"]

_IMAGES, _MASKS, _NAMES = "images", "masks", "classes.txt"
_SUFFIX = "_mask"
"""What the name of a mask may have after that of its image."""
_MOST_CHECKED = 256
_SHOWN = 3


@dataclass(frozen=True)
class _Pair:
    """An image and its mask, by their paths in the folder; their sizes in bytes, and their split."""

    image: str
    mask: str
    bytes: tuple[int, int]
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


def open_mask_folder(
    folder: Path, inputs: Mapping[str, TensorType], output: TensorType, task: Task, options: DataOptions
) -> Source:
    """Raises SpecError (NS502, NS601, NS602, NS603, NS604)."""
    import numpy as np

    shown = printable(str(folder))
    name, kind = only_input(inputs, shown)
    names = _class_names(folder / _NAMES)
    if task != "input":
        _require_map(shown, kind, output, task)
    pairs = list(_pairs(folder))
    if not pairs:
        raise SpecError.of("NS601", f"{shown} has no images", notes=[f"`{_IMAGES}` is empty"])
    images = ImageFiles(str(folder), Names(p.image for p in pairs))
    masks = ImageFiles(str(folder), Names(p.mask for p in pairs))
    part = np.array([p.part for p in pairs], dtype=np.int8)
    good, bad = headers(images, options)
    found: set[int] = set()
    if task != "input":
        found, unreadable = _checked(images, masks, good, options)
        bad |= unreadable
    part[list(bad)] = LEFT_OUT
    usable = {row: header for row, header in good.items() if row not in bad}
    if not usable:
        raise SpecError.of(
            "NS601", f"none of the images in {shown} can be read", notes=[f"{len(bad)} files are corrupt"]
        )
    frame = fitted_frame(kind, list(usable.values()), options, shown)
    pool: Pool = ImagePool(images, name, frame)
    if task != "input":
        pool = MaskPool(images, masks, name, frame, _meaning(shown, found, names, output, task))
    digest = hashlib.blake2b(digest_size=16)
    for pair in pairs:
        digest.update(f"{pair.image}\0{pair.mask}\0{pair.bytes}\0".encode("utf-8", "surrogateescape"))
    return Source(
        shown,
        pool,
        None,
        part,
        keys_of_names([p.image for p in pairs]),
        f"{digest.hexdigest()} {frame}",
        names or tuple(map(str, range(max(2, output.features)))),
        [images.shown(row) for row in bad],
        read_targets=task != "input",
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
        for stem, (image, size) in sorted(images.items()):
            mask, size_of_mask = masks[stem]
            split = nested.get(stem.split("/", 1)[0].lower(), code)
            yield _Pair(f"{inner}{_IMAGES}/{image}", f"{inner}{_MASKS}/{mask}", (size, size_of_mask), split)


def _by_stem(folder: Path) -> dict[str, tuple[str, int]]:
    """The images in a folder: the path and size of each by its path without the extension."""
    found: dict[str, tuple[str, int]] = {}
    for file, size in sorted(images_in(str(folder))):
        stem = file.rpartition(".")[0]
        if stem in found:
            raise SpecError.of(
                "NS601", f"two files in {printable(str(folder))} have the same name",
                notes=[f"{printable(found[stem][0])} and {printable(file)} differ only in their extensions"], helps=["remove one of them"],
            )  # fmt: skip
        found[stem] = file, size
    return found


def _owner(stem: str, images: Mapping[str, Any]) -> str:
    """The name of the image of a mask: its own, or without `_mask` at the end."""
    return stem if stem in images else stem.removesuffix(_SUFFIX)


def _require_all(place: Path, images: Mapping[str, tuple[str, int]], masks: Mapping[str, tuple[str, int]]) -> None:
    missing = [file for stem, (file, _) in sorted(images.items()) if stem not in masks]
    surplus = [file for stem, (file, _) in sorted(masks.items()) if stem not in images]
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


# Masks against the net


def _require_map(shown: str, kind: TensorType, output: TensorType, task: Task) -> None:
    """Raises SpecError (NS602) if the net does not label the pixels of an image."""
    notes = [f"it has images and masks, but the output of the net is {output.noun}"]
    if output.layout != "map" or output.rank != 2:
        helps = ["end the net with a map of classes, such as `conv1-2 act=none` without `gap` or `flatten`", "to classify whole images, sort them into one folder per class"]  # fmt: skip
    elif output.spatial != kind.spatial:
        notes = [
            f"masks are as large as images, {sizes(kind.spatial)}, but the output of the net is {sizes(output.spatial)}"
        ]
        helps = ["use `pad=same` in convolutions, and upsample as often as the net pools"]
    elif task == "values" and output.features != 1:
        notes = [f"masks hold one class for each pixel, but the loss compares {output.features} values for each"]
        helps = ["train with `loss cross_entropy`, or with `loss bce` and a single output channel"]
    else:
        return
    raise SpecError.of("NS602", f"the masks of {shown} do not match the output of the net", notes=notes, helps=helps)


def _checked(
    images: ImageFiles, masks: ImageFiles, good: Mapping[int, Header], options: DataOptions
) -> tuple[set[int], dict[int, SpecError]]:
    """The pixel values in masks, and the masks that cannot be read; of many, some hundred evenly spaced ones are checked.

    Raises SpecError (NS602, NS603).
    """
    import numpy as np

    rows = list(good)
    found: set[int] = set()
    bad: dict[int, SpecError] = {}
    for row in rows[:: 1 if options.corrupt == "skip" else max(1, -(-len(rows) // _MOST_CHECKED))]:
        shown, header = masks.shown(row), good[row]
        try:
            pixels = pixels_of(masks.stored(row), shown)
        except SpecError as error:
            if options.corrupt == "stop" or error.diagnostics[0].code != "NS603":
                raise
            bad[row] = error
            continue
        require_same_size((header.height, header.width), pixels.shape, images.shown(row), shown)
        found.update(np.unique(pixels).tolist())
    return found, bad


def _meaning(shown: str, found: set[int], names: tuple[str, ...], output: TensorType, task: Task) -> Meaning:
    """Raises SpecError (NS602) if the masks have other classes than the net."""
    count = max(2, output.features)
    white = VOID in found and found <= {0, VOID}
    known = len(names) or (2 if white else 0)
    highest = max((v for v in found if v != VOID), default=0)
    if not white and highest >= count:
        said = f"the masks of {shown} have {highest + 1} classes, but the net has {count}"
        notes = [f"their pixel values go up to {highest}" + (f"; {VOID} is left out" if VOID in found else "")]
        if output.features == 1:
            notes.append("a single output channel tells two classes apart")
        helps = [f"give the last layer {highest + 1} outputs, such as `conv1-{highest + 1}`"]
        if len(found) == 2 and 0 in found:
            helps = [f"the masks have only two values, 0 and {highest}: save them as 0 and 1, or 0 and {VOID}"]
        raise SpecError.of("NS602", said, notes=notes, helps=helps)
    if known and known != count:
        origin = (
            f"{_NAMES} names {known} classes"
            if names
            else f"the pixels of its masks are all 0 or {VOID}, black and white"
        )
        raise SpecError.of(
            "NS602", f"{shown} has {known} classes, but the net has {count} outputs", notes=[origin],
            helps=[f"give the last layer {known} outputs, such as `conv1-{known}`"],
        )  # fmt: skip
    return Meaning(count, white=white, values=task == "values", void=task == "class")
