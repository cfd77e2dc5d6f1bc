"""`netspec.train(…, callbacks=[…])` and `netspec.prepare`: what is called when, stopping, and the losses of a loop of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from running import X, Y, save_examples
from safetensors.torch import load_file

import netspec

SPEC = """net Small(hidden = 8)
input 6
FC-hidden act=relu -> dropout 0.2
out: FC-3
train { optimizer adam lr=1e-2; batch 4; epochs 3; regularize l2 0.01; rate out factor=0.5; schedule cosine warmup_steps=2 }
"""


@pytest.fixture
def data(tmp_path: Path) -> str:
    return save_examples(tmp_path / "e.npz", X, Y)


class Record(netspec.Callback):
    def __init__(self, stop_at: int | None = None) -> None:
        self.calls: list[Any] = []
        self.losses: list[float] = []
        self.stop_at = stop_at

    def on_start(self, run: Any) -> None:
        self.calls.append(("start", run.step, run.epochs, run.updates))

    def on_update(self, run: Any, loss: float | None) -> None:
        assert loss is not None
        self.losses.append(loss)
        if run.step == self.stop_at:
            run.stop()

    def on_epoch(self, run: Any, row: Any) -> None:
        assert run.history[-1] == row
        self.calls.append(("epoch", row.epoch, run.epoch, run.step))

    def on_end(self, run: Any, test: Any) -> None:
        self.calls.append(("end", run.step, test is not None))


def test_what_is_called(tmp_path: Path, data: str) -> None:
    record = Record()
    outcome = netspec.train(SPEC, data, folder=tmp_path / "run", callbacks=[record], show=False)
    assert record.calls == [
        ("start", 0, 3, 4),
        ("epoch", 1, 1, 4),
        ("epoch", 2, 2, 8),
        ("epoch", 3, 3, 12),
        ("end", 12, True),
    ]
    assert outcome.finished
    assert outcome.path == tmp_path / "run"


@pytest.mark.parametrize("stop_at", [4, 6])
def test_a_stopped_run_resumes_exactly(tmp_path: Path, data: str, stop_at: int) -> None:
    """After an epoch and within one."""
    whole, torn = Record(), Record(stop_at)
    netspec.train(SPEC, data, folder=tmp_path / "whole", callbacks=[whole], show=False)
    assert not netspec.train(SPEC, data, folder=tmp_path / "torn", callbacks=[torn], show=False).finished
    assert torn.calls[-1] == ("end", stop_at, False)
    torn.stop_at = None
    assert netspec.train(SPEC, data, folder=tmp_path / "torn", resume=True, callbacks=[torn], show=False).finished
    assert torn.losses == whole.losses
    ends = [load_file(tmp_path / name / "last.safetensors") for name in ("whole", "torn")]
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())


def test_parameters_and_settings_are_in_the_spec_of_the_run(tmp_path: Path, data: str) -> None:
    model = netspec.load(SPEC, hidden=5)
    outcome = netspec.train(
        model, data, folder=tmp_path / "run", settings={"epochs": 1, "optimizer.lr": 0.0123456789}, show=False
    )
    text = (outcome.path / "spec.net").read_text()
    assert "net Small(hidden = 5)" in text
    assert "optimizer adam lr=0.0123456789; batch 4; epochs 1;" in text


def test_a_loop_of_ones_own(tmp_path: Path, data: str) -> None:
    record = Record()
    netspec.train(SPEC, data, folder=tmp_path / "run", callbacks=[record], show=False)
    parts = netspec.prepare(SPEC, data)
    losses = []
    for epoch in range(parts.epochs):
        for inputs, target in parts.batches(epoch):
            parts.optimizer.zero_grad()
            loss = parts.loss(parts.module(*inputs), target)
            loss.backward()
            parts.optimizer.step()
            parts.scheduler.step()
            losses.append(loss.item())
    assert losses == pytest.approx(record.losses, abs=1e-6)
    for name, value in load_file(tmp_path / "run" / "last.safetensors").items():
        assert torch.allclose(value, parts.module.state_dict()[name], atol=1e-6), name
    assert sum(len(target) for _, target in parts.validation()) == 2
    assert sum(len(target) for _, target in parts.test()) == 5


def test_what_is_left_to_the_loop(data: str) -> None:
    with pytest.warns(UserWarning, match="`clip`, `ema`"):
        netspec.prepare(SPEC, data, settings={"clip": 1, "ema": 0.9})
    with pytest.raises(netspec.SpecError, match="NS604"):
        netspec.prepare(SPEC, data, settings={"optimizer": "lbfgs"})


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"callbacks": [print]}, TypeError), ({"worker": 2}, TypeError), ({"settings": {"epoch": 2}}, ValueError),
        ({"track": ["aim"]}, ValueError), ({"resume": True}, ValueError),
    ],
)  # fmt: skip
def test_wrong_arguments(data: str, arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        netspec.train(SPEC, data, **arguments)
