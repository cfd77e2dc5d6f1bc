"""Folders of images and masks: what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from written import every, opened, pictures, refused, words

from netspec.datasets.examples import IGNORED
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

COLOR = TensorType("map", (3, 8, 8))
THREE = TensorType("map", (3, 8, 8))
ONE = TensorType("map", (1, 8, 8))
WHOLE: dict[str, Any] = {"validation": 0.0, "test": 0.0}


def save_mask(path: Path, mask: Any, mode: str = "P") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(mask, dtype=np.uint8))
    if mode == "P":
        image = image.convert("P")
        image.putdata(np.asarray(mask, dtype=np.uint8).ravel().tolist())
        image.putpalette(np.random.RandomState(0).randint(0, 256, 768).tolist())
    image.save(path)


def save_pairs(folder: Path, names: list[str], masks: Any, mode: str = "P", size: int = 8) -> Any:
    """Images of noise, whose first pixel is their number, and their masks; returns the images."""
    images = pictures(len(names), size, size, 3)
    for number, (name, image) in enumerate(zip(names, images, strict=True)):
        image[0, 0] = number
        path = folder / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        save_mask(folder / "masks" / f"{name}.png", masks[number], mode)
    return images


@pytest.fixture
def masks() -> Any:
    found = np.random.RandomState(1).randint(0, 3, (6, 8, 8))
    found[:, 0, 0] = 2
    return found


NAMES = [f"{i}" for i in range(6)]


@pytest.mark.parametrize("mode", ["P", "L"])
def test_pixels_are_the_classes_of_their_image(tmp_path: Path, masks: Any, mode: str) -> None:
    images = save_pairs(tmp_path, NAMES, masks, mode)
    found = opened(tmp_path, COLOR, THREE, **WHOLE)
    batch = every(found.train)
    numbers = batch.inputs["input"][:, 0, 0, 0].tolist()
    assert sorted(numbers) == list(range(6))
    assert (batch.inputs["input"].numpy() == images.transpose(0, 3, 1, 2)[numbers]).all()
    assert (batch.target.numpy() == masks[numbers]).all()
    assert found.train.targets() is None
    assert found.classes == ("0", "1", "2")


def test_class_names_and_pixels_that_count_for_no_class(tmp_path: Path, masks: Any) -> None:
    masks[:, 3, 3] = 255
    save_pairs(tmp_path, NAMES, masks)
    (tmp_path / "classes.txt").write_text("sky\nsea\nsand\n")
    found = opened(tmp_path, COLOR, THREE, **WHOLE)
    assert found.classes == ("sky", "sea", "sand")
    target = every(found.train).target
    assert (target[:, 3, 3] == IGNORED).all()
    assert (target == IGNORED).sum() == 6
    (tmp_path / "classes.txt").write_text("sky\nsea\n")
    assert "`conv1-2`" in refused("NS602", tmp_path, COLOR, THREE)


def test_two_classes_have_two_names(tmp_path: Path, masks: Any) -> None:
    save_pairs(tmp_path, NAMES, masks)
    (tmp_path / "classes.txt").write_text("sky\nsea\nsky\n")
    assert "names the class `sky` twice" in refused("NS601", tmp_path, COLOR, THREE)


def test_black_and_white_masks_are_two_classes(tmp_path: Path, masks: Any) -> None:
    save_pairs(tmp_path, NAMES, np.where(masks > 0, 255, 0), "L")
    two = opened(tmp_path, COLOR, TensorType("map", (2, 8, 8)), **WHOLE)
    order = every(two.train).inputs["input"][:, 0, 0, 0].tolist()
    assert (every(two.train).target.numpy() == (masks[order] > 0)).all()
    one = opened(tmp_path, COLOR, ONE, "values", **WHOLE)
    target = every(one.train).target
    assert target.dtype.is_floating_point
    assert (target.numpy()[:, 0] == (masks[order] > 0)).all()
    assert "black and white" in refused("NS602", tmp_path, COLOR, THREE)


def test_splits_in_folders_and_below_images(tmp_path: Path, masks: Any) -> None:
    for part, count in (("train", 3), ("val", 2), ("test", 1)):
        save_pairs(tmp_path / "a" / part, NAMES[:count], masks[:count])
    save_pairs(tmp_path / "b", [*(f"train/{n}" for n in "123"), "val/1", "val/2", "test/1"], masks)
    for folder in ("a", "b"):
        found = opened(tmp_path / folder, COLOR, THREE)
        assert [len(p) for p in (found.train, found.validation, found.test) if p is not None] == [3, 2, 1], folder


def test_the_same_split_for_every_seed_and_without_them(tmp_path: Path, masks: Any) -> None:
    save_pairs(tmp_path, NAMES, masks)
    found = opened(tmp_path, COLOR, THREE)
    sizes = [len(p) for p in (found.train, found.validation, found.test) if p is not None]
    assert sizes == [4, 1, 1]
    assert found.fingerprint == opened(tmp_path, COLOR, THREE).fingerprint
    (tmp_path / "masks" / "0.png").unlink()
    save_mask(tmp_path / "masks" / "0_mask.png", masks[0])
    assert len(opened(tmp_path, COLOR, THREE).train) == 4


def test_masks_are_scaled_with_their_images_to_the_nearest_pixel(tmp_path: Path) -> None:
    whole = np.random.RandomState(0).randint(0, 3, (16, 24))
    Image.fromarray((whole * 100).astype(np.uint8)).save(_made(tmp_path / "images" / "a.png"))
    save_mask(tmp_path / "masks" / "a.png", whole)
    found = opened(tmp_path, TensorType("map", (1, 8, 8)), THREE, resize=True, **WHOLE)
    scaled = Image.fromarray(whole.astype(np.uint8)).resize((12, 8), Image.Resampling.NEAREST)
    assert (every(found.train).target.numpy()[0] == np.asarray(scaled)[:, 2:10]).all()


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_an_autoencoder_reads_the_images_alone(tmp_path: Path, masks: Any) -> None:
    save_pairs(tmp_path, NAMES, masks)
    batch = every(opened(tmp_path, COLOR, THREE, "input", **WHOLE).train)
    assert (batch.target == batch.inputs["input"]).all()
    assert len(batch.target) == 6


def test_unmatched_files_are_named(tmp_path: Path, masks: Any) -> None:
    save_pairs(tmp_path, NAMES, masks)
    (tmp_path / "masks" / "2.png").rename(tmp_path / "masks" / "two.png")
    said = refused("NS601", tmp_path, COLOR, THREE)
    assert "1 image in" in said
    assert "has no mask: images/2.png" in said
    assert "1 mask has no image: masks/two.png" in said
    save_mask(tmp_path / "masks" / "2.png", masks[2])
    (tmp_path / "masks" / "two.png").unlink()
    Image.fromarray(pictures(1, 8, 8, 3)[0]).save(tmp_path / "images" / "2.jpg")
    assert "2.jpg and 2.png differ only" in refused("NS601", tmp_path, COLOR, THREE)


def test_masks_that_are_none(tmp_path: Path, masks: Any) -> None:
    save_pairs(tmp_path, NAMES, masks)
    place = tmp_path / "masks" / "3.png"
    save_mask(place, masks[3][:4])
    assert "the mask is 4x8, but" in refused("NS602", tmp_path, COLOR, THREE)
    Image.fromarray(pictures(1, 8, 8, 3)[0]).save(place)
    assert "its pixels are colors (RGB)" in refused("NS602", tmp_path, COLOR, THREE)
    gray = np.repeat(masks[3][:, :, None], 3, 2).astype(np.uint8)
    Image.fromarray(gray).save(place)
    assert len(opened(tmp_path, COLOR, THREE, **WHOLE).train) == 6
    place.unlink()
    Image.fromarray(masks[3].astype(np.uint8)).save(place.with_suffix(".jpg"))
    assert "is a JPEG image, not a mask" in refused("NS602", tmp_path, COLOR, THREE)
    place.with_suffix(".jpg").unlink()
    place.write_bytes(b"no image")
    assert "cannot be decoded" in refused("NS603", tmp_path, COLOR, THREE)
    skipped = opened(tmp_path, COLOR, THREE, corrupt="skip", **WHOLE)
    assert len(skipped.train) == 5
    assert skipped.skipped[0].endswith("images/3.png")


def test_classes_beyond_those_of_the_net(tmp_path: Path, masks: Any) -> None:
    save_pairs(tmp_path, NAMES, masks)
    said = refused("NS602", tmp_path, COLOR, TensorType("map", (2, 8, 8)))
    assert "have 3 classes, but the net has 2" in said
    assert "`conv1-3`" in said
    assert "a vector of 3" in refused("NS602", tmp_path, COLOR, TensorType("vector", (3,)))
    assert "8x8, but the output of the net is 4x4" in refused("NS602", tmp_path, COLOR, TensorType("map", (3, 4, 4)))
    assert "`loss cross_entropy`" in refused("NS602", tmp_path, COLOR, THREE, "values")


def test_a_wrong_class_in_a_mask_that_was_not_checked_first(tmp_path: Path, masks: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("netspec.datasets.mask_source._MOST_CHECKED", 1)
    masks[4, 5, 6] = 7
    save_pairs(tmp_path, NAMES, masks)
    found = opened(tmp_path, COLOR, THREE, **WHOLE)
    with pytest.raises(SpecError) as caught:
        every(found.train)
    assert "masks/4.png does not match the output" in words(caught.value)
    assert "row 5, column 6 has class 7" in words(caught.value)


def test_pixels_of_no_class_need_a_loss_that_leaves_them_out(tmp_path: Path, masks: Any) -> None:
    masks = np.minimum(masks, 1)
    masks[:, 1, 1] = 255
    save_pairs(tmp_path, NAMES, masks)
    found = opened(tmp_path, COLOR, ONE, "values", **WHOLE)
    with pytest.raises(SpecError) as caught:
        every(found.train)
    assert "only `loss cross_entropy` can leave out" in words(caught.value)


def test_a_corrupt_mask_is_replaced_while_training(tmp_path: Path, masks: Any) -> None:
    save_pairs(tmp_path, NAMES, masks)
    found = opened(tmp_path, COLOR, THREE, corrupt="skip", **WHOLE)
    (tmp_path / "masks" / "0.png").write_bytes(b"gone")
    batch = every(found.train)
    assert len(batch.replaced) == 1
    order = batch.inputs["input"][:, 0, 0, 0].tolist()
    assert (batch.target.numpy() == masks[order]).all()
    assert 0 not in order
