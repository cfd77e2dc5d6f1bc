"""Compares predictions with targets: what is counted of each batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.datasets.examples import IGNORED
from netspec.training.plan import Plan
from netspec.training.scores import Kind, Score, Sums

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from netspec.datasets import Examples

__all__ = ["Judge", "class_counts", "is_one_hot"]


def is_one_hot(targets: np.ndarray[Any, Any] | None) -> bool:
    """Whether values are one-hot classes."""
    if targets is None or targets.ndim != 2 or targets.shape[1] < 2:
        return False
    return bool((((targets == 0) | (targets == 1)).all()) and (targets.sum(1) == 1).all())


def class_counts(plan: Plan, train: Examples) -> list[int] | None:
    """The number of training examples of each class, where they are known."""
    targets = train.targets() if plan.task == "class" else None
    if targets is None:
        return None
    import numpy as np

    counts: list[int] = np.bincount(targets[targets >= 0].ravel(), minlength=plan.output.type.features).tolist()
    return counts


class Judge:
    """How the outputs of a plan are compared with targets; `targets` are those of the training set (None: unknown).

    Counts per batch: for classes the correct predictions; for labels the correct predictions of each; for values see
    scores._r2. Outputs are logits, so a label holds where its logit is positive; a target holds above one half.
    """

    def __init__(self, plan: Plan, targets: np.ndarray[Any, Any] | None) -> None:
        kind = plan.output.type
        self.axis, self.features = kind.feature_axis, kind.features
        self.one_hot = plan.task == "values" and is_one_hot(targets)
        self.kind: Kind = ""
        self.width = 0
        self._center: Any = None
        if plan.task == "class" or self.one_hot:
            self.kind, self.width = "classes", 1
        elif plan.labels:
            self.kind, self.width = "labels", self.features
        elif plan.task == "values" and plan.loss.word != "contrastive" and targets is not None:
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
        output = output.detach()
        if self.kind == "classes":
            return self._classes(output, target)
        if not self.kind:
            return None, 0
        rows = output.movedim(self.axis, -1).reshape(-1, self.features)
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
        hits = (output.argmax(self.axis) == target).sum()[None]
        return hits, target.numel() if target.ndim == 1 else (target != IGNORED).sum()
