"""Progressive resizing: the sizes of each epoch, the loss against a plain loop, and its mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from running import engine_of, save_examples
from torch.nn import functional as F

from netspec.diagnostics import SpecError
from netspec.training.engine import Watcher
from netspec.training.progressive import stage_sizes

X = np.random.default_rng(0).integers(0, 256, (12, 3, 16, 16), dtype=np.uint8)
Y = np.arange(12) % 3
TEXT = """input 3x16x16
conv3-4 pad=same act=relu
gap
FC-3
train {{
  epochs 6
  batch 6
  optimizer sgd lr=0.1
  augment {{ {} }}
}}"""


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_examples(tmp_path_factory.mktemp("images") / "e.npz", X, Y)


def seen_by(engine) -> list[torch.Tensor]:
    """The inputs of all forward passes."""
    seen: list[torch.Tensor] = []
    engine.module.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach().clone()))
    return seen


def test_sizes() -> None:
    """EfficientNetV2-S, Table 6: from 128 to 300 in four stages."""
    assert [size[0] for size in stage_sizes(128, 4, (300, 300))] == [128, 185, 243, 300]
    assert stage_sizes(128, 1, (224, 224)) == [(128, 128)]
    assert stage_sizes(8, 2, (16, 24)) == [(8, 12), (16, 24)]


@pytest.mark.parametrize(
    ("line", "sides"),
    [("progressive 8 stages=3", [8] * 4 + [12] * 4 + [16] * 4), ("progressive 10 stages=1; flip", [10] * 12), ("progressive 8 stages=3; crop scale=(0.5, 1)", [8] * 4 + [12] * 4 + [16] * 4)],
)  # fmt: skip
def test_training_images_grow_and_testing_is_at_the_size_of_the_input(where: str, line: str, sides: list[int]) -> None:
    engine = engine_of(TEXT.format(line), where)
    seen = seen_by(engine)
    engine.fit(Watcher())
    assert [tuple(given.shape[2:]) for given in seen] == [(side, side) for side in sides]
    seen.clear()
    engine.evaluate(engine.collection.train)
    assert {tuple(given.shape[2:]) for given in seen} == {(16, 16)}


def test_images_and_loss_are_those_of_a_plain_loop(where: str) -> None:
    """Antialiased bilinear scaling of the whole images, and the loss of the module at that size."""
    engine = engine_of(TEXT.format("progressive 8 stages=2").replace("batch 6", "batch 12"), where)
    seen, losses, orders = seen_by(engine), [], []
    known = torch.from_numpy(X).float() / 255
    small = F.interpolate(known, size=(8, 8), mode="bilinear", antialias=True)

    class Seen(Watcher):
        def update(self, engine, loss) -> None:
            losses.append(loss)
            order = [int((small - one).abs().flatten(1).sum(1).argmin()) for one in seen[-1]]
            assert torch.allclose(seen[-1], small[order], atol=1e-6)
            orders.append(order)

    weights = [value.clone() for value in engine.module.state_dict().values()]
    engine.fit(Seen(), lambda: engine.at.step == 1)
    kernel, bias, matrix, offset = weights
    hidden = F.conv2d(small, kernel, bias, padding=1).relu().mean((2, 3))
    assert losses[0] == pytest.approx(float(F.cross_entropy(hidden @ matrix.T + offset, torch.from_numpy(Y))), rel=1e-5)
    assert sorted(orders[0]) == list(range(12))


def test_strength_grows_too(where: str) -> None:
    engine = engine_of(TEXT.format("progressive 8 stages=3 strength=0.4; randaugment 1 magnitude=15; mixup 0.5"), where)
    parts = engine.inputs.augmenter.parts
    assert [part.policies[0].level for part in parts] == pytest.approx([6, 10.5, 15])
    assert [part.settings["mixup"]["alpha"] for part in parts] == pytest.approx([0.2, 0.35, 0.5])


def test_a_resumed_run_is_bit_equal(where: str) -> None:
    text = TEXT.format("progressive 8 stages=3; crop scale=(0.5, 1); randaugment 1; mixup")
    whole, first, second = (engine_of(text, where) for _ in range(3))
    whole.fit(Watcher())
    first.fit(Watcher(), lambda: first.at.step == 5)
    second.load_state(first.state())
    second.fit(Watcher())
    assert all(torch.equal(a, b) for a, b in zip(whole.weights().values(), second.weights().values(), strict=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TEXT.format("progressive 16"), "is not smaller than the input"),
        (TEXT.format("progressive 8 stages=0"), "at least 1"),
        (TEXT.format("progressive 8").replace("gap\n", "flatten\n"), "does not take images of 8x8"),
        (TEXT.format("progressive 8").replace("gap\n", "conv13-4\ngap\n"), "does not take images of 8x8"),
        (TEXT.format("progressive 8").replace("gap\nFC-3", "conv1-3"), "cannot scale the targets of pixels"),
    ],
)
def test_mistakes(where: str, tmp_path: Path, text: str, said: str) -> None:
    if "pixels" in said:
        where = save_examples(tmp_path / "m.npz", X, np.zeros((12, 16, 16), dtype=np.int64))
    with pytest.raises(SpecError, match=said):
        engine_of(text, where)
