"""Time by the roofline model, computed here once more from the shapes; arithmetic intensity; devices."""

from __future__ import annotations

from math import prod

import pytest

import netspec
from netspec.analysis.conditions import Conditions
from netspec.analysis.devices import DEVICES, device_named

NET = "input 64x56x56\nconv3-64 pad=1 bias=no\nrelu\nflatten\nFC-1000"
BATCH = 32


def test_intensity_and_time_of_a_convolution() -> None:
    model = netspec.loads(NET)
    values, weights = prod((64, 56, 56)), 64 * 64 * 9
    flops = 2 * weights * 56 * 56 * BATCH
    conditions = Conditions(batch=BATCH, device="a100")
    conv, relu, flatten, fc = (n for n in model.graph.layers)
    analysis = model.analysis(conditions)
    traffic = 4 * (BATCH * 2 * values + weights)
    assert analysis.layer("traffic", conv) == traffic
    assert analysis.layer("intensity", conv) == pytest.approx(flops / traffic)
    assert analysis.layer("time", conv) == pytest.approx(max(flops / 19.5e12, traffic / 2.039e12))
    assert analysis.layer("bound", conv) == "compute"
    assert analysis.layer("time", relu) == pytest.approx(4 * BATCH * 2 * values / 2.039e12)
    assert [analysis.layer("bound", n) for n in (relu, flatten, fc)] == ["memory", None, "compute"]
    assert analysis.total("time") == pytest.approx(sum(analysis.layer("time", n) for n in model.graph.layers))
    half = model.analysis(Conditions(batch=BATCH, dtype="bf16", device="a100"))
    assert half.layer("time", conv) == pytest.approx(max(flops / 312e12, traffic / 2 / 2.039e12))
    assert half.layer("bound", conv) == "compute"


def test_a_training_step_takes_three_passes() -> None:
    model = netspec.loads(NET)
    times = [model.figure("time", Conditions(device="h100", optimizer=o)) for o in (None, "adam")]
    assert times[1] == pytest.approx(3 * times[0])


def test_without_a_device_there_is_no_time() -> None:
    model = netspec.loads(NET)
    assert model.figure("time") is None
    assert model.figure("bound") is None
    assert model.figure("intensity") > 0


def test_devices() -> None:
    assert {"h100", "a100", "rtx4090", "cpu"} <= set(DEVICES)
    for name, device in DEVICES.items():
        assert device.name == name == device_named(name.upper()).name
        assert device.half >= device.fp32
        assert device.source
        # a ridge between 10 and 500 FLOPs per byte: no figure is off by a factor of 1,000
        assert 10 < device.flops("bf16") / device.bandwidth < 500
    own = device_named("50T, 900G,24G")
    assert (own.fp32, own.half, own.bandwidth, own.memory) == (50e12, 50e12, 900e9, 24 * 10**9)
    assert device_named("1.5T,51.2G").memory == 80 * 10**9
    for wrong in ("h1000", "50T", "50T,fast", "0,1G", "1,2,3,4", ""):
        with pytest.raises(ValueError, match="device"):
            device_named(wrong)
