"""Jitter, lighting and erasing, against kornia and against what the papers say."""

from __future__ import annotations

import math
from typing import Any

import kornia.enhance
import numpy as np
import pytest
import torch
from augmenting import augmenter, photograph
from torch import Tensor

from netspec.datasets.draws import Draws
from netspec.training.color import Erase, turn_hue
from netspec.training.lighting import principal_colors

N, SIZE = 64, (3, 24, 20)
OFF = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}


def photographs() -> Tensor:
    return (photograph(*SIZE[1:]) * torch.linspace(0.3, 1, N)[:, None, None, None]).contiguous()


def jittered(**asked: Any) -> Tensor:
    return augmenter(SIZE, SIZE, jitter=OFF | asked).train(photographs(), 4, range(N), N)


def factors(name: str, largest: float) -> Tensor:
    return torch.from_numpy(Draws(0, 4, range(N), N).between(f"jitter {name}", 1 - largest, 1 + largest)[:, 0]).float()


def test_each_change_agrees_with_kornia() -> None:
    x = photographs()
    assert torch.equal(jittered(), x)
    theirs = kornia.enhance.adjust_brightness_accumulative(x, factors("brightness", 0.5))
    assert torch.allclose(jittered(brightness=0.5), theirs, atol=1e-6)
    theirs = kornia.enhance.adjust_contrast_with_mean_subtraction(x, factors("contrast", 0.5))
    assert torch.allclose(jittered(contrast=0.5), theirs, atol=1e-5)
    theirs = kornia.enhance.adjust_saturation_with_gray_subtraction(x, factors("saturation", 0.5))
    assert torch.allclose(jittered(saturation=0.5), theirs, atol=1e-3)  # kornia's gray has three digits too
    turns = torch.from_numpy(Draws(0, 4, range(N), N).between("jitter hue", -0.3, 0.3)[:, 0]).float()
    theirs = kornia.enhance.adjust_hue(x, turns * 2 * math.pi)
    assert torch.allclose(jittered(hue=0.3), theirs, atol=1e-4)


def test_hue_turns_red_into_green_into_blue() -> None:
    red = torch.tensor([1.0, 0.2, 0.2])[None, :, None, None]
    third = torch.full((1, 1, 1), 1 / 3)
    green = turn_hue(red, third)
    assert torch.allclose(green[0, :, 0, 0], torch.tensor([0.2, 1.0, 0.2]), atol=1e-6)
    assert torch.allclose(turn_hue(turn_hue(green, third), third), red, atol=1e-6)
    gray = torch.rand(2, 1, 5, 5).expand(2, 3, 5, 5)
    assert torch.equal(turn_hue(gray, torch.tensor([0.2, -0.4])[:, None, None]), gray)


def test_the_order_is_brightness_contrast_saturation_hue() -> None:
    x = photographs()
    x = kornia.enhance.adjust_brightness_accumulative(x, factors("brightness", 0.4))
    x = kornia.enhance.adjust_contrast_with_mean_subtraction(x, factors("contrast", 0.4))
    x = kornia.enhance.adjust_saturation_with_gray_subtraction(x, factors("saturation", 0.4))
    turns = torch.from_numpy(Draws(0, 4, range(N), N).between("jitter hue", -0.1, 0.1)[:, 0]).float()
    x = kornia.enhance.adjust_hue(x, turns * 2 * math.pi)
    out = augmenter(SIZE, SIZE, jitter={}).train(photographs(), 4, range(N), N)  # the defaults
    assert torch.allclose(out, x, atol=2e-3)


def test_strong_changes_stay_within_0_and_1() -> None:
    out = augmenter(SIZE, SIZE, jitter={"brightness": 3.0, "contrast": 5.0, "saturation": 4.0, "hue": 0.5}).train(
        photographs(), 0, range(N), N
    )
    assert 0 <= out.min() <= out.max() <= 1
    assert torch.isfinite(out).all()
    assert factors("brightness", 0.9).min() > 0.1


def test_gray_images_get_brightness_and_contrast() -> None:
    gray = torch.rand(N, 1, 8, 8)
    out = augmenter((1, 8, 8), (1, 8, 8), jitter={}).train(gray, 4, range(N), N)
    colored = augmenter((3, 8, 8), (3, 8, 8), jitter={"saturation": 0.0, "hue": 0.0})
    assert torch.allclose(colored.train(gray.expand(N, 3, 8, 8), 4, range(N), N)[:, :1], out, atol=1e-5)
    assert not torch.equal(out, gray)


# Lighting


def test_principal_colors_are_those_of_the_covariance() -> None:
    generator = torch.Generator().manual_seed(0)
    mixing = torch.tensor([[0.3, 0.1, 0.0], [0.25, -0.05, 0.05], [0.2, 0.0, -0.1]])
    images = 0.5 + torch.einsum("ij,njhw->nihw", mixing, torch.randn(30, 3, 8, 9, generator=generator)) / 3
    found = principal_colors(images[i : i + 7] for i in range(0, 30, 7))
    pixels = images.movedim(1, 0).flatten(1).double().numpy()
    assert np.allclose((found @ found.T).numpy(), np.cov(pixels, bias=True), atol=1e-6)
    lengths = found.norm(dim=0)
    assert (lengths[:-1] >= lengths[1:]).all()
    products = found.T @ found
    assert torch.allclose(products, torch.diag(products.diag()), atol=1e-6)
    assert (found.gather(0, found.abs().argmax(0, keepdim=True)) > 0).all()
    # the noise is as large in proportion when colors go from 0 to 255
    assert torch.allclose(principal_colors([images * 255]), found * 255, rtol=1e-4, atol=1e-4)


def test_lighting_adds_one_color_to_each_image() -> None:
    many = 5000
    colors = torch.tensor([[0.3, 0.1, 0.0], [0.2, -0.1, 0.05], [0.2, 0.0, -0.1]])
    images = torch.full((many, 3, 2, 2), 0.5)
    images[:, :, 0, 0] = 0.45
    out = augmenter((3, 2, 2), (3, 2, 2), colors=colors, lighting={"std": 0.1}).train(images, 0, range(many), many)
    added = out - images
    assert torch.allclose(added, added[:, :, :1, 1:].expand_as(added), atol=1e-6)
    found = np.cov(added[:, :, 1, 1].T.double().numpy())
    assert np.allclose(found, (0.01 * colors @ colors.T).numpy(), atol=1e-4)


def test_noise_is_normal_independent_and_clamped() -> None:
    gray = torch.full((64, 3, 16, 16), 0.5)
    made = augmenter((3, 16, 16), (3, 16, 16), noise={"std": 0.05}).train(gray, 0, range(64), 64) - 0.5
    assert abs(float(made.std()) / 0.05 - 1) < 0.02
    assert abs(float(made.mean())) < 1e-3
    flat = made.reshape(64, -1)
    between = torch.corrcoef(flat).fill_diagonal_(0).abs().max()  # of 768 values each: standard deviation 0.036
    assert between < 0.2
    assert abs(float((made[..., 1:] * made[..., :-1]).mean())) < 1e-4
    loud = augmenter((3, 16, 16), (3, 16, 16), noise={"std": 5.0}).train(gray, 0, range(64), 64)
    assert (loud.min(), loud.max()) == (0, 1)


def test_lighting_needs_the_colors() -> None:
    made = augmenter((3, 4, 4), (3, 4, 4), lighting={})
    with pytest.raises(RuntimeError, match="principal colors"):
        made.train(torch.rand(2, 3, 4, 4), 0, range(2), 2)
    made = augmenter((3, 4, 4), (3, 4, 4), colors=torch.eye(3), lighting={})
    assert made.train(torch.rand(2, 3, 4, 4), 0, range(2), 2).shape == (2, 3, 4, 4)


# Erasing


def test_erased_rectangles() -> None:
    n, (h, w) = 4000, (40, 60)
    images = torch.ones(n, 2, h, w)
    out = Erase(0.25, (h, w)).apply(images, Draws(0, 0, range(n), n))
    assert torch.equal(out[:, 0], out[:, 1])
    blank = out[:, 0] == 0
    erased = blank.flatten(1).any(1)
    assert abs(float(erased.float().mean()) - 0.25) < 0.03
    rows, columns = blank.any(2), blank.any(1)
    tall, wide = rows.sum(1)[erased], columns.sum(1)[erased]
    assert torch.equal(blank.flatten(1).sum(1)[erased], tall * wide), "one whole rectangle"
    area = tall * wide / (h * w)
    assert area.min() > 0.015
    assert area.max() < 0.34
    assert area.mean() > 0.12
    aspect = tall / wide
    assert aspect.min() > 0.27
    assert aspect.max() < 3.7
    assert rows[:, 0].any()
    assert rows[:, -1].any()
    assert columns[:, 0].any()
    assert columns[:, -1].any()
    assert torch.equal(Erase(0.0, (h, w)).apply(images, Draws(0, 0, range(n), n)), images)
