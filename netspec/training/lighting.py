"""Color noise along the principal components of the training set (Krizhevsky et al. 2012, section 4.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from netspec.datasets.draws import Draws
from netspec.diagnostics import SpecError
from netspec.training.steps import Step

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Lighting", "principal_colors"]


class Lighting(Step):
    """Adds one color to each image of N x 3 x H x W: the columns of `colors` (see principal_colors) times normal numbers
    with this std. The result is clamped to 0..1.
    """

    def __init__(self, std: float, colors: Tensor | None) -> None:
        self.std, self.colors = std, colors

    def draw(self, draws: Draws) -> Sequence[Any]:
        if self.colors is None:
            raise RuntimeError("lighting without the principal colors of the training set")
        return list((draws.normal("lighting", 3) * self.std).T)

    def pixels(self, images: Tensor, columns: Sequence[Tensor]) -> Tensor:
        import torch

        assert self.colors is not None
        alphas = torch.cat([column[:, 0] for column in columns], 1)
        # elementwise: a matrix product may be rounded to TF32
        added = (self.colors.to(images.device, torch.float32) * alphas[:, None, :]).sum(2)
        return (images + added[:, :, None, None]).clamp_(0, 1)


def principal_colors(batches: Iterable[Tensor]) -> Tensor:
    """3 x 3, float32: column i is the i-th principal component of the colors of all pixels, largest first, scaled to the
    standard deviation along it, with its largest element positive.

    Computed from batches N x 3 x H x W, in float64. The paper uses the eigenvalue instead of its square root; the root
    scales with the colors (with eigenvalues, the noise would be 255 times larger for colors from 0 to 255). Raises
    SpecError (NS604) if the images are not in color.
    """
    import torch

    pixels, mean, products = 0, None, None
    for batch in batches:
        if batch.dim() != 4 or batch.shape[1] != 3:
            raise SpecError.of("NS604", "`lighting` needs color images with three channels")
        colors = batch.detach().double().movedim(1, 0).flatten(1)
        count = colors.shape[1]
        if count == 0:
            continue
        own = colors.mean(1, keepdim=True)
        centered = colors - own
        inside = centered @ centered.T
        if mean is None or products is None:
            pixels, mean, products = count, own, inside
            continue
        # merges two sets (Chan et al. 1979)
        away = own - mean
        products = products + inside + away @ away.T * (pixels * count / (pixels + count))
        pixels += count
        mean = mean + away * (count / pixels)
    if products is None:
        raise SpecError.of("NS601", "there are no training examples to compute the principal colors from")
    values, vectors = torch.linalg.eigh(products / pixels)
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    largest = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))
    components: Tensor = vectors * largest.sign() * values.sqrt()
    return components.float()
