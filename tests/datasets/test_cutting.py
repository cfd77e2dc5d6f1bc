"""Random resized crops: the boxes by the published rule, the pixels as Pillow and torch scale them, in every kind of data."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F
from written import classes, opened

import netspec.datasets.decoding as decoding
from netspec.datasets import Batch, batches
from netspec.datasets.cutting import Cut, cut_images, cut_targets
from netspec.datasets.decoding import Frame, decode
from netspec.datasets.draws import Draws
from netspec.datasets.names import Names
from netspec.graph import TensorType


def cut_of(count: int, size: tuple[int, int] = (12, 10), step: int = 3, **ranges: Any) -> Cut:
    ranges = {"scale": (0.08, 1.0), "ratio": (3 / 4, 4 / 3)} | ranges
    return Cut(size, draws=Draws(0, step, range(count), count), **ranges)


def photo(height: int, width: int) -> np.ndarray[Any, Any]:
    """H x W x 3, smooth, so that scaling twice is close to scaling once."""
    y, x = np.mgrid[:height, :width]
    return np.stack([255 * x / width, 255 * y / height, 128 + 100 * np.sin((x + 2 * y) / 40)], 2).astype(np.uint8)


def published(numbers: Any, height: int, width: int, scale: Any, ratio: Any) -> tuple[int, int, int, int]:
    """Inception's crop as torchvision's documentation states it, of given random numbers."""
    for u, v, down, across in numbers:
        area, aspect = height * width * (scale[0] + u * (scale[1] - scale[0])), ratio[0] * (ratio[1] / ratio[0]) ** v
        w, h = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
        if 0 < w <= width and 0 < h <= height:
            return math.floor(down * (height - h + 1)), math.floor(across * (width - w + 1)), h, w
    w, h = width, height
    if width / height < ratio[0]:
        h = round(width / ratio[0])
    elif width / height > ratio[1]:
        w = round(height * ratio[1])
    return (height - h) // 2, (width - w) // 2, h, w


@pytest.mark.parametrize("size", [(375, 500), (30, 20), (10, 1000), (1000, 10)])
def test_boxes_follow_the_published_rule(size: tuple[int, int]) -> None:
    for ranges in ({}, {"scale": (0.9, 1.0), "ratio": (1.0, 1.0)}, {"scale": (0.35, 0.4), "ratio": (0.5, 3.0)}):
        cuts = cut_of(200, **ranges).drawn()
        for row in range(200):
            box = cuts.box(row, *size)
            assert box == published(cuts.numbers[row].tolist(), *size, cuts.cut.scale, cuts.cut.ratio)
            top, left, h, w = box
            assert top >= 0
            assert left >= 0
            assert top + h <= size[0]
            assert left + w <= size[1]


def test_areas_are_uniform_and_every_step_draws_others() -> None:
    cuts = cut_of(4000, ratio=(1.0, 1.0)).drawn()
    areas = np.array([h * w for _, _, h, w in (cuts.box(i, 400, 400) for i in range(4000))]) / 160_000
    assert np.quantile(areas, [0.1, 0.5]) == pytest.approx([0.08 + 0.092, 0.08 + 0.46], abs=0.04)
    assert not np.array_equal(cuts.numbers, cut_of(4000, step=4).drawn().numbers)


def test_processes_draw_the_numbers_of_their_rows() -> None:
    whole = cut_of(10).drawn()
    part = Cut((12, 10), (0.08, 1.0), (3 / 4, 4 / 3), Draws(0, 3, range(6, 10), 10)).drawn()
    assert np.array_equal(part.numbers, whole.numbers[6:])
    assert np.array_equal(whole.of(np.array([7, 2])).numbers, whole.numbers[[7, 2]])


@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
def test_arrays_are_scaled_as_torch_scales_them(kind: torch.dtype) -> None:
    images = torch.from_numpy(photo(40, 60)).permute(2, 0, 1).repeat(6, 1, 1, 1).to(kind)
    cuts = cut_of(6).drawn()
    for row, result in enumerate(cut_images(images, cuts)):
        top, left, h, w = cuts.box(row, 40, 60)
        part = images[row : row + 1, :, top : top + h, left : left + w].float()
        true = F.interpolate(part, size=(12, 10), mode="bilinear", antialias=True)[0]
        assert (result.float() - true).abs().max() <= (1.0 if kind == torch.uint8 else 1e-3)


def test_files_are_scaled_as_pillow_scales_them(tmp_path: Path) -> None:
    Image.fromarray(photo(90, 70)).save(tmp_path / "a.png")
    cuts = cut_of(8).drawn()
    for row in range(8):
        top, left, h, w = cuts.box(row, 90, 70)
        true = (
            Image.fromarray(photo(90, 70))
            .crop((left, top, left + w, top + h))
            .resize((10, 12), Image.Resampling.BILINEAR)
        )
        found = decode(str(tmp_path / "a.png"), Frame(3, 64, 64, resize=True), "it", cuts, row)
        assert np.array_equal(found, np.asarray(true).transpose(2, 0, 1))


@pytest.mark.parametrize("turn", [1, 6, 3])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_simplejpeg_and_pillow_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    file = str(tmp_path / "a.jpg")
    Image.fromarray(photo(200, 320)).convert(mode).save(file, quality=95, **({"exif": exif} if turn > 1 else {}))
    cuts = cut_of(6).drawn()
    frames = [Frame(3 if mode == "RGB" else 1, 40, 40, resize=True, pixels=p) for p in (None, 50)]
    asked = [(f, c, row) for f in frames for c in (cuts, None) for row in range(6 if c else 1)]
    quick = [decode(file, f, "it", c, row) for f, c, row in asked]
    assert (decoding._quick(file, frames[0], None, 0) is None) == (turn > 1), "what is rotated is left to Pillow"
    monkeypatch.setattr(decoding, "_simplejpeg", lambda: None)
    for found, (frame, c, row) in zip(quick, asked, strict=True):
        assert np.abs(found.astype(int) - decode(file, frame, "it", c, row)).max() <= 4


def test_what_simplejpeg_refuses_is_told_by_pillow(tmp_path: Path) -> None:
    Image.fromarray(photo(64, 64)).save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(Exception, match="NS603"):
        decode(str(tmp_path / "a.jpg"), Frame(3, 32, 32, resize=True), "a.jpg")


def test_targets_of_pixels_are_cut_with_their_images() -> None:
    y, x = torch.meshgrid(torch.arange(48), torch.arange(36), indexing="ij")
    images = torch.stack([x, y]).float().repeat(5, 1, 1, 1)
    target = (y * 36 + x).repeat(5, 1, 1)
    cuts = cut_of(5, scale=(0.3, 1.0)).drawn()
    moved, labels = cut_images(images, cuts), cut_targets(target, cuts)
    assert (moved[:, 0] - labels % 36).abs().max() < 2.5
    assert (moved[:, 1] - labels // 36).abs().max() < 2.5


def test_masks_are_cut_with_their_images(tmp_path: Path) -> None:
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for number in range(6):
        mask = np.zeros((40, 50), np.uint8)
        mask[5 + number : 25, 10 : 30 + number] = 1
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
        Image.fromarray(mask * 255).save(tmp_path / "images" / f"{number}.png")
    image, output = TensorType("map", (1, 16, 16)), TensorType("map", (2, 16, 16))
    held = opened(tmp_path, image, output, validation=0.0, test=0.0, resize=True)
    batch = held.train.batch(range(6), cut_of(6, (16, 16), scale=(0.3, 1.0)))
    shown = batch.inputs["input"][:, 0].float() / 255
    sure = (shown < 0.01) | (shown > 0.99)
    assert batch.target.shape == (6, 16, 16)
    assert torch.equal((shown > 0.5)[sure], (batch.target == 1)[sure])
    assert sure.float().mean() > 0.7


@pytest.mark.slow
def test_workers_read_the_same(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / "ab"[number % 2]).mkdir(exist_ok=True)
        Image.fromarray(photo(40 + number, 60)).save(tmp_path / "ab"[number % 2] / f"{number}.jpg")
    held = opened(tmp_path, TensorType("map", (3, 12, 10)), classes(2), validation=0.0, test=0.0, resize=True)
    plan, cuts = [[0, 5, 3], [1, 2, 4]], [cut_of(3, step=s) for s in (0, 1)]
    found: list[list[Batch]] = [list(batches(held.train, plan, workers, cuts)) for workers in (0, 1)]
    for one, other in zip(*found, strict=True):
        assert torch.equal(one.inputs["input"], other.inputs["input"])
        assert torch.equal(one.target, other.target)
    assert not torch.equal(found[0][0].inputs["input"], next(batches(held.train, plan, 0)).inputs["input"])


def test_names_are_kept_as_they_are() -> None:
    given = ["a/1.png", "é.jpg", "\udcff.png", ""]
    names = Names(given)
    assert list(names) == given
    assert (len(names), names[1], names[-1], names[1:3]) == (4, "é.jpg", "", given[1:3])
    with pytest.raises(IndexError):
        names[4]
