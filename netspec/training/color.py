"""Color jitter, noise and random erasing. Images are float32, N x C x H x W, and stay from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netspec.datasets.draws import Draws, on_device

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Jitter", "add_noise", "erase", "turn_hue"]

LUMA = (0.299, 0.587, 0.114)
"""The weights of red, green and blue in gray (ITU-R BT.601)."""
AREA, ASPECT, TRIES = (0.02, 0.33), (0.3, 1 / 0.3), 10
"""The erased rectangle: fraction of the image, height over width (Zhong et al. 2020), and number of attempts."""


@dataclass(frozen=True, slots=True)
class Jitter:
    """The maximum changes: of brightness, contrast and saturation relative to 1, of hue in turns."""

    brightness: float
    contrast: float
    saturation: float
    hue: float

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """Brightness, contrast, saturation and hue, in this order, each clamped to 0..1 (like torchvision's ColorJitter)."""
        names = [name for name in ("brightness", "contrast", "saturation") if getattr(self, name) > 0]
        drawn = [
            draws.between(f"jitter {name}", max(0.0, 1 - getattr(self, name)), 1 + getattr(self, name))[:, 0]
            for name in names
        ]
        if self.hue > 0:
            names.append("hue")
            drawn.append(draws.between("jitter hue", -self.hue, self.hue)[:, 0])
        if not names:
            return images
        for name, amount in zip(names, on_device(drawn, images), strict=True):
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
    turned = torch.empty_like(images)
    for i, n in enumerate((5.0, 3.0, 1.0)):
        k = (hue + n).remainder_(6)
        share = torch.minimum(k, 4 - k).clamp_(0, 1)
        torch.addcmul(value, share, chroma, value=-1, out=turned[:, i])
    return turned


def add_noise(images: Tensor, std: float, draws: Draws) -> Tensor:
    """Adds normal noise with this standard deviation to every value; the result is clamped to 0..1."""
    import torch

    noise = torch.from_numpy(draws.normal_fields("noise", tuple(images.shape[1:])))
    return (images + noise.to(images.device, non_blocking=True).mul_(std)).clamp_(0, 1)


def erase(images: Tensor, p: float, draws: Draws) -> Tensor:
    """Erases a rectangle of each image with probability p (Zhong et al. 2020).

    The fraction of the area is uniform in AREA, height over width log-uniform in ASPECT. The first of ten such
    rectangles that fits into the image is used, if any.
    """
    import numpy as np
    import torch

    height, width = images.shape[2:]
    drawn = draws.uniform("erase", 3 + 2 * TRIES)
    asked, top, left = drawn[:, 0] < p, drawn[:, 1], drawn[:, 2]
    area = (AREA[0] + (AREA[1] - AREA[0]) * drawn[:, 3 : 3 + TRIES]) * height * width
    aspect = np.exp(np.log(ASPECT[0]) + np.log(ASPECT[1] / ASPECT[0]) * drawn[:, 3 + TRIES :])
    tall, wide = np.rint(np.sqrt(area * aspect)), np.rint(np.sqrt(area / aspect))
    fits = (tall < height) & (wide < width) & (tall > 0) & (wide > 0)
    first = fits.argmax(1)
    row = np.arange(len(drawn))
    asked = asked & fits[row, first]
    tall, wide = np.where(asked, tall[row, first], 0), np.where(asked, wide[row, first], 0)
    top, left = np.floor(top * (height - tall + 1)), np.floor(left * (width - wide + 1))
    y0, y1, x0, x1 = on_device([top, top + tall, left, left + wide], images)
    y = torch.arange(height, device=images.device)[:, None]
    x = torch.arange(width, device=images.device)
    blank = (y >= y0) & (y < y1) & (x >= x0) & (x < x1)
    return images.masked_fill(blank[:, None], 0.0)
