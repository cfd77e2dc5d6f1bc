"""Crops, flips and distortions: exact where pixels stay pixels, one resampling where they do not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from augmenting import augmenter, photograph
from kornia.geometry.transform import warp_affine
from torch import Tensor
from torch.nn import functional as F

import netspec
from netspec.datasets.draws import Draws
from netspec.training.geometry import Geometry, maps, resample, rotation, scaling, shearing, shifting

MANY = 4096


def about_center(matrix: Any, height: int, width: int) -> Any:
    """A map about (0, 0) as one about the center of an image, in pixels."""
    x, y = np.array([(width - 1) / 2]), np.array([(height - 1) / 2])
    return shifting(x, y) @ matrix @ shifting(-x, -y)


def parts_of(images: Tensor, out: Tensor, pad: int) -> list[tuple[int, int, bool, bool]]:
    """For each image at which row and column, and how mirrored, the part was cut out; every pixel must agree."""
    found = []
    h, w = out.shape[2:]
    padded = F.pad(images, (pad,) * 4)
    for image, part in zip(padded, out, strict=True):
        places = [
            (y, x, across, down)
            for across in (False, True)
            for down in (False, True)
            for turned in [image.flip([d for d, asked in ((2, across), (1, down)) if asked])]
            for y in range(turned.shape[1] - h + 1)
            for x in range(turned.shape[2] - w + 1)
            if torch.equal(turned[:, y : y + h, x : x + w], part)
        ]
        assert len(places) == 1, "not a part of the image, pixel by pixel"
        found += places
    return found


@pytest.mark.parametrize(
    ("size", "pad", "wanted"), [((16, 16), 3, (16, 16)), ((15, 20), 0, (9, 11)), ((9, 8), 2, (11, 9))]
)
def test_crops_and_flips_move_whole_pixels(size: tuple[int, int], pad: int, wanted: tuple[int, int]) -> None:
    images = torch.rand(400, 3, *size)
    made = augmenter((3, *size), (3, *wanted), crop={"pad": pad}, flip={}, flip_vertical={"p": 0.25})
    before = images.clone()
    out = made.train(images, 5, range(400), 400)
    assert out.shape == (400, 3, *wanted)
    assert torch.equal(images, before), "the images that came in stay as they are"
    places = np.array(parts_of(images, out, pad))
    for axis in (0, 1):  # every place is taken, about equally often
        room = size[axis] + 2 * pad - wanted[axis] + 1
        counts = np.bincount(places[:, axis], minlength=room)
        assert len(counts) == room
        assert abs(counts - 400 / room).max() < 5 * math.sqrt(400 / room)
    assert abs(places[:, 2].mean() - 0.5) < 0.1
    assert abs(places[:, 3].mean() - 0.25) < 0.1


def test_resampling_crops_and_flips_gives_the_same_pixels() -> None:
    """The two paths agree: offsets, mirrors and half pixels mean the same in both."""
    images = torch.rand(64, 2, 16, 32)
    asked: dict[str, Any] = {
        "stored": (16, 32),
        "cut": (10, 40),
        "crop": True,
        "pad": 6,
        "flip": 0.5,
        "flip_vertical": 0.5,
    }
    draws = Draws(3, 8, range(64), 64)
    exact = Geometry(**asked).apply(images, draws)
    assert torch.allclose(Geometry(**asked, rescale=1.0).apply(images, draws), exact, atol=1e-5)


@pytest.mark.parametrize("size", [8, 16, 33])
def test_a_quarter_turn_is_exact(size: int) -> None:
    images = torch.rand(4, 1, size, size)
    turns = np.array([0.0, 90.0, 180.0, -90.0])
    out = resample(images, about_center(rotation(turns), size, size), (size, size))
    for i, k in enumerate((0, 1, 2, 3)):  # rot90 turns counter-clockwise as one looks at it
        expected = images[i].rot90(k, (1, 2))
        assert torch.equal(out[i], expected) if size != 33 else torch.allclose(out[i], expected, atol=1e-5)


def test_a_turned_image_that_is_not_square_keeps_its_shapes() -> None:
    """A disc stays a disc: pixels, not shares of width and height, are turned."""
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(90.0), indexing="ij")
    disc = ((x - 44.5) ** 2 + (y - 19.5) ** 2 < 14**2).float()[None, None]
    for degrees in (17.0, 45.0, 90.0):
        out = resample(disc, about_center(rotation(np.array([degrees])), 40, 90), (40, 90))
        assert (out - disc).abs().max() < 0.8  # along the edge
        assert (out - disc).abs().mean() < 0.01


@pytest.mark.parametrize(
    ("matrix", "point", "moved"),
    [
        (rotation(np.array([90.0])), (3, 0), (0, -3)),
        (rotation(np.array([30.0])), (2, 0), (2 * math.cos(math.pi / 6), -1)),
        (scaling(np.array([2.0]), np.array([0.5])), (3, 4), (6, 2)),
        (scaling(np.array([-1.0]), np.array([1.0])), (3, 4), (-3, 4)),
        (shearing(np.array([45.0])), (0, -2), (2, -2)),
        (shifting(np.array([5.0]), np.array([-1.0])), (1, 1), (6, 0)),
    ],
)  # fmt: skip
def test_where_a_point_goes(matrix: Any, point: tuple[float, float], moved: tuple[float, float]) -> None:
    """x to the right, y down; angles counter-clockwise; what leans over by 45 degrees leans to the right above."""
    assert np.allclose(matrix[0] @ [*point, 1], [*moved, 1])


def test_a_pixel_lands_where_its_point_goes() -> None:
    images = torch.zeros(1, 1, 21, 31)
    images[0, 0, 4, 20] = 1
    whole = shifting(np.array([-3.0]), np.array([2.0])) @ rotation(np.array([90.0]))
    whole = about_center(whole, 21, 31)
    out = resample(images, whole, (21, 31))
    x, y, _ = whole[0] @ [20, 4, 1]
    assert abs(float(out[0, 0, round(y), round(x)]) - 1) < 1e-4
    assert abs(float(out.sum()) - 1) < 1e-3


def test_resampling_agrees_with_kornia() -> None:
    images = photograph(96, 128).expand(6, 3, 96, 128)
    drawn = maps(everything((96, 128), (80, 100)), Draws(0, 1, range(6), 6))
    theirs = warp_affine(images, torch.from_numpy(drawn[:, :2]).float(), (80, 100), align_corners=True)
    assert (resample(images, drawn, (80, 100)) - theirs).abs().max() < 1e-3


def everything(stored: tuple[int, int], cut: tuple[int, int]) -> Geometry:
    return Geometry(
        stored, cut, crop=True, flip=0.5, flip_vertical=0.5, rotate=(-30, 30), translate=(-5, 5), rescale=1.3,
        shear=(-15, 15), stretch=1.2,
    )  # fmt: skip


def test_the_composed_map_is_one_distortion_after_the_other() -> None:
    """On a smooth image, up to what every resampling smears; the composed one smears once."""
    n, (h, w) = 8, (120, 160)
    y, x = torch.meshgrid(torch.linspace(-1, 1, h), torch.linspace(-1.3, 1.3, w), indexing="ij")
    # dark towards the border, so that no step on the way cuts anything off
    smooth = torch.exp(-12 * ((x - 0.1) ** 2 + y**2)) * (1 + torch.sin(6 * x) * torch.cos(5 * y + 1)) / 2
    images = smooth.expand(n, 1, h, w).contiguous()
    geometry = everything((h, w), (100, 140))
    draws = Draws(11, 2, range(n), n)
    step = images
    across, down = geometry.mirrored(draws)
    root = np.exp(draws.between("stretch", math.log(1 / 1.2), math.log(1.2))[:, 0] / 2)
    factor = np.exp(draws.between("rescale", math.log(1 / 1.3), math.log(1.3))[:, 0])
    for matrix in (
        scaling(np.where(across, -1.0, 1.0), np.where(down, -1.0, 1.0)),
        scaling(root, 1 / root),
        shearing(draws.between("shear", -15, 15)[:, 0]),
        scaling(factor, factor),
        rotation(draws.between("rotate", -30, 30)[:, 0]),
        shifting(*draws.between("translate", -5, 5, 2).T),
    ):
        step = resample(step, about_center(matrix, h, w), (h, w))
    parts = [
        s[:, int(y0) : int(y0) + 100, int(x0) : int(x0) + 140]
        for s, (y0, x0) in zip(step, geometry.offsets(draws), strict=True)
    ]
    at_once = geometry.apply(images, draws)
    assert (torch.stack(parts) - at_once).abs().max() < 0.02
    assert (at_once.amax((1, 2, 3)) > 0.4).all()


def test_what_is_drawn() -> None:
    """Uniform, or log-uniform, between the ends: read off the maps of many images."""
    draws = Draws(0, 0, range(MANY), MANY)
    size = (32, 48)
    plain: dict[str, Any] = {"stored": size, "cut": size}

    def linear(**asked: Any) -> Any:
        return maps(Geometry(**plain, **asked), draws)

    def uniform(values: Any, low: float, high: float) -> None:
        assert values.min() >= low
        assert values.max() <= high
        counts, _ = np.histogram(values, bins=8, range=(low, high))
        assert abs(counts - MANY / 8).max() < 5 * math.sqrt(MANY / 8)

    turned = linear(rotate=(-20.0, 50.0))
    uniform(np.rad2deg(np.arctan2(-turned[:, 1, 0], turned[:, 0, 0])), -20, 50)
    assert np.allclose(np.linalg.det(turned), 1)
    moved = linear(translate=(-3.0, 7.0))
    uniform(moved[:, 0, 2], -3, 7)
    uniform(moved[:, 1, 2], -3, 7)
    assert abs(np.corrcoef(moved[:, 0, 2], moved[:, 1, 2])[0, 1]) < 0.1
    scaled = linear(rescale=1.6)
    uniform(np.log(scaled[:, 0, 0]), -math.log(1.6), math.log(1.6))
    assert np.allclose(scaled[:, 0, 0], scaled[:, 1, 1])
    uniform(np.rad2deg(np.arctan(-linear(shear=(-20.0, 20.0))[:, 0, 1])), -20, 20)
    stretched = linear(stretch=1.3)
    uniform(np.log(stretched[:, 0, 0] / stretched[:, 1, 1]), -math.log(1.3), math.log(1.3))
    assert np.allclose(np.linalg.det(stretched), 1)
    mirrored = linear(flip=0.3)
    assert abs((mirrored[:, 0, 0] < 0).mean() - 0.3) < 0.05


def test_the_center_of_the_image_stays() -> None:
    drawn = maps(
        Geometry((31, 21), (31, 21), flip=0.5, rotate=(0, 360), rescale=2.0, shear=(-20, 20), stretch=1.3),
        Draws(0, 0, range(50), 50),
    )
    assert np.allclose(drawn @ [10, 15, 1], [10, 15, 1])


def test_autocast_does_not_touch_the_geometry() -> None:
    images = torch.rand(8, 3, 40, 40)
    made = augmenter((3, 40, 40), (3, 40, 40), rotate={}, rescale={}, jitter={}, erase={})
    plain = made.train(images, 0, range(8), 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(made.train(images, 0, range(8), 8), plain)
    assert plain.dtype == torch.float32


def test_the_lecture_s_table_in_a_spec() -> None:
    model = netspec.loads(
        "input 3x24x24\nconv3-4\ntrain {\naugment {\ncrop 24 pad=2\nrotate low=0 high=360\ntranslate 10\nrescale 1.6\nflip\n"
        "shear 20\nstretch 1.3\n}\n}"
    )
    recipe = model.graph.recipe
    assert recipe is not None
    from netspec.training.augment import Augmenter

    made = Augmenter(recipe.augment, (3, 24, 24), (3, 24, 24), 0)
    assert made.geometry == Geometry(
        (24, 24), (24, 24), crop=True, pad=2, flip=0.5, rotate=(0, 360), translate=(-10, 10), rescale=1.6,
        shear=(-20, 20), stretch=1.3,
    )  # fmt: skip
    assert made.train(torch.rand(5, 3, 24, 24), 0, range(5), 5).shape == (5, 3, 24, 24)
