"""The recipes of docs/recipes.md: they check with their nets, and their rates are those of the original code."""

from __future__ import annotations

import math
import re

import pytest
from conftest import ROOT

import netspec
from netspec.training.augment import Augmenter
from netspec.training.plan import Plan
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


def plan_of(name: str) -> Plan:
    file, size, recipe = BLOCKS[NAMES[name]]
    text = (ROOT / "examples" / file).read_text()
    net = text[: text.index("\ntrain {")]
    net = re.sub(r"(?m)^input \S+$", f"input {size}", net)
    net = re.sub(r"(?m)^expect (macs|output).*$", "", net)
    return Plan.of(netspec.loads(net + "\n" + recipe).graph)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_recipe_fits_its_net(name: str) -> None:
    plan = plan_of(name)
    size = plan.inputs["input"].shape
    side = plan.recipe.augment["crop"].values["from"]
    made = Augmenter(plan.recipe.augment, (3, side, side), size, 0)
    cut = made.cut(0, range(2), 2)
    assert cut is not None
    assert (cut.size, cut.scale) == (size[1:], (0.08, 1.0))
    assert cut.ratio == pytest.approx((3 / 4, 4 / 3))
    assert made.policies
    assert made.mixes


@pytest.mark.slow
@pytest.mark.parametrize(("name", "top", "low", "warm", "first"), [
    ("a3", 8e-3, 0.0, 5, None), ("torchvision", 0.5, 0.0, 5, 0.005), ("convnext", 4e-3, 1e-6, 20, None), ("deit", 1e-3, 1e-5, 5, 1e-6),
])  # fmt: skip
def test_rates_of_the_papers(name: str, top: float, low: float, warm: int, first: float | None) -> None:
    """A linear warmup to the peak, then half a cosine down to the lowest rate at the end of the last epoch."""
    plan = plan_of(name)
    updates = math.ceil(IMAGES / plan.batch)
    factor = schedule(plan.schedule, lr=plan.lr, epochs=plan.epochs, updates=updates)
    total, begin = plan.epochs * updates, warm * updates
    if first is not None:
        assert top * factor(0) == pytest.approx(first)
    assert top * factor(begin) == pytest.approx(top)
    for share in (0.25, 0.5, 0.9, 1.0):
        step = begin + round(share * (total - begin))
        expected = low + (top - low) * (1 + math.cos(math.pi * (step - begin) / (total - begin))) / 2
        assert top * factor(step) == pytest.approx(expected, abs=1e-12)
