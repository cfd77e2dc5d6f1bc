"""Folders of images: layouts, parts, what fits, what is corrupt; and decoding in processes of its own."""

from __future__ import annotations

import itertools
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import PATIENCE
from PIL import Image
from written import COLOR, GRAY, classes, every, opened, png, refused, save_images, words

from netspec.datasets import Collection, batches
from netspec.diagnostics import SpecError
from netspec.graph import TensorType


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    save_images(tmp_path / "animals", {"zebra": 30, "Cat": 20, "dog": 10}, 8, 8, 3)
    return tmp_path / "animals"


def numbers(examples: Any) -> list[int]:
    """Of each image the number that it was saved with."""
    return [] if examples is None else every(examples).inputs["input"][:, 0, 0, 0].tolist()  # type: ignore[no-any-return]


def test_a_folder_a_class(animals: Path) -> None:
    (animals / ".hidden").mkdir()
    (animals / "dog" / ".DS_Store.png").write_bytes(b"x")
    (animals / "dog" / "notes.txt").write_text("x")
    found = opened(animals, COLOR, classes(3))
    assert found.classes == ("Cat", "dog", "zebra")
    assert [len(found.train), len(found.validation), len(found.test)] == [42, 6, 12]  # type: ignore[arg-type]
    seen = numbers(found.train) + numbers(found.validation) + numbers(found.test)
    assert sorted(seen) == list(range(60))
    for part in (found.train, found.validation, found.test):
        label = {0: 2, 1: 0, 2: 1}
        group = [0 if n < 30 else 1 if n < 50 else 2 for n in numbers(part)]
        assert part.targets().tolist() == [label[g] for g in group] == every(part).target.tolist()  # type: ignore[union-attr]
    assert every(found.train).inputs["input"].dtype == torch.uint8


def test_images_are_those_that_pillow_reads(animals: Path) -> None:
    found = opened(animals, COLOR, classes(3), test=0, validation=0)
    files = [p for c in found.classes for p in sorted((animals / c).iterdir())]
    true = np.stack([np.asarray(Image.open(p)).transpose(2, 0, 1) for p in files])
    assert (every(found.train).inputs["input"].numpy() == true).all()


def test_the_fingerprint_is_that_of_names_and_sizes(animals: Path) -> None:
    first = opened(animals, COLOR, classes(3)).fingerprint
    moved = animals.rename(animals.parent / "elsewhere")
    assert opened(moved, COLOR, classes(3)).fingerprint == first
    assert opened(moved, COLOR, classes(3), test=0.3).fingerprint != first
    (moved / "dog" / "0000.png").rename(moved / "dog" / "0000.PNG")
    assert opened(moved, COLOR, classes(3)).fingerprint != first


@pytest.mark.parametrize("validation", ["val", "valid", "validation", "Val"])
def test_parts_on_top(tmp_path: Path, validation: str) -> None:
    save_images(tmp_path / "train", {"a": 10, "b": 10}, 8, 8)
    save_images(tmp_path / validation, {"b": 4}, 8, 8, seed=50)
    found = opened(tmp_path, GRAY, classes(2))
    assert [len(found.train), len(found.validation)] == [20, 4]  # type: ignore[arg-type]
    assert found.test is None, "someone has chosen what to train on: none of it is taken away for testing"
    assert found.validation.targets().tolist() == [1] * 4  # type: ignore[union-attr]
    save_images(tmp_path / "test", {"a": 3, "b": 3}, 8, 8, seed=80)
    (tmp_path / "annotations").mkdir()
    found = opened(tmp_path, GRAY, classes(2))
    assert [len(found.train), len(found.validation), len(found.test)] == [20, 4, 6]  # type: ignore[arg-type]
    folded = opened(tmp_path, GRAY, classes(2), folds=3, fold=2)
    assert [len(folded.train), len(folded.validation), len(folded.test)] == [16, 8, 6]  # type: ignore[arg-type]


def test_vehicles_may_be_trains(tmp_path: Path) -> None:
    save_images(tmp_path, {"train": 5, "bus": 5}, 8, 8)
    assert opened(tmp_path, GRAY, classes(2)).classes == ("bus", "train")


def test_layouts_that_are_not_understood(tmp_path: Path) -> None:
    save_images(tmp_path / "a", {"one": 2, "two": 2}, 8, 8)
    (tmp_path / "a" / "three").mkdir()
    assert "three contains no images" in refused("NS601", tmp_path / "a", GRAY, classes(2))
    save_images(tmp_path / "b" / "train", {"one": 2, "two": 2}, 8, 8)
    save_images(tmp_path / "b" / "test", {"one": 2, "three": 2}, 8, 8)
    assert "the additional classes are three" in refused("NS601", tmp_path / "b", GRAY, classes(2))
    save_images(tmp_path / "c", {".": 3}, 8, 8)
    assert "are not sorted into class folders" in refused("NS601", tmp_path / "c", GRAY, classes(2))
    assert len(opened(tmp_path / "c", GRAY, GRAY, "input", test=0, validation=0).train) == 3
    save_images(tmp_path / "d" / "train", {"one": 2}, 8, 8)
    save_images(tmp_path / "d" / "val", {"one": 2}, 8, 8)
    save_images(tmp_path / "d" / "valid", {"one": 2}, 8, 8)
    assert "the same split twice" in refused("NS601", tmp_path / "d", GRAY, classes(1))
    (tmp_path / "e" / "sub").mkdir(parents=True)
    (tmp_path / "e" / "sub" / "readme.txt").write_text("x")
    assert "it contains sub/" in refused("NS601", tmp_path / "e")


def test_an_autoencoder_takes_every_image(tmp_path: Path) -> None:
    save_images(tmp_path / "train", {".": 5, "more": 5}, 8, 8)
    save_images(tmp_path / "test", {".": 4}, 8, 8)
    found = opened(tmp_path, GRAY, GRAY, "input", validation=0)
    assert (len(found.train), len(found.test)) == (10, 4)  # type: ignore[arg-type]


def test_links_that_lead_back_up_end(animals: Path, tmp_path: Path) -> None:
    (animals / "dog" / "loop").symlink_to(animals / "dog")
    os.mkfifo(animals / "dog" / "pipe.png")
    (animals / "dog" / "device.png").symlink_to("/dev/zero")
    found = opened(animals, COLOR, classes(3), test=0, validation=0)
    assert len(found.train) == 60
    save_images(tmp_path / "other", {"x": 3}, 8, 8, 3)
    (animals / "emu").symlink_to(tmp_path / "other" / "x")
    assert opened(animals, COLOR, classes(4)).classes == ("Cat", "dog", "emu", "zebra")


def test_images_that_do_not_fit(animals: Path) -> None:
    said = refused("NS602", animals, TensorType("map", (3, 32, 32)), classes(3))
    assert "the images are 3x8x8" in said
    assert "write `input 3x8x8` in the spec" in said
    assert "--resize" in said
    assert "`FC-3`" in refused("NS602", animals, COLOR, classes(10))
    assert "a list of 5 integers" in refused("NS601", animals, TensorType("ids", (5,)), classes(3))
    assert "--resize" not in refused("NS602", animals, TensorType("map", (2, 8, 8)), classes(3))
    save_images(animals, {"dog": 1}, 9, 12, 3)
    said = refused("NS602", animals, COLOR, classes(3))
    assert "the images have 2 different sizes, from 8x8 to 9x12" in said
    assert opened(animals, COLOR, classes(3), resize=True).train.shapes == {"input": (3, 8, 8)}
    assert "smaller than the input of the net" in refused("NS604", animals, COLOR, classes(3), pixels=7)


@pytest.mark.parametrize(
    ("kind", "resize", "shape"),
    [
        (GRAY, False, (1, 8, 8)),
        (TensorType("vector", (192,)), False, (3, 8, 8)),
        (TensorType("vector", (64,)), False, (1, 8, 8)),
        (TensorType("sequence", (8, 24)), False, (3, 8, 8)),
        (TensorType("sequence", (8, 8)), False, (1, 8, 8)),
        (TensorType("sequence", (6, 15)), True, (3, 6, 5)),
        (TensorType("vector", (784,)), True, (1, 28, 28)),
        (TensorType("vector", (3072,)), True, (3, 32, 32)),
        (TensorType("map", (4, 5, 7)), True, (4, 5, 7)),
    ],
)
def test_images_reach_every_kind_of_net(animals: Path, kind: TensorType, resize: bool, shape: Any) -> None:
    from netspec.datasets import arranged

    found = opened(animals, kind, classes(3), resize=resize)
    assert found.train.shapes == {"input": shape}
    assert arranged(found.train.batch([0, 1]).inputs["input"], kind).shape == (2, *kind.shape)


def spoil(folder: Path) -> list[Path]:
    """Four files of `dog` that cannot be read, each in its own way."""
    jpeg = folder / "dog" / "0000.jpg"
    Image.open(folder / "dog" / "0000.png").resize((64, 64)).save(jpeg, quality=95)
    content = (folder / "dog" / "0000.png").read_bytes()
    jpeg.write_bytes(jpeg.read_bytes()[:-900])
    bad = [folder / "dog" / name for name in ("0003.png", "0004.png", "0005.png")]
    bad[0].write_bytes(b"")
    bad[1].write_bytes(content[: len(content) // 2])
    bad[2].unlink()
    bad[2].symlink_to("nowhere")
    return [jpeg, *bad]


def read_all(found: Collection, workers: int) -> None:
    for part in (found.train, found.validation, found.test):
        list(batches(part, [[i] for i in range(len(part))], workers))  # type: ignore[arg-type]


def test_a_corrupt_image_is_named(animals: Path) -> None:
    bad = spoil(animals)[2]
    for other in ("0000.jpg", "0003.png", "0005.png"):
        (animals / "dog" / other).unlink()
    found = opened(animals, COLOR, classes(3))
    for workers in (0, 2):
        with pytest.raises(SpecError, match="NS603") as caught:
            read_all(found, workers)
        assert f"{bad} cannot be decoded" in words(caught.value)
        assert "--corrupt skip" in words(caught.value)
        assert pickle.loads(pickle.dumps(caught.value)).diagnostics == caught.value.diagnostics


def test_corrupt_images_are_left_out_and_named(animals: Path) -> None:
    whole = opened(animals, COLOR, classes(3))
    bad = spoil(animals)
    (animals / "dog" / "fine.jpg").write_bytes((animals / "dog" / "0001.png").read_bytes())  # named wrongly, and whole
    assert "cannot be decoded" in refused("NS603", animals, COLOR, classes(3))
    found = opened(animals, COLOR, classes(3), corrupt="skip")
    assert sorted(found.skipped) == sorted(map(str, bad))
    parts = (found.train, found.validation, found.test)
    assert sum(map(len, parts)) == 60 - 3 + 1  # type: ignore[arg-type]
    assert all(every(p).replaced == () for p in parts)
    cats = [{n for n in numbers(c.test) if n < 50} for c in (whole, found)]
    assert cats[0] == cats[1], "classes without corrupt images are split as before"
    for path in animals.rglob("*.png"):
        path.unlink()
        path.write_bytes(b"")
    (animals / "dog" / "fine.jpg").write_bytes(b"")
    assert "none of the images" in refused("NS601", animals, COLOR, classes(3), corrupt="skip")


def test_what_only_fails_when_decoded_gives_way_to_the_next_of_its_class(tmp_path: Path) -> None:
    save_images(tmp_path, {"a": 10, "b": 10}, 64, 64, 3)
    broken = tmp_path / "a" / "0004.png"
    broken.write_bytes(png(64, 64))
    found = opened(tmp_path, TensorType("map", (3, 64, 64)), classes(2), corrupt="skip", test=0, validation=0)
    assert found.skipped == ()
    for workers in (0, 2):
        (batch,) = batches(found.train, [[3, 4, 5]], workers)
        assert batch.replaced == (str(broken),)
        assert torch.equal(batch.inputs["input"][1], batch.inputs["input"][2])
        assert batch.target.tolist() == [0, 0, 0]


def plan_of(count: int, seed: int) -> list[list[int]]:
    order = random.Random(seed).sample(range(count), count)
    return [order[i : i + 7] for i in range(0, count, 7)]


def test_workers_change_nothing(animals: Path) -> None:
    train = opened(animals, COLOR, classes(3), resize=True).train
    state = torch.random.get_rng_state()
    for epoch in range(3):
        plan = plan_of(len(train), epoch)
        here, there = list(batches(train, plan, 0)), list(batches(train, iter(plan), 2))
        assert len(here) == len(there) == len(plan)
        for a, b in zip(here, there, strict=True):
            assert torch.equal(a.inputs["input"], b.inputs["input"])
            assert torch.equal(a.target, b.target)
    assert torch.equal(state, torch.random.get_rng_state()), "workers drew from the run's random numbers"


def test_workers_live_on_and_epochs_may_end_early(animals: Path) -> None:
    train = opened(animals, COLOR, classes(3)).train
    plan = plan_of(len(train), 0)
    first = batches(train, plan, 2)
    one = next(first)
    crossing = list(batches(train, plan, 2))  # while another goes on
    assert torch.equal(crossing[0].target, one.target)
    first.close()  # type: ignore[attr-defined]
    endless = batches(train, itertools.cycle(plan), 2)
    assert [next(endless).target.tolist() for _ in range(20)] == [
        b.target.tolist() for b in (*crossing, *crossing, *crossing, *crossing)
    ][:20]
    endless.close()  # type: ignore[attr-defined]
    kept = train.loader[0]  # type: ignore[attr-defined]
    processes = [w.pid for w in kept._iterator._workers]
    assert [b.target.tolist() for b in batches(train, plan, 2)] == [b.target.tolist() for b in crossing]
    assert [w.pid for w in kept._iterator._workers] == processes
    assert list(batches(train, [], 2)) == []
    assert next(batches(train, [[]], 2)).inputs["input"].shape == (0, 3, 8, 8)


def test_an_error_leaves_the_workers_usable(animals: Path) -> None:
    train = opened(animals, COLOR, classes(3)).train
    plan = plan_of(len(train), 0)
    list(batches(train, plan, 2))
    content = {p: p.read_bytes() for p in animals.rglob("*.png")}
    for path in content:
        path.write_bytes(b"")
    with pytest.raises(SpecError, match="NS603"):
        list(batches(train, plan, 2))
    for path, whole in content.items():
        path.write_bytes(whole)
    assert len(list(batches(train, plan, 2))) == len(plan)


def test_names_that_are_no_unicode(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    image = folder / os.fsdecode(b"\xff.png")
    with image.open("wb") as file:
        Image.new("L", (8, 8)).save(file, "PNG")
    save_images(tmp_path, {"b": 2}, 8, 8)
    found = opened(tmp_path, GRAY, classes(2), test=0, validation=0)
    assert found.classes == ("b", "caf�")
    assert len(every(found.train).target) == 3
    image.write_bytes(b"")
    refused("NS603", tmp_path, GRAY, classes(2)).encode()


@pytest.mark.slow
@pytest.mark.parametrize(
    "held",
    [
        "kept = opened_train()",
        "ring = [opened_train()]; ring.append(ring); del ring; gc.collect()",
        "train = opened_train(); next(batches(train, [[0], [1], [2]], 2)); raise SystemExit(0)",
        "def run():\n  for batch in batches(opened_train(), [[0], [1], [2]], 2): raise SystemExit(0)\nrun()",
        "ring = [opened_train()]; ring.append(ring); del ring; other = opened_train(); gc.collect()",
    ],
)
def test_processes_end_with_what_they_decode_for(animals: Path, held: str) -> None:
    script = f"""
import gc, sys
gc.disable()
from netspec.datasets import DataOptions, batches, Goal, Wanted, open_collection
from netspec.graph import TensorType

def opened_train():
    kinds = {{"input": TensorType("map", (3, 8, 8))}}
    train = open_collection({str(animals)!r}, Wanted(kinds, {{"output": Goal(TensorType("vector", (3,)), "class")}}), DataOptions()).train
    list(batches(train, [[0], [1], [2]], 2))
    return train

import torch.utils.data._utils
torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL = 10_000  # seconds that torch waits for a process that was not told to end
{held}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
