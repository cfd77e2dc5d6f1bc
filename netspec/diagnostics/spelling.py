"""Which name a misspelt word most likely means."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["distance", "nearest"]

_TINY, _SHORT = 2, 4
"""The fewest letters with which a part of a name means it, as in `drop` for `dropout`."""


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that a misspelt word most likely means, or None where nothing is near: one letter in three may be
    wrong, or the word is the beginning of one candidate alone, or one candidate with something before or after it."""
    lower = word.lower()
    if not lower:
        return None
    by_lower = {c.lower(): c for c in candidates}
    if lower in by_lower:
        return by_lower[lower]
    longer = [c for c in by_lower if len(lower) >= _SHORT and c.startswith(lower)]
    if len(longer) == 1:
        return by_lower[longer[0]]
    most = max(1, len(lower) // 3)
    near = [(distance(lower, c, most), i) for i, c in enumerate(by_lower) if abs(len(c) - len(lower)) <= most]
    found = min(((d, i) for d, i in near if d <= most), default=None)
    names = list(by_lower)
    if found is not None and (len(near_name := names[found[1]]) > _TINY or _same_letters(lower, near_name)):
        return by_lower[near_name]
    parts = [c for c in names if len(c) > _SHORT and c[0] == lower[0] and _within(c, lower)]
    if len(parts) == 1:
        return by_lower[parts[0]]
    inside = [c for c in names if len(c) >= _SHORT and (lower.startswith(c) or lower.endswith(f"_{c}"))]
    return by_lower[inside[0]] if len(inside) == 1 else None


def _same_letters(word: str, name: str) -> bool:
    """Whether a word differs from a name of two letters by their order, or by one that is doubled."""
    return sorted(word) == sorted(name) or re.sub(r"(.)\1", r"\1", word) == name


def _within(part: str, whole: str) -> bool:
    """Whether the letters of a word are in another one in their order, as `params` in `parameters`."""
    letters = iter(whole)
    return all(letter in letters for letter in part)


def distance(one: str, other: str, most: int) -> int:
    """Letters to put in, take out, change or exchange with their neighbor; `most` + 1 where it is more."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
