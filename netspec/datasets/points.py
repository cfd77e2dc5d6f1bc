"""Points in images, which move with what is read of them: x1, y1, x2, y2, … in pixels, (0, 0) at the center of the first one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netspec.datasets.cutting import Cuts
from netspec.datasets.fit import Part

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["cut_part", "cut_points", "moved", "stored_points"]


def cut_part(part: Part, size: tuple[int, int], cuts: Cuts | None, row: int) -> Part:
    """What the cut of a row leaves of a part that is read at this height and width."""
    if cuts is None:
        return part
    top, left, height, width = cuts.box(row, *size)
    across, down = part[2] / size[1], part[3] / size[0]
    return part[0] + left * across, part[1] + top * down, width * across, height * down


def moved(points: torch.Tensor, parts: np.ndarray[Any, Any], size: tuple[int, int]) -> torch.Tensor:
    """Points, N x 2K, of the images as they are stored, in the images as they are read: a part of each (N x 4) at this size."""
    import torch

    left, top, width, height = torch.from_numpy(parts).T[:, :, None]
    x, y = points[:, 0::2].double(), points[:, 1::2].double()
    x, y = (x + 0.5 - left) * (size[1] / width) - 0.5, (y + 0.5 - top) * (size[0] / height) - 0.5
    return torch.stack([x, y], 2).reshape(points.shape).to(points.dtype)


def stored_points(points: torch.Tensor, part: Part | None, read: Sequence[int], seen: Sequence[int]) -> torch.Tensor:
    """Points, N x 2K, of what a net sees, the center of `seen` (height, width) of images that are read at the size `read`, in the
    images as they are stored. `part` is what was read of them; None: all, and not scaled."""
    import torch

    (height, width), (top, left) = read, ((r - s) // 2 for r, s in zip(read, seen, strict=True))
    x, y, across, down = part if part is not None else (0.0, 0.0, float(width), float(height))
    columns = (points[:, 0::2].double() + left + 0.5) * (across / width) + x - 0.5
    rows = (points[:, 1::2].double() + top + 0.5) * (down / height) + y - 0.5
    return torch.stack([columns, rows], 2).reshape(points.shape).to(points.dtype)


def cut_points(points: torch.Tensor, inputs: Mapping[str, torch.Tensor], cuts: Cuts) -> torch.Tensor:
    """The points of images that were read whole and are cut now."""
    import numpy as np

    height, width = next(images.shape[2:] for images in inputs.values() if images.ndim == 4)
    whole = (0.0, 0.0, float(width), float(height))
    parts = [cut_part(whole, (height, width), cuts, row) for row in range(len(points))]
    return moved(points, np.array(parts).reshape(-1, 4), cuts.size)
