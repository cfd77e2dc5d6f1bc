"""What the answers of an output mean: classes, masks, texts, or values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netspec.training.decoding import decoded
from netspec.training.heads import Head

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = ["Prediction", "Reading"]


@dataclass(frozen=True)
class Prediction:
    """The prediction for one example: classes, numbered from 0, most likely first, with their values; or the values of
    the output. `labels`: the sequence of classes that `loss ctc` trains. `outputs`: with several outputs that of each."""

    name: str
    ranked: list[tuple[int, float]]
    values: Any
    labels: list[int] | None = None
    outputs: dict[str, Prediction] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """How the answers of a head are read; `classes` are the names that the data has."""

    head: Head
    classes: tuple[str, ...]

    @property
    def ranks(self) -> bool:
        """Whether it predicts one class per example."""
        return self.head.task == "class" and len(self.head.type.shape) == 1

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes or labels; numbers where the data has none."""
        features = self.head.type.features
        return self.classes or tuple(map(str, range(2 if self.masks and features == 1 else features)))

    @property
    def masks(self) -> bool:
        """Whether it predicts a class for every position; a single channel of labels tells two classes apart."""
        kind = self.head.type
        single = self.head.labels and kind.layout == "map" and kind.features == 1
        return single or (self.head.task == "class" and len(kind.shape) > 1)

    def mask(self, prediction: Prediction) -> np.ndarray[Any, Any]:
        """The class of every position (uint8, or int32 if there are more than 256)."""
        kind, values = self.head.type, prediction.values
        chosen = values.argmax(kind.feature_axis - 1) if kind.features > 1 else (values[0] > 0.5)
        found: np.ndarray[Any, Any] = chosen.numpy().astype("uint8" if kind.features <= 256 else "int32")
        return found

    def prediction(self, name: str, answer: Tensor) -> Prediction:
        if self.head.task == "sequence":
            return Prediction(name, [], answer, decoded(answer[None], self.head.goal.blank)[0])
        if self.head.task != "class" or answer.ndim != 1:
            return Prediction(name, [], answer)
        order = answer.argsort(descending=True, stable=True).tolist()
        return Prediction(name, [(index, float(answer[index])) for index in order], answer)

    def text(self, labels: Sequence[int]) -> str:
        """A sequence of classes by their names: a text, if these are characters."""
        names = [self.class_names[label] for label in labels]
        return ("" if all(len(name) < 2 for name in self.classes) and self.classes else " ").join(names)
