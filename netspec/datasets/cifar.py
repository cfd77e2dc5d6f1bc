"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009) in their binary format: a record is the label (CIFAR-100: the coarse and
the fine label), followed by 3072 bytes of 3x32x32."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets.arrays import Arrays, ArraySet
from netspec.datasets.fit import only_input
from netspec.diagnostics import SpecError
from netspec.files import open_regular
from netspec.graph import TensorType
from netspec.reading.text import read_text

if TYPE_CHECKING:
    import numpy as np

__all__ = ["has_cifar", "has_pickled_cifar", "labels_in", "open_cifar", "pickled_cifar", "read_records"]

_PIXELS = 3 * 32 * 32
_TEN = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_BATCH = re.compile(r"data_batch_\d+\.bin", re.ASCII)


def has_cifar(folder: Path) -> bool:
    names = {p.name for p in folder.iterdir()}
    return any(_BATCH.fullmatch(n) for n in names) or {"train.bin", "test.bin"} <= names


def labels_in(path: Path) -> int:
    """How many labels are before the pixels of a record: one in CIFAR-10, two in CIFAR-100; 0 for files of other names."""
    if _BATCH.fullmatch(path.name) or path.name == "test_batch.bin":
        return 1
    return 2 if path.name in ("train.bin", "test.bin") else 0


def has_pickled_cifar(folder: Path) -> bool:
    names = {p.name for p in folder.iterdir() if p.is_file()}
    return {"data_batch_1", "batches.meta"} & names != set() or {"train", "test", "meta"} <= names


def pickled_cifar(folder: Path) -> SpecError:
    """NS601: loading a pickle runs the code in it."""
    hundred = (folder / "meta").is_file()
    file = f"cifar-{100 if hundred else 10}-binary.tar.gz"
    return SpecError.of(
        "NS601",
        f"{folder} has the Python version of CIFAR",
        notes=["it is pickled; loading a pickle runs the code in it, so netspec does not open it"],
        helps=[f"download the binary version, {file}, from https://www.cs.toronto.edu/~kriz/cifar.html"],
    )


def open_cifar(folder: Path, inputs: Mapping[str, TensorType], output: TensorType) -> ArraySet:
    """Opens CIFAR. CIFAR-100 uses its 100 fine labels, or its 20 coarse ones if the net has 20 classes. Raises SpecError
    (NS601, NS602)."""
    name, _ = only_input(inputs, str(folder))
    train = sorted(p for p in folder.iterdir() if _BATCH.fullmatch(p.name))
    coarse = output.features == 20
    if train:
        test, labels, column, count = folder / "test_batch.bin", 1, 0, 10
        names = _names(folder / "batches.meta.txt", count) or _TEN
    else:
        train, test, labels = [folder / "train.bin"], folder / "test.bin", 2
        column, count = (0, 20) if coarse else (1, 100)
        names = _names(folder / f"{'coarse' if coarse else 'fine'}_label_names.txt", count) or tuple(
            map(str, range(count))
        )
    parts = {"train": _read(train, labels, column, count, name)}
    if test.is_file():
        parts["test"] = _read([test], labels, column, count, name)
    return ArraySet(str(folder), parts, names)


def _read(files: list[Path], labels: int, column: int, count: int, name: str) -> Arrays:
    import numpy as np

    pieces = []
    for path in files:
        found, images = read_records(path, labels)
        wrong = np.flatnonzero(found[:, column] >= count)
        if len(wrong):
            raise SpecError.of(
                "NS601",
                f"{path} is not a CIFAR binary",
                notes=[f"record {wrong[0]} has the label {found[wrong[0], column]}, and there are {count} classes"],
            )
        pieces.append((found[:, column], images))
    shown = f"{files[0]}" if len(files) == 1 else f"{files[0].parent}"
    targets = np.concatenate([found for found, _ in pieces]).astype(np.int64)
    return Arrays(
        {name: np.concatenate([images for _, images in pieces])},
        targets,
        {name: shown, "target": f"the labels of {shown}"},
    )


def read_records(path: Path, labels: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The labels (N x `labels`) and the images (N x 3 x 32 x 32) of a file, in bytes. Raises SpecError (NS601)."""
    import numpy as np

    size = labels + _PIXELS
    try:
        with open_regular(path) as file:
            content = np.frombuffer(file.read(), dtype=np.uint8)
    except OSError as error:
        raise SpecError.of("NS601", f"{path} cannot be read", notes=[error.strerror or str(error)]) from None
    if not len(content) or len(content) % size:
        raise SpecError.of(
            "NS601",
            f"{path} is not a CIFAR binary",
            notes=[f"its {len(content)} bytes are not a multiple of the record size, {size}"],
            helps=["download it again"],
        )
    records = content.reshape(-1, size)
    return records[:, :labels], records[:, labels:].reshape(-1, 3, 32, 32)


def _names(path: Path, count: int) -> tuple[str, ...]:
    """One per line; empty if the file is missing or does not match."""
    try:
        lines = [line.strip() for line in read_text(path).splitlines()]
    except SpecError:
        return ()
    names = tuple(line for line in lines if line)
    return names if len(names) == count else ()
