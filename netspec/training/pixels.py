"""The mean example of a training set, and the mean and deviation of each channel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PixelStatistics", "pixel_statistics"]


@dataclass(frozen=True, slots=True)
class PixelStatistics:
    """float32: the mean of every value (the shape of one example), and each channel's mean and std (C)."""

    mean_image: Tensor
    mean: Tensor
    std: Tensor
    examples: int


def pixel_statistics(batches: Iterable[Tensor], feature_axis: int = 1) -> PixelStatistics:
    """Of batches of N x C x … (vectors: N x features; sequences: N x tokens x features, with `feature_axis` 2).

    In float64, one batch after the other, on their device. The std is that of all values of a channel about the
    channel's mean, divided by their number; it is 1 for a channel that never changes. Batches are merged as Chan et
    al. (1979) do, so that a mean far from 0 costs no digits. Raises SpecError (NS601) where there are no examples.
    """
    import torch

    examples, mean_image, squares = 0, None, None
    for batch in batches:
        if batch.shape[0] == 0:
            continue
        values = batch.detach().double()
        own = values.mean(0)
        about = (values - own).square_().sum(0)
        if mean_image is None or squares is None:
            examples, mean_image, squares = values.shape[0], own, about
            continue
        before, examples = examples, examples + values.shape[0]
        away = own - mean_image
        mean_image = mean_image + away * (values.shape[0] / examples)
        squares = squares + about + away.square() * (before * values.shape[0] / examples)
    if mean_image is None or squares is None:
        raise SpecError.of("NS601", "there are no training examples to measure the mean of")
    channels = mean_image.shape[feature_axis - 1]
    means = mean_image.movedim(feature_axis - 1, 0).reshape(channels, -1)
    spreads = squares.movedim(feature_axis - 1, 0).reshape(channels, -1) / examples
    mean = means.mean(1)
    # the spread of every value about its own mean, and of these means about the channel's
    std = (spreads.mean(1) + (means - mean[:, None]).square().mean(1)).sqrt()
    std = torch.where(std > 0, std, 1.0)
    return PixelStatistics(mean_image.float(), mean.float(), std.float(), examples)
