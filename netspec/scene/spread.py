"""Positions across the ranks: near to what an item is linked with, in the given order, without overlap."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from netspec.scene.order import Ordered

__all__ = ["placed_between", "spread"]

_SWEEPS = 4
_MAIN = 1000.0
"""How much more the main way through a part counts than what stands beside it."""


def spread(plan: Ordered, before: Sequence[float], after: Sequence[float], gap: float) -> list[float]:
    """The position of each item across the ranks, the leftmost edge at 0. An item covers `before` to the left of its
    position and `after` to its right; bends cover nothing.

    The way through most items runs straight, and what is shorter stands beside it; ways of one length stand around
    their middle.
    """
    total = plan.total
    left = [*before, *[0.0] * (total - len(before))]
    right = [*after, *[0.0] * (total - len(after))]
    at = [0.0] * total
    rows = plan.ranks
    for row in rows:
        _place(row, at, [0.0] * len(row), [1.0] * len(row), left, right, gap)
    if any(len(row) > 1 for row in rows):
        above, below, heavy = _main_ways(plan)
        for sweep in range(_SWEEPS):
            for row in rows[1:] if sweep % 2 == 0 else reversed(rows[:-1]):
                _pull(row, at, above if sweep % 2 == 0 else below, [1.0] * total, left, right, gap)
        for row in rows[1:]:
            _pull(row, at, above, heavy, left, right, gap)
        _straighten(plan, at, left, right, gap)
    lowest = min((at[i] - left[i] for row in rows for i in row), default=0.0)
    return [x - lowest for x in at]


def _straighten(plan: Ordered, at: list[float], left: Sequence[float], right: Sequence[float], gap: float) -> None:
    """Brings the bends of one line above each other, as far to one side as one of them stands, where there is room."""
    beside: dict[int, tuple[int | None, int | None]] = {}
    for row in plan.ranks:
        for k, item in enumerate(row):
            beside[item] = (row[k - 1] if k else None, row[k + 1] if k + 1 < len(row) else None)

    def fits(item: int, x: float) -> bool:
        before, behind = beside[item]
        return (before is None or at[before] + right[before] + gap + left[item] <= x + 0.01) and (
            behind is None or x + right[item] + gap + left[behind] <= at[behind] + 0.01
        )

    bent = _chains(plan)
    for _ in range(_SWEEPS):  # one that moves away makes room for the next
        still = []
        for chain in bent:
            places = [at[i] for i in chain]
            x = next((x for x in (max(places), min(places)) if all(fits(i, x) for i in chain)), None)
            if x is None:
                still.append(chain)
                continue
            for i in chain:
                at[i] = x
        if len(still) in (0, len(bent)):
            break
        bent = still


def _chains(plan: Ordered) -> list[list[int]]:
    """The bends of each line, in their order."""
    after = {a: b for a, b in plan.links if a >= plan.count and b >= plan.count}
    later = set(after.values())
    found = []
    for start in range(plan.count, plan.total):
        if start not in later:
            chain = [start]
            while chain[-1] in after:
                chain.append(after[chain[-1]])
            found.append(chain)
    return found


def placed_between(wanted: Sequence[float], low: float, high: float, gap: float) -> list[float]:
    """Places near the wanted ones, in their order, `gap` apart and between two bounds as far as there is room; one that is
    in the middle stays there."""
    gap = min(gap, (high - low) / len(wanted))
    at = [min(max(x, low), high) for x in wanted]
    weights = [_MAIN if abs(x - (low + high) / 2) < 1 else 1.0 for x in wanted]
    nothing = [0.0] * len(at)
    _place(range(len(at)), at, list(at), weights, nothing, nothing, gap)
    last = len(at) - 1
    return [min(max(x, low + i * gap), high - (last - i) * gap) for i, x in enumerate(at)]


def _main_ways(plan: Ordered) -> tuple[list[list[int]], list[list[int]], list[float]]:
    """For each item those above and below on the longest ways through real items, and how much its place counts."""
    total = plan.total
    above: list[list[int]] = [[] for _ in range(total)]
    below: list[list[int]] = [[] for _ in range(total)]
    for a, b in plan.links:
        above[b].append(a)
        below[a].append(b)
    items = [i for row in plan.ranks for i in row]
    down, up = [0] * total, [0] * total
    for i in items:
        down[i] = (i < plan.count) + max((down[j] for j in above[i]), default=0)
    for i in reversed(items):
        up[i] = (i < plan.count) + max((up[j] for j in below[i]), default=0)
    above = [[j for j in near if down[j] == max(down[k] for k in near)] for near in above]
    below = [[j for j in near if up[j] == max(up[k] for k in near)] for near in below]
    heavy = [_MAIN] * total
    for i in items:
        if above[i]:
            heavy[i] = max((heavy[j] for j in above[i] if i in below[j]), default=1.0)
    return above, below, heavy


def _pull(
    row: Sequence[int], at: list[float], near: Sequence[Sequence[int]], weights: Sequence[float],
    left: Sequence[float], right: Sequence[float], gap: float,
) -> None:  # fmt: skip
    """Each item of a rank towards the middle of those that it is linked with."""
    wanted = [sum(at[j] for j in near[i]) / len(near[i]) if near[i] else at[i] for i in row]
    _place(row, at, wanted, [weights[i] if near[i] else 0.1 for i in row], left, right, gap)


def _place(
    row: Sequence[int], at: list[float], wanted: Sequence[float], weights: Sequence[float],
    left: Sequence[float], right: Sequence[float], gap: float,
) -> None:  # fmt: skip
    """The least squares of what is wanted under the distances: an isotonic regression (pool adjacent violators)."""
    offsets, offset = [0.0], 0.0
    for a, b in itertools.pairwise(row):
        offset += right[a] + gap + left[b]
        offsets.append(offset)
    pools: list[list[float]] = []  # mean, weight, how many
    for want, weight, off in zip(wanted, weights, offsets, strict=True):
        pools.append([want - off, weight, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, heavy, many = pools.pop()
            before = pools[-1]
            joined = before[1] + heavy
            before[:] = [(before[0] * before[1] + mean * heavy) / joined, joined, before[2] + many]
    values = [mean for mean, _, many in pools for _ in range(int(many))]
    for item, value, off in zip(row, values, offsets, strict=True):
        at[item] = value + off
