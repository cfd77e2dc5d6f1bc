"""Learning-rate search, coarse to fine; every trial is a limited number of updates from the same weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from netspec.training.curves import new_figure, write_figure
from netspec.training.sanity_runs import Bench, Trace, run_trial
from netspec.training.session import Request

__all__ = ["RateTrial", "Search", "draw_search", "search_rate"]

_COARSE = [10.0 ** (half / 2) for half in range(-12, 3)]
_COARSE_UPDATES, _FINE_UPDATES = 30, 80
_ITERATIONS = 20
"""L-BFGS gets this many times fewer updates."""
_FINE = [10.0 ** (step / 4) for step in range(-3, 4)]
"""Factors around the best coarse rate."""
_GIVEN_UP = 3.0
_MARGIN = 3.0
"""The margin between the suggested rate and the lowest rate that was stopped."""


@dataclass(frozen=True)
class RateTrial:
    """A rate, its initial and final loss (over the last quarter of the updates), and its number of updates.

    `given_up`: the loss was not finite, or more than three times the initial loss.
    """

    rate: float
    first: float
    last: float
    updates: int
    given_up: bool
    fine: bool = False


@dataclass(frozen=True)
class Search:
    trials: tuple[RateTrial, ...]
    """The coarse trials, then the fine ones, each in the order of the rates."""
    proposal: float | None
    """None if no rate reduces the loss."""
    given: float
    """The rate of the recipe."""


def search_rate(request: Request) -> Search:
    """Tries rates from 1e-6 to 10, then around the best. Raises SpecError."""
    bench = Bench.of(request)
    coarse = [_try(bench, rate, _COARSE_UPDATES) for rate in _COARSE]
    best = _best(coarse)
    if best is None:
        return Search(tuple(coarse), None, bench.plan.lr)
    fine = [replace(_try(bench, best.rate * factor, _FINE_UPDATES), fine=True) for factor in _FINE]
    return Search((*coarse, *fine), propose(coarse, fine), bench.plan.lr)


def propose(coarse: list[RateTrial], fine: list[RateTrial]) -> float | None:
    """The rate with the lowest final loss, at least a factor of three below every rate that was stopped."""
    best = _best(fine) or _best(coarse)
    if best is None:
        return None
    broken = [t.rate for t in (*coarse, *fine) if t.given_up]
    return _round(min([best.rate, *(rate / _MARGIN for rate in broken)]))


def _best(trials: list[RateTrial]) -> RateTrial | None:
    fell = [t for t in trials if not t.given_up and t.last < t.first]
    return min(fell, key=lambda t: t.last, default=None)


def _try(bench: Bench, rate: float, updates: int) -> RateTrial:
    chosen = bench.plan.optimizer
    if chosen.word == "lbfgs":
        updates = max(4, updates // _ITERATIONS)
    engine = bench.trial(bench.collection.train, optimizer=replace(chosen, values={**chosen.values, "lr": rate}))
    return _trial(rate, run_trial(engine, updates, _hopeless))


def _hopeless(trace: Trace) -> bool:
    return trace.losses[-1] > _GIVEN_UP * trace.losses[0]


def _trial(rate: float, trace: Trace) -> RateTrial:
    losses = trace.losses
    quarter = losses[-max(1, len(losses) // 4) :]
    broken = not trace.finite or _hopeless(trace)
    return RateTrial(rate, losses[0], sum(quarter) / len(quarter), len(losses), broken)


def _round(rate: float) -> float:
    """Rounds down to 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rate) + 1e-9)
    return float(f"{max(s for s in (1, 2, 5) if s * power <= rate * (1 + 1e-9)) * power:.1g}")


def draw_search(path: Path, search: Search) -> None:
    """Plots loss over learning rate as SVG. Raises SpecError (NS501)."""
    figure = new_figure(1)
    (axis,) = figure.axes
    for fine, label in ((False, "coarse"), (True, "fine")):
        kept = [t for t in search.trials if t.fine == fine and not t.given_up]
        axis.plot([t.rate for t in kept], [t.last for t in kept], marker=".", label=label)
    first = search.trials[0].first
    broken = [t.rate for t in search.trials if t.given_up]
    axis.plot(broken, [first] * len(broken), "x", color="C3", label="stopped")
    axis.axhline(first, color="0.7", linewidth=0.8)
    if search.proposal is not None:
        axis.axvline(search.proposal, color="C2", linestyle="--", label=f"suggested {search.proposal:g}")
    axis.set_xscale("log")
    axis.set_xlabel("learning rate")
    axis.set_title("loss")
    axis.legend(frameon=False)
    write_figure(path, figure)
