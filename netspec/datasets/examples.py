"""What training reads: numbered examples in three parts, whatever form they are stored in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from netspec.datasets.loading import batches
from netspec.graph import TensorType

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["Batch", "Collection", "DataOptions", "Examples", "Task", "batches", "open_collection"]

Task = Literal["class", "values", "input"]


@dataclass(frozen=True)
class Batch:
    """Inputs by the name of the net's input, examples along the first axis, and their targets.

    An image is CxHxW and may reach a net that takes a vector or rows: `arranged` turns it. `uint8` means 0 to 255
    for what the net takes as 0 to 1. `replaced` names the files that could not be decoded (`corrupt="skip"`), for
    each of which another of its class stands.
    """

    inputs: dict[str, torch.Tensor]
    target: torch.Tensor
    replaced: tuple[str, ...] = ()


class Examples(Protocol):
    """Numbered examples, read in any order."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of one example, by the name of the net's input. An image is CxHxW, whatever the net takes."""
        ...

    def __len__(self) -> int: ...

    def targets(self) -> np.ndarray[Any, Any]:
        """Every target, nothing decoded: class indices (int64) or values (float32). Of the task `input`, zeros."""
        ...

    def batch(self, indices: Sequence[int]) -> Batch:
        """Raises SpecError (NS602, NS603) where an example does not fit or is corrupt."""
        ...


@dataclass(frozen=True)
class Collection:
    """Training, validation and test examples, no example in two of them."""

    name: str
    train: Examples
    validation: Examples | None
    test: Examples | None
    classes: tuple[str, ...]
    """Names of the classes; none where the targets are values or the input."""
    fingerprint: str
    """Changes when the data or the split changes. Of files, their names and sizes count, not what is in them."""
    skipped: tuple[str, ...] = ()
    """Corrupt examples that were left out."""


@dataclass(frozen=True)
class DataOptions:
    """How data is read and split. Shares are of all examples that may be split; parts that the data has are kept."""

    validation: float = 0.1
    test: float = 0.2
    folds: int = 0
    """Of k-fold cross-validation over training and validation examples; the test examples stay apart."""
    fold: int = 0
    """Which fold validates, from 0."""
    resize: bool = False
    """Images are scaled to the net's input, and gray and color arrays turned into each other."""
    workers: int = 0
    """Processes that decode."""
    corrupt: Literal["stop", "skip"] = "stop"
    pixels: int | None = None
    """The shorter side that images are scaled to before the center is cut out; the input's where it is None."""
    cut: bool = False
    """Images of another size stay as they are where all are alike: an augmentation cuts them."""
    size: int | None = None
    """How many examples of `synthetic`."""


def open_collection(
    where: str, inputs: Mapping[str, TensorType], output: TensorType, task: Task, options: DataOptions
) -> Collection:
    """The examples of `where`, checked against the net. Raises SpecError (NS502, NS601 to NS604)."""
    from netspec.datasets.formats import open_source
    from netspec.datasets.targets import collect

    source = open_source(where, inputs, output, task, options)
    return collect(source, inputs, output, task, options)
