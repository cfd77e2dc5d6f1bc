"""Datasets saved to disk by the Hugging Face `datasets` library: Arrow files with their features."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets.arrays import Arrays, ArraySet
from netspec.datasets.image_set import ImageSet
from netspec.datasets.pools import TEST, TRAIN, VALIDATION
from netspec.datasets.splits import keys_of_numbers
from netspec.diagnostics import SpecError
from netspec.optional import not_installed

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.wanted import Wanted

__all__ = ["is_huggingface", "open_huggingface"]

_PARTS = {
    "train": TRAIN,
    "validation": VALIDATION,
    "valid": VALIDATION,
    "val": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
}
_INPUTS = ("image", "img", "x", "input_ids", "inputs", "input", "features")
_TARGETS = ("label", "labels", "fine_label", "y", "target", "targets")
_CODES = {TRAIN: "train", VALIDATION: "validation", TEST: "test"}


def is_huggingface(folder: Path) -> bool:
    return (folder / "dataset_dict.json").is_file() or (
        (folder / "state.json").is_file() and (folder / "dataset_info.json").is_file()
    )


def open_huggingface(folder: Path, wanted: Wanted) -> ImageSet | ArraySet:
    """Raises SpecError (NS502, NS601, NS602, NS603, NS604)."""
    parts, inputs = _load(folder), wanted.inputs
    features = next(iter(parts.values())).features
    if len({str(d.features) for d in parts.values()}) > 1:
        raise SpecError.of("NS601", f"the splits of {folder} have different features")
    target = _target(features)
    if len(inputs) == 1:
        (name,) = inputs
        column = _input(folder, features, name, target)
        if _is_image(features[column]):
            return _image_set(folder, parts, column, target, _unread(features, {column, target}, wanted))
        columns = {name: column}
    else:
        columns = {name: name for name in inputs}
        missing = [name for name in inputs if name not in features]
        if missing:
            raise _without(folder, features, missing)
    arrays = {
        _CODES[part]: Arrays(
            {name: _array(folder, dataset, column) for name, column in columns.items()},
            None if target is None else _array(folder, dataset, target),
            {name: f"`{column}` of {folder}" for name, column in [*columns.items(), ("target", target)]},
        )
        for part, dataset in parts.items()
    }
    unread = _unread(features, {*columns.values(), target}, wanted)
    return ArraySet(str(folder), arrays, _class_names(features, target), unread)


def _unread(features: Mapping[str, Any], read: set[str | None], wanted: Wanted) -> tuple[str, ...]:
    """The columns that only a net could ask for."""
    return tuple(column for column in features if column not in read) if wanted.free else ()


def _load(folder: Path) -> dict[int, Any]:
    """The datasets by split; splits with other names are ignored."""
    try:
        from datasets import Dataset, load_from_disk
    except ImportError:
        raise not_installed("the datasets package", "huggingface") from None
    try:
        loaded: Any = load_from_disk(str(folder))
    except Exception as error:  # Arrow and JSON files of any origin
        said = str(error).strip().split("\n")[0][:200]
        raise SpecError.of("NS601", f"{folder} cannot be read as a Hugging Face dataset", notes=[said]) from None
    if isinstance(loaded, Dataset):
        loaded = {"train": loaded}
    named = {split: _PARTS[split] for split in loaded if split in _PARTS and len(loaded[split])}
    if TRAIN not in named.values() or len(set(named.values())) < len(named):
        raise SpecError.of(
            "NS601",
            f"{folder} has no training split" if TRAIN not in named.values() else f"{folder} has the same split twice",
            notes=[f"its splits are {', '.join(loaded) or 'none'}"],
            helps=["name the splits train, validation and test"],
        )
    return {part: loaded[split] for split, part in sorted(named.items(), key=lambda item: item[1])}


def _is_image(feature: Any) -> bool:
    return type(feature).__name__ == "Image"


def _input(folder: Path, features: Mapping[str, Any], name: str, target: str | None) -> str:
    images = [column for column, feature in features.items() if _is_image(feature)]
    candidates = [name, *(images if len(images) == 1 else []), *_INPUTS]
    column = next((c for c in candidates if c in features and c != target), None)
    if column is None:
        raise _without(folder, features, [name])
    return column


def _target(features: Mapping[str, Any]) -> str | None:
    classes = [column for column, feature in features.items() if type(feature).__name__ == "ClassLabel"]
    return next((c for c in (*_TARGETS, *(classes if len(classes) == 1 else [])) if c in features), None)


def _without(folder: Path, features: Mapping[str, Any], missing: list[str]) -> SpecError:
    return SpecError.of(
        "NS601",
        f"{folder} has no column for the input {', '.join(f'`{m}`' for m in missing)}",
        notes=[f"its columns are {', '.join(features)}"],
        helps=["name a column like the input of the net, or `image`"],
    )


def _class_names(features: Mapping[str, Any], target: str | None) -> tuple[str, ...]:
    names = getattr(features[target], "names", None) if target is not None else None
    return tuple(names) if names else ()


def _array(folder: Path, dataset: Any, column: str) -> np.ndarray[Any, Any]:
    """An entire column as one array. Raises SpecError (NS601)."""
    import numpy as np

    if _is_image(dataset.features[column]):
        raise SpecError.of("NS601", f"`{column}` of {folder} contains images, which require a net with a single input")
    try:
        values = dataset.select_columns([column]).with_format("numpy")[:][column]
        array = np.asarray(values)
    except Exception as error:
        said = str(error).strip().split("\n")[0][:200]
        raise SpecError.of("NS601", f"`{column}` of {folder} cannot be read", notes=[said]) from None
    if array.dtype == object:
        raise SpecError.of(
            "NS601",
            f"`{column}` of {folder} is not an array of numbers",
            notes=["some rows are missing, have different lengths or are not numbers"],
            helps=["make all rows the same length first"],
        )
    return array


class _ImageColumn:
    """Images as stored. Paths are followed only inside the folder of the dataset, so that the data cannot make netspec
    read other files of this machine."""

    def __init__(self, folder: Path, dataset: Any, column: str) -> None:
        self._folder, self._dataset, self._column = folder.resolve(), dataset, column

    def __len__(self) -> int:
        return len(self._dataset)

    def stored(self, row: int) -> str | io.BytesIO:
        entry = self._dataset[row][self._column] or {}
        if entry.get("bytes") is not None:
            return io.BytesIO(entry["bytes"])
        path = (self._folder / (entry.get("path") or "")).resolve()
        return str(path) if path.is_relative_to(self._folder) and path.is_file() else io.BytesIO()

    def shown(self, row: int) -> str:
        return f"image {row} of {self._folder.name}"


def _image_set(
    folder: Path, parts: Mapping[int, Any], column: str, target: str | None, unread: tuple[str, ...]
) -> ImageSet:
    import numpy as np
    from datasets import Image, concatenate_datasets

    whole: Any = concatenate_datasets(list(parts.values()))
    digest = hashlib.blake2b(digest_size=16)
    for dataset in parts.values():
        digest.update(f"{dataset._fingerprint} {len(dataset)} {column} {target}\0".encode())
        for file in dataset.cache_files:
            path = Path(file["filename"])
            digest.update(f"{path.name} {path.stat().st_size}\0".encode())
    part = np.repeat(list(parts), [len(d) for d in parts.values()]).astype(np.int8)
    return ImageSet(
        str(folder),
        _ImageColumn(folder, whole.select_columns([column]).cast_column(column, Image(decode=False)), column),
        None if target is None else _array(folder, whole, target),
        part,
        keys_of_numbers(len(part)),
        digest.hexdigest(),
        _class_names(whole.features, target),
        unread=unread,
    )
