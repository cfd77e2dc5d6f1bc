"""Metrics over batches: top-1 and top-5 accuracy, confusion matrix, and regression errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.training.losses import loss_function
from netspec.training.plan import Plan
from netspec.training.trained import logits_of

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ClassScore", "Measured", "Tally"]

_TOP = 5


@dataclass(frozen=True)
class ClassScore:
    """One class: its examples, how often it was predicted, and how often correctly."""

    examples: int
    answered: int
    right: int

    @property
    def precision(self) -> float | None:
        return self.right / self.answered if self.answered else None

    @property
    def recall(self) -> float | None:
        return self.right / self.examples if self.examples else None


@dataclass(frozen=True)
class Measured:
    """`accuracy` and the following fields are for classifiers, `mse` and the following for regression. The rows of
    `confusion` are true labels, its columns predicted labels."""

    examples: int
    loss: float
    accuracy: float | None = None
    top5: float | None = None
    confusion: list[list[int]] | None = None
    mse: float | None = None
    mae: float | None = None
    r2: float | None = None

    @property
    def classes(self) -> list[ClassScore]:
        matrix = self.confusion or []
        columns = [sum(column) for column in zip(*matrix, strict=True)]
        return [ClassScore(sum(row), columns[i], row[i]) for i, row in enumerate(matrix)]

    def most_confused(self, count: int) -> list[tuple[int, int, int]]:
        """(true label, predicted label, count), the most frequent first."""
        pairs = [
            (i, j, n) for i, row in enumerate(self.confusion or []) for j, n in enumerate(row) if i != j and n
        ]  # fmt: skip
        return sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))[:count]


class Tally:
    """Sums over batches of outputs. `one_hot`: the targets are one-hot classes."""

    def __init__(self, plan: Plan, *, one_hot: bool = False) -> None:
        try:
            import torchmetrics
            from torchmetrics import classification as c
        except ImportError:
            raise SpecError.of(
                "NS502",
                "torchmetrics is not installed",
                helps=["install the training dependencies with `pip install 'netspec[train]'`"],
            ) from None
        self.plan, self.one_hot = plan, one_hot
        self.axis = plan.output.type.feature_axis
        self.count = plan.output.type.features
        self.loss = loss_function(plan.loss, self.axis)
        self.losses = 0.0
        self.examples = 0
        self.metrics: dict[str, Any] = {}
        if plan.task == "class" or one_hot:
            self.metrics["confusion"] = c.MulticlassConfusionMatrix(self.count)
            if self.count > _TOP:
                self.metrics["top5"] = c.MulticlassAccuracy(self.count, average="micro", top_k=_TOP)
        if plan.task != "class":
            self.metrics["mse"] = torchmetrics.MeanSquaredError()
            self.metrics["mae"] = torchmetrics.MeanAbsoluteError()
            self.metrics["r2"] = torchmetrics.R2Score()
            if plan.loss.word == "bce" and plan.task == "values" and not one_hot:
                self.metrics["accuracy"] = c.BinaryAccuracy()

    def add(self, given: Tensor, target: Tensor) -> None:
        """Adds outputs and targets in the format of the loss, both on the CPU."""
        self.losses += float(self.loss(logits_of(self.plan, given), target).double().sum())
        self.examples += len(given)
        values = (given, target.reshape(given.shape).to(given.dtype)) if self.plan.task != "class" else None
        if "confusion" in self.metrics:
            wanted = target.argmax(self.axis) if self.one_hot else target
            rows = given.movedim(self.axis, -1).reshape(-1, self.count), wanted.reshape(-1)
            for name in ("confusion", "top5"):
                if name in self.metrics:
                    self.metrics[name].update(*rows)
        if values is not None:
            for name in ("mse", "mae"):
                self.metrics[name].update(*values)
            self.metrics["r2"].update(*(v.flatten(1).squeeze(1) for v in values))
            if "accuracy" in self.metrics:
                self.metrics["accuracy"].update(values[0].flatten(), (values[1] > 0.5).long().flatten())

    def result(self) -> Measured:
        found: dict[str, Any] = {
            name: metric.compute() for name, metric in self.metrics.items() if name != "r2" or self.examples > 1
        }  # fmt: skip
        confusion = found.pop("confusion", None)
        numbers = {name: float(value) for name, value in found.items()}
        if confusion is not None:
            numbers["accuracy"] = float(confusion.diagonal().sum()) / max(1, int(confusion.sum()))
        return Measured(
            self.examples,
            self.losses / max(1, self.examples),
            confusion=confusion.tolist() if confusion is not None else None,
            **numbers,
        )
