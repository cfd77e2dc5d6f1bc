"""Optimizers and their groups against the algorithms of the papers, written once more, and torch's Muon."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from running import X, Y, engine_of, save_examples
from torch import Tensor, nn
from torch.nn import functional as F

from netspec.datasets import DataOptions
from netspec.training.engine import Engine, Watcher

NET = "input 6\nFC-8 act=tanh\nFC-7 act=tanh\nFC-3\ntrain {{ epochs 4; batch 24; {} }}\n"


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_examples(tmp_path_factory.mktemp("examples") / "e.npz", X, Y)


def trained(where: str, recipe: str, change: Callable[[str, Tensor, Tensor, dict[str, Any]], Tensor]) -> float:
    """The largest difference after four updates between the engine and `change`: (name, weight, gradient, state) to weight."""
    engine = engine_of(NET.format(recipe), where)
    net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 7), nn.Tanh(), nn.Linear(7, 3))
    net.load_state_dict(
        {k: v.clone() for k, v in zip(net.state_dict(), engine.module.state_dict().values(), strict=True)}
    )
    states: dict[str, dict[str, Any]] = {name: {} for name, _ in net.named_parameters()}
    for _ in range(4):
        net.zero_grad()
        F.cross_entropy(net(torch.from_numpy(X)), torch.from_numpy(Y)).backward()
        with torch.no_grad():
            for name, weight in net.named_parameters():
                assert weight.grad is not None
                weight.copy_(change(name, weight, weight.grad, states[name]))
    engine.fit(Watcher())
    return max(float((a - b).abs().max()) for a, b in zip(engine.module.parameters(), net.parameters(), strict=True))


def decay_of(name: str, decay: float) -> float:
    return decay if name.endswith("weight") else 0.0


def test_lion(where: str) -> None:
    def change(name: str, w: Tensor, g: Tensor, state: dict[str, Any]) -> Tensor:
        m = state.get("m", torch.zeros_like(w))
        state["m"] = 0.98 * m + 0.02 * g
        return w - 0.01 * (torch.sign(0.8 * m + 0.2 * g) + decay_of(name, 0.1) * w)

    assert trained(where, "optimizer lion lr=0.01 betas=(0.8, 0.98) weight_decay=0.1", change) < 1e-6


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_lamb(where: str, decay: float) -> None:
    def change(name: str, w: Tensor, g: Tensor, state: dict[str, Any]) -> Tensor:
        t = state["t"] = state.get("t", 0) + 1
        m = state["m"] = 0.9 * state.get("m", 0 * w) + 0.1 * g
        v = state["v"] = 0.99 * state.get("v", 0 * w) + 0.01 * g * g
        update = (m / (1 - 0.9**t)) / ((v / (1 - 0.99**t)) ** 0.5 + 1e-5)
        if decay_of(name, decay):
            update = update + decay * w
            update = update * (w.norm() / update.norm())
        return w - 0.02 * update

    recipe = f"optimizer lamb lr=0.02 betas=(0.9, 0.99) eps=1e-5 weight_decay={decay}"
    assert trained(where, recipe, change) < 1e-5


def test_lars(where: str) -> None:
    def change(name: str, w: Tensor, g: Tensor, state: dict[str, Any]) -> Tensor:
        decay = decay_of(name, 0.05)
        if decay:
            g = 0.02 * w.norm() / (g.norm() + decay * w.norm()) * (g + decay * w)
        v = state["v"] = 0.8 * state.get("v", 0 * w) + g
        return w - 0.5 * v

    assert trained(where, "optimizer lars lr=0.5 momentum=0.8 trust=0.02 weight_decay=0.05", change) < 1e-6


@pytest.mark.parametrize("nesterov", [True, False])
def test_muon_has_the_hidden_matrices_and_adamw_the_rest(where: str, nesterov: bool) -> None:
    recipe = f"optimizer muon lr=0.02 momentum=0.9 nesterov={'yes' if nesterov else 'no'} weight_decay=0.1"
    engine = engine_of(NET.format(recipe), where)
    net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 7), nn.Tanh(), nn.Linear(7, 3))
    net.load_state_dict(
        {k: v.clone() for k, v in zip(net.state_dict(), engine.module.state_dict().values(), strict=True)}
    )
    hidden = [net[0].weight, net[2].weight]
    biases = [net[i].bias for i in (0, 2, 4)]
    optimizers: list[Any] = [
        torch.optim.Muon(hidden, lr=0.02, momentum=0.9, nesterov=nesterov, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW([{"params": [net[4].weight], "weight_decay": 0.1}, {"params": biases, "weight_decay": 0.0}], lr=0.02, betas=(0.9, 0.95)),
    ]  # fmt: skip
    for _ in range(4):
        net.zero_grad()
        F.cross_entropy(net(torch.from_numpy(X)), torch.from_numpy(Y)).backward()
        for optimizer in optimizers:
            optimizer.step()
    engine.fit(Watcher())
    for mine, theirs in zip(engine.module.parameters(), net.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)


class Stop:
    def __init__(self, after: int) -> None:
        self.after, self.calls = after, 0

    def __call__(self) -> bool:
        self.calls += 1
        return self.calls == self.after


@pytest.mark.parametrize(
    "optimizer", ["lion", "lamb weight_decay=0.1", "lars weight_decay=0.1", "muon weight_decay=0.1"]
)
def test_a_run_that_is_interrupted_ends_alike(where: str, optimizer: str) -> None:
    def made() -> Engine:
        return engine_of(NET.format(f"optimizer {optimizer}; schedule cosine; ema 0.9 warmup=yes every=2"), where)

    whole, first, second = made(), made(), made()
    whole.fit(Watcher())
    assert not first.fit(Watcher(), Stop(2))
    second.load_state(copy.deepcopy(first.state()))
    second.fit(Watcher())
    for name, value in whole.weights().items():
        assert torch.equal(value, second.weights()[name]), name


def test_rates_decay_from_the_output_to_the_input(where: str) -> None:
    text = "input 6\nblock Two { FC-6 act=relu; FC-6 act=relu }\nFC-6\nTwo x2\nFC-3\ntrain { optimizer sgd lr=1; layer_decay 0.5; rate Two1 factor=0.1 }\n"
    factors = engine_of(text, where).groups.factors
    by_part = {name.split(".")[0]: factor for name, factor in factors.items()}
    assert list(by_part.values()) == [0.125, 0.25 * 0.1, 0.5, 1.0], by_part


# Examples of an epoch


def epochs_of(where: str, sampling: str, count: int = 40) -> list[list[int]]:
    engine = engine_of(
        NET.format(f"sampling {sampling}").replace("epochs 4", f"epochs {count}"),
        where,
        DataOptions(validation=0.0, test=0.0),
    )
    seen: list[list[int]] = [[]]
    train = engine.collection.train
    read = train.batch

    def batch(indices: Any, cut: Any = None) -> Any:
        seen[-1] += list(indices)
        return read(indices)

    class Turn(Watcher):
        def epoch(self, engine: Engine, row: Any, *, best: bool) -> None:
            seen.append([])

    train.batch = batch  # type: ignore[method-assign]
    engine.fit(Turn())
    return seen[:-1]


def test_balanced_sampling_draws_classes_equally_often(tmp_path: Path) -> None:
    y = np.array([0] * 18 + [1] * 4 + [2] * 2)
    seen = np.array(epochs_of(save_examples(tmp_path / "e.npz", X, y), "balanced"))
    assert seen.shape == (40, 24)
    assert np.bincount(y[seen.ravel()]) / seen.size == pytest.approx([1 / 3] * 3, abs=0.05)
    assert len(set(map(tuple, seen.tolist()))) == 40, "every epoch draws others"
    assert set(seen.ravel().tolist()) == set(range(24))


def test_repeated_augmentation_shows_an_example_several_times(where: str) -> None:
    seen = epochs_of(where, "repeated 3")
    for epoch in seen:
        assert len(epoch) == 24
        assert [epoch[i] for i in range(0, 24, 3)] == [epoch[i] for i in range(2, 24, 3)]
        assert len(set(epoch)) == 8
    assert {row for epoch in seen for row in epoch} == set(range(24))
