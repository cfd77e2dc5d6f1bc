"""Mixup and cutmix of pairs of examples and their targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from netspec.datasets.draws import Draws, on_device

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

__all__ = ["Mixed", "mix", "unmixed"]


@dataclass(frozen=True, slots=True)
class Mixed:
    """The targets of a mixed batch: for each example its own, that of its partner, and the share of its own (N, float32).

    Without mixing, `other` is `target` and every share is 1.
    """

    target: Tensor
    other: Tensor
    share: Tensor

    def loss(self, of: Callable[[Tensor], Tensor]) -> Tensor:
        """share of(target) + (1 - share) of(other), for a loss with one value per example (N)."""
        if self.other is self.target:
            return of(self.target)
        own, other = of(self.target), of(self.other)
        return self.share * own + (1 - self.share) * other


def unmixed(images: Tensor, target: Tensor) -> Mixed:
    return Mixed(target, target, images.new_ones(images.shape[0]))


def mix(
    images: Tensor, target: Tensor, mixup: float | None, cutmix: float | None, draws: Draws
) -> tuple[Tensor, Mixed]:
    """Mixes every example with its partner. `mixup` and `cutmix` are the alphas; with both, each example draws one.

    Partners are neighbors in the shuffled batch: the first and second, the third and fourth, and so on; the last of an
    odd number is paired with the one before it. So processes (and accumulation steps) with an even number of consecutive
    rows mix the same pairs as a single process.

    Mixup (Zhang et al. 2018): share x + (1 - share) partner, with a share from Beta(alpha, alpha) for each example.
    Cutmix (Yun et al. 2019): a rectangle of the image's own proportions and of 1 - share of its area, its center
    uniform, is taken from the partner; it is clipped to the image, and the share is that of the remaining pixels. If
    every pixel has a target (N x h x w, or N x C x h x w), the rectangle is taken from the partner's target too.
    """
    import numpy as np
    import torch

    n = images.shape[0]
    if n < 2 or (mixup is None and cutmix is None):
        return images, unmixed(images, target)
    partners = np.arange(n) ^ 1
    partners[-1] = n - 2
    partner = torch.from_numpy(partners).to(images.device, non_blocking=True)
    pasting = (
        draws.uniform("mix which")[:, 0] < 0.5
        if mixup is not None and cutmix is not None
        else np.full(n, cutmix is not None)
    )
    share, box = np.ones(n), np.zeros((4, n))
    if cutmix is not None:
        share, box = _boxes(images.shape[2], images.shape[3], cutmix, draws)
        box[:, ~pasting] = 0
    if mixup is not None:
        share = np.where(pasting, share, draws.beta("mixup", mixup))
    theirs = images[partner]
    shares, blend, *ends = on_device([share, np.where(pasting, 1.0, share), *box], images)
    mixed, given = images, target
    if mixup is not None:
        mixed = torch.lerp(theirs, images, blend.reshape(n, *(1 for _ in images.shape[1:])))
    if cutmix is not None:
        y = torch.arange(images.shape[2], device=images.device)[:, None]
        x = torch.arange(images.shape[3], device=images.device)
        pasted = (y >= ends[0]) & (y < ends[1]) & (x >= ends[2]) & (x < ends[3])
        mixed = torch.where(pasted[:, None], theirs, mixed)
        if target.ndim > 2 and target.shape[-2:] == images.shape[-2:]:
            shares = blend
            target = torch.where(pasted if target.ndim == 3 else pasted[:, None], target[partner], target)
    return mixed, Mixed(target, given[partner], shares.reshape(n))


def _boxes(height: int, width: int, alpha: float, draws: Draws) -> tuple[Array, Array]:
    """The share of each image outside of its rectangle (N), and top, bottom, left and right of the rectangles (4 x N)."""
    import numpy as np

    side = np.sqrt(1 - draws.beta("cutmix", alpha))
    center = draws.uniform("cutmix place", 2).T * np.array([[height], [width]])
    box = np.zeros((4, len(side)))
    for axis, size in enumerate((height, width)):
        box[2 * axis] = np.clip(np.rint(center[axis] - side * size / 2), 0, size)
        box[2 * axis + 1] = np.clip(np.rint(center[axis] + side * size / 2), 0, size)
    return 1 - (box[1] - box[0]) * (box[3] - box[2]) / (height * width), box
