"""Schedules against torch's own, update by update."""

from __future__ import annotations

import pytest
import torch
from torch.optim import lr_scheduler as s

import netspec
from netspec.training.last_update import after_the_last_update
from netspec.training.plan import Plan
from netspec.training.schedules import Plateau, Schedule, schedule

EPOCHS, UPDATES = 12, 5
TOTAL = EPOCHS * UPDATES


def mine(text: str, lr: float = 0.4) -> Schedule:
    spec = f"input 4\nFC-2\ntrain {{\noptimizer sgd lr={lr}\nschedule {text}\n}}"
    plan = Plan.of(netspec.loads(spec).graph)
    return schedule(plan.schedule, lr=plan.lr, epochs=EPOCHS, updates=UPDATES)


def rates_of_torch(make, *, each: int) -> list[float]:
    """The rate at every update of torch's scheduler, stepped after every `each` updates."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
    scheduler = make(optimizer)
    rates = []
    for step in range(TOTAL):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if (step + 1) % each == 0 and step + 1 < TOTAL:
            scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("text", "make", "each"),
    [
        ("constant", lambda o: s.ConstantLR(o, 1.0), 1),
        ("step 4 gamma=0.3", lambda o: s.StepLR(o, 4, 0.3), UPDATES),
        ("step 7 gamma=0.3 unit=step", lambda o: s.StepLR(o, 7, 0.3), 1),
        ("multistep at=[3, 9] gamma=0.2", lambda o: s.MultiStepLR(o, [3, 9], 0.2), UPDATES),
        ("multistep at=[3, 9] gamma=0.2 unit=step", lambda o: s.MultiStepLR(o, [3, 9], 0.2), 1),
        ("exp 0.97", lambda o: s.ExponentialLR(o, 0.97), UPDATES),
        ("exp 0.97 unit=step", lambda o: s.ExponentialLR(o, 0.97), 1),
        ("poly", lambda o: s.PolynomialLR(o, TOTAL, 0.5), 1),
        ("poly 2", lambda o: s.PolynomialLR(o, TOTAL, 2.0), 1),
        ("inverse 0.5 unit=step", lambda o: s.LambdaLR(o, lambda t: 1 / (1 + 0.5 * t)), 1),
        ("inverse 0.5", lambda o: s.LambdaLR(o, lambda t: 1 / (1 + 0.5 * t / UPDATES)), 1),
        ("cosine", lambda o: s.CosineAnnealingLR(o, TOTAL), 1),
        ("cosine low=0.1", lambda o: s.CosineAnnealingLR(o, TOTAL, 0.1), 1),
        ("cosine_restarts 4 low=0.1", lambda o: s.CosineAnnealingWarmRestarts(o, 4 * UPDATES, 1, 0.1), 1),
        ("cosine_restarts 7 growth=2 unit=step", lambda o: s.CosineAnnealingWarmRestarts(o, 7, 2), 1),
        ("onecycle", lambda o: s.OneCycleLR(o, 0.4, total_steps=TOTAL, cycle_momentum=False), 1),
        ("onecycle rise=0.1", lambda o: s.OneCycleLR(o, 0.4, total_steps=TOTAL, pct_start=0.1, cycle_momentum=False), 1),
    ],
)  # fmt: skip
def test_the_rate_of_every_update_is_torch_s(text: str, make, each: int) -> None:
    factor = mine(text)
    assert [0.4 * factor(i) for i in range(TOTAL)] == pytest.approx(rates_of_torch(make, each=each), rel=1e-6, abs=1e-9)


def test_a_warm_up_is_linear_and_the_schedule_begins_after_it() -> None:
    warm, plain = mine("cosine warmup=3"), schedule_of_rest("cosine", EPOCHS - 3)
    assert [warm(i) for i in range(15)] == pytest.approx([(i + 1) / 15 for i in range(15)])
    assert [warm(i) for i in range(15, TOTAL)] == pytest.approx([plain(i) for i in range(TOTAL - 15)])


def test_a_warm_up_by_steps_from_a_given_rate_is_torch_s() -> None:
    warm = mine("cosine warmup_steps=7 warmup_start=0.01")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
    parts = [s.LinearLR(optimizer, 0.01, total_iters=7), s.CosineAnnealingLR(optimizer, TOTAL - 7)]
    theirs = s.SequentialLR(optimizer, parts, [7])
    for step in range(TOTAL):
        assert 0.4 * warm(step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-6, abs=1e-9)
        optimizer.step()
        theirs.step()


def test_two_warm_ups_are_refused() -> None:
    with pytest.raises(netspec.SpecError, match="NS604"):
        mine("cosine warmup=1 warmup_steps=7")


def schedule_of_rest(text: str, epochs: int) -> Schedule:
    plan = Plan.of(netspec.loads(f"input 4\nFC-2\ntrain {{ schedule {text} }}").graph)
    return schedule(plan.schedule, lr=plan.lr, epochs=epochs, updates=UPDATES)


def test_a_warm_up_longer_than_the_run_only_warms_up() -> None:
    factor = mine("exp 0.5 warmup=40")
    assert [factor(i) for i in (0, TOTAL - 1)] == pytest.approx([1 / TOTAL, 1.0])


def test_plateau_is_torch_s_reduce_on_plateau() -> None:
    scores = [0.5, 0.6, 0.6, 0.55, 0.6, 0.7, 0.7, 0.7, 0.7, 0.71, 0.5, 0.5, 0.5, 0.5]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = s.ReduceLROnPlateau(optimizer, mode="max", factor=0.1, patience=2, threshold=0.0)
    ours = Plateau(0.1, 2)
    for score in scores:
        theirs.step(score)
        ours.see(score)
        assert ours.scale == pytest.approx(optimizer.param_groups[0]["lr"])
    assert ours.scale == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("schedule cosine warmup_steps=40", "the warmup takes 40 updates"),
        ("schedule cosine warmup_steps=39", None),
        ("schedule multistep at=[20, 50] unit=step", "the schedule changes the learning rate at 50 updates"),
        ("schedule multistep at=[30, 39] unit=step", None),
        ("schedule step 35 unit=step warmup_steps=5", "the schedule changes the learning rate at 35 updates after the warmup"),
        ("schedule step 35 unit=step warmup_steps=5 warmup_over=yes", None),
        ("schedule cosine_restarts 40 unit=step", "the first cycle of the schedule takes 40 updates"),
        ("validate 41 unit=step", "the net is evaluated every 41 updates"),
        ("validate 40 unit=step", None),
        ("ema every=40", "`ema` averages the weights every 40 updates"),
        ("ema every=39", None),
        ("ema", None),
    ],
)  # fmt: skip
def test_what_comes_after_the_last_update(lines: str, said: str | None) -> None:
    plan = Plan.of(netspec.loads("input 4\nFC-3\ntrain { " + lines + " }").graph)
    found = after_the_last_update(plan, 40)
    assert found == ([] if said is None else [f"{said}, but training ends after 40"])
