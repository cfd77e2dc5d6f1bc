"""The metrics that a recipe asks for, over the examples of an evaluation, by torchmetrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netspec.datasets.examples import IGNORED, Collection
from netspec.diagnostics import SpecError
from netspec.optional import not_installed
from netspec.settings import METRICS
from netspec.training.decoding import decoded, labels_in, spelled
from netspec.training.heads import Head
from netspec.training.judging import Judge, Judged
from netspec.training.learner import outputs_of
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
_OF_SEQUENCES = {"cer": "CharErrorRate"}
_SCORED = {"accuracy": ("classes", "labels"), "r2": ("values",)}
"""Scores that are no metrics, with the kinds of targets that have them."""


class Metrics:
    """The metrics of a plan. `shared`: each process has a part of the examples. Raises SpecError (NS502, NS604)."""

    def __init__(self, plan: Plan, parts: Sequence[Judged], device: Any, data: Collection, *, shared: bool) -> None:
        names = [name for name in plan.metrics if name in METRICS]
        for name in (plan.best_by, plan.stop_by):
            if name is not None and plan.measure(name) in METRICS and data.validation is None:
                raise SpecError.of("NS604", f"`by={name}` needs validation examples", helps=["set `--validation`"])
        _require_scores(plan, parts)
        self.parts = [_MetricsOfHead(part, names, device, shared=shared) for part in parts]
        for name in names:
            if not any(name in part.made for part in self.parts):
                raise self.parts[0].unsuited(name)
        self.alone = len(parts) == 1
        self.plan = plan

    def update(self, result: Any, targets: Mapping[str, Tensor]) -> None:
        """Adds what the module returned for a batch: logits."""
        for part, (head, output) in zip(self.parts, outputs_of(self.plan, result), strict=False):
            part.update(output, targets[head.name])

    def values(self) -> tuple[tuple[str, float], ...]:
        """The values over all batches (and processes), which are forgotten; with several outputs by names such as `digit_f1`."""
        return tuple(
            (name if self.alone else f"{part.head.name}_{name}", value)
            for part in self.parts
            for name, value in part.values()
        )


def _require_scores(plan: Plan, parts: Sequence[Judged]) -> None:
    """Raises SpecError (NS604) where epochs are ranked by a score that the output does not have."""
    for name in (plan.best_by, plan.stop_by):
        measure = plan.measure(name) if name is not None else "loss"
        if measure not in _SCORED:
            continue
        have = [part.head.name for part in parts if part.judge.kind in _SCORED[measure]]
        names = [f"{head}_{measure}" for head in have]
        if not (have if len(parts) == 1 else name in names):
            needed = " or ".join(_SCORED[measure])
            others = [f"`by={one}`" for one in names] if len(parts) > 1 else []
            raise SpecError.of(
                "NS604", f"`by={name}` is a score of {needed}, which this training does not have",
                helps=[f"write {' or '.join([*others, '`by=loss`'])}"],
            )  # fmt: skip


class _MetricsOfHead:
    """Those of the names that suit a head; of sequences always the error rate, as they have no accuracy."""

    def __init__(self, part: Judged, names: Sequence[str], device: Any, *, shared: bool) -> None:
        self.head, self.judge = part.head, part.judge
        self.axis = self.head.type.feature_axis
        self.known, options = self._kinds()
        asked = [name for name in (*self.known, *names) if name in names or self.head.task == "sequence"]
        self.made: dict[str, Any] = {}
        for name in dict.fromkeys(name for name in asked if name in self.known):
            room = _room(self.head, self.judge)
            self.made[name] = getattr(room, self.known[name])(**options, sync_on_compute=shared).to(device)

    def unsuited(self, name: str) -> SpecError:
        what = {"classes": "classes", "labels": "labels", "values": "values"}.get(self.judge.kind, "this training")
        what = "sequences" if self.head.task == "sequence" else what
        return SpecError.of(
            "NS604", f"the metric `{name}` is not one of {what}",
            helps=[f"its metrics are {', '.join(self.known)}" if self.known else "remove it"],
        )  # fmt: skip

    def _kinds(self) -> tuple[dict[str, str], dict[str, Any]]:
        """The classes of metrics by name, and their options: averages over the classes or labels."""
        judge, count = self.judge, self.judge.features
        if self.head.task == "sequence":
            return _OF_SEQUENCES, {}
        if judge.kind == "classes":
            return _OF_CLASSES, {"num_classes": count, "average": "macro", "ignore_index": IGNORED}
        if judge.kind == "labels":
            return (_OF_ONE_LABEL, {}) if count == 1 else (_OF_LABELS, {"num_labels": count, "average": "macro"})
        return (_OF_VALUES, {}) if judge.kind == "values" else ({}, {})

    def update(self, output: Tensor, target: Tensor) -> None:
        if not self.made:
            return
        output = output.detach().float()
        if self.head.task == "sequence":
            given: Any = spelled(decoded(output, self.head.goal.blank))
            target = spelled(labels_in(target))  # type: ignore[assignment]
        elif self.judge.kind == "classes":
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

    def values(self) -> list[tuple[str, float]]:
        found = [(name, float(metric.compute())) for name, metric in self.made.items()]
        for metric in self.made.values():
            metric.reset()
        return found


def _room(head: Head, judge: Judge) -> Any:
    """The module of torchmetrics that has the metrics of a head."""
    try:
        import torchmetrics
        import torchmetrics.classification
        import torchmetrics.text
    except ImportError:
        raise not_installed("torchmetrics", "train") from None
    if head.task == "sequence":
        return torchmetrics.text
    return torchmetrics if judge.kind == "values" else torchmetrics.classification
