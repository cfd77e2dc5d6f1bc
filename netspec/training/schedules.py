"""Learning-rate schedules: the factor of the optimizer's rate as a function of the update, and nothing else.

A schedule keeps no state, so that a run resumed at any update goes on exactly; `plateau` alone depends on what was
measured, and its state stands in the checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from netspec.recipe import Chosen

__all__ = ["Plateau", "Schedule", "schedule"]

Schedule = Callable[[int], float]
"""The factor of the rate at an update, counted from 0."""


def schedule(chosen: Chosen, *, lr: float, epochs: int, updates: int) -> Schedule:
    """The schedule of a recipe for so many epochs of so many updates; `lr` is the optimizer's rate.

    With `warmup=n` the factor grows linearly over n epochs, (i + 1)/(n updates), and the schedule begins after them:
    its t counts from the end of the warm-up, its T is what is left.
    """
    warm = min(chosen.values["warmup"], epochs) * updates
    body = _body(chosen, lr, max(1, epochs * updates - warm), updates)

    def factor(step: int) -> float:
        return (step + 1) / warm if step < warm else body(step - warm)

    return factor


def _body(chosen: Chosen, lr: float, total: int, updates: int) -> Schedule:
    v = chosen.values
    each = 1 if v.get("unit") == "step" else updates
    match chosen.word:
        case "step":
            return lambda t: v["gamma"] ** (t // (v["every"] * each))
        case "multistep":
            return lambda t: v["gamma"] ** sum(t >= at * each for at in v["at"])
        case "exp":
            return lambda t: v["gamma"] ** (t // each)
        case "poly":
            return lambda t: (1 - min(t, total) / total) ** v["power"]
        case "inverse":
            return lambda t: 1 / (1 + v["rate"] * t / each)
        case "cosine":
            return lambda t: _cosine(1.0, v["low"] / lr, min(t, total) / total)
        case "onecycle":
            return lambda t: _one_cycle(t, total, v["rise"])
    return lambda t: 1.0


def _one_cycle(t: int, total: int, rise: float) -> float:
    """From 1/25 up to 1 and down to 1/250,000, along cosines (Smith 2018, in the form of torch's OneCycleLR)."""
    top, last = rise * total - 1, max(1, total - 1)
    t = min(t, last)
    low, lowest = 1 / 25, 1 / 25 / 1e4
    if t <= top:
        return _cosine(low, 1.0, t / top if top > 0 else 1.0)
    return _cosine(1.0, lowest, (t - top) / (last - top) if last > top else 1.0)


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


@dataclass(slots=True)
class Plateau:
    """`plateau`: the rate times `factor` when the score has not improved for more than `patience` epochs."""

    factor: float
    patience: int
    scale: float = 1.0
    best: float = -math.inf
    waited: int = 0

    def see(self, score: float) -> None:
        """Takes an epoch's score (larger is better)."""
        if score > self.best:
            self.best, self.waited = score, 0
            return
        self.waited += 1
        if self.waited > self.patience:
            self.scale *= self.factor
            self.waited = 0
