"""Images that are nearly the same in two parts, masks that do not lie on what they show, and other faults that only a look would find."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from running import save_examples
from sklearn.datasets import load_digits

from netspec.datasets import DataOptions
from netspec.source import SourceFile
from netspec.training import sanity_signal
from netspec.training.hardware import Hardware
from netspec.training.sanity_data import check_class_names
from netspec.training.sanity_masks import _displaced
from netspec.training.sanity_near_copies import check_near_copies, sketches
from netspec.training.sanity_net import check_dropout
from netspec.training.sanity_runs import Bench
from netspec.training.sanity_splits import _channel_order, _grayness
from netspec.training.sanity_values import _sorting, check_missing
from netspec.training.session import Request

DIGITS = torch.from_numpy(load_digits().images)[:, None] / 16


class Shown:
    def shown(self, index: int) -> str:
        return f"image {index}"


def near(ours: torch.Tensor, theirs: torch.Tensor) -> list[str]:
    held = [dict(enumerate(sketches(images))) for images in (ours, theirs)]
    return [result.measured for result in check_near_copies("test", Shown(), Shown(), *held)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x * 0.7 + 0.2,
        lambda x: x.flip(3),
        lambda x: x + 0.02 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)),
    ],
)
def test_images_that_are_nearly_in_the_training_set(change: Any) -> None:
    train, others = DIGITS[:1200], DIGITS[1200:1500]
    assert near(train, others) == []
    (said,) = near(train, torch.cat([others, change(train[100:140])]))
    assert int(said.split()[0]) >= 36
    assert near(train, torch.cat([change(train[5:10]), others[:40]]))[0].endswith("image 0 is like image 5")


def test_points_of_few_dimensions_are_near_by_chance() -> None:
    random = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16]
    spots = [np.exp(-((x - a) ** 2 + (y - b) ** 2) / 8) for a, b in random.uniform(4, 12, (900, 2))]
    images = torch.from_numpy(np.stack(spots))[:, None]
    assert near(images[:600], images[600:]) == []


def scenes(count: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    """Light rectangles on a noisy ground, and their masks."""
    random = np.random.default_rng(0)
    masks = np.zeros((count, 32, 32), dtype=np.int64)
    for mask in masks:
        top, left = random.integers(2, 18, 2)
        mask[top : top + 9, left : left + 12] = 1
    images = masks[:, None] * 0.5 + random.normal(0.3, 0.1, (count, 3, 32, 32))
    return torch.from_numpy(images), torch.from_numpy(masks)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda masks: masks.roll((3, -4), (1, 2)), "if they are moved 3 pixels up and 4 pixels to the right"),
        (lambda masks: masks.flip(2), "if they are mirrored"),
        (lambda masks: masks.flip(1), "if they are upside down"),
    ],
)
def test_masks_that_do_not_lie_on_what_they_show(change: Any, said: str) -> None:
    images, masks = scenes()
    result = _displaced(images, change(masks), 2)
    assert result is not None
    assert result.measured.endswith(said)


def test_masks_that_do_or_that_belong_to_another_image() -> None:
    images, masks = scenes()
    shade = masks.roll((3, 3), (1, 2)) * (1 - masks)
    assert _displaced(images, masks, 2) is None
    assert _displaced(images - 0.25 * shade[:, None], masks, 2) is None
    assert _displaced(images, masks.roll(1, 0), 2) is None


def bench(text: str, data: str) -> Bench:
    return Bench.of(Request(SourceFile(text, "spec.net"), data, DataOptions(), Hardware("cpu")))


@pytest.mark.slow
def test_dropout_and_class_names(tmp_path: Path) -> None:
    x, y = DIGITS[:60].flatten(1).numpy(), np.arange(60) % 3
    where = save_examples(tmp_path / "e.npz", x, y)
    np.savez(where, x=x, y=y, classes=np.array(["Cat", "dog", "cat "]))
    text = "input 64\nFC-30 act=relu\ndropout {}\nFC-3\n"
    found = {p: check_dropout(bench(text.format(p), where)) for p in ("0.5", "0.8", "0.99")}
    assert [[r.status for r in results] for results in found.values()] == [[], ["note"], ["problem"]]
    assert "1% of the 30 values of `dropout1`" in found["0.99"][0].measured
    (result,) = check_class_names(bench(text.format(0.5), where))
    assert result.measured == "`Cat` and `cat ` are 2 classes"
    np.savez(where, x=x, y=y, classes=np.array(["a", "A", "b"]))
    assert check_class_names(bench(text.format(0.5), where)) == []


def test_parts_in_other_colors() -> None:
    random = torch.Generator().manual_seed(0)
    ours, theirs = (
        torch.rand(60, 3, 8, 8, generator=random) * torch.tensor([0.9, 0.6, 0.3])[:, None, None] for _ in range(2)
    )
    none = [None, None]
    assert _grayness("", "test", ours, theirs) is None
    assert _grayness("", "test", ours, theirs.mean(1, keepdim=True).expand(-1, 3, -1, -1)) is not None
    assert _channel_order("", "test", ours, theirs.flip(1), none) is not None
    assert _channel_order("", "test", ours, 1 - theirs, none) is None, "a negative has the same gap"


def test_a_value_that_sorts_the_classes() -> None:
    random = torch.Generator().manual_seed(0)
    values, classes = torch.randn(300, 6, generator=random), torch.arange(300) // 100
    assert _sorting(values, classes) is None
    values[:, 4] = torch.arange(300)
    assert _sorting(values, classes) == 4
    assert _sorting(values, torch.where(classes == 2, -100, classes)) == 4, "an ignored class"
    values[:, 4] = (torch.arange(300) // 150).float()
    assert _sorting(values, classes) is None, "equal values that two classes have"


@pytest.mark.parametrize(("right", "rest", "status", "fault"), [
    (0.36, 0.7, "problem", "validation does not match training"), (0.25, 0.26, "problem", "labels seem shuffled or unrelated to the inputs"),
    (0.25, None, "problem", "labels seem shuffled or unrelated to the inputs"), (0.33, 0.35, "note", ""), (0.6, 0.6, "ok", ""),
])  # fmt: skip
def test_what_is_said_of_validation_that_is_not_predicted(
    monkeypatch: pytest.MonkeyPatch, right: float, rest: float | None, status: str, fault: str
) -> None:
    labels = torch.arange(200) % 4
    monkeypatch.setattr(sanity_signal, "_predictions", lambda *_: (labels * 0, labels * 0))
    monkeypatch.setattr(sanity_signal, "_net_accuracies", lambda *_: (1.0, right, rest))
    held: Any = range(200)
    result = sanity_signal._check_relation(SimpleNamespace(labels=lambda _: labels.numpy()), held, held)  # type: ignore[arg-type]
    assert (result.status, result.fault) == (status, fault)


@pytest.mark.slow
def test_numbers_that_stand_for_missing_values(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(120, 5)).astype(np.float32), np.arange(120) % 3
    x[:, 0] = y == 0  # two values are no measurement
    text = "input 5\nFC-3\n"
    one = bench(text, save_examples(tmp_path / "e.npz", x, y))
    assert check_missing(one, one.held(100)) == []
    x[::9, 3] = -999
    one = bench(text, save_examples(tmp_path / "f.npz", x, y))
    (result,) = check_missing(one, one.held(100))
    assert "have -999 at [3]" in result.measured
