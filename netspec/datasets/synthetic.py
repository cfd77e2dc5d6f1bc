"""`synthetic`: noise in the shapes of the net, to measure throughput without a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from netspec.datasets.pools import TRAIN, ArrayPool, Source
from netspec.datasets.splits import keys_of_numbers
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

if TYPE_CHECKING:
    from netspec.datasets.examples import DataOptions, Task

__all__ = ["open_synthetic"]

_DEFAULT_SIZE = 4096
_STORED_BYTES = 1 << 26
_SEED = 0


def open_synthetic(inputs: Mapping[str, TensorType], output: TensorType, task: Task, options: DataOptions) -> Source:
    """The same noise in every run. Only a few examples are stored and repeated, each time with other labels.

    Integers for an embedding are 0 and 1, which every vocabulary contains. Raises SpecError (NS604).
    """
    import numpy as np

    count = _DEFAULT_SIZE if options.size is None else options.size
    if count < 1:
        raise SpecError.of(
            "NS604",
            f"the number of synthetic examples must be at least 1, found {count}",
            helps=["give a number such as 1000"],
        )
    noise = np.random.RandomState(_SEED)  # generates the same numbers in every version of NumPy
    stored = max(1, min(count, _STORED_BYTES // max(1, sum(t.size for t in inputs.values()))))
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for name, kind in inputs.items():
        shape = (stored, *kind.shape)
        arrays[name] = noise.randint(0, 2, shape) if kind.layout == "ids" else noise.randint(0, 256, shape, np.uint8)
    targets: np.ndarray[Any, Any] | None = None
    if task == "class":
        places = output.shape[:-1] if output.layout == "sequence" else output.shape[1:]
        each = noise.randint(0, output.features, (min(count, max(1, _STORED_BYTES // prod(places))), *places))
        targets = np.resize(each, (count, *places)) if len(each) < count else each
    elif task == "values":
        values = noise.standard_normal((min(count, max(1, _STORED_BYTES // 8 // output.size)), *output.shape))
        targets = np.resize(values.astype(np.float32), (count, *output.shape))
    shapes = " ".join(f"{n} {t.layout} {t}" for n, t in [*inputs.items(), ("", output)])
    return Source(
        "synthetic",
        ArrayPool(arrays, count),
        targets,
        np.full(count, TRAIN, dtype=np.int8),
        keys_of_numbers(count),
        f"synthetic {count} {task} {shapes}",
    )
