"""Gradual unfreezing against a plain loop, and its mistakes."""

from __future__ import annotations

import pytest
import torch
from running import X, Y, engine_of, save_examples
from torch import nn
from torch.nn import functional as F

from netspec.diagnostics import SpecError
from netspec.training.engine import Watcher
from netspec.training.groups import Groups

TEXT = """input 6
stem: FC-8 bias=no norm=bn act=tanh
middle: FC-5 act=tanh
head: FC-3
train {{
  epochs 4
  batch 24
  optimizer adamw lr=0.05 weight_decay=0.1
  {}
}}"""


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_examples(tmp_path_factory.mktemp("examples") / "e.npz", X, Y)


def plain(state: dict[str, torch.Tensor], frozen: list[list[int]]) -> list[torch.Tensor]:
    """An update in each epoch, with these modules of the net frozen."""
    net = nn.Sequential(
        nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 3)
    )
    net.load_state_dict(dict(zip(net.state_dict(), (v.clone() for v in state.values()), strict=True)))
    decays = [p for p in net.parameters() if p.ndim > 1]
    rest = [p for p in net.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decays, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}], lr=0.05
    )
    for held in frozen:
        net.train()
        for place in held:
            net[place].eval()
        optimizer.zero_grad()
        F.cross_entropy(net(torch.from_numpy(X)), torch.from_numpy(Y)).backward()
        for place in held:
            for parameter in net[place].parameters():
                parameter.grad = None
        optimizer.step()
    return list(net.state_dict().values())


@pytest.mark.parametrize(
    ("lines", "frozen"),
    [
        ("unfreeze stem at=2", [[0, 1], [0, 1], [], []]),
        ("unfreeze stem at=3\n unfreeze middle", [[0, 1, 3], [0, 1], [0, 1], []]),
        ("unfreeze_backward 1", [[0, 1, 3], [0, 1], [], []]),
        ("unfreeze_backward 2", [[0, 1, 3], [0, 1, 3], [0, 1], [0, 1]]),
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_updates_are_those_of_a_plain_loop(
    where: str, lines: str, frozen: list[list[int]], alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several processes compute all gradients, and drop those of frozen layers."""
    keep = Groups.keep_frozen
    monkeypatch.setattr(
        Groups, "keep_frozen", lambda groups, module, epoch, **_: keep(groups, module, epoch, alone=alone)
    )
    engine = engine_of(TEXT.format(lines), where)
    theirs = plain(engine.module.state_dict(), frozen)
    engine.fit(Watcher())
    for a, b in zip(engine.module.state_dict().values(), theirs, strict=True):
        assert torch.allclose(a.double(), b.double(), atol=1e-6, rtol=1e-6)


def test_momentum_begins_where_a_layer_is_unfrozen(where: str) -> None:
    engine = engine_of(TEXT.format("unfreeze stem").replace("adamw lr=0.05", "sgd lr=0.05 momentum=0.9"), where)
    before = engine.module.state_dict()["stem.weight"].clone()
    engine.fit(Watcher(), lambda: engine.at.step == 1)
    assert torch.equal(engine.module.state_dict()["stem.weight"], before)
    engine.fit(Watcher())
    assert not torch.equal(engine.module.state_dict()["stem.weight"], before)


def test_a_resumed_run_is_bit_equal(where: str) -> None:
    text = TEXT.format("unfreeze_backward 1").replace("batch 24", "batch 8")
    whole, first, second = (engine_of(text, where) for _ in range(3))
    whole.fit(Watcher())
    first.fit(Watcher(), lambda: first.at.step == 4)
    second.load_state(first.state())
    second.fit(Watcher())
    for a, b in zip(whole.weights().values(), second.weights().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("unfreeze stem\n freeze stem", "which is frozen for the whole run"),
        ("unfreeze stem middle head at=2", "no layer is trained in the first epoch"),
        ("unfreeze stem\n unfreeze_backward 1", "cannot be combined"),
        ("unfreeze_backward 1\n regularize max_norm 1", "cannot be combined"),
        ("unfreeze at=2", "missing labels of `unfreeze`"),
        ("unfreeze tail", "there is no label `tail`"),
        ("unfreeze stem at=0", "at least 1"),
    ],
)
def test_mistakes(where: str, lines: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        engine_of(TEXT.format(lines), where)
