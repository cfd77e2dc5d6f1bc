"""Metrics over batches: top-1 and top-5 accuracy, confusion matrix, labels, overlap of segments, and regression errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netspec.datasets.examples import IGNORED
from netspec.optional import not_installed
from netspec.training.decoding import decoded, labels_in, spelled
from netspec.training.heads import Head
from netspec.training.losses import loss_function
from netspec.training.trained import logits_of

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ClassScore", "Measured", "Tally"]

_TOP = 5
_BATCH = 128


@dataclass(frozen=True)
class ClassScore:
    """One class, or one label: its examples (in a segmentation its pixels), how often it was predicted, and how often
    correctly. `images`: in how many images of a segmentation it occurs. `total`: all examples, for labels."""

    examples: int
    answered: int
    right: int
    images: int | None = None
    total: int | None = None

    @property
    def accuracy(self) -> float | None:
        """Of a label: how often it was predicted correctly that it holds, or that it does not."""
        if self.total is None:
            return None
        wrong = self.examples + self.answered - 2 * self.right
        return 1 - wrong / self.total if self.total else None

    @property
    def precision(self) -> float | None:
        return self.right / self.answered if self.answered else None

    @property
    def recall(self) -> float | None:
        return self.right / self.examples if self.examples else None

    @property
    def iou(self) -> float | None:
        """Intersection over union (the Jaccard index); None if the class neither occurs nor is predicted."""
        union = self.examples + self.answered - self.right
        return self.right / union if union else None

    @property
    def dice(self) -> float | None:
        """The Dice coefficient, which is the F1 score; None if the class neither occurs nor is predicted."""
        both = self.examples + self.answered
        return 2 * self.right / both if both else None


@dataclass(frozen=True)
class Measured:
    """`accuracy` to `confusion` are for classifiers, `labels` for several labels, `mse` and the following for regression.
    The rows of `confusion` are true labels, its columns predicted labels. `segments`: the examples are images, and classes
    are counted in pixels; `images` is the number of images in which each class occurs."""

    examples: int
    loss: float
    accuracy: float | None = None
    top5: float | None = None
    confusion: list[list[int]] | None = None
    labels: list[ClassScore] | None = None
    segments: bool = False
    images: list[int] | None = None
    mse: float | None = None
    mae: float | None = None
    r2: float | None = None
    cer: float | None = None
    """Of sequences of labels: edits over labels."""
    nearest: float | None = None
    """Of features: how often the nearest other example is of the same class."""
    outputs: dict[str, Measured] | None = None
    """With several outputs those of each; the loss is then the weighted sum of theirs."""

    @property
    def classes(self) -> list[ClassScore]:
        matrix = self.confusion or []
        columns = [sum(column) for column in zip(*matrix, strict=True)]
        images: Any = self.images or [None] * len(matrix)
        return [ClassScore(sum(row), columns[i], row[i], images[i]) for i, row in enumerate(matrix)]

    @property
    def iou(self) -> float | None:
        """The mean over the classes or labels of a segmentation that occur or are predicted."""
        return _mean([one.iou for one in self.labels or self.classes]) if self.segments else None

    @property
    def dice(self) -> float | None:
        """Like `iou`."""
        return _mean([one.dice for one in self.labels or self.classes]) if self.segments else None

    def most_confused(self, count: int) -> list[tuple[int, int, int]]:
        """(true label, predicted label, count), the most frequent first."""
        pairs = [
            (i, j, n) for i, row in enumerate(self.confusion or []) for j, n in enumerate(row) if i != j and n
        ]  # fmt: skip
        return sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))[:count]


def _mean(values: Sequence[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return sum(found) / len(found) if found else None


class Tally:
    """Sums over batches of an output. `one_hot`: the targets are one-hot classes."""

    def __init__(self, head: Head, *, one_hot: bool = False) -> None:
        try:
            import torchmetrics
            from torchmetrics import classification as c
        except ImportError:
            raise not_installed("torchmetrics", "train") from None
        self.head, self.one_hot = head, one_hot
        self.axis = head.type.feature_axis
        self.features = head.type.features
        self.loss = loss_function(head.loss, self.axis)
        self.losses = 0.0
        self.examples = 0
        self.binary = head.labels and self.features == 1
        self.count = 2 if self.binary else self.features
        """The number of classes of the confusion matrix."""
        self.segments = head.type.layout == "map" and (head.task == "class" or head.labels)
        self.images: Any = 0
        self.labels: Any = 0
        """For each label: how often it holds, is predicted, and both; and the number of all predictions."""
        self.groups: list[tuple[Tensor, Tensor]] = []
        """The features and groups of all examples, where the loss compares those of a batch."""
        self.metrics: dict[str, Any] = {}
        if head.task == "class" or one_hot or self.binary:
            self.metrics["confusion"] = c.MulticlassConfusionMatrix(self.count, ignore_index=IGNORED)
            if self.count > _TOP:
                self.metrics["top5"] = c.MulticlassAccuracy(
                    self.count, average="micro", top_k=_TOP, ignore_index=IGNORED
                )
        elif head.task == "sequence":
            import torchmetrics.text

            self.metrics["cer"] = torchmetrics.text.CharErrorRate()
        elif not head.labels and head.predicts:
            self.metrics["mse"] = torchmetrics.MeanSquaredError()
            self.metrics["mae"] = torchmetrics.MeanAbsoluteError()
            # of an input that is reconstructed, over all values together: many never differ, such as pixels of a border
            shared = head.task == "input"
            self.metrics["r2"] = torchmetrics.R2Score(multioutput="variance_weighted" if shared else "uniform_average")

    def add(self, given: Tensor, target: Tensor) -> None:
        """Adds outputs and targets in the format of the loss, both on the CPU."""
        if self.head.task == "group":
            self.groups.append((given, target))
            return
        self.losses += float(self.loss(logits_of(self.head, given), target).double().sum())
        self.examples += len(given)
        if self.head.task == "sequence":
            found = decoded(given, self.head.goal.blank)
            self.metrics["cer"].update(spelled(found), spelled(labels_in(target)))
            return
        rows = given.movedim(self.axis, -1).reshape(-1, self.features)
        if self.head.task == "class" or self.one_hot:
            wanted = target.argmax(self.axis) if self.one_hot else target
            for metric in self.metrics.values():
                metric.update(rows, wanted.reshape(-1))
            if self.segments:
                self.images += _occurrences(wanted, self.count)
            return
        values = target.reshape(given.shape).movedim(self.axis, -1).reshape(-1, self.features).to(given.dtype)
        if self.binary:
            held = (values[:, 0] > 0.5).long()
            self.metrics["confusion"].update((rows[:, 0] > 0.5).long(), held)
            if self.segments:
                self.images += _occurrences(held.reshape(len(given), -1), 2)
        elif self.head.labels:
            self._add_labels(rows > 0.5, values > 0.5)
            if self.segments:
                self.images += (values > 0.5).reshape(len(given), -1, self.features).any(1).sum(0)
        elif self.metrics:
            self.metrics["mse"].update(rows, values)
            self.metrics["mae"].update(rows, values)
            self.metrics["r2"].update(rows.squeeze(1), values.squeeze(1))

    def _add_labels(self, given: Tensor, wanted: Tensor) -> None:
        import torch

        total = torch.full((self.features,), len(given))
        self.labels += torch.stack([wanted.sum(0), given.sum(0), (wanted & given).sum(0), total])

    def result(self) -> Measured:
        if self.groups:
            return self._grouped()
        found: dict[str, Any] = {
            name: metric.compute() for name, metric in self.metrics.items() if name != "r2" or self.examples > 1
        }  # fmt: skip
        confusion = found.pop("confusion", None)
        numbers: dict[str, Any] = {name: float(value) for name, value in found.items()}
        if confusion is not None:
            numbers["accuracy"] = float(confusion.diagonal().sum()) / max(1, int(confusion.sum()))
        images = self.images.tolist() if self.segments and self.examples else None
        labels = None
        if self.head.labels and confusion is None and self.examples:
            columns = self.labels.T.tolist()
            labels = [
                ClassScore(held, told, both, images[i] if images else None, total)
                for i, (held, told, both, total) in enumerate(columns)
            ]
            numbers["accuracy"] = _mean([one.accuracy for one in labels]) or 0.0
        return Measured(
            self.examples,
            self.losses / max(1, self.examples),
            confusion=confusion.tolist() if confusion is not None else None,
            labels=labels,
            segments=self.segments,
            images=images,
            **numbers,
        )

    def _grouped(self) -> Measured:
        """The loss over batches of all examples, mixed, and how often the nearest of all others is in the same group."""
        import torch

        features = torch.cat([given.flatten(1) for given, _ in self.groups])
        groups = torch.cat([target for _, target in self.groups])
        count, hits = len(features), 0
        for rows in torch.split(torch.arange(count), _BATCH):
            away = torch.cdist(features[rows], features).scatter(1, rows[:, None], torch.inf)
            hits += int((groups[away.argmin(1)] == groups[rows]).sum())
        order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
        loss = sum(float(self.loss(features[rows], groups[rows]).sum()) for rows in torch.split(order, _BATCH))
        return Measured(count, loss / max(1, count), nearest=hits / max(1, count))


def _occurrences(classes: Tensor, count: int) -> Tensor:
    """In how many examples (the first axis) each class occurs; ignored positions count for none."""
    import torch

    flat = classes.flatten(1)
    present = torch.zeros(len(flat), count + 1, dtype=torch.bool)
    present.scatter_(1, torch.where(flat == IGNORED, count, flat), True)
    return present[:, :count].sum(0)
