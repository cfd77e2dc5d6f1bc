"""The mean example of a training set, and the mean and standard deviation of each channel."""

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
    """float32: the mean of every value (in the shape of one example), and the mean and std of each channel (C)."""

    mean_image: Tensor
    mean: Tensor
    std: Tensor
    examples: int


def pixel_statistics(batches: Iterable[Tensor], feature_axis: int = 1) -> PixelStatistics:
    """Statistics of batches N x C x … (vectors: N x features; sequences: N x tokens x features, with `feature_axis` 2).

    Computed in float64, batch by batch, on their device. The std is the population standard deviation of all values of a
    channel; it is 1 for a constant channel. Batches are merged as in Chan et al. (1979), so that a mean far from 0 does
    not lose precision. Raises SpecError (NS601) if there are no examples.
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
        raise SpecError.of("NS601", "there are no training examples to compute the mean from")
    channels = mean_image.shape[feature_axis - 1]
    means = mean_image.movedim(feature_axis - 1, 0).reshape(channels, -1)
    spreads = squares.movedim(feature_axis - 1, 0).reshape(channels, -1) / examples
    mean = means.mean(1)
    # the variance of every value about its own mean, plus that of these means about the channel's
    std = (spreads.mean(1) + (means - mean[:, None]).square().mean(1)).sqrt()
    std = torch.where(std > 0, std, 1.0)
    return PixelStatistics(mean_image.float(), mean.float(), std.float(), examples)
