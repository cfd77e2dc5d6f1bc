"""Sliding windows: the geometry shared by convolution and pooling.

Along each axis, with input W, kernel K, stride S, dilation D and total padding P:
output = (W + P - (D(K-1) + 1)) / S + 1, rounded down (Dumoulin & Visin 2016, relationship 15).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

from netspec.graph import TensorType
from netspec.ops.op import Change, Leftover, Misfit
from netspec.ops.open_size import settled
from netspec.ops.reach import Reach, sliding
from netspec.ops.traced import untraced

__all__ = ["AXES", "RULES", "Window", "both_ends", "fits_open_sizes", "onnx_padding", "per_axis", "windows"]

RULES = ("same_upper", "same_lower")
"""Paddings that depend on the size."""
AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


_FARTHEST = 256
"""The largest difference between a suggested padding, stride or kernel and the given one."""


@dataclass(frozen=True, slots=True)
class Window:
    """The window of one layer on one input: one value per spatial axis."""

    axes: tuple[str, ...]
    input: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    ceil: bool = False

    @property
    def extent(self) -> tuple[int, ...]:
        """The effective kernel, D(K-1) + 1."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def output(self) -> tuple[int, ...]:
        """Sizes of the output; below 1 if the window does not fit."""
        return tuple(self._along(i) for i in range(len(self.input)))

    def _along(self, i: int) -> int:
        room = self.input[i] + self.before[i] + self.after[i] - self.extent[i]
        size = (-(-room // self.stride[i]) if self.ceil else room // self.stride[i]) + 1
        if self.ceil and size > 1 and (size - 1) * self.stride[i] >= self.input[i] + self.before[i]:
            size -= 1  # no window may start in the padding after the input
        return size

    @property
    def reach(self) -> tuple[Reach, ...]:
        """The inputs under the window at each position."""
        return tuple(map(sliding, self.extent, self.stride, self.before))

    @property
    def symmetric(self) -> bool:
        return self.before == self.after

    @property
    def overhang(self) -> tuple[int, ...]:
        """How far the last window reaches past the padding (only with round=ceil)."""
        return tuple(
            max(0, (o - 1) * s + e - w - b - a)
            for o, s, e, w, b, a in zip(
                self.output, self.stride, self.extent, self.input, self.before, self.after, strict=True
            )
        )

    def dropped(self, i: int) -> int:
        """How many elements along one axis no window sees; 0 where a kernel smaller than its stride skips some by design."""
        if self.extent[i] < self.stride[i] or not self.rest(i):
            return 0
        unseen = self.input[i] + self.before[i] - (self.output[i] - 1) * self.stride[i] - self.extent[i]
        return unseen if unseen > 0 else 0

    @property
    def tiling(self) -> tuple[tuple[int, int], ...]:
        """For each axis the rest, and how much of it is never seen."""
        return tuple((self.rest(i), self.dropped(i)) for i in range(len(self.input)))

    @property
    def taps(self) -> int:
        """The number of elements of one channel that a window covers."""
        return prod(self.kernel)

    def arithmetic(self, i: int) -> str:
        """The formula along one axis with its numbers: `(7 + 2*0 - 3)/3 + 1 = 2.33`."""
        b, a, e, s = self.before[i], self.after[i], self.extent[i], self.stride[i]
        pad = f"2*{b}" if a == b else f"{b} + {a}"
        value = (self.input[i] + a + b - e) / s + 1
        return f"({self.input[i]} + {pad} - {e})/{s} + 1 = {value:.2f}".replace(".00", "")

    def require_fit(self, what: str) -> None:
        """Raises Misfit (NS301) if the window is larger than the padded input."""
        short = [i for i, o in enumerate(self.output) if untraced(o) < 1]  # a check, whatever names the size is made of
        if not short:
            return
        settled()
        kernel, size = _times(self.extent), _times(self.input)
        notes = tuple(f"{self.axes[i]}: {self.arithmetic(i)}" for i in short)
        changes = self._fitting(what, short)
        padded = " padded" if any(self.before) or any(self.after) else ""
        need = _times(tuple(max(1, e - b - a) for e, b, a in zip(self.extent, self.before, self.after, strict=True)))
        raise Misfit(
            "NS301",
            f"the {kernel} window is larger than its{padded} {size} input",
            label=f"the input is {size}",
            notes=notes,
            helps=(*(c.help for c in changes), f"an input of at least {need} fits"),
            changes=changes,
        )

    def _fitting(self, what: str, short: list[int]) -> tuple[Change, ...]:
        """Paddings and kernels for which the window fits, each with the resulting output size."""
        changes = []
        lack = max(self.extent[i] - self.input[i] - self.before[i] - self.after[i] for i in short)
        room = min(self.input[i] + self.before[i] + self.after[i] for i in short)
        if self.symmetric:
            half = max(self.before[i] for i in short) + -(-lack // 2)
            if what != "pooling" or (half < min(self.extent) and max(self.input) > 1):
                ends = (half,) * len(self.input)
                out = _times(replace(self, before=ends, after=ends).output)
                changes.append(Change(f"pad={half} makes it fit ({out} out)", "pad", str(half)))
        if room >= 1 and set(self.dilation) == {1}:
            kernel = tuple(min(k, room) if i in short else k for i, k in enumerate(self.kernel))
            kernel = (room,) * len(kernel) if len(short) == len(kernel) else kernel
            follows = what == "pooling" and self.stride == self.kernel
            smaller = replace(self, kernel=kernel, stride=kernel if follows else self.stride)
            fits = min(smaller.output) >= 1 and (what != "pooling" or max(self.before) < min(kernel))
            if fits and not (what == "pooling" and set(kernel) == {1}):
                text = str(kernel[0]) if len(set(kernel)) == 1 else _times(kernel)
                covers = "covers the whole input" if len(short) == len(kernel) and room > 1 else "fits"
                changes.append(Change(f"a kernel of {text} {covers} ({_times(smaller.output)} out)", "kernel", text))
        return tuple(changes)

    def leftovers(self) -> tuple[Leftover, ...]:
        """The axes along which the window does not tile its input exactly."""
        return tuple(self._leftover(i) for i in range(len(self.input)) if self.rest(i) and self.output[i] >= 1)

    def rest(self, i: int) -> int:
        """By how much a size is more than one that the window tiles; none where the output is rounded up."""
        return 0 if self.ceil else self._rest(i)

    def leftovers_of_pooling(self) -> tuple[Leftover, ...]:
        """The same with the size rounded up as the first way out, and without a stride of 1, which would undo the pooling."""
        up = replace(self, ceil=True).output
        tiling = (change for i in range(len(self.axes)) for change in self._tiling(i))
        undone = {change.help for change in tiling if (change.option, change.value) == ("stride", "1")}
        found = []
        for each in self.leftovers():
            text = f"round=ceil gives {up[self.axes.index(each.axis)]}"
            helps = (text, *(help_ for help_ in each.helps if help_ not in undone))
            kept = (change for change in each.changes if change.help not in undone)
            changes = (Change(text, "round", "ceil"), *kept) if each.changes else ()
            found.append(replace(each, helps=helps, changes=changes))
        return tuple(found)

    def _rest(self, i: int) -> int:
        return (self.input[i] + self.before[i] + self.after[i] - self.extent[i]) % self.stride[i]

    def _leftover(self, i: int) -> Leftover:
        w, s, e, b, a = self.input[i], self.stride[i], self.extent[i], self.before[i], self.after[i]
        sizes = [v for v in (w - self._rest(i), w - self._rest(i) + s) if v >= 1]
        tiling = " or ".join(f"{v} ({(v + a + b - e) // s + 1} out)" for v in sizes)
        changes = self._tiling(i)
        helps = [c.help for c in changes if c.option != "kernel"]
        helps += [f"inputs of {tiling} tile exactly"] if sizes else []
        helps += [c.help for c in changes if c.option == "kernel"]
        alike = len({(self.input[j], self.extent[j], self.stride[j], self.before[j]) for j in range(len(self.input))})
        return Leftover(self.axes[i], self.dropped(i), self.arithmetic(i), tuple(helps), changes if alike == 1 else ())

    def _tiling(self, i: int) -> tuple[Change, ...]:
        """The nearest padding, stride and kernel for which the window tiles axis i, each with the resulting output size."""
        w, s, k, e = self.input[i], self.stride[i], self.kernel[i], self.extent[i]
        b, a, d = self.before[i], self.after[i], self.dilation[i]
        near, room = min(s, _FARTHEST), w + a + b - e
        changes = []
        if a == b:
            near_b = range(max(0, b - near), min(b + near + 1, e))
            pads = [p for p in near_b if (w + 2 * p - e) % s == 0 and p != b and w + 2 * p >= e]
            if pads:
                p = min(pads, key=lambda p: (abs(p - b), -p))
                changes.append(Change(f"pad={p} gives exactly {(w + 2 * p - e) // s + 1}", "pad", str(p)))
            elif e % 2 and b < e // 2 and (w + 2 * (e // 2) - e) % s <= e // 2:  # only padding is left over
                out = (w + 2 * (e // 2) - e) // s + 1
                changes.append(Change(f"pad={e // 2} loses nothing of the input ({out} out)", "pad", str(e // 2)))
        strides = [t for t in range(max(1, s - near), min(s + 1, room) + 1) if t != s and room % t == 0]
        if strides:
            t = min(strides, key=lambda t: (abs(t - s), t))
            changes.append(Change(f"stride {t} gives exactly {(w + a + b - e) // t + 1}", "stride", str(t)))
        rooms = {v: w + a + b - d * (v - 1) - 1 for v in range(max(1, k - near), k + near + 1) if v != k}
        kernels = [v for v, room in rooms.items() if room >= 0 and room % s == 0 and v > max(a, b)]
        if kernels:
            v = min(kernels, key=lambda v: (abs(v - k), -v))
            changes.append(Change(f"a kernel of {v} gives exactly {rooms[v] // s + 1}", "kernel", str(v)))
        return tuple(changes)


def _times(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


def per_axis(values: tuple[int, ...], rank: int, option: str) -> tuple[int, ...]:
    """One value per spatial axis. Raises Misfit if their number does not match."""
    if len(values) == rank:
        return values
    if len(values) == 1:
        return values * rank
    axes = " x ".join(AXES[rank])
    shown = [_times(v) for v in (((1,) * (rank - len(values)) + values), values[:1]) if len(v) in (1, rank)]
    help_ = "give one size, or one per axis" + (f": {' or '.join(shown)}" if option == "kernel" else "")
    changes = tuple(Change(help_, option, text) for text in shown if option == "kernel")
    raise Misfit(
        "NS307",
        f"{len(values)} sizes for {rank} spatial {'axis' if rank == 1 else 'axes'}",
        option=option,
        notes=(f"the spatial axes of the input are {axes}",),
        helps=(help_,),
        changes=changes,
        of_axes=True,
    )


def both_ends(
    pad: tuple[int, ...] | str,
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Padding before and after each axis. Raises Misfit for `same` with an even kernel."""
    rank = len(size)
    if isinstance(pad, str):
        extent = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
        if pad == "same":
            even = [e for e in extent if e % 2 == 0]
            if even:
                raise Misfit(
                    "NS307", "pad=same needs an odd kernel", option="pad",
                    notes=(f"the padding on each side would be ({even[0]} - 1)/2 = {(even[0] - 1) / 2:g}",),
                    helps=(
                        "`same_upper` pads one more at the end, `same_lower` at the start",
                        f"or give a number: `pad={(even[0] - 1) // 2}`",
                    ),
                    changes=(
                        Change("`same_upper` pads one more at the end, `same_lower` at the start", "pad", "same_upper"),
                        Change(f"or give a number: `pad={(even[0] - 1) // 2}`", "pad", str((even[0] - 1) // 2)),
                    ),
                )  # fmt: skip
            half = tuple((e - 1) // 2 for e in extent)
            return half, half
        total = tuple(max((-(-w // s) - 1) * s + e - w, 0) for w, s, e in zip(size, stride, extent, strict=True))
        less, more = tuple(p // 2 for p in total), tuple(p - p // 2 for p in total)
        return (less, more) if pad == "same_upper" else (more, less)
    if len(pad) == 2 * rank:
        return pad[:rank], pad[rank:]
    ends = per_axis(pad, rank, "pad")
    return ends, ends


def windows(
    x: TensorType,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pad: tuple[int, ...] | str,
    dilation: tuple[int, ...] = (1,),
    *,
    ceil: bool = False,
) -> Window:
    """The window of options on an input. Raises Misfit if their numbers of values do not match its axes."""
    rank = x.rank
    kernel, stride = per_axis(kernel, rank, "kernel"), per_axis(stride, rank, "stride")
    dilation = per_axis(dilation, rank, "dilation")
    before, after = both_ends(pad, x.spatial, kernel, stride, dilation)
    axes = ("tokens",) if x.layout == "sequence" else AXES[rank]
    return Window(axes, x.spatial, kernel, stride, dilation, before, after, ceil)


def onnx_padding(window: Window, pad: tuple[int, ...] | str, *, open_sizes: bool) -> dict[str, Any]:
    """As an attribute in ONNX: the start of every axis, then the end of every axis; a rule where that depends on open sizes."""
    if open_sizes and _depends(window, pad) and _has_a_rule(window):
        return {"auto_pad": str(pad).upper()}
    return {"pads": [*window.before, *window.after]}


def _depends(window: Window, pad: tuple[int, ...] | str) -> bool:
    """Whether a padding depends on the size: not where the window moves by one, nor for a single position."""
    return pad in RULES and any(s > 1 and e > 1 for s, e in zip(window.stride, window.extent, strict=True))


def _has_a_rule(window: Window) -> bool:
    """Whether ONNX Runtime pads such windows by a rule."""
    sparse = any(e < s for e, s in zip(window.extent, window.stride, strict=True))
    return not window.ceil and not sparse and set(window.dilation) == {1}


def fits_open_sizes(window: Window, pad: tuple[int, ...] | str) -> bool:
    """Whether ONNX can pad and round for every size as for this one."""
    if _depends(window, pad) and not _has_a_rule(window):
        return False
    # a last window that would start in the padding is left out, which no attribute says
    return not window.ceil or all(
        e >= a + s for e, a, s in zip(window.extent, window.after, window.stride, strict=True)
    )
