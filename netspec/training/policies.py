"""RandAugment (Cubuk et al. 2020) and TrivialAugment (Müller & Hutter 2021), as torchvision implements them: some operations
from a list, one after the other, with magnitudes from 31 levels.

Every image draws its own operations. Images are N x C x H x W; operations work on whole numbers from 0 to 255, as on bytes, and
geometric ones take the nearest pixel, with black outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netspec.datasets.draws import Draws
from netspec.training.geometry import resample, rotation, shearing, shifting

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    Array = np.ndarray[Any, np.dtype[np.float64]]

__all__ = ["OPERATIONS", "Policy", "changed"]

LEVELS = 31
OPERATIONS = (
    "identity", "shear_x", "shear_y", "translate_x", "translate_y", "rotate", "brightness", "color", "contrast", "sharpness",
    "posterize", "solarize", "autocontrast", "equalize",
)  # fmt: skip
_SIGNED = OPERATIONS[1:10]


@dataclass(frozen=True)
class Policy:
    """`count` operations for each image, with the level `level`, or a random one where it is None (TrivialAugment, whose
    magnitudes reach further). As in timm, an operation may be applied with the probability `p` only, and the level drawn with the
    standard deviation `std`."""

    count: int
    level: float | None
    p: float = 1.0
    std: float = 0.0

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """Images from 0 to 1, rounded to 8 bits."""
        images = (images * 255).round_()
        for number in range(self.count):
            images = self._one(images, draws, number)
        return images.div_(255)

    def _one(self, images: Tensor, draws: Draws, number: int) -> Tensor:
        import numpy as np
        import torch

        drawn = draws.uniform(f"policy {number}", 3)
        chosen = (drawn[:, 0] * len(OPERATIONS)).astype(np.int64)
        if self.p < 1:
            chosen[draws.uniform(f"policy {number} applied")[:, 0] >= self.p] = OPERATIONS.index("identity")
        levels = np.full(len(drawn), float(self.level)) if self.level is not None else np.floor(drawn[:, 1] * LEVELS)
        if self.std:
            levels = (levels + self.std * draws.normal(f"policy {number} level")[:, 0]).clip(0, LEVELS - 1)
        signs = np.where(drawn[:, 2] < 0.5, -1.0, 1.0)
        images = images.clone()
        for which in np.unique(chosen).tolist():
            (rows,) = np.nonzero(chosen == which)
            name = OPERATIONS[which]
            amounts = self.magnitudes(name, levels[rows], *images.shape[2:])
            amounts = amounts * signs[rows] if name in _SIGNED else amounts
            place = torch.from_numpy(rows).to(images.device, non_blocking=True)
            images[place] = changed(name, images[place], amounts)
        return images

    def magnitudes(self, name: str, levels: Array, height: int, width: int) -> Array:
        """The magnitudes of an operation at these levels, without a sign."""
        import numpy as np

        wide = self.level is None
        share = levels / (LEVELS - 1)
        reach = {
            "shear_x": 0.99 if wide else 0.3,
            "shear_y": 0.99 if wide else 0.3,
            "translate_x": 32.0 if wide else 150 / 331 * width,
            "translate_y": 32.0 if wide else 150 / 331 * height,
            "rotate": 135.0 if wide else 30.0,
            **dict.fromkeys(("brightness", "color", "contrast", "sharpness"), 0.99 if wide else 0.9),
        }
        if name == "posterize":
            return np.rint(8 - levels / ((LEVELS - 1) / (6 if wide else 4)))
        if name == "solarize":
            return 255 * (1 - share)
        return share * reach.get(name, 0.0)


def changed(name: str, images: Tensor, amounts: Array) -> Tensor:
    """One operation on images of whole numbers from 0 to 255, with the magnitude of each."""
    import numpy as np
    import torch

    if name in _MAPS:
        return resample(images, _MAPS[name](amounts, images), (images.shape[2], images.shape[3]), mode="nearest")
    each = torch.from_numpy(amounts.astype(np.float32)).to(images.device, non_blocking=True)[:, None, None, None]
    match name:
        case "brightness":
            return _blend(images, torch.zeros_like(images), 1 + each)
        case "color":
            return _blend(images, _gray(images), 1 + each) if images.shape[1] == 3 else images
        case "contrast":
            return _blend(images, _gray(images).mean((1, 2, 3), keepdim=True), 1 + each)
        case "sharpness":
            return _blend(images, _smoothed(images), 1 + each)
        case "posterize":
            steps = 2 ** (8 - each)
            return (images / steps).floor() * steps
        case "solarize":
            return torch.where(images >= each, 255 - images, images)
        case "autocontrast":
            return _autocontrast(images)
        case "equalize":
            return _equalized(images)
    return images


def _shear_x(amounts: Array, images: Tensor) -> Array:
    """About the upper left corner."""
    import numpy as np

    half = np.full(len(amounts), 0.5)
    return shifting(-half, -half) @ shearing(np.rad2deg(np.arctan(amounts))) @ shifting(half, half)


def _shear_y(amounts: Array, images: Tensor) -> Array:
    import numpy as np

    swap = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]])
    turned: Array = swap @ _shear_x(amounts, images) @ swap
    return turned


def _rotate(amounts: Array, images: Tensor) -> Array:
    import numpy as np

    x, y = np.array([(images.shape[3] - 1) / 2]), np.array([(images.shape[2] - 1) / 2])
    return shifting(x, y) @ rotation(amounts) @ shifting(-x, -y)


_MAPS: dict[str, Callable[[Any, Any], Any]] = {
    "shear_x": _shear_x,
    "shear_y": _shear_y,
    "translate_x": lambda amounts, _: shifting(_whole(amounts), 0 * amounts),
    "translate_y": lambda amounts, _: shifting(0 * amounts, _whole(amounts)),
    "rotate": _rotate,
}


def _whole(amounts: Array) -> Array:
    import numpy as np

    whole: Array = np.trunc(amounts)
    return whole


def _blend(images: Tensor, others: Tensor, share: Tensor) -> Tensor:
    """share images + (1 - share) others, cut to whole numbers from 0 to 255."""
    return (share * images + (1 - share) * others).clamp_(0, 255).floor_()


def _gray(images: Tensor) -> Tensor:
    """N x 1 x H x W, whole numbers."""
    if images.shape[1] == 1:
        return images
    red, green, blue = (images[:, i : i + 1] for i in range(3))
    return (red * 0.2989).add_(green, alpha=0.587).add_(blue, alpha=0.114).floor_()


def _smoothed(images: Tensor) -> Tensor:
    """Smoothed by 3 x 3 pixels, whose center counts five times; the border stays."""
    from torch.nn import functional as F

    if min(images.shape[2:]) <= 2:
        return images
    kernel = images.new_ones(1, 1, 3, 3)
    kernel[..., 1, 1] = 5
    inner = F.conv2d(images.flatten(0, 1)[:, None], kernel / 13)
    result = images.clone()
    result[:, :, 1:-1, 1:-1] = inner.round_().reshape(result[:, :, 1:-1, 1:-1].shape)
    return result


def _autocontrast(images: Tensor) -> Tensor:
    """The darkest value of each channel to 0 and the lightest to 255."""
    import torch

    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    scaled = ((images - low) * (255 / (high - low).clamp(min=1))).clamp(0, 255).floor()
    return torch.where(high > low, scaled, images)


def _equalized(images: Tensor) -> Tensor:
    """The values of each channel spread so that their histogram is about even (Pillow's rule)."""
    import torch

    flat = images.flatten(0, 1).flatten(1).long()
    counts = torch.zeros(len(flat), 256, device=images.device, dtype=torch.long).scatter_add_(
        1, flat, torch.ones_like(flat)
    )
    last = 255 - counts.flip(1).gt(0).int().argmax(1, keepdim=True)
    step = (counts.sum(1, keepdim=True) - counts.gather(1, last)) // 255
    table = (counts.cumsum(1) - counts + step // 2) // step.clamp(min=1)
    spread = table.clamp(0, 255).gather(1, flat)
    return torch.where(step > 0, spread, flat).to(images.dtype).reshape(images.shape)
