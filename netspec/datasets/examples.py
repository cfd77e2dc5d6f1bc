"""Training data: numbered examples in three splits, independent of the storage format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import torch

    from netspec.datasets.cutting import Cut
    from netspec.graph import TensorType

    Indices: TypeAlias = Sequence[int] | np.ndarray[Any, Any]

__all__ = ["IGNORED", "Batch", "Collection", "DataOptions", "Examples", "Goal", "Task"]

Task = Literal["class", "values", "input", "group", "sequence"]
"""What targets are: a class (of each position), values, the input, the group that an example belongs to, or a sequence of
classes of any length."""

IGNORED = -100
"""The class index of a position that neither the loss nor any score counts, such as the outline of an object in a mask, and
of what fills up a sequence of classes."""

_ALIGNMENT = 64
"""Where the memory of a tensor begins: at a multiple of so many bytes."""


@dataclass(frozen=True)
class Goal:
    """What an output of a net needs as its targets. `ignore`: a class that is not counted; `blank`: one that no sequence of
    classes contains; `labels`: values of which each is 0 or 1; `points`: values that are points of the image."""

    output: TensorType
    task: Task
    ignore: int | None = None
    blank: int = 0
    labels: bool = False
    points: bool = False

    @property
    def stored(self) -> bool:
        """Whether the data has the targets beside the inputs."""
        return self.task != "input"


@dataclass(frozen=True)
class Batch:
    """Inputs by the name of the net's input, with examples along the first axis, and their targets by the name of its output.

    An image is CxHxW; `arranged` converts it for a net that takes a vector or rows. `uint8` values from 0 to 255 stand
    for 0 to 1. `replaced` lists the files that could not be decoded (`corrupt="skip"`) and were replaced by another
    example of the same class.
    """

    inputs: dict[str, torch.Tensor]
    targets: dict[str, torch.Tensor]
    replaced: tuple[str, ...] = ()

    @property
    def target(self) -> torch.Tensor:
        """That of the first output."""
        return next(iter(self.targets.values()))

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for held in (self.inputs, self.targets) for tensor in held.values())

    def split(self, counts: Sequence[int]) -> list[Batch]:
        """Batches of so many examples, one after the other, in the memory of this one."""
        import torch

        if len(counts) == 1:
            return [self]
        inputs, targets = (
            {name: [_aligned(part) for part in torch.split(whole, list(counts))] for name, whole in held.items()}
            for held in (self.inputs, self.targets)
        )
        return [
            Batch(
                {n: v[i] for n, v in inputs.items()}, {n: v[i] for n, v in targets.items()}, () if i else self.replaced
            )
            for i in range(len(counts))
        ]

    def pin_memory(self) -> Batch:
        """In memory from which a GPU copies while it computes; torch's loader calls it."""
        inputs, targets = ({n: v.pin_memory() for n, v in held.items()} for held in (self.inputs, self.targets))
        return Batch(inputs, targets, self.replaced)

    def to(self, device: torch.device) -> Batch:
        """On a device. From pinned memory it is copied while this process goes on."""
        inputs, targets = (
            {n: v.to(device, non_blocking=True) for n, v in held.items()} for held in (self.inputs, self.targets)
        )
        return Batch(inputs, targets, self.replaced)


def _aligned(tensor: torch.Tensor) -> torch.Tensor:
    """A part of a tensor, copied unless its memory begins as that of a tensor of its own would: a matrix product may round
    differently elsewhere."""
    return tensor if tensor.data_ptr() % _ALIGNMENT == 0 else tensor.clone()


class Examples(Protocol):
    """Numbered examples, read in any order."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of one example, by the name of the net's input. An image is always CxHxW."""
        ...

    @property
    def points(self) -> tuple[str, ...]:
        """The outputs whose targets are points of the image, in `batch` as it is read."""
        ...

    def __len__(self) -> int: ...

    def targets(self, name: str = "") -> np.ndarray[Any, Any] | None:
        """All targets of an output (by default of the first), without decoding anything: class indices (int64) or values
        (float32; points of images as these are stored); zeros for the task `input`. None if they are files, such as masks."""
        ...

    def shown(self, index: int) -> str:
        """What an example is called to a reader: its file, or its number in the data."""
        ...

    def batch(self, indices: Indices, cut: Cut | None = None) -> Batch:
        """The examples, each image cut by `cut`, with the targets of its pixels. Raises SpecError (NS602, NS603) if an example does not fit or is corrupt."""
        ...


@dataclass(frozen=True)
class Collection:
    """Disjoint training, validation and test examples."""

    name: str
    train: Examples
    validation: Examples | None
    test: Examples | None
    names: Mapping[str, tuple[str, ...]]
    """Names of the classes of each output; empty if the targets are values or the input."""
    fingerprint: str
    """Changes if the data or the split changes. For files it depends on names and sizes, not on contents."""
    skipped: tuple[str, ...] = ()
    """Corrupt examples that were left out."""
    sample_rate: int | None = None
    """Samples per second, of recordings."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Those of the first output."""
        return next(iter(self.names.values()))


@dataclass(frozen=True)
class DataOptions:
    """How to read and split data. Fractions refer to all examples that may be split; existing splits are kept."""

    validation: float = 0.1
    test: float | None = None
    """None: 0.2 of data without splits, and nothing of the training set where a part to validate or test is given."""
    folds: int = 0
    """Number of folds for cross-validation over training and validation examples; test examples are not included."""
    fold: int = 0
    """Index of the validation fold, from 0."""
    resize: bool = False
    """Whether to scale images to the input size of the net, and to convert arrays between gray and color."""
    workers: int | None = None
    """Number of processes that decode; None: by the number of cores."""
    corrupt: Literal["stop", "skip"] = "stop"
    pixels: int | None = None
    """The shorter side that images are scaled to before center cropping; None: that of the input."""
    cut: bool = False
    """Whether images of a different size are kept if they all have the same size, to be cropped by an augmentation."""
    size: int | None = None
    """Number of examples of `synthetic`."""
