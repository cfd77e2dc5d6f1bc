"""Two processes with gloo compute what one computes."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import PATIENCE, netspec_process, run_netspec
from running import X, Y, save_examples
from safetensors.torch import load_file

import netspec
from netspec.model import check
from netspec.source import SourceFile
from netspec.training.processes import Division, _shared_norm, require_statistics, share_noise
from netspec.training.sampling import Share, updates_of_an_epoch

SPEC = """input 8x8 gray
normalize channel
conv3-8 pad=same norm=bn act=relu -> dropout 0.3
maxpool
residual { conv3-8 pad=same norm=bn }
FC-16 norm=bn act=relu -> dropout 0.5
FC-10
train {
  optimizer sgd lr=0.05 momentum=0.9 weight_decay=1e-3
  regularize l1 1e-4
  clip 5
  epochs 2
  batch 50 accumulate=2
  augment { translate low=-1 high=1; rotate low=-10 high=10 }
}
"""


def train(tmp_path: Path, name: str, *launcher: str, strategy: str = "ddp") -> tuple[list[float], dict]:
    """In two processes that the launcher starts; without one in the process of the tests."""
    command = ["train", "spec.net", "--accelerator", "cpu", "--folder", name]
    if launcher:
        result = subprocess.run(
            [*launcher, "-m", "netspec", *command, "--devices", "2", "--strategy", strategy], cwd=tmp_path, capture_output=True,
            text=True, timeout=PATIENCE, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    else:
        result = run_netspec(*command, cwd=tmp_path)
    assert result.returncode == 0, result.stderr[-3000:]
    with (tmp_path / name / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [float(row[c]) for row in rows for c in ("train_loss", "validation_loss", "train_accuracy")], load_file(
        tmp_path / name / "last.safetensors"
    )


@pytest.mark.slow
def test_two_processes_give_the_losses_and_weights_of_one(tmp_path: Path) -> None:
    (tmp_path / "spec.net").write_text(SPEC)
    losses, weights = train(tmp_path, "one")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29511"]
    for name, launcher in (("torchrun", torchrun), ("own", [sys.executable])):
        other, others = train(tmp_path, name, *launcher)
        assert other == pytest.approx(losses, abs=1e-5)
        for key, value in weights.items():
            assert (value.double() - others[key].double()).abs().max() < 1e-4, key


@pytest.mark.slow
def test_sharded_weights_are_saved_whole_and_the_best_are_tested(tmp_path: Path) -> None:
    """With a part that is sharded on its own (fc1), a penalty and clipping."""
    text = SPEC.replace("FC-16", "FC-900")
    (tmp_path / "spec.net").write_text(text)
    losses, weights = train(tmp_path, "one")
    other, others = train(tmp_path, "two", sys.executable, strategy="fsdp")
    assert other == pytest.approx(losses, abs=1e-5)
    assert others.keys() == weights.keys()
    for key, value in weights.items():
        assert value.shape == others[key].shape, key
        assert (value.double() - others[key].double()).abs().max() < 1e-4, key
    tested = [json.loads((tmp_path / name / "run.json").read_text())["result"]["test"] for name in ("one", "two")]
    assert tested[1]["loss"] == pytest.approx(tested[0]["loss"], abs=1e-4)
    result = run_netspec("eval", "two", cwd=tmp_path)
    assert f"{tested[0]['accuracy']:.2%}" in result.stdout


RESUMED = """
import sys, torch
from netspec.datasets import DataOptions
from netspec.source import SourceFile
from netspec.training.engine import Watcher
from netspec.training.hardware import Hardware, launch
from netspec.training.plan import Plan
from netspec.training.session import Request, build_engine, open_data
from netspec.model import check

request = Request(SourceFile(open("spec.net").read(), "spec.net"), "digits", DataOptions(), Hardware("cpu", 2, 1, "fsdp"))
model = check(request.source).model()
plan = Plan.of(model.graph)
fabric = launch(request.hardware, plan)

class Stop(Watcher):
    calls = 0
    def __call__(self):
        self.calls += 1
        return self.calls == 5

def engine():
    return build_engine(model, plan, open_data(plan, request), fabric, request)

whole = engine()
whole.fit(Watcher())
first = engine()
first.fit(Watcher(), Stop())
state = fabric.broadcast(first.state())
second = engine()
second.load_state(state)
second.fit(Watcher())
ends = [fabric.broadcast(e.weights()) for e in (whole, second)]
assert all(torch.equal(a, ends[1][name]) for name, a in ends[0].items())
assert second.at.step == whole.at.step
if fabric.is_global_zero:
    print("equal")
"""


@pytest.mark.slow
def test_sharded_training_resumes_bit_for_bit(tmp_path: Path) -> None:
    (tmp_path / "spec.net").write_text(SPEC.replace("epochs 2", "epochs 1"))
    (tmp_path / "resume.py").write_text(RESUMED)
    result = subprocess.run(
        [sys.executable, "resume.py"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert result.stdout.strip().endswith("equal"), result.stderr[-3000:]


@pytest.mark.slow
def test_batch_statistics_of_each_device(tmp_path: Path) -> None:
    """One update of all examples: the loss is that of two halves, each with its own statistics, and the running ones are those of
    the first."""
    where = save_examples(tmp_path / "e.npz", X, Y)
    spec = "input 6\nbn\nFC-3\ntrain { optimizer sgd lr=0.1; batch all; epochs 1; sync_bn no }\n"
    (tmp_path / "spec.net").write_text(spec)
    data = ("--data", where, "--validation", "0", "--test-share", "0")
    several = ("--accelerator", "cpu", "--devices", "2", "--strategy", "ddp", "--folder", "run")
    result = netspec_process("train", "spec.net", *data, *several, cwd=tmp_path, OMP_NUM_THREADS="1")
    assert result.returncode == 0, result.stderr[-3000:]
    parts = netspec.prepare(spec, where, validation=0, test_share=0, accelerator="cpu")
    (((x,), target),) = parts.batches(0)
    halves = [parts.loss(parts.module(x[rows]), target[rows]).item() for rows in (slice(0, 12), slice(12, 24))]
    with (tmp_path / "run" / "metrics.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["train_loss"]) == pytest.approx(sum(halves) / 2, abs=1e-6)
    (running,) = [
        v for name, v in load_file(tmp_path / "run" / "last.safetensors").items() if name.endswith("running_mean")
    ]
    assert running.numpy() == pytest.approx(0.1 * x[:12].mean(0).numpy(), abs=1e-6)


def test_batch_statistics_need_two_examples_for_each_device() -> None:
    net = torch.nn.Sequential(torch.nn.BatchNorm1d(3))
    require_statistics(net, 100, 32, 2)
    with pytest.raises(netspec.SpecError, match="the smallest batch has 3"):
        require_statistics(net, 99, 32, 2)
    require_statistics(torch.nn.Sequential(torch.nn.Linear(3, 3)), 99, 32, 2)


NOISY = """input 3x6x6
noise 0.2
conv3-4 pad=same
dropout 0.3 -> dropout2d 0.4
repeat 2 { residual { conv3-4 pad=same -> drop_path 0.5 } }
gap
FC-8
sample
FC-3
"""


@pytest.mark.parametrize("ends", [(0, 4, 7), (0, 2, 4, 7), (0, 7, 7)])
def test_noise_is_that_of_the_whole_batch(ends: tuple[int, ...]) -> None:
    """Each part of a batch is given the noise that its rows have when one process has them all."""
    model = check(SourceFile(NOISY, "spec.net")).model()
    x = torch.randn(7, 3, 6, 6)
    whole_net = model.to_torch(seed=0)
    torch.manual_seed(1)
    whole = whole_net(x)
    for start, stop in pairwise(ends):
        part, division = model.to_torch(seed=0), Division()
        share_noise(part, model.graph, division)
        division.rows, division.total = range(start, stop), 7
        torch.manual_seed(1)
        mine = part(x[start:stop] if stop > start else x[:1])
        if stop > start:
            assert torch.allclose(mine, whole[start:stop], atol=1e-6)
            assert torch.allclose(part.sample1.divergence, whole_net.sample1.divergence[start:stop], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 3e-4), (torch.bfloat16, 1.5e-2)])
def test_shared_statistics_are_those_of_a_batch_norm(tmp_path: Path, dtype: torch.dtype, close: float) -> None:
    """With a large mean, and in half precision, as torch's batch norm on one device."""
    torch.distributed.init_process_group("gloo", store=torch.distributed.FileStore(str(tmp_path / "store"), 1), rank=0, world_size=1)  # fmt: skip
    try:
        x = (torch.randn(8, 4, 6, 6) + (1000 if dtype == torch.float32 else 0)).to(dtype)
        weights = torch.randn(x.shape)
        ours, theirs = torch.nn.BatchNorm2d(4), torch.nn.BatchNorm2d(4)
        ours.__class__ = _shared_norm(torch.nn.BatchNorm2d)
        ours.division = Division()
        ours.division.rows, ours.division.total = range(8), 8
        found = []
        for norm in (ours, theirs):
            given = x.clone().requires_grad_()
            y = norm(given)
            (y * weights).sum().backward()
            found.append((y, given.grad, norm.running_mean, norm.running_var))
        for mine, wanted in zip(*found, strict=True):
            assert mine.dtype == wanted.dtype
            assert torch.allclose(mine.float(), wanted.float(), rtol=close, atol=close)
    finally:
        torch.distributed.destroy_process_group()


def test_a_process_without_rows_computes_the_first_and_it_counts_for_nothing() -> None:
    order = np.arange(26)
    last = [updates_of_an_epoch(order, 24, 1, share=Share(rank, 3))[1][0] for rank in range(3)]
    assert sorted(len(piece.rows) for piece in last) == [0, 1, 1]
    for piece in last:
        assert len(piece.computed) == len(piece.indices)
        assert piece.indices[0] == 24 + piece.computed[0]
        assert piece.weight == len(piece.rows) / 2


@pytest.mark.slow
def test_three_processes_with_a_last_batch_of_two_give_the_weights_of_one(tmp_path: Path) -> None:
    net = "input 8x8 gray\nconv3-4 pad=same norm=bn act=relu\ngap\nFC-10\n"
    recipe = "train {\n  optimizer sgd lr=0.05\n  epochs 1\n  batch 24\n  augment { translate 1; noise 0.1 }\n}\n"
    (tmp_path / "spec.net").write_text(net + recipe)
    x, y = np.random.default_rng(0).random((40, 1, 8, 8), dtype=np.float32), np.arange(40) % 10
    np.savez(tmp_path / "few.npz", x_train=x[:26], y_train=y[:26], x_val=x[26:], y_val=y[26:])
    found = []
    for devices in (1, 3):
        options = ("--data", "few.npz", "--accelerator", "cpu", "--folder", f"of{devices}")
        several = ("--devices", "3", "--strategy", "ddp") if devices > 1 else ()
        result = netspec_process("train", "spec.net", *options, *several, cwd=tmp_path, OMP_NUM_THREADS="1")
        assert result.returncode == 0, result.stderr[-3000:]
        found.append(load_file(tmp_path / f"of{devices}" / "last.safetensors"))
    for name, value in found[0].items():
        assert torch.allclose(value.float(), found[1][name].float(), atol=1e-5), name
