"""What the tests of augmentation share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from netspec.recipe import Chosen
from netspec.settings.augmentations import AUGMENTATIONS
from netspec.training.augment import Augmenter


def chosen(**asked: dict[str, Any]) -> dict[str, Chosen]:
    """`augment { … }` as the recipe gives it: every option, the defaults where nothing is given."""
    section = {}
    for name, options in asked.items():
        (form,) = AUGMENTATIONS[name].forms
        assert set(options) <= set(form.options)
        values = {option: made.default for option, made in form.options.items()} | options
        section[name] = Chosen("", values)
    return section


def augmenter(
    stored: tuple[int, ...], wanted: tuple[int, ...], *, seed: int = 0, colors: Tensor | None = None, **asked: Any
) -> Augmenter:
    return Augmenter(chosen(**asked), stored, wanted, seed, colors)


def photograph(height: int, width: int) -> Tensor:
    """3 x H x W in 0..1: slopes of color, a disc and a bar, nothing symmetric."""
    y, x = torch.meshgrid(torch.arange(float(height)) / height, torch.arange(float(width)) / width, indexing="ij")
    image = torch.stack([0.2 + 0.7 * x, 0.5 + 0.4 * torch.sin(9 * y + x), 0.9 - 0.8 * y])
    image[:, ((x - 0.25) * width) ** 2 + ((y - 0.3) * height) ** 2 < (height / 7) ** 2] = torch.tensor(
        [[0.9], [0.1], [0.1]]
    )
    image[:, (y > 0.7) & (y < 0.85) & (x > 0.6) & (x < 0.8)] = torch.tensor([[0.1], [0.7], [0.2]])
    return image
