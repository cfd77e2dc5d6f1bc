"""Where the pixels of an augmented image come from: one matrix for each image, one resampling.

Points are (x, y) in pixels, x to the right and y down, (0, 0) the center of the first pixel; angles are in degrees,
counter-clockwise as one looks at the image. Maps go from the stored image to the augmented one and are 3x3, in float64
until the very end; because they count pixels, a rotation of an image that is not square is a rotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from netspec.training.draws import Draws, on_device

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
    Truth: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

__all__ = ["Geometry", "maps", "resample", "rotation", "scaling", "shearing", "shifting", "window"]


@dataclass(frozen=True, slots=True)
class Geometry:
    """What is asked for. Lengths are in pixels, angles in degrees; None leaves a distortion out.

    `stored` and `cut` are the height and width of the images that come in and that go out; `pad` zeros stand around
    the stored image before a random part is cut out, if `crop` says so.
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
        """Whether pixels come to lie between pixels."""
        return any(v is not None for v in (self.rotate, self.translate, self.rescale, self.shear, self.stretch))

    @property
    def moves(self) -> bool:
        """Whether anything is done at all."""
        return self.distorts or self.crop or self.flip > 0 or self.flip_vertical > 0

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """N x C x H x W to N x C x h x w. Crops and flips alone move whole pixels; they are not resampled."""
        if not self.moves:
            return images
        if self.distorts:
            return resample(images, maps(self, draws), self.cut)
        return window(images, self.offsets(draws), *self.mirrored(draws), self.cut, self.pad)

    def offsets(self, draws: Draws) -> Array:
        """N x 2: the row and the column of the padded image at which the part that is cut out begins, whole numbers."""
        import numpy as np

        room = np.array([s + 2 * self.pad - c + 1 for s, c in zip(self.stored, self.cut, strict=True)])
        begins: Array = np.floor(draws.uniform("crop", 2) * room)
        return begins

    def mirrored(self, draws: Draws) -> tuple[Truth, Truth]:
        """Whether each image is mirrored left and right, and top and bottom: N truth values each."""
        across = draws.uniform("flip")[:, 0] < self.flip
        down = draws.uniform("flip_vertical")[:, 0] < self.flip_vertical
        return across, down


def maps(geometry: Geometry, draws: Draws) -> Array:
    """N x 3 x 3: from the stored images to the augmented ones.

    About the center of the stored image, one after the other: mirror, stretch, shear, rescale, rotate, translate. The
    crop is cut out of the result.
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
    """N x 3 x 3, counter-clockwise (y points down)."""
    import numpy as np

    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return _matrices([[cos, sin, 0.0], [-sin, cos, 0.0]], len(degrees))


def shearing(degrees: Array) -> Array:
    """N x 3 x 3: rows slide along x, so that a vertical line leans over by the angle (to the left where y grows)."""
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


def resample(images: Tensor, maps: Array, size: tuple[int, int]) -> Tensor:
    """N x C x H x W to N x C x h x w: bilinear, zeros outside.

    The coordinates are products and sums value by value. Matrix products, which F.affine_grid and
    kornia.geometry.warp_affine use for them, are rounded to ten bits on a GPU that may use TF32, and to seven under
    autocast: that moves pixels.
    """
    import numpy as np
    import torch
    from torch.nn import functional as F

    n, (h, w) = images.shape[0], size
    back = np.linalg.inv(maps)[:, :2]
    # grid_sample counts from -1 to 1 between the outer edges of the image, whose first pixel's center is at 1/W - 1
    scale = 2 / np.array([images.shape[3], images.shape[2]])[:, None]
    back = back * scale
    back[:, :, 2] += scale[:, 0] / 2 - 1
    a, b, c, d, e, f = on_device([*back.reshape(n, 6).T], images)
    x = torch.arange(w, dtype=torch.float32, device=images.device)
    y = torch.arange(h, dtype=torch.float32, device=images.device)[:, None]
    grid = torch.empty(n, h, w, 2, device=images.device)
    torch.add(a * x, b * y + c, out=grid[..., 0])
    torch.add(d * x, e * y + f, out=grid[..., 1])
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def window(images: Tensor, offsets: Array, across: Truth, down: Truth, size: tuple[int, int], pad: int) -> Tensor:
    """N x C x H x W to N x C x h x w: parts of the padded, mirrored images, pixel by pixel."""
    import numpy as np
    import torch
    from torch.nn import functional as F

    padded = F.pad(images, (pad,) * 4) if pad else images
    n, c, height, width = padded.shape
    y = offsets[:, :1] + np.arange(size[0])
    x = offsets[:, 1:] + np.arange(size[1])
    y = np.where(down[:, None], height - 1 - y, y).astype(np.int64)
    x = np.where(across[:, None], width - 1 - x, x).astype(np.int64)
    rows, columns = (torch.from_numpy(v).to(images.device, non_blocking=True) for v in (y * width, x))
    index = (rows[:, :, None] + columns[:, None, :]).view(n, 1, -1).expand(n, c, -1)
    return padded.reshape(n, c, -1).gather(2, index).view(n, c, *size)
