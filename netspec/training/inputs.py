"""Converts batches of a dataset to inputs of the net: on the device, as floating point, augmented."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netspec.datasets import arranged
from netspec.training.crops import center_points, center_target
from netspec.training.plan import Plan
from netspec.training.steps import scaled

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.datasets import Batch
    from netspec.datasets.cutting import Cut
    from netspec.training.augment import Augmenter, Mixed

__all__ = ["Inputs"]


class Inputs:
    """Converts batches to the inputs of the net (in the order of the spec) and the targets of its outputs, by name.

    Bytes are scaled to 0 to 1. `image` is the name of the image input for `augmenter`; None if there is no image or
    nothing to do.
    """

    def __init__(
        self, plan: Plan, image: str | None, augmenter: Augmenter | None, device: Any, *, channels_last: bool = False
    ) -> None:
        self.plan, self.image, self.augmenter, self.device = plan, image, augmenter, device
        self.channels_last = channels_last
        self.kinds = plan.inputs
        self.mixes = augmenter is not None and augmenter.mixes
        """Whether pairs of examples are mixed."""
        self.copied = [head.name for head in plan.heads if head.task == "input"]
        """The outputs whose target is the input."""

    def train(
        self, batch: Batch, place: int, rows: range, total: int
    ) -> tuple[list[Tensor], dict[str, Tensor], dict[str, Mixed]]:
        """Converts rows `rows` of a batch of `total` examples, the `place`-th batch of the run."""
        values, targets = self._tensors(batch, self.image if self.augmenter is not None else None)
        mixed: dict[str, Mixed] = {}
        if self.augmenter is not None and self.image is not None:
            images = shown = self.augmenter.train(values[self.image], place, rows, total)
            for head in self.plan.heads:
                target = targets[head.name]
                if self.plan.covers(head):
                    target = self.augmenter.train_target(target, place, rows, total)
                if head.points:
                    target = self.augmenter.train_points(target, head.pairs, place, rows, total)
                if self.augmenter.mixes and head.task != "input":  # each time the same, as it is drawn for the place
                    shown, mixed[head.name] = self.augmenter.mix(images, target, place, rows, total)
                    target = mixed[head.name].target
                targets[head.name] = target
            values[self.image] = shown
        ordered = self._ordered(values)
        return ordered, self._targets(ordered, targets), mixed

    def compile(self, told: Callable[[str], None]) -> None:
        """Compiles the augmentation on a CUDA GPU; on a CPU that is slower. `told` gets a note if it fails."""
        if self.augmenter is not None and self.device.type == "cuda":
            self.augmenter.compile(told)

    def cut(self, place: int, rows: range, total: int) -> Cut | None:
        """How the images of the `place`-th batch of the run are cut when they are read for `train`."""
        return self.augmenter.cut(place, rows, total) if self.augmenter is not None else None

    def test(self, batch: Batch) -> tuple[list[Tensor], Tensor]:
        """The inputs, and the target of the first output."""
        inputs, targets = self.test_all(batch)
        return inputs, targets[self.plan.head.name]

    def test_all(self, batch: Batch) -> tuple[list[Tensor], dict[str, Tensor]]:
        values, targets = self._tensors(batch)
        if self.augmenter is not None and self.image is not None:
            read = values[self.image]
            values[self.image] = shown = self.augmenter.test(read)
            for head in self.plan.heads:
                if head.points and targets[head.name].ndim > 1:
                    targets[head.name] = center_points(targets[head.name], read, shown.shape[2:])
                if self.plan.covers(head) and targets[head.name].ndim > 2:
                    targets[head.name] = center_target(targets[head.name], head.type.spatial)
        ordered = self._ordered(values)
        return ordered, self._targets(ordered, targets)

    def _tensors(self, batch: Batch, left: str | None = None) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The inputs, bytes scaled but those of `left`, and the targets."""
        import torch

        values = {}
        for name in self.kinds:
            value = batch.inputs[name].to(self.device, non_blocking=True)
            values[name] = scaled(value) if value.dtype == torch.uint8 and name != left else value
        return values, {name: target.to(self.device, non_blocking=True) for name, target in batch.targets.items()}

    def _ordered(self, values: dict[str, Tensor]) -> list[Tensor]:
        ordered = [arranged(values[name], kind) for name, kind in self.kinds.items()]
        return [_channels_last(value) for value in ordered] if self.channels_last else ordered

    def _targets(self, inputs: list[Tensor], targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """With the input itself, as the net takes it, where that is the target."""
        return targets | dict.fromkeys(self.copied, inputs[0]) if self.copied else targets


def _channels_last(value: Tensor) -> Tensor:
    import torch

    return value.contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value
