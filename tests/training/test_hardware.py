"""Devices: which one a run takes. GPUs that this machine lacks are played by fakes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from running import engine_of
from torch.utils._python_dispatch import TorchDispatchMode

from netspec.diagnostics import SpecError
from netspec.model import loads
from netspec.training.engine import Watcher
from netspec.training.hardware import Hardware, device_kind, launch
from netspec.training.plan import Plan
from netspec.training.randomness import place_seed, seed_update

TEXT = "input 8x8 gray\nnormalize channel\nconv3-4 act=relu\ndropout 0.1\nFC-10\ntrain {{\n  epochs 1\n  {}\n}}\n"


class FakeFabric:
    """Remembers how it was made."""

    def __init__(self, **made: Any) -> None:
        self.made = made

    def launch(self) -> None:
        pass


def machine(monkeypatch: pytest.MonkeyPatch, *, cuda: bool = False, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


def plan(more: str = "") -> Plan:
    return Plan.of(loads(TEXT.format(more)).graph)


@pytest.mark.parametrize(
    ("there", "asked", "taken"),
    [
        ({}, Hardware(), "cpu"),
        ({"mps": True}, Hardware(), "mps"),
        ({"mps": True, "cuda": True}, Hardware(), "cuda"),
        ({"mps": True}, Hardware("cpu"), "cpu"),
        ({"mps": True}, Hardware("mps"), "mps"),
        ({"mps": True}, Hardware(devices=2), "cpu"),
    ],
)
def test_auto_takes_the_fastest_device(
    monkeypatch: pytest.MonkeyPatch, there: dict[str, bool], asked: Hardware, taken: str
) -> None:
    machine(monkeypatch, **there)
    assert device_kind(asked) == taken


@pytest.mark.parametrize(
    ("there", "asked", "says"),
    [
        ({}, Hardware("mps"), "no usable Apple GPU"),
        ({}, Hardware("cuda"), "no usable CUDA GPU"),
        ({"mps": True}, Hardware("mps", devices=2), "only one device"),
    ],
)
def test_a_device_that_is_not_there_is_an_error(
    monkeypatch: pytest.MonkeyPatch, there: dict[str, bool], asked: Hardware, says: str
) -> None:
    machine(monkeypatch, **there)
    with pytest.raises(SpecError, match=says):
        device_kind(asked)


def test_a_mac_trains_in_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, mps=True)
    monkeypatch.setattr("lightning_fabric.Fabric", FakeFabric)
    made = launch(Hardware(), plan()).made
    assert (made["accelerator"], made["devices"], made["precision"]) == ("mps", 1, "32-true")
    with pytest.raises(SpecError, match="requires a CUDA GPU"):
        launch(Hardware(), plan("precision fp16"))


def test_noise_on_a_mac_is_drawn_from_the_seed_of_the_update(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    monkeypatch.setattr(torch.mps, "manual_seed", seeds.append)
    seed_update(3, 7, "mps")
    seed_update(3, 7, "cpu")
    assert seeds == [place_seed(3, 7)]


class _NoDoubles(TorchDispatchMode):
    """Refuses float64 on the device, as Apple's GPUs do; scalars that PyTorch wraps are on the CPU."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, tuple | list) else [result]:
            if isinstance(value, torch.Tensor) and value.dtype == torch.float64 and value.ndim:
                raise TypeError(f"{func} gives float64, which MPS does not support")
        return result


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_an_epoch_needs_no_double_precision_on_the_device(loss: str) -> None:
    engine = engine_of(TEXT.format(f"loss {loss}; augment {{ rotate 10; jitter; mixup }}"), "digits")
    with _NoDoubles():
        engine.fit(Watcher())
        engine.evaluate(engine.collection.train)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("ema 0.99", "`ema` is not supported with `--strategy fsdp`"),
        ("regularize max_norm 3", "`regularize max_norm` is not supported"),
        ("pretrain layerwise", "`pretrain` is not supported"),
    ],
)
def test_what_needs_whole_weights_is_not_sharded(line: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        launch(Hardware("cpu", devices=2, strategy="fsdp"), plan(line))


def test_one_device_has_nothing_to_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightning_fabric.Fabric", FakeFabric)
    assert launch(Hardware("cpu", strategy="fsdp"), plan()).made["strategy"] == "auto"


def test_large_parts_are_sharded_on_their_own() -> None:
    from torch import nn

    from netspec.training.sharding import _parts

    block, small = nn.Sequential(nn.Linear(400, 300)), nn.Linear(3, 3)
    net = nn.Sequential(small, nn.ModuleList([block, small]), nn.Sequential(small, block))
    assert list(_parts(net)) == [block, net[2]]


def test_machines_that_nothing_has_started_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MASTER_ADDR", "NODE_RANK", "GROUP_RANK", "TORCHELASTIC_RUN_ID", "SLURM_NTASKS", "LSB_JOBID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("lightning_fabric.Fabric", FakeFabric)
    two = Hardware("cpu", devices=3, nodes=2, strategy="ddp")
    with pytest.raises(SpecError, match="nothing has started the processes on the other machines") as caught:
        launch(two, plan())
    assert "torchrun --nnodes 2 --nproc-per-node 3" in caught.value.diagnostics[0].helps[0]
    monkeypatch.setenv("MASTER_ADDR", "10.0.0.1")
    monkeypatch.setenv("NODE_RANK", "1")
    assert launch(two, plan()).made["num_nodes"] == 2
    monkeypatch.delenv("NODE_RANK")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    assert launch(two, plan()).made["num_nodes"] == 2
