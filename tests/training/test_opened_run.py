"""`netspec.open_run`: the views of a run in Python, and what only a trained network shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from small_runs import conv_run

import netspec

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run() -> netspec.Run:
    return netspec.open_run(conv_run())


def scores_of_training(run: netspec.Run) -> torch.Tensor:
    """The scores before the softmax of every training image (N x classes)."""
    held = run.examples("train")
    inputs, _ = held.batch(range(len(held.examples)))
    _, tensors = run.run(inputs[0].numpy())
    return tensors[run.logits.name]


@pytest.mark.parametrize("cls", range(10))
def test_the_image_that_maximizes_a_class_beats_every_training_image(run: netspec.Run, cls: int) -> None:
    view = run.maximize(cls)
    assert view.data["score"] > float(scores_of_training(run)[:, cls].max())
    again = run.forward.run({"input": torch.from_numpy(view.arrays["image"])})
    assert float(again[run.logits.name][0, cls]) == pytest.approx(view.data["score"], rel=1e-4)


def test_images_of_the_data_are_named(run: netspec.Run) -> None:
    held = run.examples("test")
    inputs, _ = held.batch([3])
    by_name, by_array = run.saliency("test:3"), run.saliency(inputs[0].numpy())
    np.testing.assert_array_equal(by_name.arrays["gradient"], by_array.arrays["gradient"])
    with pytest.raises(netspec.SpecError, match="no test example 100000"):
        run.saliency("test:100000")


def test_the_views_of_the_data(run: netspec.Run, tmp_path: Path) -> None:
    panel, worst = run.panel(8), run.worst(3, "validation")
    assert len(panel.data["examples"]) == 8
    assert worst.data["part"] == "validation"
    assert run.neighbors("train:5", count=2).data["neighbors"][0] | {"class": ""} == {"index": 5, "class": "", "distance": 0.0}  # fmt: skip
    assert len(run.embedding("validation").data["places"]) == len(run.examples("validation").examples)
    assert run.top("conv1[2]", count=3).data["top"][0]["channel"] == 2
    panel.save(tmp_path / "panel.svg")
    assert (tmp_path / "panel.svg").read_text().startswith("<svg")


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(netspec.SpecError, match="NS606"):
        netspec.open_run(tmp_path)
