"""What positions of windows depend on: fields on one window, and on what was cut into windows."""

from __future__ import annotations

from fractions import Fraction

from netspec.graph import TensorType, Windows
from netspec.ops.reach import SAME, Reach
from netspec.ops.window_places import active_shift
from netspec.ops.windowing import CutSlices, CutWindows, JoinSlices, JoinWindows

__all__ = ["CUTS", "JOINS", "in_first_window", "seen_through"]

CUTS = (CutWindows, CutSlices)
JOINS = (JoinWindows, JoinSlices)


def seen_through(kind: TensorType, field: tuple[Reach, ...] | None, *, joined: bool = True) -> tuple[Reach, ...] | None:
    """What a position of the joined windows depends on, of what was cut; `field` is on one window, None: all of it.

    With a shift, positions that the roll brought together are taken for padding, as attention takes them.
    """
    windows = kind.windows
    assert windows is not None
    if windows.slices:
        return _of_slices(windows, kind, field)
    shift = active_shift(windows)
    steps = []
    for i, (k, s, p, moved) in enumerate(zip(windows.size, windows.stride, windows.pad, shift, strict=True)):
        if windows.added and joined:
            steps.append(_added(field, i, k, s, p))
            continue
        each = kind.spatial[i] if kind.rank == len(windows.size) else 1
        seen = [_within(field, i, r, k) for r in range(each)]
        if windows.spread:
            if any(low != high for low, high in seen):
                return None
            steps.append(SAME)
            continue
        places = [((q - moved) % each, (q - moved) // each * s + moved - p) for q in range(each)]
        lows, highs = tuple(seen[r][0] + at for r, at in places), tuple(seen[r][1] + at for r, at in places)
        steps.append(
            SAME if lows == highs == tuple(range(each)) and s == each else Reach(lows, highs, Fraction(s, each))
        )
    return tuple(steps)


def _within(field: tuple[Reach, ...] | None, axis: int, position: int, size: int) -> tuple[int, int]:
    """The part of a window that a position in it depends on: what is past the edge is padding."""
    if field is None or len(field) <= axis:
        return 0, size - 1
    low, high = field[axis].sees(position)
    return max(low, 0), min(high, size - 1)


def _added(field: tuple[Reach, ...] | None, axis: int, size: int, stride: int, pad: int) -> Reach:
    """Along an axis on which windows overlap, a position depends on what all those around it see."""
    lows, highs = [], []
    for q in range(pad, pad + stride):
        windows = range(-((size - 1 - q) // stride), q // stride + 1)
        seen = [tuple(end + i * stride - pad for end in _within(field, axis, q - i * stride, size)) for i in windows]
        lows.append(min(low for low, _ in seen))
        highs.append(max(high for _, high in seen))
    return Reach(tuple(lows), tuple(highs))


def _of_slices(windows: Windows, kind: TensorType, field: tuple[Reach, ...] | None) -> tuple[Reach, ...] | None:
    """Along the axis of the slices a position depends on itself."""
    of, (place,) = windows.of, windows.size
    if of.rank == 1:
        return (SAME,)
    if field is None or len(field) != of.rank - 1 or kind.rank != of.rank - 1:
        return None
    return (*field[:place], SAME, *field[place:])


def in_first_window(kind: TensorType, field: tuple[Reach, ...] | None) -> tuple[Reach, ...] | None:
    """What a position of the first window depends on, of what was cut."""
    windows = kind.windows
    assert windows is not None
    return field if windows.spread or windows.slices else seen_through(kind, field, joined=False)
