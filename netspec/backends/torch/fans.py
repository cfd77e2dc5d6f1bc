"""Branches that are rounds of one loop: a comprehension in the forward pass, where there are more than a few."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from netspec.backends.torch.members import Item
from netspec.backends.torch.repeats import Flow, Run, follows, has_module, numbered, step_between

__all__ = ["Fan", "find_fans", "joined"]

LEAST = 4
"""Branches before a comprehension is easier to read than a line for each."""

_LONGEST = 4
"""The most items of a branch that fit into one expression."""


@dataclass(slots=True)
class Fan:
    """Branches, each a round of `run`, and the item that joins them."""

    run: Run
    join: int


def find_fans(forward: Flow) -> list[Fan]:
    """The joins of a forward pass whose branches are alike."""
    if forward.plan.is_chain:
        return []
    found = (_fan(forward, at) for at, item in enumerate(forward.items) if _joins(item))
    return [fan for fan in found if fan is not None]


def _joins(item: Item) -> bool:
    """Whether an item takes any number of tensors."""
    node = item.node
    return node is not None and node.kind in ("concat", "add") and getattr(node.op, "number", None) is None


def joined(item: Item, branch: str, loop: str) -> str:
    """The call of a join on the tensors of a comprehension."""
    assert item.code is not None
    assert item.code.call is not None
    if item.node is not None and item.node.kind == "add":
        return f"sum({branch} {loop})"
    listed = re.search(r"\[\{0\}[^]]*\]", item.code.call)
    assert listed is not None
    return f"{item.code.call[: listed.start()]}[{branch} {loop}]{item.code.call[listed.end() :]}"


def _fan(forward: Flow, at: int) -> Fan | None:
    items, reads = forward.items, forward.items[at].reads
    rounds = len(reads)
    length = next((n for n in range(1, _LONGEST + 1) if _ends(forward, at, n)), 0) if rounds >= LEAST else 0
    start = at - rounds * length
    if not length or start < 0 or not _of_one_loop(items, start, length, rounds):
        return None
    for k in range(rounds):
        begin = start + k * length
        if k and not follows(forward, begin - length, begin, length):
            return None
        for i in range(begin, begin + length):
            last = forward.last(items[i].gives[0])
            if len(items[i].gives) != 1 or (last >= begin + length and i < begin + length - 1) or last > at:
                return None
    steps: dict[str, tuple[int, int]] = {}
    for k in range(length):
        names = [items[start + k + r * length].name for r in range(rounds)]
        between = {step_between(a, b) for a, b in itertools.pairwise(names)}
        parts = numbered(names[0])
        if has_module(items[start + k]):
            if len(between) != 1 or None in between or parts is None:
                return None
            steps[names[0]] = (parts[1], between.pop() or 1)
    first = next(iter(steps.values()), (0, 0))
    return Fan(Run(start, length, rounds, -1, -1, first[0] if first[1] == 1 else 0, steps), at)


def _ends(forward: Flow, at: int, length: int) -> bool:
    """Whether the branches of a join end at every `length`-th of the items before it."""
    reads = forward.items[at].reads
    ends = [at - 1 - length * k for k in reversed(range(len(reads)))]
    return ends[0] >= 0 and all(forward.items[i].gives == [value] for i, value in zip(ends, reads, strict=True))


def _of_one_loop(items: list[Item], start: int, length: int, rounds: int) -> bool:
    """Whether the k-th stretch of items is the k-th round of one repeat."""
    for region, number in items[start].rounds:
        if number == 0 and len(region.rounds) == rounds:
            return all(
                (region, k) in items[i].rounds
                for k in range(rounds)
                for i in range(start + k * length, start + (k + 1) * length)
            )
    return False
