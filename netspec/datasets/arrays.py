"""Arrays in memory, from any format, as a source of examples."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netspec.datasets.fit import fitted
from netspec.datasets.pools import LEFT_OUT, TEST, TRAIN, VALIDATION, ArrayPool, JoinedPool, Source
from netspec.datasets.splits import keys_of_numbers
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.examples import DataOptions

__all__ = ["Arrays", "array_source", "content_hash"]

_PARTS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
_PIECE = 1 << 16


@dataclass(frozen=True)
class Arrays:
    """Inputs by the name of the net's input, and targets. `shown` has the names used in messages, under the same keys
    (and `target`)."""

    inputs: Mapping[str, np.ndarray[Any, Any]]
    targets: np.ndarray[Any, Any] | None
    shown: Mapping[str, str]


def array_source(
    name: str,
    parts: Mapping[str, Arrays],
    inputs: Mapping[str, TensorType],
    options: DataOptions,
    classes: tuple[str, ...] = (),
) -> Source:
    """Arrays by split (`train`, `validation`, `test`) as a source. Raises SpecError (NS601, NS602, NS603)."""
    import numpy as np

    pools, codes = [], []
    skipped: list[str] = []
    digest = hashlib.blake2b(digest_size=16)
    for part, arrays in parts.items():
        code = np.full(_count(arrays, name), _PARTS[part], dtype=np.int8)
        pools.append(_pool(arrays, inputs, options))
        wrong = _left_out(arrays, len(code), options)
        code[list(wrong)] = LEFT_OUT
        codes.append(code)
        skipped += wrong.values()
        content_hash(digest, part, arrays)
    targets = [arrays.targets for arrays in parts.values() if arrays.targets is not None]
    if len(targets) not in (0, len(parts)) or len({(t.shape[1:], t.dtype.kind == "f") for t in targets}) > 1:
        raise SpecError.of("NS601", f"the splits of {name} have different targets")
    part_of = np.concatenate(codes)
    answers = np.concatenate(targets) if targets else None
    if answers is not None and answers.dtype.kind == "U" and answers.ndim == 1 and not classes:
        names, answers = np.unique(answers, return_inverse=True)
        classes = tuple(names.tolist())
    if answers is not None and answers.dtype.kind not in "biuf":
        raise SpecError.of("NS602", f"the targets of {name} are not numbers", notes=[f"their dtype is {answers.dtype}"])
    return Source(
        name,
        pools[0] if len(pools) == 1 else JoinedPool(pools),
        answers,
        part_of,
        keys_of_numbers(len(part_of)),
        digest.hexdigest(),
        classes,
        skipped,
    )


def _pool(arrays: Arrays, inputs: Mapping[str, TensorType], options: DataOptions) -> ArrayPool:
    resize, pixels = options.resize or options.pixels is not None, options.pixels
    return ArrayPool(
        {
            n: fitted(a, inputs[n], shown=arrays.shown[n], resize=resize, pixels=pixels, cut=options.cut)
            for n, a in arrays.inputs.items()
        }
    )


def _left_out(arrays: Arrays, count: int, options: DataOptions) -> Mapping[int, str]:
    """The examples that are not finite, with the place of each. Raises SpecError (NS603) where they are not to be left out."""
    wrong = _not_finite(arrays)
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


def _count(arrays: Arrays, name: str) -> int:
    named = {arrays.shown[n]: a for n, a in arrays.inputs.items()}
    if arrays.targets is not None:
        named[arrays.shown["target"]] = arrays.targets
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


def _not_finite(arrays: Arrays) -> dict[int, str]:
    """The rows that contain NaN or infinity, in order, each with the position of the first such value."""
    import numpy as np

    found: dict[int, str] = {}
    named = [(arrays.shown[n], a) for n, a in arrays.inputs.items()]
    if arrays.targets is not None:
        named.append((arrays.shown["target"], arrays.targets))
    for shown, array in named:
        for start in range(0, len(array) if array.dtype.kind == "f" else 0, _PIECE):
            piece = array[start : start + _PIECE]
            bad = ~np.isfinite(piece).reshape(len(piece), -1).all(1)
            for row in np.flatnonzero(bad).tolist():
                inner = np.argwhere(~np.isfinite(piece[row]))[0].tolist() if piece.ndim > 1 else []
                place = f"element [{', '.join(map(str, [start + row, *inner]))}] of {shown}"
                found.setdefault(start + row, place)
    return dict(sorted(found.items()))


def content_hash(digest: Any, part: str, arrays: Arrays) -> None:
    """Adds names, types, shapes and contents to the digest."""
    import numpy as np

    for name, array in [*sorted(arrays.inputs.items()), ("", arrays.targets)]:
        if array is not None:
            digest.update(f"{part} {name} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).ravel().view(np.uint8).data)
