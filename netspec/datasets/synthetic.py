"""`synthetic`: noise in the shapes of the net, to measure throughput without a dataset."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from netspec.datasets.pools import TRAIN, ArrayPool, Source
from netspec.datasets.splits import keys_of_numbers
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.examples import DataOptions, Goal
    from netspec.datasets.wanted import Wanted

__all__ = ["open_synthetic"]

_DEFAULT_SIZE = 4096
_STORED_BYTES = 1 << 26
_SEED = 0
_GROUPS = 10


def open_synthetic(wanted: Wanted, options: DataOptions) -> Source:
    """The same noise in every run. Only a few examples are stored and repeated, each time with other labels.

    Integers for an embedding are 0 and 1, which every vocabulary contains. Raises SpecError (NS604).
    """
    import numpy as np

    inputs = wanted.inputs
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
    targets = {name: _targets(goal, noise, count) for name, goal in wanted.stored.items()}
    first = next(iter(targets), "")
    shapes = " ".join(f"{n} {t.layout} {t}" for n, t in [*inputs.items(), ("", wanted.output)])
    others = "".join(f" {goal.task} {goal.output.layout} {goal.output}" for goal in list(wanted.stored.values())[1:])
    return Source(
        "synthetic",
        ArrayPool(arrays, count),
        targets.get(first),
        np.full(count, TRAIN, dtype=np.int8),
        keys_of_numbers(count),
        f"synthetic {count} {wanted.task} {shapes}{others}",
        further={name: (held, ()) for name, held in targets.items() if name != first},
    )


def _targets(goal: Goal, noise: np.random.RandomState, count: int) -> np.ndarray[Any, Any]:
    import numpy as np

    output = goal.output
    if goal.task == "values":
        shape = (min(count, max(1, _STORED_BYTES // 8 // output.size)), *output.shape)
        values = noise.randint(0, 2, shape) if goal.labels else noise.standard_normal(shape)
        return np.resize(values.astype(np.float32), (count, *output.shape))
    if goal.task == "group":
        return noise.randint(0, _GROUPS, count)
    if goal.task == "sequence":
        labels = noise.randint(0, output.features - 1, (count, max(1, output.shape[0] // 2)))
        return labels + (labels >= goal.blank)
    places = output.shape[:-1] if output.layout == "sequence" else output.shape[1:]
    each = noise.randint(0, output.features, (min(count, max(1, _STORED_BYTES // prod(places))), *places))
    return np.resize(each, (count, *places)) if len(each) < count else each
