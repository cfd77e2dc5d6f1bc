"""Segmentations: masks move with their images, pixels of no class count for nothing, and predicted masks are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from augmenting import augmenter
from PIL import Image
from running import engine_of, save_examples
from small_runs import folder, netspec, trained
from torch.nn import functional as F

from netspec.datasets.examples import IGNORED
from netspec.diagnostics import SpecError
from netspec.training.losses import loss_function
from netspec.training.plan import Plan

NET = """input 16x16 rgb
conv3-8 pad=same act=relu
conv1-{channels} act=none
train {{
  loss {loss}
  optimizer adam lr=2e-2
  epochs 8
  batch 8
  augment {{ flip }}
}}
"""
COUNT = 24


def squares(place: Path) -> Path:
    """Images with a bright square on the dark; masks with the square as class 1 and its outline as none."""
    random = np.random.RandomState(0)
    for name in ("images", "masks"):
        (place / name).mkdir(parents=True)
    for number in range(COUNT):
        image = random.randint(0, 80, (16, 16, 3))
        y, x = random.randint(1, 8, 2)
        mask = np.zeros((16, 16), np.uint8)
        mask[y : y + 7, x : x + 7] = 255
        mask[y + 1 : y + 6, x + 1 : x + 6] = 1
        image[mask > 0] += 150
        Image.fromarray(image.astype(np.uint8)).save(place / "images" / f"{number:02}.png")
        Image.fromarray(mask).save(place / "masks" / f"{number:02}.png")
    (place / "classes.txt").write_text("ground\nhouse\n")
    return place


@pytest.fixture(scope="module")
def data() -> Path:
    place = folder() / "squares"
    return place if place.exists() else squares(place)


@pytest.fixture(scope="module")
def run(data: Path) -> Path:
    return trained("seg", NET.format(channels=2, loss="cross_entropy"), str(data))


# Masks move with their images


FLIPS = {"flip": {}, "flip_vertical": {}, "crop": {"pad": 2}}


@pytest.mark.parametrize("asked", [{"flip": {}}, {"flip_vertical": {}}, {"crop": {"pad": 3}}, FLIPS])
def test_whole_pixels_move_together(asked: dict[str, Any]) -> None:
    made = augmenter((1, 12, 12), (1, 12, 12), **asked)
    classes = torch.from_numpy(np.random.RandomState(0).randint(0, 5, (64, 12, 12)))
    moved = made.train(classes[:, None].float() + 1, 3, range(64), 64)[:, 0]
    target = made.train_target(classes, 3, range(64), 64)
    assert (target != classes).any()
    assert torch.equal(moved, torch.where(target == IGNORED, 0, target + 1).float())
    values = made.train_target(classes[:, None].float() + 1, 3, range(64), 64)
    assert torch.equal(values[:, 0], moved)


def test_a_rotated_mask_is_that_of_the_rotated_image() -> None:
    made = augmenter((1, 24, 24), (1, 24, 24), rotate={"high": 30.0}, rescale={"high": 1.3}, shear={"high": 10.0})
    mask = torch.zeros(32, 24, 24, dtype=torch.int64)
    mask[:, 6:15, 9:20] = 1
    image = made.train(mask[:, None].float(), 0, range(32), 32)[:, 0]
    inside = made.train(torch.ones(32, 1, 24, 24), 0, range(32), 32)[:, 0]
    target = made.train_target(mask, 0, range(32), 32)
    sure = (image - 0.5).abs() > 0.49
    assert (sure & (image > 0.5)).sum() > 32 * 40
    assert torch.equal(target[sure & (inside > 0.99)], (image > 0.5).long()[sure & (inside > 0.99)])
    assert (target[inside < 0.01] == IGNORED).all()


def test_cutmix_pastes_the_mask_with_the_image() -> None:
    made = augmenter((1, 12, 12), (1, 12, 12), cutmix={"alpha": 1.0})
    classes = torch.from_numpy(np.random.RandomState(0).randint(0, 5, (16, 12, 12)))
    images, mixed = made.mix(classes[:, None].float(), classes, 0, range(16), 16)
    assert (mixed.target != classes).any()
    assert torch.equal(images[:, 0], mixed.target.float())
    assert (mixed.share == 1).all()


def test_masks_of_the_training_set_move(data: Path) -> None:
    """The net sees its own input as its target: only a mask that moves with its image matches."""
    text = NET.format(channels=2, loss="cross_entropy").replace("flip }", "flip; rotate 20; crop pad=2 }")
    engine = engine_of(text, str(data))
    batch = engine.collection.train.batch(range(COUNT))
    (images,), targets, _ = engine.inputs.train(batch, 0, range(COUNT), COUNT)
    target = targets["output"]
    bright = images.mean(1) > 0.5
    counted = target != IGNORED
    assert counted.float().mean() > 0.5
    agreement = (bright == (target == 1))[counted].float().mean()
    assert agreement > 0.98


def test_targets_of_another_size_are_not_left_behind(tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    where = save_examples(tmp_path / "x.npz", random.rand(8, 1, 8, 8).astype("f4"), random.randint(0, 2, (8, 4, 4)))
    text = "input 8x8 gray\nconv3-2 pad=same stride=2 act=none\ntrain {{ augment {{ {} }} }}\n"
    for moving in ("flip", "cutmix"):
        with pytest.raises(SpecError, match="cannot move the targets"):
            engine_of(text.format(moving), where)
    engine_of(text.format("jitter brightness=0.1"), where)


# Pixels of no class


@pytest.mark.parametrize("loss", ["cross_entropy", "hinge"])
def test_pixels_of_no_class_count_for_nothing(loss: str) -> None:
    from netspec.model import loads

    plan = Plan.of(loads(NET.format(channels=3, loss=loss)).graph)
    function = loss_function(plan.loss, 1)
    scores = torch.randn(2, 3, 4, 5)
    target = torch.randint(0, 3, (2, 4, 5))
    target[0, :2] = IGNORED
    losses = function(scores, target)
    of_rest = function(scores[:1, :, 2:], target[:1, 2:])
    torch.testing.assert_close(losses[0], of_rest[0])
    if loss == "cross_entropy":
        torch.testing.assert_close(losses[0], F.cross_entropy(scores[:1], target[:1], ignore_index=IGNORED))


# A run


def test_a_run_learns_and_is_evaluated_by_overlap(run: Path) -> None:
    result = netspec("eval", run, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert "house" in result.stdout
    score = json.dumps(found)
    assert "iou" in score
    shown = netspec("eval", run).output
    assert "mean IoU" in shown
    assert "images" in shown
    assert netspec("eval", run, "--ten-crop").exit_code == 1


def test_predicted_masks_are_written(run: Path, data: Path, tmp_path: Path) -> None:
    image, out = data / "images" / "03.png", tmp_path / "mask.png"
    result = netspec("predict", run, image, "-o", out)
    assert result.exit_code == 0, result.output
    assert "ground" in result.output
    assert "of 256 pixels" in result.output
    mask = np.asarray(Image.open(out))
    assert Image.open(out).mode == "P"
    stored = np.asarray(Image.open(data / "masks" / "03.png"))
    assert (mask == stored)[stored != 255].mean() > 0.95
    assert netspec("predict", run, image, "-o", tmp_path / "mask.npy").exit_code == 0
    assert np.array_equal(np.load(tmp_path / "mask.npy"), mask)
    shares = [float(part) for part in result.output.replace(",", "").replace("%", "").split() if part[0].isdigit()]
    assert shares[0] == pytest.approx(100 * max((mask == 0).mean(), (mask == 1).mean()), abs=0.01)


def test_run_prints_the_share_of_each_class(run: Path, data: Path, tmp_path: Path) -> None:
    assert netspec("compile", run, "-o", tmp_path / "m.onnx").exit_code == 0
    image = data / "images" / "03.png"
    shown = netspec("run", tmp_path / "m.onnx", "--input", image).output
    shares = {name: share for share, name in (line.split() for line in shown.splitlines()[-2:])}
    predicted = netspec("predict", run, image).output
    assert set(shares) == {"ground", "house"}
    assert all(f"{name} {share}" in predicted for name, share in shares.items()), (shown, predicted)


def test_a_folder_of_masks_can_be_trained_on(run: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "masks"
    assert netspec("predict", run, data / "images", "-o", out).exit_code == 0
    assert len(list(out.glob("*.png"))) == COUNT
    assert (out / "classes.txt").read_text() == "ground\nhouse\n"
    said = netspec("predict", run, data / "images", "-o", tmp_path / "one.png")
    assert said.exit_code == 1
    assert "give the name of a folder" in said.output
    again = tmp_path / "again"
    again.mkdir()
    (again / "images").symlink_to(data / "images")
    out.rename(again / "masks")
    (again / "masks" / "classes.txt").rename(again / "classes.txt")
    engine = engine_of(NET.format(channels=2, loss="cross_entropy"), str(again))
    assert len(engine.collection.train) == COUNT


def test_a_single_channel_predicts_black_and_white(tmp_path: Path, data: Path) -> None:
    place = tmp_path / "white"
    (place / "masks").mkdir(parents=True)
    (place / "images").symlink_to(data / "images")
    for path in (data / "masks").iterdir():
        mask = np.asarray(Image.open(path))
        Image.fromarray(np.where(mask > 0, 255, 0).astype(np.uint8)).save(place / "masks" / path.name)
    run = trained("white", NET.format(channels=1, loss="bce"), str(place))
    out = tmp_path / "mask.png"
    result = netspec("predict", run, data / "images" / "03.png", "-o", out)
    assert result.exit_code == 0, result.output
    white = np.asarray(Image.open(out).convert("L")) == 255
    stored = np.asarray(Image.open(data / "masks" / "03.png")) > 0
    assert (white == stored).mean() > 0.95


def test_values_are_written_as_arrays_alone(tmp_path: Path) -> None:
    from small_runs import mlp_run

    np.save(tmp_path / "x.npy", np.zeros((3, 64), np.float32))
    said = netspec("predict", mlp_run(), tmp_path / "x.npy", "-o", tmp_path / "y.png")
    assert said.exit_code == 1
    assert "only masks" in said.output
    assert netspec("predict", mlp_run(), tmp_path / "x.npy", "-o", tmp_path / "y").exit_code == 0
    shares = np.load(tmp_path / "y" / "x-1.npy")
    assert shares.shape == (10,)
    assert shares.sum() == pytest.approx(1)


def test_sanity_of_masks_without_a_false_alarm(data: Path, tmp_path: Path) -> None:
    spec = tmp_path / "seg.net"
    spec.write_text(NET.format(channels=2, loss="cross_entropy"))
    result = netspec("train", spec, "--data", data, "--sanity")
    assert "twenty examples    memorized" in result.output, result.output
