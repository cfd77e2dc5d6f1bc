"""The recipes of docs/recipes.md: they check with their nets, and their rates are those of the original code."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT

import netspec
from netspec.source import SourceFile
from netspec.training.augment import Augmenter
from netspec.training.groups import _decays, _trainable
from netspec.training.plan import Plan
from netspec.training.policies import Policy
from netspec.training.progressive import Growing, require_sizes
from netspec.training.schedules import schedule

BLOCKS = dict(
    enumerate(
        re.findall(
            r"```\n# (\w+\.net), input (\S+)\n(train .*?)```", (ROOT / "docs" / "recipes.md").read_text(), re.DOTALL
        )
    )
)
NAMES = {"a3": 0, "torchvision": 1, "convnext": 2, "deit": 3}
IMAGES = 1_281_167
DECAYING = {"a3": 25_502_912, "torchvision": 25_502_912, "convnext": 28_524_000, "deit": 21_912_576}
"""The parameters that decay in timm's optimizers for its models, and in that of ConvNeXt."""
TEXTS: dict[str, str] = {}
"""The specs, by name."""


def plan_of(name: str) -> Plan:
    file, size, recipe = BLOCKS[NAMES[name]]
    text = (ROOT / "examples" / file).read_text()
    net = text[: text.index("\ntrain {")]
    net = re.sub(r"(?m)^input \S+$", f"input {size}", net)
    net = re.sub(r"(?m)^expect (macs|output).*$", "", net)
    TEXTS[name] = net + "\n" + recipe
    return Plan.of(netspec.loads(TEXTS[name]).graph)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_recipe_fits_its_net(name: str) -> None:
    plan = plan_of(name)
    size = plan.inputs["input"].shape
    side = plan.recipe.augment["crop"].values["from"]
    if "progressive" in plan.recipe.augment:
        require_sizes(plan, SourceFile(TEXTS[name]))
        made: Augmenter = Growing(plan.recipe.augment, (3, side, side), size, 0, None, plan=plan, updates=1)
    else:
        made = Augmenter(plan.recipe.augment, (3, side, side), size, 0)
    cut = made.cut(0, range(2), 2)
    assert cut is not None
    trained = {"a3": 160, "torchvision": 176}.get(name, 224)
    assert (cut.size, cut.scale) == ((trained, trained), (0.08, 1.0))
    assert cut.ratio == pytest.approx((3 / 4, 4 / 3))
    assert made.policies
    assert made.mixes
    decaying = sum(param.size for _, node, param in _trainable(plan.graph) if _decays(node, param))
    assert decaying == DECAYING[name], "neither layer scale nor positions"


def rates(name: str, updates: int) -> Any:
    plan = plan_of(name)
    assert updates == math.ceil(IMAGES / plan.batch)
    factor = schedule(plan.schedule, lr=plan.lr, epochs=plan.epochs, updates=updates)
    return lambda step: plan.lr * factor(step)


@pytest.mark.slow
def test_rates_of_timm() -> None:
    """What CosineLRScheduler of timm 1.0 gives for the epochs of DeiT, and for those of A3 but for its lowest rate."""
    deit = {0: 1e-6, 1: 0.0002008, 4: 0.0008002, 5: 0.000999321619703514, 50: 0.0009336825748732971, 150: 0.000505, 299: 1.002714116407149e-05}  # fmt: skip
    rate = rates("deit", 1252)
    assert [rate(epoch * 1252) for epoch in deit] == pytest.approx(list(deit.values()), rel=1e-9)
    a3 = {5: 0.007950759518210254, 25: 0.0068285735713555975, 50: 0.004000500000000001, 75: 0.0011724264286444035}
    rate = rates("a3", 626)
    assert [rate(epoch * 626) for epoch in a3] == pytest.approx(list(a3.values()), abs=1e-6)


@pytest.mark.slow
def test_rates_of_torchvision() -> None:
    """Those of its reference script at the begin of each epoch: LinearLR, then CosineAnnealingLR; and its average's decay."""
    rate = rates("torchvision", 1252)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    warm = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.01, total_iters=5)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=595)
    both = torch.optim.lr_scheduler.SequentialLR(optimizer, [warm, cosine], milestones=[5])
    for epoch in range(600):
        assert rate(epoch * 1252) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-6), epoch
        optimizer.step()
        both.step()
    decay = plan_of("torchvision").ema
    assert decay == pytest.approx(1 - (1 - 0.99998) * 8 * 128 * 32 / 600, abs=1e-5)


@pytest.mark.slow
def test_rates_of_convnext() -> None:
    """Its own code: np.linspace for the warmup, half a cosine over the other updates."""
    rate, updates = rates("convnext", 313), 313
    warm = np.linspace(0, 4e-3, 20 * updates)
    count = 280 * updates
    cosine = 1e-6 + 0.5 * (4e-3 - 1e-6) * (1 + np.cos(np.pi * np.arange(count) / count))
    mine = np.array([rate(step) for step in range(300 * updates)])
    assert np.abs(mine - np.concatenate([warm, cosine])).max() <= 1.001 * 4e-3 / len(warm)
    assert mine[len(warm) :] == pytest.approx(cosine, rel=1e-9)


def test_levels_of_randaugment_are_those_of_timm() -> None:
    """At 9 and 6 of 10, where both have the operation: timm's arguments, an enhancement of 0.19 being 1 - 0.81."""
    for level, theirs in {27: {"rotate": 27, "shear_x": 0.27, "color": 0.81, "translate_x": 0.405 * 224, "solarize": 26}, 18: {"rotate": 18, "shear_y": 0.18, "sharpness": 0.54, "translate_y": 0.27 * 224, "solarize": 103}}.items():  # fmt: skip
        policy = Policy(2, level)
        for name, amount in theirs.items():
            mine = policy.magnitudes(name, np.array([float(level)]), 224, 224)[0]
            assert mine == pytest.approx(amount, rel=0.02), name
