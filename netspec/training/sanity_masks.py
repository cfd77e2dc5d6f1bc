"""Whether masks belong to their images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from netspec.training.check_result import CheckResult
from netspec.training.sanity_runs import Bench, Held

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_masks"]

_FEWEST, _MOST = 24, 200
_SURE = 4.0
"""Standard errors that count as better than the mask of another image."""


def check_masks(bench: Bench) -> list[CheckResult]:
    """How much of the variance of pixels the regions of their mask explain, against the mask of another image, and of the next
    one by name, which is that of the image where names were shifted."""
    name, train = bench.engine.inputs.image, bench.collection.train
    if name is None or len(bench.plan.heads) > 1 or bench.plan.task != "class" or len(train) < _FEWEST:
        return []
    import torch

    count = min(len(train), _MOST)
    batch = Held(train, range(count)).batch(range(count))
    images, masks = batch.inputs[name].float(), batch.targets[bench.plan.head.name]
    if masks.ndim != 3 or images.shape[2:] != masks.shape[1:]:
        return []
    classes = bench.plan.head.type.features
    own, other, before, after = (
        torch.tensor([_explained(image, mask, classes) for image, mask in zip(images, masks.roll(shift, 0), strict=True)])
        for shift in (0, count // 2, 1, -1)
    )  # fmt: skip
    measured = f"their regions explain {own.mean():.0%} of the variance of the pixels of {count} images, those of another image {other.mean():.0%}"
    if _better(own, other):
        return [CheckResult("masks", measured)]
    shifted = [(values, word) for values, word in ((before, "previous"), (after, "next")) if _better(values, other)]
    if shifted:
        values, word = max(shifted, key=lambda pair: float(pair[0].mean()))
        measured += f", those of the {word} image {values.mean():.0%}"
        return [CheckResult("masks", measured, "masks belong to other images", "compare the names of images and masks: one of them seems to be shifted")]  # fmt: skip
    return [CheckResult("masks", measured, note=True, advice="masks may belong to other images, or be shifted; look at some of them")]  # fmt: skip


def _better(values: Tensor, other: Tensor) -> bool:
    gap = values - other
    return float(gap.mean()) > _SURE * float(gap.std()) / math.sqrt(len(gap))


def _explained(image: Tensor, mask: Tensor, classes: int) -> float:
    """The part of the variance of an image, C x H x W, that is between the classes of a mask."""
    import torch

    known = (mask >= 0) & (mask < classes)
    pixels = image[:, known].double()
    centered = pixels - pixels.mean(1, keepdim=True) if pixels.numel() else pixels
    whole = float(centered.square().sum())
    if not whole:
        return 0.0
    ones = torch.nn.functional.one_hot(mask[known], classes).double()
    sums = centered @ ones
    return float((sums.square() / ones.sum(0).clamp(min=1)).sum()) / whole
