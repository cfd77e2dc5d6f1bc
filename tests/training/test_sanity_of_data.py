"""Faults planted in data: between the parts, in labels, in images, and by augmentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from running import save_examples
from sklearn.datasets import load_digits, load_sample_images

from netspec.datasets import DataOptions
from netspec.source import SourceFile
from netspec.training.check_result import CheckResult
from netspec.training.hardware import Hardware
from netspec.training.sanity import check_sanity
from netspec.training.session import Request

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

MLP = "input 64\nFC-32 act=relu\nFC-10\ntrain {\n  optimizer sgd lr=0.1 momentum=0.9\n  batch 64\n}\n"
CONV = "input 1x8x8\nconv3-8 pad=same act=relu\nflatten\nFC-10\ntrain {\n  optimizer adam lr=5e-3\n  AUGMENT\n}\n"
COLOR = "input 3x16x16\nconv3-8 pad=same act=relu\ngap\nFC-2\ntrain {\n  optimizer adam lr=5e-3\n}\n"
X, Y = load_digits().data.astype(np.float32) / 16, load_digits().target


def sane(text: str, where: str = "digits") -> list[CheckResult]:
    return check_sanity(Request(SourceFile(text, "spec.net"), where, DataOptions(), Hardware("cpu")))


def faults(results: list[CheckResult]) -> dict[str, str]:
    return {f.fault: f.measured for f in results if f.status == "problem"}


def parts(path: Path, **change: Any) -> str:
    """The digits as training, validation and test examples, some of the arrays changed."""
    arrays: dict[str, Any] = {}
    for name, rows in (("train", slice(0, 1200)), ("val", slice(1200, 1500)), ("test", slice(1500, None))):
        arrays[f"x_{name}"], arrays[f"y_{name}"] = X[rows], Y[rows]
    for name, value in change.items():
        arrays[name] = value(arrays[name]) if callable(value) else value
    np.savez(path / "parts.npz", **arrays)
    return str(path / "parts.npz")


def patches(count: int = 400) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """16x16 pieces of scikit-learn's two photographs, a class each, N x H x W x C from 0 to 1."""
    random = np.random.default_rng(0)
    x, y = [], []
    for number in range(count):
        photo = load_sample_images().images[number % 2]
        top, left = (int(random.integers(s - 16)) for s in photo.shape[:2])
        x.append(photo[top : top + 16, left : left + 16] / np.float32(255))
        y.append(number % 2)
    return np.stack(x).astype(np.float32), np.array(y)


# Parts


def test_parts_that_are_healthy(tmp_path: Path) -> None:
    assert not faults(sane(MLP, parts(tmp_path)))


@pytest.mark.parametrize(("name", "change"), [
    ("validation", lambda x: x * 255), ("test", lambda x: x * 255), ("validation", lambda x: x / 255),
    ("validation", lambda x: (x - X.mean()) / X.std()), ("test", lambda x: 1 - x),
])  # fmt: skip
def test_a_part_on_another_scale(tmp_path: Path, name: str, change: Any) -> None:
    key = "x_val" if name == "validation" else "x_test"
    results = sane(MLP, parts(tmp_path, **{key: change}))
    found = [r for r in results if r.check == f"{name} inputs"]
    if change(np.float32(0)) == 1:  # black and white exchanged: the mean moves, the spread does not
        assert found[0].status == "problem" or found[0].note
    else:
        assert found[0].fault == f"{name} inputs are on another scale"
    if abs(float(change(np.float32(1))) - 255) < 1:
        assert "scaled by 255" in found[0].advice


def test_validation_copied_from_training(tmp_path: Path) -> None:
    found = faults(sane(MLP, parts(tmp_path, x_val=X[100:400], y_val=Y[100:400])))
    assert list(found) == ["validation examples are in the training set"]
    assert "300 of 300 validation examples" in found["validation examples are in the training set"]


def test_some_test_examples_in_training(tmp_path: Path) -> None:
    def with_copies(x: Any) -> Any:
        return np.concatenate([x[:250], X[:47]])

    found = faults(sane(MLP, parts(tmp_path, x_test=with_copies, y_test=lambda y: np.concatenate([y[:250], Y[:47]]))))
    assert "47 of 297 test examples" in found["test examples are in the training set"]


def test_few_different_inputs_are_no_copies(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.integers(0, 3, (600, 4)).astype(np.float32)
    where = save_examples(tmp_path / "small.npz", x, x.sum(1).astype(int) % 2)
    results = sane("input 4\nFC-8 act=relu\nFC-2\ntrain {\n  optimizer adam lr=1e-2\n}\n", where)
    assert "in the training set" not in " ".join(faults(results))
    assert [r.note for r in results if r.check == "validation copies"] == [True]


def test_classes_of_validation_that_are_numbered_otherwise(tmp_path: Path) -> None:
    found = faults(sane(MLP, parts(tmp_path, y_val=lambda y: (y + 1) % 10)))
    said = found["validation has other class numbers than training"]
    assert "class 0 of training is class 1 of validation" in said
    assert "shifted by 1" in said


def test_labels_of_validation_that_are_shuffled(tmp_path: Path) -> None:
    found = faults(sane(MLP, parts(tmp_path, y_val=np.random.default_rng(0).permutation)))
    assert "validation does not match training" in found


def test_validation_of_one_class(tmp_path: Path) -> None:
    only = np.flatnonzero(Y[1200:] == 3)[:30] + 1200
    found = faults(sane(MLP, parts(tmp_path, x_val=X[only], y_val=Y[only])))
    assert "all 30 examples have class 3" in found["all validation labels are the same"]


def test_a_class_that_only_validation_has(tmp_path: Path) -> None:
    rows = np.flatnonzero(Y[:1200] != 7)
    found = faults(sane(MLP, parts(tmp_path, x_train=X[rows], y_train=Y[rows])))
    assert "classes without training examples: 7" in found["classes that training does not have"]


def test_values_of_validation_on_another_scale(tmp_path: Path) -> None:
    text = "input 64\nFC-16 act=relu\nFC-1\ntrain {\n  loss mse\n  optimizer adam lr=1e-3\n}\n"
    values = {f"y_{n}": X[r].sum(1, keepdims=True) for n, r in (("train", slice(1200)), ("test", slice(1500, None)))}
    healthy = parts(tmp_path, y_val=X[1200:1500].sum(1, keepdims=True), **values)
    assert not [f for f in faults(sane(text, healthy)) if "targets" in f]
    wrong = parts(tmp_path, y_val=100 * X[1200:1500].sum(1, keepdims=True), **values)
    assert "validation targets are on another scale" in faults(sane(text, wrong))


# Labels


def test_equal_examples_with_different_labels(tmp_path: Path) -> None:
    x, y = np.concatenate([X, X[:300]]), np.concatenate([Y, (Y[:300] + 1) % 10])
    found = faults(sane(MLP, save_examples(tmp_path / "twice.npz", x, y)))
    assert "with a different label: example" in found["equal examples with different labels"]


def test_labels_of_which_two_fifths_are_wrong(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    y = np.where(random.random(len(Y)) < 0.4, (Y + random.integers(1, 10, len(Y))) % 10, Y)
    (noise,) = (r for r in sane(MLP, save_examples(tmp_path / "noisy.npz", X, y)) if r.check == "label noise")
    assert noise.fault == "many labels seem wrong"
    estimate = float(noise.measured.split("), ")[1].split("%")[0]) / 100
    assert estimate == pytest.approx(0.4, abs=0.05)
    row = int(noise.advice.split("example ")[2].split(" ")[0])
    assert y[row] != Y[row], "the most certain of the doubtful labels is a wrong one"


def test_a_few_wrong_labels_are_worth_a_note(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    y = np.where(random.random(len(Y)) < 0.15, (Y + random.integers(1, 10, len(Y))) % 10, Y)
    (noise,) = (r for r in sane(MLP, save_examples(tmp_path / "noisy.npz", X, y)) if r.check == "label noise")
    assert noise.note
    assert not noise.fault


def test_labels_from_one(tmp_path: Path) -> None:
    results = sane(MLP.replace("FC-10", "FC-11"), save_examples(tmp_path / "one.npz", X, Y + 1))
    (labels,) = (r for r in results if r.check == "labels")
    assert labels.fault == "a class without examples"
    assert "start at 1" in labels.advice


# Images


def test_images_whose_channels_are_last(tmp_path: Path) -> None:
    x, y = patches()
    where = save_examples(tmp_path / "last.npz", x, y)
    found = faults(sane(COLOR.replace("3x16x16", "16x16x3"), where))
    assert "16 channels of 16x3 pixels" in found["images have their channels last"]


def test_images_that_were_reshaped_for_transposed(tmp_path: Path) -> None:
    x, y = patches()
    right = save_examples(tmp_path / "right.npz", np.ascontiguousarray(x.transpose(0, 3, 1, 2)), y)
    assert not faults(sane(COLOR, right))
    wrong = save_examples(tmp_path / "wrong.npz", x.reshape(-1, 3, 16, 16), y)
    assert "images have their channels last" in faults(sane(COLOR, wrong))


def test_validation_in_blue_green_red(tmp_path: Path) -> None:
    x, y = patches()
    x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    np.savez(tmp_path / "bgr.npz", x_train=x[:300], y_train=y[:300], x_val=x[300:, ::-1], y_val=y[300:])
    assert "validation images have another channel order" in faults(sane(COLOR, str(tmp_path / "bgr.npz")))


def test_images_without_anything(tmp_path: Path) -> None:
    x = X.copy()
    x[::3] = np.random.default_rng(0).random((len(x[::3]), 1))
    found = faults(sane(MLP, save_examples(tmp_path / "blank.npz", x, Y)))
    assert "have the same value everywhere" in found["constant examples"]


def test_bytes_divided_twice(tmp_path: Path) -> None:
    assert "inputs are scaled twice" in faults(sane(MLP, save_examples(tmp_path / "twice.npz", X / 255, Y)))
    (inputs,) = (
        r for r in sane(MLP, save_examples(tmp_path / "norm.npz", (X - 0.5) / 0.09 + 1.6 - 5, Y)) if r.check == "inputs"
    )
    assert inputs.note
    assert "normalized twice" in inputs.advice


# Augmentation


@pytest.mark.parametrize("line", [
    "translate 500", "rescale 100; flip", "rotate 10; translate 9; flip",
])  # fmt: skip
def test_augmentation_that_removes_the_image(line: str) -> None:
    results = sane(CONV.replace("AUGMENT", f"augment {{ {line} }}"))
    (found,) = (r for r in results if r.check == "augmentation")
    assert found.fault == "augmentation removes the image" or (line.startswith("rescale") and found.note)
    blamed = next(word for word in ("translate", "rescale") if word in line)
    assert found.advice == f"use a smaller value of `{blamed}`"


@pytest.mark.parametrize("line", ["rotate 15; translate 1", "crop 8x8 pad=1; flip", "erase; mixup", "jitter 0.4"])
def test_augmentation_that_leaves_the_image(line: str) -> None:
    results = sane(CONV.replace("AUGMENT", f"augment {{ {line} }}"))
    assert [r.status for r in results if r.check == "augmentation"] == ["ok"]


@pytest.mark.parametrize(("name", "outputs"), [("blobs", 3), ("spirals", 3), ("moons", 2), ("rings", 2)])
def test_points_of_the_plane_pass(name: str, outputs: int) -> None:
    layers = f"input 2\nFC-32 act=relu\nFC-32 act=relu\nFC-{outputs}\n"
    assert not faults(sane(layers + "train {\n  optimizer adam lr=1e-2\n}\n", name))


# What single values say


def notes(results: list[CheckResult]) -> dict[str, str]:
    return {r.check: r.measured for r in results if r.note}


def test_a_value_that_tells_a_class_and_one_that_spoils_statistics(tmp_path: Path) -> None:
    x = X.copy()
    x[np.arange(len(x)), Y] = 1.5
    x[44, 30] = 1e6
    found = notes(sane(MLP, save_examples(tmp_path / "stamped.npz", x, Y)))
    assert "the value at [0] tells a class" in found["leak"]
    assert "is 1e+06" in found["large values"]


def test_a_column_that_is_the_target(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    text = "input 4\nFC-8 act=relu\nFC-1\ntrain {\n  loss mse\n  optimizer adam lr=1e-2\n}\n"
    results = sane(text, save_examples(tmp_path / "leak.npz", x, 2 * x[:, 2:3]))
    assert notes(results)["leak"] == "the value at [2] explains the targets on its own"


def test_targets_in_millions(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    text = "input 4\nFC-8 act=relu\nFC-1\ntrain {\n  loss mse\n  optimizer adam lr=1e-2\n}\n"
    results = sane(text, save_examples(tmp_path / "large.npz", x, x[:, :1] * 2e5 + 1e6 * np.sign(x[:, 1:2])))
    assert list(faults(results)) == ["targets are not scaled"]


def test_a_channel_without_anything_and_examples_twice(tmp_path: Path) -> None:
    x, y = patches(200)
    x[..., 2] = 0.25
    x, y = np.concatenate([x, x[:50]]).transpose(0, 3, 1, 2), np.concatenate([y, y[:50]])
    found = notes(sane(COLOR, save_examples(tmp_path / "twice.npz", x, y)))
    assert "1 of 3 channels" in found["channels"]
    assert "training examples are copies of others" in found["training copies"]


def test_rare_classes_are_predicted_badly_everywhere(tmp_path: Path) -> None:
    rows = np.concatenate([np.flatnonzero(Y[:1200] == 0), *(np.flatnonzero(Y[:1200] == c)[:3] for c in range(1, 10))])
    assert not faults(sane(MLP, parts(tmp_path, x_train=lambda x: x[rows], y_train=lambda y: y[rows])))


@pytest.mark.parametrize(("shift", "fault"), [(0, []), (1, ["masks belong to other images"])])
def test_masks_under_the_name_of_the_next_image(tmp_path: Path, shift: int, fault: list[str]) -> None:
    images = X.reshape(-1, 1, 8, 8)
    masks = np.roll((images[:, 0] > 0.4).astype(np.int64), shift, 0)
    text = "input 1x8x8\nconv3-8 pad=same act=relu\nconv1-2\ntrain {\n  optimizer adam lr=1e-2\n}\n"
    assert [
        f for f in faults(sane(text, save_examples(tmp_path / "masks.npz", images, masks))) if "masks" in f
    ] == fault


def test_chance_of_classes_with_weights() -> None:
    recipe = "train {\n  loss cross_entropy class_weights=[1, 1, 1, 1, 1, 1, 1, 1, 1, 500]"
    (loss,) = (r for r in sane(MLP.replace("train {", recipe)) if r.check == "initial loss")
    assert not loss.note


def test_an_ignored_class_needs_no_examples() -> None:
    assert not faults(sane(MLP.replace("train {", "train {\n  loss cross_entropy ignore=0")))


def test_weights_of_a_millionth() -> None:
    assert "in `fc1`" in notes(sane(MLP.replace("train {", "train {\n  init gaussian 1e-6")))["weights"]
