"""Whether masks belong to their images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from netspec.training.check_result import CheckResult
from netspec.training.sanity_runs import Bench, Held

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_masks"]

_FEWEST, _MOST = 24, 200
_LARGEST = 128
_FITS = 1.25
"""How much more of the variance a mask explains at another place, if that is no accident of light and shade."""
_SURE = 4.0
"""Standard errors that count as better than the mask of another image."""


def check_masks(bench: Bench) -> list[CheckResult]:
    """How much of the variance of pixels the regions of their mask explain, against the mask of another image, and of the next
    one by name, which is that of the image where names were shifted."""
    name, train = bench.engine.inputs.image, bench.collection.train
    if name is None or len(bench.plan.heads) > 1 or bench.plan.task != "class" or len(train) < _FEWEST:
        return []
    import torch

    count = min(len(train), _MOST)
    batch = Held(train, range(count)).batch(range(count))
    images, masks = batch.inputs[name].float(), batch.targets[bench.plan.head.name]
    if masks.ndim != 3 or images.shape[2:] != masks.shape[1:]:
        return []
    classes = bench.plan.head.type.features
    if (displaced := _displaced(images, masks, classes)) is not None:
        return [displaced]
    own, other, before, after = (
        torch.tensor([_explained(image, mask, classes) for image, mask in zip(images, masks.roll(shift, 0), strict=True)])
        for shift in (0, count // 2, 1, -1)
    )  # fmt: skip
    measured = f"their regions explain {own.mean():.0%} of the variance of the pixels of {count} images, those of another image {other.mean():.0%}"
    if _better(own, other):
        return [CheckResult("masks", measured)]
    shifted = [(values, word) for values, word in ((before, "previous"), (after, "next")) if _better(values, other)]
    if shifted:
        values, word = max(shifted, key=lambda pair: float(pair[0].mean()))
        measured += f", those of the {word} image {values.mean():.0%}"
        return [CheckResult("masks", measured, "masks belong to other images", "compare the names of images and masks: one of them seems to be shifted")]  # fmt: skip
    return [CheckResult("masks", measured, note=True, advice="masks may belong to other images, or be shifted; look at some of them")]  # fmt: skip


def _displaced(images: Tensor, masks: Tensor, classes: int) -> CheckResult | None:
    """Where masks fit better when they are moved within their images, or mirrored. The images by which the place is chosen are not
    those by which it is judged."""
    import torch

    fits = torch.stack([_fits(image, mask, classes) for image, mask in zip(images, masks, strict=True)])
    best = int(fits[::2].mean(0).argmax())
    height, width = fits.shape[1:]
    down, right = best // width - height // 2, best % width - width // 2
    here = fits[1::2, height // 2, width // 2]
    ways = {"moved": fits.flatten(1)[1::2, best]} if max(abs(down), abs(right)) > 1 else {}
    for way, axes in (("mirrored", (1,)), ("upside down", (0,)), ("turned by 180 degrees", (0, 1))):
        turned = zip(images[1::2], masks[1::2].flip([axis + 1 for axis in axes]), strict=True)
        ways[way] = torch.tensor([_explained(image, mask, classes) for image, mask in turned], dtype=here.dtype)
    way = max(ways, key=lambda one: float(ways[one].mean()))
    if float(ways[way].mean()) < _FITS * float(here.mean()) or not _better(ways[way], here):
        return None
    step = _step(images)
    sides = ((down, "down", "up"), (right, "to the right", "to the left"))
    moves = [f"{abs(by) * step} pixels {more if by > 0 else less}" for by, more, less in sides if by]
    where = f"moved {' and '.join(moves)}" if way == "moved" else way
    measured = f"their regions explain {here.mean():.0%} of the variance of the pixels, and {ways[way].mean():.0%} if they are {where}"
    return CheckResult("masks", measured, "masks do not lie on what they show", "check how images and masks were cut, padded, scaled and turned")  # fmt: skip


def _step(images: Tensor) -> int:
    """Of larger images, every such pixel is compared."""
    return math.ceil(max(images.shape[2:]) / _LARGEST)


def _fits(image: Tensor, mask: Tensor, classes: int) -> Tensor:
    """What `_explained` gives for a mask that is moved by up to a quarter of the image, and around its border: by rows, then
    columns, the middle for none."""
    import torch

    step = _step(image[None])
    image, mask = image[:, ::step, ::step].double(), mask[::step, ::step]
    height, width = mask.shape
    centered = image - image.mean((1, 2), keepdim=True)
    ones = torch.stack(
        [mask == label for label in sorted(set(mask.flatten().tolist())) if 0 <= label < classes] or [mask >= 0]
    )
    spectra = torch.fft.rfft2(centered)[:, None] * torch.fft.rfft2(ones.double())[None].conj()
    sums = torch.fft.irfft2(spectra, s=(height, width)).square() / ones.sum((1, 2)).clamp(min=1)[:, None, None]
    rows, columns = height // 4, width // 4
    explained: Tensor = sums.sum((0, 1)) / centered.square().sum().clamp(min=1e-12)
    return explained.roll((rows, columns), (0, 1))[: 2 * rows + 1, : 2 * columns + 1]


def _better(values: Tensor, other: Tensor) -> bool:
    gap = values - other
    return float(gap.mean()) > _SURE * float(gap.std()) / math.sqrt(len(gap))


def _explained(image: Tensor, mask: Tensor, classes: int) -> float:
    """The part of the variance of an image, C x H x W, that is between the classes of a mask."""
    import torch

    known = (mask >= 0) & (mask < classes)
    pixels = image[:, known].double()
    centered = pixels - pixels.mean(1, keepdim=True) if pixels.numel() else pixels
    whole = float(centered.square().sum())
    if not whole:
        return 0.0
    ones = torch.nn.functional.one_hot(mask[known], classes).double()
    sums = centered @ ones
    return float((sums.square() / ones.sum(0).clamp(min=1)).sum()) / whole
