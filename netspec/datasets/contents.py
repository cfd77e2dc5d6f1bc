"""What is in data: how many examples each class has in each part, sizes, broken files, and copies in several parts."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

from netspec.announcing import announce
from netspec.datasets.arrays import ArraySet, count_of, joined
from netspec.datasets.decoding import examined, require_pillow
from netspec.datasets.image_set import ImageSet
from netspec.datasets.pools import LEFT_OUT, TEST, TRAIN, VALIDATION, Source
from netspec.datasets.splits import keys_of_numbers, split
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.examples import DataOptions

__all__ = ["Contents", "Copy", "contents_of"]

PARTS = {TRAIN: "train", VALIDATION: "validation", TEST: "test"}
_AHEAD = 256
_LARGE = 64
"""Examples of so many values are not the same by chance."""
_Looked: TypeAlias = "tuple[tuple[int, ...], bytes] | SpecError"
"""The size of an example and a digest of its values (none if all are equal), or why it cannot be read."""


@dataclass(frozen=True)
class Copy:
    """An example that is, value for value, one of another part."""

    shown: str
    part: str
    other: str
    other_part: str
    labels_differ: bool


@dataclass
class Contents:
    """`counts`: examples by part, of each class (of all, if targets are not classes). `made`: the parts are not those of the data."""

    name: str
    classes: tuple[str, ...]
    counts: dict[str, list[int]]
    made: bool
    sizes: Counter[tuple[int, ...]] = field(default_factory=Counter)
    broken: list[tuple[str, str]] = field(default_factory=list)
    """Name and cause."""
    copies: list[Copy] = field(default_factory=list)
    unread: tuple[str, ...] = ()
    """Arrays that only a net could ask for."""

    @property
    def total(self) -> int:
        return sum(map(sum, self.counts.values()))


def contents_of(found: ImageSet | ArraySet | Source, options: DataOptions) -> Contents:
    """Reads all examples. Raises SpecError (NS502, NS604)."""
    rows = _Rows(found)
    if rows.decodes:
        require_pillow()
    part = split(rows.part, rows.labels, rows.keys, options)
    names, counts = _counted(part, rows)
    contents = Contents(
        found.name if not isinstance(found, ImageSet) else found.shown, names, counts, not (rows.part > TRAIN).any(),
        unread=found.unread if isinstance(found, (ArraySet, ImageSet)) else (),
    )  # fmt: skip
    first: dict[bytes, int] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row, looked in enumerate(rows.looked()):
            if row % _AHEAD == 0:
                announce(f"checked {row:,} of {len(part):,} examples")
            if isinstance(looked, SpecError):
                contents.broken.append((rows.shown(row), "; ".join(looked.diagnostics[0].notes)))
                continue
            size, digest = looked
            contents.sizes[size] += 1
            before = first.setdefault(digest, row) if digest and prod(size) >= _LARGE else row
            if part[before] != part[row] and LEFT_OUT not in (part[before], part[row]):
                contents.copies.append(_copy(rows, part, row, before))
    return contents


def _copy(rows: _Rows, part: np.ndarray[Any, Any], row: int, before: int) -> Copy:
    row, before = sorted(
        (row, before), key=lambda n: (part[n], n), reverse=True
    )  # named: the one that is not for training
    labels = rows.labels
    differ = labels is not None and bool(labels[row] != labels[before])
    return Copy(rows.shown(row), PARTS[int(part[row])], rows.shown(before), PARTS[int(part[before])], differ)


def _counted(part: np.ndarray[Any, Any], rows: _Rows) -> tuple[tuple[str, ...], dict[str, list[int]]]:
    import numpy as np

    names: tuple[str, ...] = ()
    labels = np.zeros(len(part), dtype=np.int64)
    if rows.labels is not None:
        found, labels = np.unique(rows.labels, return_inverse=True)
        names = tuple(rows.classes[n] if 0 <= n < len(rows.classes) else str(n) for n in found.tolist())
        if rows.classes and found[0] >= 0 and found[-1] < len(rows.classes):
            names, labels = rows.classes, rows.labels
    counts = {
        name: np.bincount(labels[part == code], minlength=max(1, len(names))).tolist()
        for code, name in PARTS.items()
        if (part == code).any()
    }
    return names, counts


class _Rows:
    """The examples of data, numbered, whatever the data is."""

    def __init__(self, found: ImageSet | ArraySet | Source) -> None:
        import numpy as np

        self._found = found
        self.classes = found.classes
        self.decodes = isinstance(found, ImageSet)
        if isinstance(found, ArraySet):
            codes = {name: code for code, name in PARTS.items()}
            counts = {name: count_of(arrays, found.name) for name, arrays in found.parts.items()}
            self.part = np.concatenate([np.full(count, codes[name], np.int8) for name, count in counts.items()])
            self.keys = keys_of_numbers(len(self.part))
            given = [arrays.targets for arrays in found.parts.values()]
            targets, self.classes = joined(found.name, given, found.classes)
        else:
            self.part, self.keys, targets = found.part, found.keys, found.targets
        few = targets is not None and targets.dtype.kind in "iub" and targets.size == len(targets)
        self.labels = targets.reshape(-1).astype(np.int64) if targets is not None and few else None
        if (
            self.labels is not None
            and not self.classes
            and len(np.unique(self.labels)) > max(2, len(self.labels) // 10)
        ):
            self.labels = None  # values, not classes

    def shown(self, row: int) -> str:
        if isinstance(self._found, ImageSet):
            return self._found.images.shown(row)
        return f"example {row}" if isinstance(self._found, ArraySet) else self._found.pool.shown(row)

    def looked(self) -> Iterator[_Looked]:
        if isinstance(self._found, ImageSet):
            yield from _looked_images(self._found)
        elif isinstance(self._found, ArraySet):
            for arrays in self._found.parts.values():
                yield from _looked_arrays(list(arrays.inputs.values()))
        else:
            for row in range(len(self.part)):
                yield from _looked_examples(self._found, row)


def _looked_images(found: ImageSet) -> Iterator[_Looked]:
    def look(row: int) -> _Looked:
        try:
            header, digest = examined(found.images.stored(row), found.images.shown(row))
            if found.masks is not None:
                examined(found.masks.stored(row), found.masks.shown(row))
            return (header.channels, header.height, header.width), digest
        except SpecError as error:
            return error

    with ThreadPoolExecutor() as threads:
        left = iter(range(len(found.images)))
        waiting = [threads.submit(look, row) for row in islice(left, _AHEAD)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [threads.submit(look, row) for row in islice(left, 1)]


def _looked_examples(found: Source, row: int) -> Iterator[_Looked]:
    """An example as a net takes it."""
    import numpy as np

    try:
        taken = found.pool.take(np.array([row])).inputs
    except SpecError as error:
        yield error
        return
    yield from _looked_arrays([values.numpy() for values in taken.values()])


def _looked_arrays(arrays: list[Any]) -> Iterator[_Looked]:
    import numpy as np

    count = len(arrays[0])
    for start in range(0, count, _AHEAD):
        pieces = [np.ascontiguousarray(array[start : min(start + _AHEAD, count)]) for array in arrays]
        for row in range(len(pieces[0])):
            one = [piece[row : row + 1] for piece in pieces]
            if any(values.dtype.kind == "f" and not np.isfinite(values).all() for values in one):
                yield SpecError.of(
                    "NS603", f"example {start + row}", notes=["it has a value that is not a finite number"]
                )
            else:
                constant = all((values == values.flat[:1]).all() for values in one)
                digest = blake2b(b"".join(values.tobytes() for values in one), digest_size=16)
                yield tuple(one[0].shape[1:]), b"" if constant else digest.digest()
