"""The metrics that a recipe asks for, over the examples of an evaluation, by torchmetrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.datasets.examples import IGNORED, Collection
from netspec.diagnostics import SpecError
from netspec.optional import not_installed
from netspec.settings import METRICS
from netspec.training.judging import Judge
from netspec.training.plan import Plan

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Metrics"]

_OF_CLASSES = {
    "f1": "MulticlassF1Score",
    "auc": "MulticlassAUROC",
    "ap": "MulticlassAveragePrecision",
    "miou": "MulticlassJaccardIndex",
}
_OF_LABELS = {"f1": "MultilabelF1Score", "auc": "MultilabelAUROC", "ap": "MultilabelAveragePrecision"}
_OF_ONE_LABEL = {"f1": "BinaryF1Score", "auc": "BinaryAUROC", "ap": "BinaryAveragePrecision"}
_OF_VALUES = {"mae": "MeanAbsoluteError", "mse": "MeanSquaredError"}


class Metrics:
    """The metrics of a plan. `shared`: each process has a part of the examples. Raises SpecError (NS502, NS604)."""

    def __init__(self, plan: Plan, judge: Judge, device: Any, data: Collection, *, shared: bool) -> None:
        self.plan, self.judge = plan, judge
        self.axis = plan.output.type.feature_axis
        self.made: dict[str, Any] = {}
        names = [name for name in plan.metrics if name in METRICS]
        if not names:
            return
        for name in (plan.best_by, plan.stop_by):
            if name in METRICS and data.validation is None:
                raise SpecError.of("NS604", f"`by={name}` needs validation examples", helps=["set `--validation`"])
        try:
            import torchmetrics
            import torchmetrics.classification
        except ImportError:
            raise not_installed("torchmetrics", "train") from None
        for name in names:
            kind, options = self._kind(name)
            room: Any = torchmetrics if judge.kind == "values" else torchmetrics.classification
            self.made[name] = getattr(room, kind)(**options, sync_on_compute=shared).to(device)

    def _kind(self, name: str) -> tuple[str, dict[str, Any]]:
        """The class of a metric and its options: averages over the classes or labels."""
        judge, count = self.judge, self.judge.features
        known: dict[str, str] = {}
        options: dict[str, Any] = {}
        if judge.kind == "classes":
            known, options = _OF_CLASSES, {"num_classes": count, "average": "macro", "ignore_index": IGNORED}
        elif judge.kind == "labels" and count == 1:
            known = _OF_ONE_LABEL
        elif judge.kind == "labels":
            known, options = _OF_LABELS, {"num_labels": count, "average": "macro"}
        elif judge.kind == "values":
            known = _OF_VALUES
        if name not in known:
            what = {"classes": "classes", "labels": "labels", "values": "values"}.get(judge.kind, "this training")
            raise SpecError.of(
                "NS604", f"the metric `{name}` is not one of {what}",
                helps=[f"its metrics are {', '.join(known)}" if known else "remove it"],
            )  # fmt: skip
        return known[name], options

    def update(self, output: Tensor, target: Tensor) -> None:
        """Adds a batch of outputs, which are logits."""
        if not self.made:
            return
        output = output.detach().float()
        if self.judge.kind == "classes":
            given = output.movedim(self.axis, 1).softmax(1)
            target = target.argmax(self.axis) if self.judge.one_hot else target
        else:
            count = self.judge.features
            given = output.movedim(self.axis, -1).reshape(-1, count)
            target = target.reshape(output.shape).movedim(self.axis, -1).reshape(-1, count)
            if self.judge.kind == "labels":
                given, target = given.sigmoid(), (target > 0.5).long()
                given, target = (given[:, 0], target[:, 0]) if count == 1 else (given, target)
        for metric in self.made.values():
            metric.update(given, target)

    def values(self) -> tuple[tuple[str, float], ...]:
        """The values over all batches (and processes), which are forgotten."""
        found = tuple((name, float(metric.compute())) for name, metric in self.made.items())
        for metric in self.made.values():
            metric.reset()
        return found
