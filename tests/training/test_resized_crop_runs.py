"""Runs with random resized crops, from files of different sizes and from arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from augmenting import augmenter
from PIL import Image
from running import engine_of, save_examples

import netspec
from netspec.datasets import DataOptions
from netspec.training.engine import Watcher

NET = "input 3x12x12\nconv3-4 pad=same act=relu\ngap\nFC-2\ntrain {{ epochs 2; batch 8; augment {{ {} }} }}\n"
SPLIT = DataOptions(validation=0.25, test=0.0)


def folder_of_images(folder: Path) -> str:
    random = np.random.default_rng(0)
    for number in range(24):
        image = random.integers(0, 256, (20 + number, 50 - number, 3), dtype=np.uint8)
        (folder / "ab"[number % 2]).mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / "ab"[number % 2] / f"{number}.jpg")
    return str(folder)


def test_files_are_cut_for_training_and_scaled_for_testing(tmp_path: Path) -> None:
    engine = engine_of(NET.format("crop 12 scale=(0.3, 1) from=16; flip"), folder_of_images(tmp_path), SPLIT)
    assert engine.collection.train.shapes == {"input": (3, 16, 16)}
    cut = engine.inputs.cut(0, range(4), 4)
    assert cut is not None
    assert (cut.size, cut.scale, cut.ratio) == ((12, 12), (0.3, 1.0), (3 / 4, 4 / 3))
    batch = engine.collection.train.batch(range(4), cut)
    assert batch.inputs["input"].shape == (4, 3, 12, 12)
    (trained,), *_ = engine.inputs.train(batch, 0, range(4), 4)
    whole = engine.collection.train.batch(range(4))
    (tested,), _ = engine.inputs.test(whole)
    assert trained.shape == tested.shape == (4, 3, 12, 12)
    assert torch.equal(tested, whole.inputs["input"][:, :, 2:14, 2:14].float() / 255)
    rows = [sorted(row.flatten().tolist()) for row in trained]
    assert rows == [sorted((row.float() / 255).flatten().tolist()) for row in batch.inputs["input"]], "only mirrored"


@pytest.mark.parametrize("line", ["crop scale=(0.3, 1)", "crop ratio=(1, 1); rotate 10"])
def test_arrays_are_cut_from_their_own_size(tmp_path: Path, line: str) -> None:
    x = np.random.default_rng(0).integers(0, 256, (24, 3, 20, 18), dtype=np.uint8)
    engine = engine_of(NET.format(line), save_examples(tmp_path / "x.npz", x, np.arange(24) % 2))
    engine.fit(Watcher())
    assert len(engine.at.history) == 2


def test_a_run_that_is_interrupted_ends_alike(tmp_path: Path) -> None:
    where = folder_of_images(tmp_path)
    text = NET.format("crop scale=(0.3, 1); flip")

    class Stop:
        calls = 0

        def __call__(self) -> bool:
            self.calls += 1
            return self.calls == 4

    whole, first, second = (engine_of(text, where) for _ in range(3))
    whole.fit(Watcher())
    assert not first.fit(Watcher(), Stop())
    second.load_state(first.state())
    second.fit(Watcher())
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, second.module.state_dict()[name]), name


@pytest.mark.parametrize(("section", "says"), [
    ({"crop": {"scale": (0.1, 1.0), "pad": 2}}, "a random resized crop has no padding"),
    ({"crop": {"scale": (0.1, 1.0), "size": (10,)}}, "outputs 10x10, but the net expects 12x12"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(section: dict[str, dict[str, object]], says: str) -> None:
    with pytest.raises(netspec.SpecError, match="NS604") as caught:
        augmenter((3, 16, 16), (3, 12, 12), **section)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("written", "code"), [("(1, 0.1)", "NS205"), ("(0, 1)", "NS205"), ("(0.1, 2)", "NS205"), ("0.3", "NS204")]
)
def test_intervals_are_checked(written: str, code: str) -> None:
    with pytest.raises(netspec.SpecError) as caught:
        netspec.loads(NET.format(f"crop scale={written}"))
    assert caught.value.diagnostics[0].code == code
