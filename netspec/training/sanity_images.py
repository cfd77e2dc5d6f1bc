"""Checks of images: the order of their axes, and what augmentation leaves of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.datasets.cutting import cut_images
from netspec.datasets.draws import Draws
from netspec.training.augment import Augmenter
from netspec.training.check_result import CheckResult
from netspec.training.sanity_runs import Bench, Held

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_augmentation", "check_axes"]

_CHANNELS = (1, 3, 4)
_BLANK = 0.1
"""An image whose values vary less than this part of what they did is gone."""
_SEEN, _LITTLE = 0.3, 0.5
"""The mean part of an augmented image that shows the original: too little, and little."""


def check_axes(bench: Bench, some: Held) -> list[CheckResult]:
    """Whether the channels of images come first, and whether they were reshaped where they should have been transposed."""
    name = bench.engine.inputs.image
    if name is None or bench.plan.inputs[name].layout != "map":
        return []
    images = some.batch(range(min(64, len(some)))).inputs[name].float()
    count, channels, height, width = images.shape
    check = "axes of images"
    advice = "store them with channels first, N x C x H x W: x.transpose(0, 3, 1, 2)"
    if width in _CHANNELS and channels not in _CHANNELS and height not in _CHANNELS:
        return [CheckResult(check, f"{channels} channels of {height}x{width} pixels", "images have their channels last", f"{advice}; and write `input {width}x{channels}x{height}`")]  # fmt: skip
    if channels not in (3, 4) or min(height, width) < 4:
        return []
    otherwise = images.reshape(count, height, width, channels).permute(0, 3, 1, 2)
    ours, theirs = _roughness(images), _roughness(otherwise)
    if theirs < 0.8 * ours:
        measured = (
            f"neighboring pixels differ by {ours:.3g}, but by {theirs:.3g} if the channels are read as the last axis"
        )
        return [CheckResult(check, measured, "images have their channels last", f"{advice}, not x.reshape")]
    return []


def _roughness(images: Tensor) -> float:
    """The mean difference of neighboring pixels."""
    return float(images.diff(dim=2).abs().mean() + images.diff(dim=3).abs().mean()) / 2


# Augmentation


def check_augmentation(bench: Bench, some: Held) -> list[CheckResult]:
    """How much of the images is left after `augment`, and which of its lines is to blame."""
    inputs = bench.engine.inputs
    augmenter, name = inputs.augmenter, inputs.image
    if augmenter is None or name is None or not (augmenter.settings.keys() - {"crop"}):
        return []
    batch = some.batch(range(min(64, len(some)))).inputs[name]
    images = (batch.float() / 255 if batch.dtype.is_floating_point is False else batch.float()).to(inputs.device)
    if augmenter.resized is not None:
        images = cut_images(images, augmenter.cut(0, range(len(images)), len(images)).drawn())  # type: ignore[union-attr]
    blank, seen = _left(augmenter, images)
    measured = f"augmented images show {seen:.0%} of the original on average" + (f"; {blank:.0%} of them are blank" if blank else "")  # fmt: skip
    gone, little = blank > 0.1 or seen < _SEEN, blank > 0.01 or seen < _LITTLE
    if not little:
        return [CheckResult("augmentation", measured)]
    blamed = _to_blame(bench, augmenter, images)
    advice = (
        f"use a smaller value of {' and '.join(f'`{line}`' for line in blamed)}" if blamed else "use smaller values"
    )
    return [CheckResult("augmentation", measured, "augmentation removes the image" if gone else "", advice, note=not gone)]  # fmt: skip


def _to_blame(bench: Bench, augmenter: Augmenter, images: Tensor) -> list[str]:
    """The lines that leave little of the images on their own."""
    augment = bench.plan.recipe.augment
    found = []
    for name in augmenter.settings.keys() - {"crop", "mixup", "cutmix"}:
        alone = {n: line for n, line in augment.items() if n in (name, "crop")}
        one = Augmenter(alone, augmenter.stored, augmenter.wanted, augmenter.seed, augmenter.colors)
        blank, seen = _left(one, images)
        if blank > 0.01 or seen < _LITTLE:
            found.append((seen - blank, name))
    return [name for _, name in sorted(found)]


def _left(augmenter: Augmenter, images: Tensor) -> tuple[float, float]:
    """The fraction of images that augmentation makes blank, and the mean part of the output that shows the original."""
    import torch

    rows = range(len(images))
    blank, seen, tries = 0.0, 0.0, 4
    before = augmenter.test(images).flatten(1).std(1)
    counted = before > 1e-6
    for step in range(tries):
        after = augmenter.train(images, step, rows, len(rows)).flatten(1).std(1)
        blank += float((after < _BLANK * before)[counted].float().mean()) if counted.any() else 0.0
        if augmenter.geometry is None:
            seen += 1.0
        else:
            ones = torch.ones_like(images[:, :1])
            seen += float(augmenter.geometry.apply(ones, Draws(augmenter.seed, step, rows, len(rows))).mean())
    return blank / tries, seen / tries
