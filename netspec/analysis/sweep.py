"""A network over a grid of values: its figures at each point, and the points that no other one beats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, Literal, TypeAlias

from netspec.analysis.figures import Value

__all__ = ["MOST_POINTS", "Goal", "Outcome", "Point", "front", "grid", "points"]

MOST_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the network at one point: its figures, or in `reason` why there is none.

    `excess` is by how much the conditions on it are missed (0: they hold), as in `Judgement`.
    """

    figures: Mapping[str, Value | None]
    reason: str = ""
    excess: float = 0.0
    layers: int = 0
    """How large the network is: what it costs to look at."""

    @property
    def valid(self) -> bool:
        return not self.reason

    @property
    def kept(self) -> bool:
        """Whether there is a network, and the conditions hold."""
        return self.valid and self.excess == 0


Evaluate: TypeAlias = Callable[[Mapping[str, Any]], Outcome]


@dataclass(frozen=True, slots=True)
class Point:
    """The values of the parameters, and what became of the network; `best` is whether it is on the Pareto front."""

    values: Mapping[str, Any]
    outcome: Outcome
    best: bool = False


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that should be large, or small."""

    figure: str
    direction: Literal["maximize", "minimize"]

    def score(self, outcome: Outcome) -> float | None:
        """The figure, the larger the better; of sizes along several axes the smallest. None where it has no value."""
        value = outcome.figures.get(self.figure)
        if isinstance(value, tuple):
            value = min(value, default=None)
        if value is None or isinstance(value, str):
            return None
        return float(value) if self.direction == "maximize" else -float(value)

    def __str__(self) -> str:
        return f"{'most' if self.direction == 'maximize' else 'least'} {self.figure}"


def grid(axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination of values, the last parameter changing first. Raises ValueError where there are too many."""
    count = prod(map(len, axes.values()))
    if count > MOST_POINTS:
        raise ValueError(f"{count:,} points are more than {MOST_POINTS:,}")
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def points(values: Iterable[Mapping[str, Any]], evaluate: Evaluate, goals: Sequence[Goal]) -> list[Point]:
    """What becomes of the network at each point, those on the front marked."""
    found = [(at, evaluate(at)) for at in values]
    best = front([outcome for _, outcome in found], goals)
    return [Point(at, outcome, number in best) for number, (at, outcome) in enumerate(found)]


def front(outcomes: Sequence[Outcome], goals: Sequence[Goal]) -> frozenset[int]:
    """The outcomes that no other one beats: none is at least as good by every goal, and better by one.

    Only those that are kept and have a value for every goal take part. Outcomes that are equal by every goal beat neither.
    """
    scored: dict[tuple[float, ...], list[int]] = {}
    for number, outcome in enumerate(outcomes):
        scores = [goal.score(outcome) for goal in goals] if outcome.kept else [None]
        known = tuple(score for score in scores if score is not None)
        if len(known) == len(scores) and known:
            scored.setdefault(known, []).append(number)
    best: list[tuple[float, ...]] = []
    for scores_ in sorted(scored, reverse=True):  # one that beats another comes before it
        rivals = best if len(goals) > 2 else best[-1:]  # of two goals the last is the best so far by the second
        if not any(all(a >= b for a, b in zip(other, scores_, strict=True)) for other in rivals):
            best.append(scores_)
    return frozenset(number for scores_ in best for number in scored[scores_])
