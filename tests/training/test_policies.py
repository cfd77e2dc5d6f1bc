"""RandAugment and TrivialAugment: each operation against Pillow's, the magnitudes against the published tables."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from augmenting import augmenter, photograph
from PIL import Image, ImageEnhance, ImageOps

import netspec
from netspec.datasets.draws import Draws
from netspec.training.policies import OPERATIONS, Policy, changed

PHOTO = (photograph(40, 60) * 255).round()


def of_pillow(name: str, image: Image.Image, amount: float) -> Image.Image:
    """AutoAugment's operations as its authors published them."""
    size, nearest = image.size, Image.Resampling.NEAREST
    affine = {
        "shear_x": (1, amount, 0, 0, 1, 0), "shear_y": (1, 0, 0, amount, 1, 0),
        "translate_x": (1, 0, -int(amount), 0, 1, 0), "translate_y": (1, 0, 0, 0, 1, -int(amount)),
    }  # fmt: skip
    if name in affine:
        return image.transform(size, Image.Transform.AFFINE, affine[name], nearest)
    match name:
        case "rotate":
            return image.rotate(amount, nearest)
        case "posterize":
            return ImageOps.posterize(image, int(amount))
        case "solarize":
            return ImageOps.solarize(image, int(amount))
        case "autocontrast":
            return ImageOps.autocontrast(image)
        case "equalize":
            return ImageOps.equalize(image)
        case "identity":
            return image
    kind = {"brightness": "Brightness", "color": "Color", "contrast": "Contrast", "sharpness": "Sharpness"}[name]
    enhanced: Image.Image = getattr(ImageEnhance, kind)(image).enhance(1 + amount)
    return enhanced


AMOUNTS = {
    "shear_x": [0.217, -0.713], "shear_y": [0.253, -0.311], "translate_x": [7.9, -12], "translate_y": [5, -9.5], "rotate": [20, -75],
    "posterize": [8, 5, 2], "solarize": [255, 100, 0], **{name: [0.6, -0.45] for name in ("brightness", "color", "contrast", "sharpness")},
}  # fmt: skip


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_those_of_pillow(name: str, gray: bool) -> None:
    pixels = PHOTO[:1] if gray else PHOTO
    image = Image.fromarray(pixels.permute(1, 2, 0).byte().numpy().squeeze())
    for amount in AMOUNTS.get(name, [0]):
        mine = changed(name, pixels[None].clone(), np.array([float(amount)]))[0]
        theirs = torch.from_numpy(np.array(of_pillow(name, image, amount))).float()
        theirs = theirs[None] if gray else theirs.permute(2, 0, 1)
        away = (mine - theirs).abs()
        if name in ("shear_x", "shear_y", "rotate"):  # a pixel between two others may be rounded to either
            assert (away > 0).float().mean() < 0.02, (name, amount)
        else:
            assert away.max() <= 1, (name, amount)


@pytest.mark.parametrize(("level", "expected"), [
    (9, {"shear_x": 0.09, "translate_x": 0.3 * 150 / 331 * 60, "translate_y": 0.3 * 150 / 331 * 40, "rotate": 9, "color": 0.27, "posterize": 7, "solarize": 178.5}),
    (None, {"shear_y": 0.99, "translate_x": 32, "rotate": 135, "sharpness": 0.99, "posterize": 2, "solarize": 0}),
])  # fmt: skip
def test_magnitudes_are_the_published_ones(level: int | None, expected: dict[str, float]) -> None:
    """Of RandAugment at its default of 9; the largest of TrivialAugment."""
    policy = Policy(2, level)
    for name, value in expected.items():
        levels = np.array([30.0 if level is None else level])
        assert policy.magnitudes(name, levels, 40, 60)[0] == pytest.approx(value), name


def one_of(section: dict[str, Any], rows: range, total: int, step: int = 0) -> torch.Tensor:
    images = (PHOTO / 255).repeat(len(rows), 1, 1, 1)
    return augmenter((3, 40, 60), (3, 40, 60), **section).train(images, step, rows, total)


@pytest.mark.parametrize(
    "section", [{"randaugment": {}}, {"trivialaugment": {}}, {"randaugment": {"n": 1, "magnitude": 30}}]
)
def test_images_draw_their_own_operations_and_processes_the_same(section: dict[str, Any]) -> None:
    whole = one_of(section, range(64), 64)
    assert whole.min() >= 0
    assert whole.max() <= 1
    assert len({tuple(image.flatten()[::97].tolist()) for image in whole}) > 10
    assert torch.equal(one_of(section, range(20, 40), 64), whole[20:40])
    assert not torch.equal(one_of(section, range(64), 64, step=1), whole)


def test_every_operation_is_drawn_about_equally_often(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = dict.fromkeys(OPERATIONS, 0)

    def counted(name: str, images: torch.Tensor, amounts: Any) -> torch.Tensor:
        counts[name] += len(images)
        return images

    monkeypatch.setattr("netspec.training.policies.changed", counted)
    Policy(2, 9).apply(torch.rand(1400, 1, 2, 2), Draws(0, 0, range(1400), 1400))
    assert sum(counts.values()) == 2800
    assert all(abs(n - 200) < 4 * math.sqrt(200) for n in counts.values())


def test_two_policies_and_other_channels_are_refused() -> None:
    for channels, section in ((3, {"randaugment": {}, "trivialaugment": {}}), (4, {"randaugment": {}})):
        with pytest.raises(netspec.SpecError, match="NS604"):
            augmenter((channels, 8, 8), (channels, 8, 8), **section)


def test_operations_applied_seldom_with_levels_that_vary() -> None:
    """With p=0.5 half of the images stay as they are; the levels are normal, cut to what there is."""
    images = (photograph(8, 8)[None] * 255).round().div(255).expand(4000, -1, -1, -1)
    draws = Draws(0, 0, range(4000), 4000)
    seldom, always = (Policy(1, 15, p=p).apply(images.clone(), draws) == images for p in (0.5, 1.0))
    kept, unchanged = (float(same.flatten(1).all(1).float().mean()) for same in (seldom, always))
    assert kept == pytest.approx(0.5 + 0.5 * unchanged, abs=0.03)
    seen: list[Any] = []

    class Watched(Policy):
        def magnitudes(self, name: str, levels: Any, height: int, width: int) -> Any:
            seen.append(levels)
            return super().magnitudes(name, levels, height, width)

    Watched(1, 27, std=1.5).apply(images.clone(), draws)
    levels = np.concatenate(seen)
    assert levels.max() == 30
    assert np.median(levels) == pytest.approx(27, abs=0.1)
    assert levels[levels < 27].std() == pytest.approx(1.5 * (1 - 2 / np.pi) ** 0.5, abs=0.05)
