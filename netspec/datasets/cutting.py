"""Random resized crops: which part of each image is read, scaled to the size of the crop (Szegedy et al. 2015).

Sizes of images differ, so a part is chosen when its image is read, from numbers that depend only on the seed, the step and the
row in the global batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netspec.datasets.draws import Draws

if TYPE_CHECKING:
    import numpy as np
    import torch

    Array = np.ndarray[Any, np.dtype[np.float64]]

__all__ = ["Cut", "Cuts", "cut_images", "cut_targets", "nearest"]

_TRIES = 10


@dataclass(frozen=True)
class Cut:
    """How the images of a batch are cut: the height and width of the result, the range of the area relative to the image
    (uniform), that of width over height (log-uniform), and the random numbers."""

    size: tuple[int, int]
    scale: tuple[float, float]
    ratio: tuple[float, float]
    draws: Draws

    def drawn(self) -> Cuts:
        """The numbers of the rows of a process: ten tries of area, ratio, row and column each."""
        numbers = self.draws.uniform("resized crop", 4 * _TRIES)
        return Cuts(self, numbers.reshape(-1, _TRIES, 4))


@dataclass(frozen=True)
class Cuts:
    """A cut and its random numbers, N x tries x 4."""

    cut: Cut
    numbers: Array

    @property
    def size(self) -> tuple[int, int]:
        return self.cut.size

    def of(self, rows: np.ndarray[Any, Any]) -> Cuts:
        """Those of some rows."""
        return Cuts(self.cut, self.numbers[rows])

    def box(self, row: int, height: int, width: int) -> tuple[int, int, int, int]:
        """Top, left, height and width of the part of an image of this size: the first try that fits, else the largest part in
        the middle whose ratio is allowed."""
        low, high = (math.log(r) for r in self.cut.ratio)
        least, most = self.cut.scale
        for area, ratio, top, left in self.numbers[row].tolist():
            target, aspect = height * width * (least + (most - least) * area), math.exp(low + (high - low) * ratio)
            w, h = round(math.sqrt(target * aspect)), round(math.sqrt(target / aspect))
            if 0 < w <= width and 0 < h <= height:
                return int(top * (height - h + 1)), int(left * (width - w + 1)), h, w
        narrow, wide = self.cut.ratio
        own = width / height
        h = min(height, round(width / narrow)) if own < narrow else height
        w = min(width, round(height * wide)) if own > wide else width
        return (height - h) // 2, (width - w) // 2, h, w


def cut_images(images: torch.Tensor, cuts: Cuts) -> torch.Tensor:
    """N x C x H x W of bytes or numbers, each cut and scaled with an antialiased bilinear filter."""
    import torch
    from torch.nn.functional import interpolate

    height, width = images.shape[2:]
    parts = []
    for row, image in enumerate(images):
        top, left, h, w = cuts.box(row, height, width)
        part = image[None, :, top : top + h, left : left + w]
        parts.append(interpolate(part, size=cuts.size, mode="bilinear", antialias=True, align_corners=False))
    return torch.cat(parts) if parts else images.new_empty((0, images.shape[1], *cuts.size))


def cut_targets(target: torch.Tensor, cuts: Cuts) -> torch.Tensor:
    """The targets of pixels, N x H x W classes or N x C x H x W values, cut like their images and scaled to the nearest pixel."""
    import torch

    height, width = target.shape[-2:]
    parts = [
        one[(..., *nearest(cuts.box(row, height, width), cuts.size))] for row, one in enumerate(target)
    ]  # fmt: skip
    return torch.stack(parts) if parts else target


def nearest(box: tuple[int, int, int, int], size: tuple[int, int]) -> tuple[Any, Any]:
    """The rows (a column) and the columns of a part that a result of this size shows."""
    import numpy as np

    top, left, h, w = box
    rows = top + ((np.arange(size[0]) + 0.5) * h / size[0]).astype(np.int64)
    columns = left + ((np.arange(size[1]) + 0.5) * w / size[1]).astype(np.int64)
    return rows[:, None], columns[None]
