"""The best values of unknown parameters under which a network keeps its conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise, product
from math import inf, prod
from typing import Any, Literal, TypeAlias

from netspec.analysis.sweep import Evaluate, Goal, Outcome, Point

__all__ = ["BUDGET", "Solution", "Unknown", "solve"]

BUDGET = 2_000
"""Networks that are checked at most."""
_HIGHEST = 2**20
_FEW = 300
_LAYERS = 60
"""How many layers a network may have, on average, for the whole budget."""
_WINDOW = 64
"""How far a valid value is looked for around one that is not."""

Method: TypeAlias = Literal["exhaustive", "bisection", "refined"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A whole number to be found, from `low` to `high` in steps (`high` None: as far as anything fits), or one of
    `choices`."""

    name: str
    low: int = 1
    high: int | None = None
    step: int = 1
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Solution:
    """`best` is None where no point keeps the conditions; `nearest` is then the valid one that misses them by the least
    (None: no point is valid). `next` is the first better point beside the best, which breaks them.

    `method`: "exhaustive" (all points that could be better were tried), "bisection" (the conditions and the goal were
    monotone in the unknown over all points tried), or "refined" (a search on ever finer grids, which may miss the best).
    """

    best: Point | None
    nearest: Point | None
    next: Point | None
    method: Method
    tried: int
    reason: str = ""
    """Where no point is valid: why not, at the first that was tried."""


def solve(unknowns: Sequence[Unknown], evaluate: Evaluate, goal: Goal | None = None, budget: int = BUDGET) -> Solution:
    """The best point at which the conditions hold: by the goal, then by larger values of the unknowns, the first before
    the others. Raises ValueError where there is no unknown, or it has no values."""
    search = _Search(tuple(unknown.name for unknown in unknowns), evaluate, goal)
    search.domains = [search.domain(unknowns, number) for number in range(len(unknowns))]
    if not search.domains or not all(search.domains):
        raise ValueError("there are no values to try")
    search.adopt()
    following: Place | None = None
    try:
        method = search.run(budget)
        following = search.beside(best) if (best := search.best()) is not None else None
    except _Spent:
        method = "refined"
    best, near = search.best(), search.nearest()
    reason = next((outcome.reason for outcome in search.known.values()), "") if near is None else ""
    return Solution(
        search.point(best) if best is not None else None, search.point(near) if near is not None else None,
        search.point(following) if following is not None else None, method, len(search.known), reason,
    )  # fmt: skip


Place: TypeAlias = tuple[int, ...]
"""A point by the positions of its values in their domains."""


class _Spent(Exception):
    """The networks that were tried are too large, together."""


class _Search:
    def __init__(self, names: tuple[str, ...], evaluate: Evaluate, goal: Goal | None) -> None:
        self.names, self.evaluate, self.goal = names, evaluate, goal
        self.domains: list[Sequence[Any]] = []
        self.known: dict[Place, Outcome] = {}
        self._asked: dict[str, tuple[tuple[Any, ...], Outcome]] = {}
        self._left = _LAYERS * BUDGET

    # Points

    def outcome(self, values: tuple[Any, ...]) -> Outcome:
        key = repr(values)  # a list has no hash; and 1 is not `yes`
        if key not in self._asked:
            if self._left < 0:
                raise _Spent
            found = self.evaluate(dict(zip(self.names, values, strict=True)))
            self._asked[key] = values, found
            self._left -= found.layers
        return self._asked[key][1]

    def adopt(self) -> None:
        """Takes what the domains were found with for points of them, and begins the search with the whole budget."""
        for values, outcome in self._asked.values():
            if all(value in domain for value, domain in zip(values, self.domains, strict=True)):
                self.known[tuple(d.index(v) for v, d in zip(values, self.domains, strict=True))] = outcome
        self._left = _LAYERS * BUDGET

    def at(self, place: Place) -> Outcome:
        if place not in self.known:
            self.known[place] = self.outcome(self.values(place))
        return self.known[place]

    def values(self, place: Place) -> tuple[Any, ...]:
        return tuple(domain[i] for domain, i in zip(self.domains, place, strict=True))

    def point(self, place: Place) -> Point:
        return Point(dict(zip(self.names, self.values(place), strict=True)), self.at(place))

    def score(self, place: Place) -> float:
        """By the goal; without one, every point is as good."""
        score = self.goal.score(self.known[place]) if self.goal is not None else 0.0
        return -inf if score is None else score

    def best(self) -> Place | None:
        kept = [place for place, outcome in self.known.items() if outcome.kept]
        return max(kept, key=lambda place: (self.score(place), place), default=None)

    def nearest(self) -> Place | None:
        valid = [place for place, outcome in self.known.items() if outcome.valid]
        return min(valid, key=lambda place: (self.known[place].excess, -self.score(place), place), default=None)

    def beside(self, best: Place) -> Place | None:
        """Of one unknown the next valid value that would be better, which breaks the conditions."""
        if len(best) > 1:
            return None
        for step in (1, -1):
            for i in range(best[0] + step, best[0] + step * (_WINDOW + 1), step):
                if 0 <= i < len(self.domains[0]) and self.at((i,)).valid:
                    if (self.score((i,)), i) > (self.score(best), best[0]) and not self.known[i,].kept:
                        return (i,)
                    break
        return None

    # Domains

    def domain(self, unknowns: Sequence[Unknown], number: int) -> Sequence[Any]:
        """The values of one unknown; without an upper bound, as far as the others at their first values allow."""
        unknown = unknowns[number]
        if unknown.choices:
            return unknown.choices
        if unknown.high is not None:
            return range(unknown.low, unknown.high + 1, unknown.step)
        firsts = [u.choices[0] if u.choices else u.low for u in unknowns]
        width, misses = 1, 0
        with suppress(_Spent):
            while width < _HIGHEST and misses < 2:
                window = range(width - 1, width - 1 + _WINDOW)
                found = (
                    self.outcome((*firsts[:number], unknown.low + unknown.step * i, *firsts[number + 1 :]))
                    for i in window
                )
                valid = next((outcome for outcome in found if outcome.valid), None)
                misses = 0 if valid is not None and valid.kept else misses + 1
                width *= 2
        return range(unknown.low, unknown.low + unknown.step * width, unknown.step)

    # Searches

    def run(self, budget: int) -> Method:
        count = prod(map(len, self.domains))
        if count <= _FEW:
            return self.everything()
        longest = max(range(len(self.domains)), key=lambda i: len(self.domains[i]))
        others = [range(len(domain)) if i != longest else (0,) for i, domain in enumerate(self.domains)]
        lines = count // len(self.domains[longest])
        samples = 33 if lines == 1 else 9
        if lines * 2 * samples <= budget:
            monotone = [self.line(place, longest, samples) for place in product(*others)]
            if all(monotone):
                return "bisection"
            return self.everything() if count <= budget else "refined"
        return self.everything() if count <= budget else self.refined(budget)

    def everything(self) -> Method:
        for place in product(*(range(len(domain)) for domain in self.domains)):
            self.at(place)
        return "exhaustive"

    def line(self, place: Place, axis: int, samples: int) -> bool:
        """The best value of one unknown, the others fixed: samples, then halves around the best of them. Whether the
        conditions and the goal were monotone over all that was tried."""
        length = len(self.domains[axis])

        def on(i: int) -> Place:
            return (*place[:axis], i, *place[axis + 1 :])

        tried: dict[int, Outcome] = {}
        for k in range(samples):
            self._valid_near(on, (length - 1) * k // (samples - 1), length, tried)
        while True:
            valid = sorted(i for i, outcome in tried.items() if outcome.valid)
            if not valid:
                return False
            center = self._center([on(i) for i in valid])[axis]
            at = valid.index(center)
            open_ = [
                (a, b) for a, b in zip(valid[max(0, at - 1) : at + 1], valid[max(1, at) : at + 2], strict=False)
                if any(i not in tried for i in range(a + 1, min(b, a + _WINDOW + 1)))
            ]  # fmt: skip
            if not open_:
                return self._is_monotone([on(i) for i in valid])
            for a, b in open_:
                if (between := next_untried(a, b, tried)) is not None:
                    self._valid_near(on, between, length, tried)

    def _valid_near(self, on: Callable[[int], Place], i: int, length: int, tried: dict[int, Outcome]) -> None:
        """Tries a value, and those around it until one is valid."""
        for step in range(_WINDOW):
            for j in dict.fromkeys((i - step, i + step)):
                if 0 <= j < length and j not in tried:
                    tried[j] = self.at(on(j))
                    if tried[j].valid:
                        return

    def _center(self, valid: list[Place]) -> Place:
        """The best place so far; where none keeps the conditions, the nearest."""
        kept = [place for place in valid if self.known[place].kept]
        if kept:
            return max(kept, key=lambda place: (self.score(place), place))
        return min(valid, key=lambda place: (self.known[place].excess, -self.score(place), place))

    def _is_monotone(self, valid: list[Place]) -> bool:
        """Whether those that keep the conditions have no gap, and the goal only rises or only falls."""
        kept = [self.known[place].kept for place in valid]
        inside = kept[kept.index(True) : len(kept) - kept[::-1].index(True)] if any(kept) else []
        scores = [self.score(place) for place in valid]
        pairs = list(pairwise(scores))
        return all(inside) and (all(a <= b for a, b in pairs) or all(a >= b for a, b in pairs))

    def refined(self, budget: int) -> Method:
        """Coarse grids over all values, then finer ones around the best point."""
        steps = [max(1, len(domain) // max(2, round(budget ** (1 / len(self.domains)) / 2))) for domain in self.domains]
        for place in product(*(range(0, len(d), step) for d, step in zip(self.domains, steps, strict=True))):
            self.at(place)
        while len(self.known) < budget:
            valid = [place for place, outcome in self.known.items() if outcome.valid]
            if not valid:
                break
            center, before = self._center(valid), len(self.known)
            around = (
                [i for i in (c - step, c, c + step) if 0 <= i < len(d)]
                for c, step, d in zip(center, steps, self.domains, strict=True)
            )
            for place in product(*around):
                self.at(place)
            if self._center([p for p, o in self.known.items() if o.valid]) == center:
                if len(self.known) == before and all(step == 1 for step in steps):
                    break
                steps = [max(1, step // 2) for step in steps]
        return "refined"


def next_untried(low: int, high: int, tried: Mapping[int, Outcome]) -> int | None:
    """The untried number between two that is nearest to the middle."""
    between = (i for i in range(low + 1, high) if i not in tried)
    return min(between, key=lambda i: abs(2 * i - low - high), default=None)
