"""Color jitter, noise and random erasing. Images are float32, N x C x H x W, and stay from 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netspec.datasets.draws import Draws
from netspec.training.steps import Step

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Erase", "Jitter", "Noise", "turn_hue"]

LUMA = (0.299, 0.587, 0.114)
"""The weights of red, green and blue in gray (ITU-R BT.601)."""
AREA, ASPECT, TRIES = (0.02, 0.33), (0.3, 1 / 0.3), 10
"""The erased rectangle: fraction of the image, height over width (Zhong et al. 2020), and number of attempts."""


@dataclass(frozen=True)
class Jitter(Step):
    """Brightness, contrast, saturation and hue, in this order, each clamped to 0..1 (like torchvision's ColorJitter). The maximum
    changes: of brightness, contrast and saturation relative to 1, of hue in turns."""

    brightness: float
    contrast: float
    saturation: float
    hue: float

    @property
    def names(self) -> list[str]:
        """What changes."""
        return [name for name in ("brightness", "contrast", "saturation", "hue") if getattr(self, name) > 0]

    def draw(self, draws: Draws) -> Sequence[Any]:
        """The factor of each change, and how far the hue turns."""
        middle = {"hue": 0.0}
        drawn = []
        for name in self.names:
            most, about = getattr(self, name), middle.get(name, 1.0)
            low = -most if name == "hue" else max(0.0, about - most)
            drawn.append(draws.between(f"jitter {name}", low, about + most)[:, 0])
        return drawn

    def pixels(self, images: Tensor, columns: Sequence[Tensor]) -> Tensor:
        for name, amount in zip(self.names, columns, strict=True):
            factor = amount[:, None]
            if name == "brightness":
                images = (images * factor).clamp_(0, 1)
            elif name == "contrast":
                images = _away_from(images, _gray(images).mean((1, 2, 3), keepdim=True), factor)
            elif name == "saturation":
                images = _away_from(images, _gray(images), factor)
            else:
                images = turn_hue(images, amount)
        return images


def _gray(images: Tensor) -> Tensor:
    """N x 1 x H x W."""
    if images.shape[1] == 1:
        return images
    red, green, blue = (images[:, i : i + 1] for i in range(3))
    return (red * LUMA[0]).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])


def _away_from(images: Tensor, gray: Tensor, factor: Tensor) -> Tensor:
    """gray + factor (images - gray), clamped to 0..1."""
    return (images * factor).add_(gray * (1 - factor)).clamp_(0, 1)


def turn_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Rotates the hue, keeping saturation and value (HSV). `turns` is N x 1 x 1.

    HSV to RGB without cases: each channel is V - C max(0, min(k, 4 - k, 1)) with k = (n + H) mod 6, H in sixths of a
    turn, C the range of the three channels, and n = 5, 3, 1 for red, green, blue.
    """
    import torch

    red, green, blue = images.unbind(1)
    value = images.amax(1)
    chroma = value - images.amin(1)
    # gray has no hue and needs none: with a range of 0 every channel equals V
    safe = torch.where(chroma > 0, chroma, 1.0)
    hue = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, ((blue - red) / safe).add_(2), ((red - green) / safe).add_(4)),
    ).add_(6 * turns)
    turned = []
    for n in (5.0, 3.0, 1.0):
        k = (hue + n).remainder_(6)
        share = torch.minimum(k, 4 - k).clamp_(0, 1)
        turned.append(torch.addcmul(value, share, chroma, value=-1))
    return torch.stack(turned, 1)


@dataclass(frozen=True)
class Noise:
    """Adds normal noise with this standard deviation to every value; the result is clamped to 0..1."""

    std: float

    def __call__(self, images: Tensor, draws: Draws) -> Tensor:
        import torch

        noise = torch.from_numpy(draws.normal_fields("noise", tuple(images.shape[1:])))
        return (images + noise.to(images.device, non_blocking=True).mul_(self.std)).clamp_(0, 1)


@dataclass(frozen=True)
class Erase(Step):
    """Erases a rectangle of each image, of this height and width, with probability p (Zhong et al. 2020).

    The fraction of the area is uniform in AREA, height over width log-uniform in ASPECT. The first of ten such
    rectangles that fits into the image is used, if any.
    """

    p: float
    size: tuple[int, int]

    def draw(self, draws: Draws) -> Sequence[Any]:
        """Top, bottom, left and right of each rectangle."""
        import numpy as np

        height, width = self.size
        drawn = draws.uniform("erase", 3 + 2 * TRIES)
        asked, top, left = drawn[:, 0] < self.p, drawn[:, 1], drawn[:, 2]
        area = (AREA[0] + (AREA[1] - AREA[0]) * drawn[:, 3 : 3 + TRIES]) * height * width
        aspect = np.exp(np.log(ASPECT[0]) + np.log(ASPECT[1] / ASPECT[0]) * drawn[:, 3 + TRIES :])
        tall, wide = np.rint(np.sqrt(area * aspect)), np.rint(np.sqrt(area / aspect))
        fits = (tall < height) & (wide < width) & (tall > 0) & (wide > 0)
        first = fits.argmax(1)
        row = np.arange(len(drawn))
        asked = asked & fits[row, first]
        tall, wide = np.where(asked, tall[row, first], 0), np.where(asked, wide[row, first], 0)
        top, left = np.floor(top * (height - tall + 1)), np.floor(left * (width - wide + 1))
        return [top, top + tall, left, left + wide]

    def pixels(self, images: Tensor, columns: Sequence[Tensor]) -> Tensor:
        import torch

        top, bottom, left, right = columns
        y = torch.arange(images.shape[2], device=images.device)[:, None]
        x = torch.arange(images.shape[3], device=images.device)
        blank = (y >= top) & (y < bottom) & (x >= left) & (x < right)
        return images.masked_fill(blank[:, None], 0.0)
