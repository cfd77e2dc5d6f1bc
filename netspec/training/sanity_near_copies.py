"""Images that are nearly the same in two parts of the data: compressed again, in another light, or mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.datasets import Examples
from netspec.training.check_result import CheckResult

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_near_copies", "sketches"]

_SIDE = 8
_MOST, _TRAIN = 1000, 50_000
"""How many images of a part are compared with how many of the training set."""
_NTH, _NEAR = 20, 0.2
"""A near copy is nearer by this factor than the 20th nearest image."""
_FEWEST, _SHARE = 3, 0.01


def sketches(images: Tensor) -> Tensor:
    """N x 64: gray images of 8x8 pixels with mean 0 and norm 1, so that brightness and contrast do not count."""
    import torch

    gray = images.mean(1, keepdim=True, dtype=torch.float32)
    small = torch.nn.functional.adaptive_avg_pool2d(gray, _SIDE).flatten(1).double()
    small = small - small.mean(1, keepdim=True)
    unit: Tensor = (small / small.norm(dim=1, keepdim=True).clamp(min=1e-12)).float()
    return unit


def check_near_copies(
    name: str, part: Examples, train: Examples, ours: dict[int, Tensor], theirs: dict[int, Tensor]
) -> list[CheckResult]:
    """`ours` and `theirs`: the sketches of training images and of those of a part without exact copies, by row."""
    import torch

    if len(ours) <= _NTH or not theirs:
        return []
    rows, known = (list(held)[:: max(1, len(held) // most)] for held, most in ((theirs, _MOST), (ours, _TRAIN)))
    x, y = torch.stack([ours[row] for row in known]).double(), torch.stack([theirs[row] for row in rows]).double()
    mirrored = y.reshape(-1, _SIDE, _SIDE).flip(2).reshape(len(y), -1)
    similar, found = torch.maximum(y @ x.T, mirrored @ x.T).topk(_NTH)
    distances = (2 - 2 * similar).clamp(min=0).sqrt()
    near = (distances[:, 0] < _NEAR * distances[:, -1]).nonzero()[:, 0].tolist()
    if len(near) < max(_FEWEST, _SHARE * len(rows), 5 * len(rows) * _by_chance(distances)):
        return []
    row, twin = rows[near[0]], known[int(found[near[0], 0])]
    measured = f"{len(near)} of {len(rows)} {name} images are nearly those of training examples: {part.shown(row)} is like {train.shown(twin)}"
    advice = "divide the data so that pictures of one thing, and versions of one picture, are in one part"
    return [CheckResult(f"{name} near copies", measured, f"{name} images are nearly in the training set", advice)]


def _by_chance(distances: Tensor) -> float:
    """How often independent examples would be as near. In m dimensions the number of neighbors grows with the m-th power of
    the distance, and the distances of the 10th and the 20th (N x 20 are given) show m."""
    grown = float((distances[:, -1] / distances[:, _NTH // 2 - 1].clamp(min=1e-12)).log().median())
    dimensions = sum(1 / n for n in range(_NTH // 2, _NTH)) / max(grown, 1e-6)
    return float(1 - (1 - _NEAR**dimensions) ** (_NTH - 1))
