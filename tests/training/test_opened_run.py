"""`netspec.open_run`: the views of a run in Python, and what only a trained network shows."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from small_runs import conv_run, trained

import netspec
from netspec.training.report_page import as_page
from netspec.training.run_report import report_of

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
    nearest = run.neighbors("train:5", count=2).data["neighbors"][0]
    assert (nearest["index"], nearest["distance"]) == (
        5,
        pytest.approx(0, abs=1e-5),
    )  # a batch of one is added up in another order
    assert len(run.embedding("validation").data["places"]) == len(run.examples("validation").examples)
    assert run.top("conv1[2]", count=3).data["top"][0]["channel"] == 2
    panel.save(tmp_path / "panel.svg")
    assert (tmp_path / "panel.svg").read_text().startswith("<svg")


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(netspec.SpecError, match="NS606"):
        netspec.open_run(tmp_path)


SPIRALS = "input 2; FC-16 act=tanh; FC-3; train { optimizer adam lr=0.02; epochs 5; batch 32; seed 2 }".replace(
    ";", "\n"
)


def test_the_regions_after_every_epoch_are_those_of_the_run(tmp_path: Path) -> None:
    """The run is trained again: it ends with the weights of the run, and agrees with its metrics on the way."""
    from PIL import Image

    folder = trained("spirals", SPIRALS, "spirals")
    run = netspec.open_run(folder, "last")
    view = run.learning("validation")
    assert (view.data["epochs"], view.data["same_weights"]) == ([0, 1, 2, 3, 4, 5], True)
    rows = (folder / "metrics.csv").read_text().splitlines()
    column = rows[0].split(",").index("validation_accuracy")
    shares = [count / view.data["points"] for count in view.data["correct"]]
    assert shares[1:] == pytest.approx([float(row.split(",")[column]) for row in rows[1:]])
    np.testing.assert_array_equal(view.arrays["classes"][-1], run.boundary(part="validation").arrays["classes"])
    view.save(tmp_path / "b.gif")
    with Image.open(tmp_path / "b.gif") as image:
        assert image.n_frames == 6
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    shutil.copyfile(folder / "best.safetensors", other / "last.safetensors")
    weights = {name: value + 1 for name, value in load_file(other / "last.safetensors").items()}
    save_file(weights, other / "last.safetensors")
    assert not netspec.open_run(other).learning().data["same_weights"]


def test_only_the_regions_of_a_run_are_animated(run: netspec.Run, tmp_path: Path) -> None:
    with pytest.raises(netspec.SpecError, match="`filters` is not animated"):
        run.filters().save(tmp_path / "x.gif")
    with pytest.raises(netspec.SpecError, match="two inputs"):
        run.learning()
    with pytest.raises(ValueError, match="the part is test, validation or train"):
        run.panel(part="tset")


def test_a_network_with_several_inputs(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    left, right = draws.normal(size=(2, 80, 4)).astype(np.float32)
    np.savez(tmp_path / "two.npz", a=left, b=right, y=draws.integers(0, 3, 80))
    spec = "input a 4; input b 4; add [ from a; from b ]; FC-6; relu; FC-3; train { epochs 1 }".replace(";", "\n")
    run = netspec.open_run(trained("two-inputs", spec, str(tmp_path / "two.npz")))
    inputs, _ = run.examples("test").batch(range(16))
    given = dict(zip("ab", inputs, strict=True))
    hidden = netspec.loads(spec).trace(given, weights=run.trained.weights)["relu1"].value
    np.testing.assert_allclose(run.embedding("test").arrays["features"], hidden, rtol=1e-5)
    assert run.top("fc2[1]", "test", 3).data["top"][0]["value"] > run.top("fc2[1]", "test", 3).data["top"][2]["value"]
    assert "last-hidden-layer" in as_page(report_of(run.trained.folder.path))
