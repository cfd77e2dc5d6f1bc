"""Geometric augmentation: one matrix per image and a single resampling.

Points are (x, y) in pixels, with x to the right, y down, and (0, 0) at the center of the first pixel. Angles are in
degrees, counterclockwise. Maps are 3x3 matrices from the stored to the augmented image, in float64 until the end. Since
they use pixels, rotations are correct for images that are not square.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from netspec.datasets.draws import Draws, on_device
from netspec.datasets.examples import IGNORED
from netspec.training.steps import Step

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
    Truth: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

__all__ = ["Geometry", "maps", "resample", "rotation", "scaling", "shearing", "shifting", "window"]


@dataclass(frozen=True)
class Geometry(Step):
    """The requested distortions. Lengths are in pixels, angles in degrees; None disables a distortion.

    `stored` and `cut` are the height and width of the input and output images. With `crop`, the stored image is padded by
    `pad` zeros before the random crop.
    """

    stored: tuple[int, int]
    cut: tuple[int, int]
    crop: bool = False
    pad: int = 0
    flip: float = 0.0
    flip_vertical: float = 0.0
    rotate: tuple[float, float] | None = None
    translate: tuple[float, float] | None = None
    rescale: float | None = None
    shear: tuple[float, float] | None = None
    stretch: float | None = None

    @property
    def distorts(self) -> bool:
        """Whether resampling is needed."""
        return any(v is not None for v in (self.rotate, self.translate, self.rescale, self.shear, self.stretch))

    @property
    def moves(self) -> bool:
        """Whether there is anything to do."""
        return self.distorts or self.crop or self.flip > 0 or self.flip_vertical > 0

    def draw(self, draws: Draws) -> Sequence[Any]:
        """The coefficients of `sampled`; of crops and flips alone the row and column where each window begins, and whether it is
        mirrored across and down."""
        if not self.moves:
            return []
        if self.distorts:
            return backward(maps(self, draws), self.stored)
        return [*self.offsets(draws).T, *self.mirrored(draws)]

    def pixels(self, images: Tensor, columns: Sequence[Tensor], *, mode: str = "bilinear") -> Tensor:
        """Maps N x C x H x W to N x C x h x w, with zeros outside. Crops and flips alone move whole pixels, without
        resampling; `mode` is how others resample."""
        if not self.moves:
            return images
        if self.distorts:
            return sampled(images, columns, self.cut, mode=mode)
        return window(images, columns, self.cut, self.pad)

    def apply_to_target(self, target: Tensor, draws: Draws) -> Tensor:
        """The targets of the pixels, N x H x W classes or N x C x H x W values, moved like their images, each to the
        nearest pixel. Outside of the image no class counts, and values are 0."""
        if not self.moves:
            return target
        columns = on_device(self.draw(draws), target)
        if target.is_floating_point():
            return self.pixels(target, columns, mode="nearest")
        shifted = (target - IGNORED).float()[:, None]  # exact in float32; zeros outside become IGNORED
        return self.pixels(shifted, columns, mode="nearest")[:, 0].to(target.dtype) + IGNORED

    def apply_to_points(self, points: Tensor, pairs: Sequence[tuple[int, int]], draws: Draws) -> Tensor:
        """Points, N x 2K (x1, y1, x2, y2, …), moved like their images, also beyond their edges. In a mirror image the points of
        `pairs` change places; an image that is flipped both ways is turned, not mirrored."""
        import torch

        if not self.moves:
            return points
        across, down = self.mirrored(draws)
        columns = [*maps(self, draws)[:, :2].reshape(-1, 6).T, across != down]
        a, b, c, d, e, f, turned = (column[:, :, 0] for column in on_device(columns, points))
        x, y = points[:, 0::2], points[:, 1::2]
        found = torch.stack([a * x + (b * y + c), d * x + (e * y + f)], 2)
        order = list(range(found.shape[1]))
        for one, other in pairs:
            order[one], order[other] = other, one
        return torch.where(turned[:, :, None] > 0, found[:, order], found).reshape(points.shape)

    def offsets(self, draws: Draws) -> Array:
        """N x 2: the row and column in the padded image where the crop starts, whole numbers."""
        import numpy as np

        room = np.array([s + 2 * self.pad - c + 1 for s, c in zip(self.stored, self.cut, strict=True)])
        begins: Array = np.floor(draws.uniform("crop", 2) * room)
        return begins

    def mirrored(self, draws: Draws) -> tuple[Truth, Truth]:
        """Whether each image is flipped horizontally, and vertically: N booleans each."""
        across = draws.uniform("flip")[:, 0] < self.flip
        down = draws.uniform("flip_vertical")[:, 0] < self.flip_vertical
        return across, down


def maps(geometry: Geometry, draws: Draws) -> Array:
    """N x 3 x 3: from the stored images to the augmented ones.

    Applied about the center of the stored image, in this order: flip, stretch, shear, rescale, rotate, translate. The
    crop is taken from the result.
    """
    import numpy as np

    across, down = geometry.mirrored(draws)
    whole = scaling(np.where(across, -1.0, 1.0), np.where(down, -1.0, 1.0))
    if geometry.stretch is not None:
        root = np.sqrt(draws.log_between("stretch", 1 / geometry.stretch, geometry.stretch)[:, 0])
        whole = scaling(root, 1 / root) @ whole
    if geometry.shear is not None:
        whole = shearing(draws.between("shear", *geometry.shear)[:, 0]) @ whole
    if geometry.rescale is not None:
        factor = draws.log_between("rescale", 1 / geometry.rescale, geometry.rescale)[:, 0]
        whole = scaling(factor, factor) @ whole
    if geometry.rotate is not None:
        whole = rotation(draws.between("rotate", *geometry.rotate)[:, 0]) @ whole
    if geometry.translate is not None:
        whole = shifting(*draws.between("translate", *geometry.translate, 2).T) @ whole
    y, x = ((s - 1) / 2 for s in geometry.stored)
    top, left = geometry.offsets(draws).T - geometry.pad if geometry.crop else np.zeros((2, len(whole)))
    return shifting(x - left, y - top) @ whole @ shifting(np.array([-x]), np.array([-y]))


def shifting(right: Array, down: Array) -> Array:
    """N x 3 x 3, by pixels."""
    return _matrices([[1.0, 0.0, right], [0.0, 1.0, down]], len(right))


def scaling(across: Array, down: Array) -> Array:
    """N x 3 x 3, by factors; -1 mirrors."""
    return _matrices([[across, 0.0, 0.0], [0.0, down, 0.0]], len(across))


def rotation(degrees: Array) -> Array:
    """N x 3 x 3, counterclockwise (y points down)."""
    import numpy as np

    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return _matrices([[cos, sin, 0.0], [-sin, cos, 0.0]], len(degrees))


def shearing(degrees: Array) -> Array:
    """N x 3 x 3: shifts rows along x, so that a vertical line leans by the angle (to the left as y increases)."""
    import numpy as np

    return _matrices([[1.0, -np.tan(np.deg2rad(degrees)), 0.0], [0.0, 1.0, 0.0]], len(degrees))


def _matrices(rows: list[list[Any]], n: int) -> Array:
    import numpy as np

    made = np.zeros((n, 3, 3))
    made[:, 2, 2] = 1
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            made[:, i, j] = value
    return made


def resample(images: Tensor, maps: Array, size: tuple[int, int], *, mode: str = "bilinear") -> Tensor:
    """Resamples N x C x H x W by maps, N x 3 x 3, to N x C x h x w."""
    columns = on_device(backward(maps, (images.shape[2], images.shape[3])), images)
    return sampled(images, columns, size, mode=mode)


def backward(maps: Array, stored: tuple[int, int]) -> list[Array]:
    """Six coefficients of each image, by which `sampled` finds the place of a pixel in the image as stored."""
    import numpy as np

    back = np.linalg.inv(maps)[:, :2]
    # grid_sample goes from -1 to 1 between the outer edges; the center of the first pixel is at 1/W - 1
    scale = 2 / np.array([stored[1], stored[0]])[:, None]
    back = back * scale
    back[:, :, 2] += scale[:, 0] / 2 - 1
    return list(back.reshape(len(maps), 6).T)


def sampled(images: Tensor, columns: Sequence[Tensor], size: tuple[int, int], *, mode: str = "bilinear") -> Tensor:
    """Resamples N x C x H x W to N x C x h x w: bilinear or nearest, zeros outside.

    The coordinates are computed with elementwise products and sums. The matrix products in F.affine_grid and
    kornia.geometry.warp_affine are rounded to ten bits on GPUs with TF32, and to seven under autocast, which would move
    pixels.
    """
    import torch
    from torch.nn import functional as F

    (h, w), (a, b, c, d, e, f) = size, columns
    x = torch.arange(w, dtype=torch.float32, device=images.device)
    y = torch.arange(h, dtype=torch.float32, device=images.device)[:, None]
    grid = torch.stack([a * x + (b * y + c), d * x + (e * y + f)], -1)
    return F.grid_sample(images, grid, mode=mode, padding_mode="zeros", align_corners=False)


def window(images: Tensor, columns: Sequence[Tensor], size: tuple[int, int], pad: int) -> Tensor:
    """Crops the padded, flipped images N x C x H x W to N x C x h x w, without resampling."""
    import torch
    from torch.nn import functional as F

    padded = F.pad(images, (pad,) * 4) if pad else images
    n, c, height, width = padded.shape
    top, left, across, down = columns
    y = top.long() + torch.arange(size[0], device=images.device)[:, None]
    x = left.long() + torch.arange(size[1], device=images.device)
    y = torch.where(down > 0, height - 1 - y, y)
    x = torch.where(across > 0, width - 1 - x, x)
    index = (y * width + x).view(n, 1, -1).expand(n, c, -1)
    return padded.reshape(n, c, -1).gather(2, index).view(n, c, *size)
