"""Compares predictions with targets: what is counted of each batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from netspec.datasets.examples import IGNORED
from netspec.training.heads import Head
from netspec.training.learner import outputs_of
from netspec.training.losses import Loss, loss_function
from netspec.training.plan import Plan
from netspec.training.scores import Kind, Score, Sums

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from netspec.datasets import Examples
    from netspec.training.mixing import Mixed

__all__ = ["Judge", "Judged", "Judgment", "is_one_hot", "judged", "training_sums", "weighted_losses"]


def is_one_hot(targets: np.ndarray[Any, Any] | None) -> bool:
    """Whether values are one-hot classes."""
    if targets is None or targets.ndim != 2 or targets.shape[1] < 2:
        return False
    return bool((((targets == 0) | (targets == 1)).all()) and (targets.sum(1) == 1).all())


def class_counts(head: Head, train: Examples) -> list[int] | None:
    """The number of training examples of each class, where they are known."""
    targets = train.targets(head.name) if head.task == "class" else None
    if targets is None:
        return None
    import numpy as np

    counts: list[int] = np.bincount(targets[targets >= 0].ravel(), minlength=head.type.features).tolist()
    return counts


class Judge:
    """How an output is compared with its targets; `targets` are those of the training set (None: unknown).

    Counts per batch: for classes the correct predictions; for labels the correct predictions of each; for values see
    scores._r2. Outputs are logits, so a label holds where its logit is positive; a target holds above one half.
    """

    def __init__(self, head: Head, targets: np.ndarray[Any, Any] | None) -> None:
        kind = head.type
        self.axis, self.features = kind.feature_axis, kind.features
        self.one_hot = head.task == "values" and is_one_hot(targets)
        self.ignores = head.goal.ignore is not None
        self.kind: Kind = ""
        self.width = 0
        self._center: Any = None
        if head.task == "class" or self.one_hot:
            self.kind, self.width = "classes", 1
        elif head.labels:
            self.kind, self.width = "labels", self.features
        elif head.task == "values" and head.predicts and targets is not None:
            import torch

            self.kind, self.width = "values", 3 * self.features
            shaped = targets.reshape(len(targets), *kind.shape)
            others = tuple(a for a in range(shaped.ndim) if a != self.axis)
            self._center = torch.from_numpy(shaped.mean(others, dtype="float64")).float()

    def sums(self, values: list[float] | None = None) -> Sums:
        return Sums(self.kind, self.width, values)

    def better_than_mean(self, score: Score) -> bool:
        """Whether values are predicted better than by the mean of the targets; true if they are not values."""
        return score.r2 is None or score.r2 > 0

    def __call__(self, output: Tensor, target: Tensor) -> tuple[Tensor | None, Any]:
        """The counts of a batch (float32 or int64), and the number of predictions (of each feature)."""
        if self.kind == "classes":
            return self._classes(output, target)
        if not self.kind:
            return None, 0
        rows = output.detach().movedim(self.axis, -1).reshape(-1, self.features)
        wanted = target.reshape(output.shape).movedim(self.axis, -1).reshape(-1, self.features)
        if self.kind == "labels":
            return ((rows > 0) == (wanted > 0.5)).sum(0), len(rows)
        if self._center.device != rows.device:
            self._center = self._center.to(rows.device)
        away = wanted.float() - self._center
        errors = rows.float() - wanted.float()
        import torch

        return torch.cat([away.sum(0), away.square().sum(0), errors.square().sum(0)]), len(rows)

    def _classes(self, output: Tensor, target: Tensor) -> tuple[Tensor, Any]:
        if self.one_hot:
            target = target.argmax(self.axis)
        hits = (output.argmax(self.axis) == target).count_nonzero()
        return hits, target.numel() if target.ndim == 1 and not self.ignores else (target != IGNORED).sum()


@dataclass(frozen=True)
class Judged:
    """A head, its loss and how its output is compared with targets."""

    head: Head
    loss: Loss
    judge: Judge


def judged(plan: Plan, train: Examples) -> list[Judged]:
    """The heads of a plan for the examples that it trains on."""
    return [
        Judged(
            head,
            loss_function(head.loss, head.type.feature_axis, class_counts(head, train)),
            Judge(head, train.targets(head.name) if head.task == "values" else None),
        )
        for head in plan.heads
    ]


def weighted_losses(
    outputs: Sequence[tuple[Head, Tensor]],
    parts: Sequence[Judged],
    targets: Mapping[str, Tensor],
    mixed: Mapping[str, Mixed],
) -> Tensor:
    """The sum of the losses of each example over all heads, auxiliary ones included; `mixed`: the targets of mixed images."""
    functions = {part.head.name: part.loss for part in parts}
    total = None
    for head, output in outputs:
        loss = functions[head.name]
        one = loss(output, targets[head.name])
        if head.name in mixed:
            pair = mixed[head.name]
            one = pair.share * one + (1 - pair.share) * loss(output, pair.other)
        one = one if head.weight == 1 else head.weight * one
        total = one if total is None else total + one
    assert total is not None
    return total


def training_sums(parts: Sequence[Judged], values: list[float] | None = None) -> Sums:
    """Of the training examples of an epoch: with several outputs the sum of their losses alone."""
    return parts[0].judge.sums(values) if len(parts) == 1 else Sums(values=values)


class Judgment:
    """The scores of all heads over the batches of an evaluation. With several, the loss is their weighted sum, and each has
    scores of its own, such as `digit_accuracy`."""

    def __init__(self, plan: Plan, parts: Sequence[Judged]) -> None:
        self.plan, self.parts = plan, parts
        self.alone = len(parts) == 1
        self.total = parts[0].judge.sums() if self.alone else Sums()
        self.each = [] if self.alone else [part.judge.sums() for part in parts]

    def add(self, result: Any, targets: Mapping[str, Tensor]) -> None:
        """Adds what the module returned for a batch."""
        outputs = outputs_of(self.plan, result)
        total: Any = 0.0
        for number, (part, (head, output)) in enumerate(zip(self.parts, outputs, strict=False)):
            target = targets[head.name]
            losses = part.loss(output, target)
            if self.alone:
                self.total.add(losses.sum(), len(losses), *part.judge(output, target))
                return
            self.each[number].add(losses.sum(), len(losses), *part.judge(output, target))
            total = total + head.weight * losses
        self.total.add(total.sum(), len(total))

    def score(self, fabric: Any, metrics: Sequence[tuple[str, float]]) -> Score:
        """Over all processes, where there are several."""
        named: list[tuple[str, float]] = []
        for part, sums in zip(self.parts, self.each, strict=False):
            one = sums.score(fabric)
            values = {"loss": one.loss, "accuracy": one.accuracy, "r2": one.r2}
            named += [(f"{part.head.name}_{name}", value) for name, value in values.items() if value is not None]
        return replace(self.total.score(fabric), metrics=(*named, *metrics))
