"""Windows with dilation whose elements all fall outside the input."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.ops.op import Misfit
from netspec.ops.traced import untraced
from netspec.ops.windows import Window

__all__ = ["require_taps"]

_ENDS = 64
"""Windows at either end of an axis that are examined; those between lie within the input."""


def require_taps(window: Window) -> None:
    """Raises Misfit if all elements of a window fall outside the input: with dilation they can step over it."""
    for i, size in enumerate(window.output):
        if untraced(window.input[i]) >= untraced(window.dilation[i]):
            continue  # no window steps over an input at least as long as its steps
        for o in near_ends(size):
            first = o * window.stride[i] - window.before[i]
            taps = (first + k * window.dilation[i] for k in range(window.kernel[i]))
            if not any(0 <= tap < window.input[i] for tap in taps):
                raise Misfit(
                    "NS205",
                    "a window contains only padding",
                    option="dilation",
                    notes=(f"along the {window.axes[i]}, window {o + 1} of {size} contains no input values",),
                    helps=("use less padding or a smaller dilation",),
                )


def near_ends(size: int) -> Iterator[int]:
    """The first and the last positions of a row."""
    yield from (i for i in range(_ENDS) if i < size)
    yield from (size - 1 - i for i in range(_ENDS) if size - 1 - i >= _ENDS)
