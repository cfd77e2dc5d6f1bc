"""Learning-rate schedules: the factor on the learning rate as a pure function of the update.

Schedules have no state, so runs can be resumed exactly at any update. Only `plateau` depends on scores; its state is in the
checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from netspec.recipe import Chosen

__all__ = ["Plateau", "Schedule", "schedule"]

Schedule = Callable[[int], float]
"""The factor on the learning rate at an update, counted from 0."""


def schedule(chosen: Chosen, *, lr: float, epochs: int, updates: int) -> Schedule:
    """The schedule of a recipe, given the numbers of epochs and of updates per epoch; `lr` is the learning rate.

    With `warmup=n` the factor increases linearly over n epochs (`warmup_steps`: n updates), (i + 1)/(n updates) or from
    `warmup_start`, and the schedule starts afterward: its t counts from the end of the warmup, and its T is the remaining number
    of updates. With `warmup_over` t and T are those of the whole run, of which the warmup covers the begin.
    """
    warm = min(chosen.values["warmup"], epochs) * updates or min(chosen.values["warmup_steps"], epochs * updates)
    start: float | None = chosen.values["warmup_start"]
    before = 0 if chosen.values.get("warmup_over") else warm
    body = _body(chosen, lr, max(1, epochs * updates - before), updates)

    def factor(step: int) -> float:
        if step >= warm:
            return body(step - before)
        return float((step + 1) / warm if start is None else start + (1 - start) * step / warm)

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
        case "cosine_restarts":
            return lambda t: _cosine(1.0, v["low"] / lr, _share_of_cycle(t, v["every"] * each, v["growth"]))
        case "onecycle":
            return lambda t: _one_cycle(t, total, v["rise"])
    return lambda t: 1.0


def _share_of_cycle(t: int, length: int, growth: int) -> float:
    """How much of its cycle is over; each is `growth` times as long as the one before (Loshchilov & Hutter 2017)."""
    while t >= length:
        t, length = t - length, length * growth
    return t / length


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
    """`plateau`: multiplies the rate by `factor` if the score has not improved for more than `patience` epochs."""

    factor: float
    patience: int
    scale: float = 1.0
    best: float = -math.inf
    waited: int = 0

    def see(self, score: float) -> None:
        """Adds the score of an epoch (larger is better)."""
        if score > self.best:
            self.best, self.waited = score, 0
            return
        self.waited += 1
        if self.waited > self.patience:
            self.scale *= self.factor
            self.waited = 0
