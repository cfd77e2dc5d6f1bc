"""Arrays, from any format, as a source of examples. Large ones stay on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from netspec.datasets.fit import fitted, scaled_from
from netspec.datasets.pools import LEFT_OUT, TEST, TRAIN, VALIDATION, ArrayPool, JoinedPool, Pool, Source
from netspec.datasets.splits import keys_of_numbers
from netspec.diagnostics import SpecError
from netspec.graph import TensorType
from netspec.reading.stored_array import StoredArray

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.examples import DataOptions

__all__ = ["LARGE", "ArraySet", "Arrays", "content_hash", "count_of", "fitted_arrays", "joined"]

LARGE = 1 << 26
"""Arrays of so many bytes stay on disk where they are stored row by row."""
Rows: TypeAlias = "np.ndarray[Any, Any] | StoredArray"

_PARTS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
_PIECE = 1 << 16
_SAMPLE = 1024
"""Rows of an array on disk that stand for all of it in the fingerprint."""
_MOST_CHECKED = 1 << 30
"""Bytes of an array on disk that are all searched for numbers that are not finite; of more, some rows are."""


@dataclass(frozen=True)
class Arrays:
    """Inputs by the name of the net's input, and targets; `further`: those of other outputs than the first, by their names.
    `shown` has the names used in messages, under the same keys (and `target`)."""

    inputs: Mapping[str, Rows]
    targets: np.ndarray[Any, Any] | None
    shown: Mapping[str, str]
    further: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)

    @property
    def all_targets(self) -> dict[str, np.ndarray[Any, Any]]:
        """By the keys of `shown`."""
        return {**({} if self.targets is None else {"target": self.targets}), **self.further}


@dataclass(frozen=True)
class ArraySet:
    """Arrays by split (`train`, `validation`, `test`), and the names of the classes, if the data has them."""

    name: str
    parts: Mapping[str, Arrays]
    classes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    """Arrays beside these, which only a net could ask for."""


def fitted_arrays(found: ArraySet, inputs: Mapping[str, TensorType], options: DataOptions) -> Source:
    """Arrays as the data of a net. Raises SpecError (NS601, NS602, NS603)."""
    import numpy as np

    name, parts, classes = found.name, found.parts, found.classes
    pools, codes = [], []
    skipped: list[str] = []
    digest = hashlib.blake2b(digest_size=16)
    for part, arrays in parts.items():
        code = np.full(count_of(arrays, name), _PARTS[part], dtype=np.int8)
        pools.append(_pool(arrays, inputs, options))
        wrong = _left_out(arrays, len(code), options)
        code[list(wrong)] = LEFT_OUT
        codes.append(code)
        skipped += wrong.values()
        content_hash(digest, part, arrays)
    part_of = np.concatenate(codes)
    answers, classes = joined(name, [arrays.targets for arrays in parts.values()], classes)
    further = {}
    for output in next(iter(parts.values())).further:
        held, names = joined(name, [arrays.further[output] for arrays in parts.values()], ())
        assert held is not None
        further[output] = held, names
    return Source(
        name,
        pools[0] if len(pools) == 1 else JoinedPool(pools),
        answers,
        part_of,
        keys_of_numbers(len(part_of)),
        digest.hexdigest(),
        classes,
        skipped,
        further=further,
    )


def joined(
    name: str, parts: Sequence[np.ndarray[Any, Any] | None], classes: tuple[str, ...]
) -> tuple[np.ndarray[Any, Any] | None, tuple[str, ...]]:
    """The targets of all parts, and the names of their classes where they are texts. Raises SpecError (NS601, NS602)."""
    import numpy as np

    targets = [part for part in parts if part is not None]
    if len(targets) not in (0, len(parts)) or len({(t.shape[1:], t.dtype.kind == "f") for t in targets}) > 1:
        raise SpecError.of("NS601", f"the splits of {name} have different targets")
    if not targets:
        return None, classes
    answers = np.concatenate(targets)
    if answers.dtype.kind == "U" and answers.ndim == 1 and not classes:
        found, answers = np.unique(answers, return_inverse=True)
        classes = tuple(found.tolist())
    if answers.dtype.kind not in "biufU":
        raise SpecError.of("NS602", f"the targets of {name} are not numbers", notes=[f"their dtype is {answers.dtype}"])
    return answers, classes


def _pool(arrays: Arrays, inputs: Mapping[str, TensorType], options: DataOptions) -> Pool:
    resize, pixels = options.resize or options.pixels is not None, options.pixels

    def fit(name: str, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return fitted(array, inputs[name], shown=arrays.shown[name], resize=resize, pixels=pixels, cut=options.cut)

    if any(isinstance(array, StoredArray) for array in arrays.inputs.values()):
        from netspec.datasets.stored_pool import StoredPool

        return StoredPool(arrays.inputs, {n: inputs[n] for n in arrays.inputs}, arrays.shown, options)
    held = {n: array for n, array in arrays.inputs.items() if not isinstance(array, StoredArray)}
    made = {n: fit(n, array) for n, array in held.items()}
    return ArrayPool(made, part=next(filter(None, (scaled_from(held[n][:1], made[n], pixels) for n in held)), None))


def _left_out(arrays: Arrays, count: int, options: DataOptions) -> Mapping[int, str]:
    """The examples that are not finite, with the place of each. Raises SpecError (NS603) where they are not to be left out."""
    wrong = _not_finite(arrays, _MOST_CHECKED if options.corrupt == "stop" else None)
    if wrong and options.corrupt == "stop":
        row, where = next(iter(wrong.items()))
        raise SpecError.of(
            "NS603",
            f"{where} is not a finite number",
            notes=[f"this affects {len(wrong)} of {count} examples"]
            if len(wrong) > 1
            else [f"example {row} of {count}"],
            helps=["use `--corrupt skip` to leave such examples out"],
        )
    return wrong


def count_of(arrays: Arrays, name: str) -> int:
    """How many examples there are. Raises SpecError (NS601) where arrays are empty or of different lengths."""
    named = {arrays.shown[n]: a for n, a in arrays.inputs.items()}
    named |= {arrays.shown[n]: a for n, a in arrays.all_targets.items()}
    for shown, array in named.items():
        if array.ndim == 0 or len(array) == 0:
            raise SpecError.of("NS601", f"{shown} is empty", helps=["the first axis is the examples"])
    if len({len(a) for a in named.values()}) > 1:
        raise SpecError.of(
            "NS601",
            f"the arrays of {name} have different numbers of examples",
            notes=[f"{shown} has {len(a)}" for shown, a in named.items()],
        )
    return len(next(iter(named.values())))


def _not_finite(arrays: Arrays, most: int | None) -> dict[int, str]:
    """The rows that contain NaN or infinity, in order, each with the position of the first such value. Of an array on disk of more
    than `most` bytes only evenly spaced rows are searched."""
    import numpy as np

    found: dict[int, str] = {}
    named = [(arrays.shown[n], a) for n, a in arrays.inputs.items()]
    named += [(arrays.shown[n], a) for n, a in arrays.all_targets.items()]
    for shown, array in named:
        for rows, piece in _searched(array, most) if array.dtype.kind == "f" else ():
            bad = ~np.isfinite(piece).reshape(len(piece), -1).all(1)
            for place in np.flatnonzero(bad).tolist():
                row = int(rows[place])
                inner = np.argwhere(~np.isfinite(piece[place]))[0].tolist() if piece.ndim > 1 else []
                found.setdefault(row, f"element [{', '.join(map(str, [row, *inner]))}] of {shown}")
    return dict(sorted(found.items()))


def _searched(array: Rows, most: int | None) -> Iterator[tuple[Sequence[int], np.ndarray[Any, Any]]]:
    """Rows and their numbers, some at a time."""
    import numpy as np

    if not isinstance(array, StoredArray):
        yield from ((range(i, len(array)), array[i : i + _PIECE]) for i in range(0, len(array), _PIECE))
    elif most is None or array.nbytes <= most:
        yield from ((range(first, len(array)), piece) for first, piece in array.pieces())
    else:
        some = np.arange(0, len(array), -(-array.nbytes // most))
        yield from ((part.tolist(), array[part]) for part in np.array_split(some, -(-len(some) // _SAMPLE)))


def content_hash(digest: Any, part: str, arrays: Arrays) -> None:
    """Adds names, types, shapes and contents to the digest; of an array on disk, some of its rows."""
    import numpy as np

    for name, array in [*sorted(arrays.inputs.items()), ("", arrays.targets), *arrays.further.items()]:
        if array is not None:
            digest.update(f"{part} {name} {array.dtype.str} {array.shape}".encode())
            content = array.sample(_SAMPLE) if isinstance(array, StoredArray) else array
            digest.update(np.ascontiguousarray(content).ravel().view(np.uint8).data)
