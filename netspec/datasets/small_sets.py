"""Data made here, for nets of a few units: truth tables, the 8-3-8 encoder, and points in the plane.

The points are those of scikit-learn's toy data in kind, computed here so that they need nothing and never change: drawn from
a fixed seed, centered, and of about unit size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import pi
from typing import TYPE_CHECKING, Any, TypeAlias

from netspec.datasets.arrays import Arrays, ArraySet
from netspec.datasets.fit import only_input
from netspec.graph import TensorType

if TYPE_CHECKING:
    import numpy as np

    from netspec.datasets.examples import DataOptions, Task

    _Drawn: TypeAlias = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]

__all__ = ["SMALL_SETS", "WHOLE_SETS", "open_small_set"]

_SIZE = 600
_SEED = 0


def open_small_set(
    word: str, inputs: Mapping[str, TensorType], output: TensorType, task: Task, options: DataOptions
) -> ArraySet:
    """Classes as numbers; for a net of values 0 and 1, or one-hot where it has an output for each. Raises SpecError (NS602)."""
    import numpy as np

    name, _ = only_input(inputs, word)
    points, labels = SMALL_SETS[word](options.size or _SIZE)
    count = int(labels.max()) + 1
    targets = labels.astype(np.int64)
    if task == "values":
        one = labels[:, None] if output.size == 1 else np.eye(count)[labels]
        targets = one.astype(np.float32)
    arrays = Arrays({name: points.astype(np.float32)}, targets, {name: word, "target": f"the targets of {word}"})
    classes = tuple(map(str, range(count))) if task == "class" else ()
    return ArraySet(word, {"train": arrays}, classes)


def _table(outcomes: tuple[int, int, int, int]) -> Callable[[int], _Drawn]:
    """A truth table of two inputs: 00, 01, 10, 11."""

    def drawn(size: int) -> _Drawn:
        import numpy as np

        return np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array(outcomes)

    return drawn


def _encoder(size: int) -> _Drawn:
    """Eight patterns with a single 1, each to itself (Ackley, Hinton & Sejnowski 1985)."""
    import numpy as np

    return np.eye(8), np.arange(8)


def _noise(size: int, scale: float) -> np.ndarray[Any, Any]:
    import numpy as np

    stream = np.random.RandomState(_SEED)  # generates the same numbers in every version of NumPy
    result: np.ndarray[Any, Any] = stream.standard_normal((size, 2)) * scale
    return result


def _spirals(size: int) -> _Drawn:
    """Three arms, as in the course notes on neural networks: radius from 0 to 1, four radians for each arm."""
    import numpy as np

    labels = np.arange(size) % 3
    radius = (np.arange(size) // 3 + 0.5) / -(-size // 3)
    angle = 4 * labels + 4 * radius + _noise(size, 0.2)[:, 0]
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], 1), labels


def _moons(size: int) -> _Drawn:
    """Two half circles that reach into each other."""
    import numpy as np

    labels = np.arange(size) % 2
    angle = pi * (np.arange(size) // 2 + 0.5) / -(-size // 2)
    upper = np.stack([np.cos(angle), np.sin(angle)], 1)
    points = np.where(labels[:, None] == 0, upper, [1, 0.5] - upper)
    return points - [0.5, 0.25] + _noise(size, 0.1), labels


def _blobs(size: int) -> _Drawn:
    """Three clouds around the corners of a triangle."""
    import numpy as np

    labels = np.arange(size) % 3
    angle = 2 * pi * labels / 3
    return np.stack([np.cos(angle), np.sin(angle)], 1) + _noise(size, 0.25), labels


def _rings(size: int) -> _Drawn:
    """A disk within a ring."""
    import numpy as np

    labels = np.arange(size) % 2
    angle = 2 * pi * (np.arange(size) // 2 + 0.5) / -(-size // 2)
    radius = np.where(labels == 0, 0.4, 1.0)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1) + _noise(size, 0.08), labels


SMALL_SETS: Mapping[str, Callable[[int], _Drawn]] = {
    "xor": _table((0, 1, 1, 0)), "nand": _table((1, 1, 1, 0)), "8-3-8": _encoder, "spirals": _spirals, "moons": _moons,
    "blobs": _blobs, "rings": _rings,
}  # fmt: skip
WHOLE_SETS = ("xor", "nand", "8-3-8")
"""All of their examples are for training: without one of them the function would be another."""
