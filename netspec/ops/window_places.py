"""Where windows lie: their positions, with which strides they cover an input, and the sum of those that overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import Windows

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["active_shift", "covering", "folded", "positions"]


def active_shift(windows: Windows) -> tuple[int, ...]:
    """The shift, without that along axes that one window covers."""
    return tuple(s if n > 1 else 0 for s, n in zip(windows.shift, windows.grid, strict=True))


def positions(windows: Windows, axis: int) -> list[list[int]]:
    """For each window along an axis its positions in the padded input."""
    n, size, stride, shift = windows.grid[axis], windows.size[axis], windows.stride[axis], active_shift(windows)[axis]
    if windows.spread:
        return [[k * n + i for k in range(size)] for i in range(n)]
    total = (n - 1) * stride + size
    return [[(i * stride + k + shift) % total for k in range(size)] for i in range(n)]


def covering(width: int, size: int, stride: int, pad: int) -> tuple[str, ...]:
    """The nearest padding and stride with which windows cover an axis: what is left over may be padding."""
    room = width + 2 * pad - size
    pads = [p for p in range(size) if width + 2 * p >= size and (width + 2 * p - size) % stride <= p]
    strides = [s for s in range(1, size + 1) if room >= 0 and room % s <= pad]
    said = [f"`pad={min(pads, key=lambda p: abs(p - pad))}`"] if pads else []
    said += [f"`stride={min(strides, key=lambda s: (abs(s - stride), -s))}`"] if strides else []
    rule = f"with size K, stride S and padding P, (W + 2P - K)/S leaves a rest of at most P; here W + 2P - K is {room}"
    return (*([f"{' or '.join(said)} covers it"] if said else []), rule)


def folded(emit: Emitter, x: str, features: int, windows: Windows) -> str:
    """The sum of overlapping windows, whose places and positions come in turn: along an axis, strips of one stride each."""
    done: list[int] = []
    axes = list(zip(windows.of.spatial, windows.grid, windows.size, windows.stride, windows.pad, strict=True))
    for i, (size, n, k, s, p) in enumerate(axes):
        rest = [m for _, *pair, _, _ in axes[i + 1 :] for m in pair]
        strips, rank, at = -(-k // s), 2 + i + 2 + len(rest), 2 + i
        x = padded(emit, x, rank, at + 1, 0, strips * s - k)
        total = ""
        for j in range(strips):
            part = emit.slice(x, at + 1, j * s, (j + 1) * s)
            part = emit.reshape(part, [-1, features, *done, n * s, *rest])
            part = padded(emit, part, rank - 1, at, j * s, (strips - 1 - j) * s)
            total = emit.node("Add", [total, part]) if total else part
        x = emit.slice(total, at, p, p + size)
        done.append(size)
    return x


def padded(emit: Emitter, x: str, rank: int, axis: int, before: int, after: int) -> str:
    """Zeros at both ends of one axis."""
    if not before and not after:
        return x
    pads = [0] * (2 * rank)
    pads[axis], pads[rank + axis] = before, after
    return emit.node("Pad", [x, emit.ints(pads, "pads")])
