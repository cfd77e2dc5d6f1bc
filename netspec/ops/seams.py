"""Which tokens of shifted windows are on different sides of a seam, so that they do not attend to each other."""

from __future__ import annotations

from itertools import product

from netspec.graph import Windows

__all__ = ["seams"]


def seams(windows: Windows) -> list[list[list[bool]]]:
    """For each window and each pair of its tokens, whether the roll brought them together (Liu et al. 2021)."""
    found = []
    for window in product(*map(range, windows.grid)):
        sides = []
        for position in product(*map(range, windows.size)):
            axes = zip(window, position, windows.grid, windows.size, windows.shift, strict=True)
            sides.append(tuple(n > 1 and w == n - 1 and p >= k - s for w, p, n, k, s in axes))
        found.append([[one != other for other in sides] for one in sides])
    return found
