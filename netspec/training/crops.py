"""Crops for testing: center crop and ten-crop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.datasets.examples import IGNORED
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["center", "center_points", "center_target", "ten_crops"]


def center(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Crops N x C x H x W to N x C x h x w; an odd remainder is larger below and to the right.

    Smaller images are zero-padded.
    """
    from torch.nn import functional as F

    (height, width), (h, w) = images.shape[2:], size
    top, left = (height - h) // 2, (width - w) // 2
    if top < 0 or left < 0:
        return F.pad(images, (-left, w + left - width, -top, h + top - height))
    return images[:, :, top : top + h, left : left + w]


def center_target(target: Tensor, size: tuple[int, ...]) -> Tensor:
    """Crops the targets of pixels, N x H x W classes or N x C x H x W values, like `center` crops their images. Outside of
    the image no class counts, and values are 0."""
    height, width = size
    if target.is_floating_point():
        return center(target, (height, width))
    return center((target - IGNORED)[:, None], (height, width))[:, 0] + IGNORED


def center_points(points: Tensor, images: Tensor, size: tuple[int, ...]) -> Tensor:
    """Moves points, N x 2K, like `center` crops their images."""
    top, left = ((s - c) // 2 for s, c in zip(images.shape[2:], size, strict=True))
    return points - points.new_tensor([left, top]).repeat(points.shape[1] // 2)


def ten_crops(images: Tensor, wanted: tuple[int, int, int]) -> list[Tensor]:
    """Crops of the four corners and the center of N x C x H x W, each C x h x w, followed by their mirror images.

    The prediction is the mean over all ten (Krizhevsky et al. 2012, section 4.1). Raises SpecError (NS604) if the images
    are smaller.
    """
    height, width = images.shape[2:]
    _, h, w = wanted
    if h > height or w > width:
        raise SpecError.of("NS604", f"crops of {h}x{w} cannot be cut out of images of {height}x{width}")
    corners = [images[:, :, y : y + h, x : x + w] for y in (0, height - h) for x in (0, width - w)]
    five = [*corners, center(images, (h, w))]
    return [*five, *(part.flip(3) for part in five)]
