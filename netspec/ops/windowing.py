"""windows and each: a body that runs on every window, or on every slice along an axis, with shared weights.

The windows lie one after another in the batch. What is around them is in their type (`graph.Windows`): an op in the body
sees one window, and what it says counts for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import TensorType, Windows
from netspec.ops.features import AXIS
from netspec.ops.kinds import Flag, PerAxis
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.open_size import settled
from netspec.ops.reach import Reach
from netspec.ops.traced import untraced
from netspec.ops.window_code import FOLD, GRID_PARTITION, MERGE, OVERLAPPING, PARTITION
from netspec.ops.window_places import active_shift, covering, folded, positions
from netspec.ops.windows import AXES, per_axis

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["ALL", "CutSlices", "CutWindows", "JoinSlices", "JoinWindows", "Scoped", "require_same_windows"]


def times(sizes: tuple[int, ...], sign: str = "x") -> str:
    return sign.join(map(str, sizes))


def once(sizes: tuple[int, ...]) -> str:
    """One number where it counts for all axes."""
    return times(sizes if len(set(sizes)) > 1 else sizes[:1], "×")


def listed(sizes: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"


def require_same_windows(op: Op, types: tuple[TensorType, ...]) -> None:
    """Raises Misfit (NS306) where a layer reads tensors of windows and others, or windows that were cut differently."""
    grids = [kind.windows and (kind.windows.grid, kind.windows.size, kind.windows.stride) for kind in types]
    odd = next((i for i, grid in enumerate(grids) if grid != grids[0]), None)
    if odd is None:
        return
    where = [f"{kind.copies} windows" if kind.windows is not None else "no window" for kind in types]
    raise Misfit(
        "NS306", f"{op.name} cannot join tensors of a window and not of one" if None in grids else f"{op.name} cannot join different windows",
        label=f"branch {odd + 1} has {types[odd]} in {where[odd]}, branch 1 has {types[0]} in {where[0]}",
        helps=(
            "put both into one tensor before it is cut, `concat [ identity; from x ]`, and take them apart in the body with `slice`",
            "or join after the windows",
        ),
    )  # fmt: skip


def around(y: TensorType) -> Windows:
    """The windows of a tensor. Raises Misfit for one in no windows, which the fix of another layer may ask for."""
    if y.windows is None:
        raise Misfit("NS303", "this is not in windows")
    return y.windows


class Scoped(Op):
    """What has to do with windows."""

    sees_windows = True

    def joining(self) -> Scoped:
        """The op that puts together what the body gives."""
        raise TypeError(self.name)

    def title(self, windows: Windows) -> str:
        """What the body runs on, as the title of its frame in a picture."""
        raise TypeError(self.name)

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return None  # `analysis.fields` composes what the windows see


class CutWindows(Scoped):
    """Runs its body on every window of a feature map or a sequence, with the same weights, and puts the results in their places.

    The body sees one window, a feature map (or a sequence) of the given size. Where the windows do not divide the input, it is
    padded with zeros at the end, which are cut off again. `shift` rolls the input first, and back after it: attention in the body
    does not look past the seam (Liu et al. 2021). With `grid=yes` the positions of a window are spread evenly over the input
    (Tu et al. 2022). With a `stride` smaller than the window, windows overlap (Vaswani et al. 2021); with `fold=yes`, what the
    body gives is added up where they do (Yuan et al. 2021, VOLO).
    """

    name, example = "windows", "windows 8x8 shift=4 { attention heads=4 }"
    shape_rule = "what the body gives for a window, side by side; the size of the input where that is a whole window"
    size = Option(PerAxis(gathers=True), slot="value", doc="size of a window")
    shift = Option(
        PerAxis(0), (0,), doc="how far to roll the input before it is cut, where there is more than one window"
    )
    stride = Option(PerAxis(), None, doc="distance between windows (default: their size)")
    pad = Option(PerAxis(0), (0,), doc="zeros around the input, for windows that overlap")
    grid = Option(Flag(), False, doc="whether the positions of a window are spread over the whole input")
    fold = Option(Flag(), False, doc="whether results are added up where windows overlap, instead of put side by side")

    def validate(self) -> None:
        if self.fold and self.stride is None:
            raise Misfit(
                "NS207", "fold adds up windows that overlap", option="fold",
                helps=("write a stride smaller than the window, such as `stride=1`, or take `fold` out",),
            )  # fmt: skip

    def joining(self) -> Scoped:
        return JoinWindows()

    def title(self, windows: Windows) -> str:
        """`windows 7×7, shift 3`."""
        shift = active_shift(windows)
        parts = [f"windows {times(windows.size, '×')}"]
        parts += [f"every {once(windows.stride)}"] if windows.stride != windows.size else []
        parts += [f"shift {once(shift)}"] if any(shift) else []
        parts += ["grid"] if windows.spread else []
        return ", ".join(parts)

    def cut(self, x: TensorType) -> Windows:
        """The windows of an input. Raises Misfit."""
        if x.layout not in ("map", "sequence"):
            helps = ("`windows` cuts feature maps and sequences",)
            raise Misfit(
                "NS303", "windows needs a feature map or a sequence", label=f"the input is {x.noun}", helps=helps
            )
        size, shift, pad = (per_axis(getattr(self, n), x.rank, n) for n in ("size", "shift", "pad"))
        stride = size if self.stride is None else per_axis(self.stride, x.rank, "stride")
        if self.stride is None and not any(map(untraced, pad)):
            grid = tuple(-(-w // k) for w, k in zip(x.spatial, size, strict=True))
        else:
            grid = self.overlapping(x, size, stride, pad)
        self.require_shift(x, size, shift)
        return Windows(x, grid, size, stride, shift, pad, spread=self.grid, added=self.fold)

    def overlapping(
        self, x: TensorType, size: tuple[int, ...], stride: tuple[int, ...], pad: tuple[int, ...]
    ) -> tuple[int, ...]:
        if self.grid or any(map(untraced, self.shift)):
            option = "grid" if self.grid else "shift"
            raise Misfit("NS207", f"windows with a stride or a padding have no {option}", option=option)
        for axis, w, k, s, p in zip(AXES[x.rank], x.spatial, size, stride, pad, strict=True):
            room = w + 2 * p - k
            if untraced(room) < 0 or untraced(room) % untraced(s) > untraced(p):
                settled()
                raise Misfit(
                    "NS307", f"windows of {k} every {s} do not cover a {axis} of {w}{f' and {p} zeros on both sides' if p else ''}",
                    label=f"the input is {x.noun}", helps=covering(*map(untraced, (w, k, s, p))),
                )  # fmt: skip
        return tuple((w + 2 * p - k) // s + 1 for w, k, s, p in zip(x.spatial, size, stride, pad, strict=True))

    def require_shift(self, x: TensorType, size: tuple[int, ...], shift: tuple[int, ...]) -> None:
        for axis, k, s in zip(AXES[x.rank], size, shift, strict=True):
            if untraced(s) >= untraced(k):
                raise Misfit(
                    "NS205", f"a shift of {s} is too large: windows have a {axis} of {k}", option="shift",
                    helps=(f"shift by less than a window; half of it is {k // 2}",),
                )  # fmt: skip
        if self.grid and any(map(untraced, shift)):
            raise Misfit("NS207", "windows of a grid have no shift", option="shift", helps=("remove `shift`",))

    def output(self, *inputs: TensorType) -> TensorType:
        windows = self.cut(inputs[0])
        bare = inputs[0].bare.with_spatial(inputs[0].features, windows.size)
        return TensorType(bare.layout, bare.shape, windows)

    def describe(self, x: TensorType) -> str:
        windows = self.cut(x)
        parts = [f"{times(windows.grid)} of {times(windows.size)}"]
        parts += [f"every {times(windows.stride)}"] if windows.stride != windows.size else []
        shift = active_shift(windows)
        parts += [f"shifted by {times(shift)}"] if any(shift) else []
        parts += ["spread over the input"] if windows.spread else []
        parts += ["added up where they overlap"] if windows.added else []
        padded = tuple(n * k for n, k in zip(windows.grid, windows.size, strict=True))
        if windows.stride == windows.size and padded != x.spatial:
            parts.append(f"padded to {times(padded)}")
        return ", ".join(parts)

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        windows = self.cut(x)
        helper, options = self.function(windows)
        text = f"{helper[0]}({{0}}{turned(x)}, {listed(windows.size)}{options}){turned(x)}"
        return TorchCode(call=text, helpers=(helper,), uses=("shift",) if written(windows.shift) else ())

    def function(self, windows: Windows) -> tuple[tuple[str, str], str]:
        """The function that cuts, and its options."""
        if self.grid:
            return GRID_PARTITION, ""
        if self.stride is not None or any(map(untraced, self.pad)):
            return OVERLAPPING, f", {listed(windows.stride)}, {listed(windows.pad)}"
        return PARTITION, f", shift={listed(windows.shift)}" if written(windows.shift) else ""

    def onnx(self, emit: Emitter) -> str:
        """The positions of the windows along each axis are gathered; those past the end are zeros."""
        (x,) = emit.types
        windows = self.cut(x)
        y = emit.channels_first()
        starts = [[i * s for i in range(n)] for n, s in zip(windows.grid, windows.stride, strict=True)]
        ends = [s[-1] + k - w - p for s, k, w, p in zip(starts, windows.size, x.spatial, windows.pad, strict=True)]
        y = emit.pad(y, windows.pad, tuple(max(0, end) for end in ends))
        for i in range(x.rank):
            table = positions(windows, i)
            indices = emit.ints([p for row in table for p in row], "windows", shape=(len(table), len(table[0])))
            y = emit.node("Gather", [y, indices], axis=2 + 2 * i)
        spatial = range(x.rank)
        y = emit.node("Transpose", [y], perm=[0, *(2 + 2 * i for i in spatial), 1, *(3 + 2 * i for i in spatial)])
        return emit.channels_back(emit.reshape(y, [-1, x.features, *windows.size], keeps_batch=False))


def turned(x: TensorType) -> str:
    """Features first, for a sequence."""
    return ".transpose(1, 2)" if x.layout == "sequence" else ""


def written(values: tuple[int, ...]) -> bool:
    """Whether an option is said in the source: it is something, or a parameter says what it is."""
    return any(type(value) is not int or value for value in values)


class JoinWindows(Scoped):
    """Puts what a body gives for each window in its place."""

    name = "merge"

    def joined(self, y: TensorType) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The sizes of what the body gives for a window, and those of the result. Raises Misfit."""
        windows = around(y)
        rank = windows.of.rank
        each = (1,) * rank if y.layout == "vector" else y.spatial
        if y.layout not in ("vector", windows.of.layout) or len(each) != rank:
            back = f"`image {times(windows.size)}`" if windows.of.layout == "map" else "`tokens`"
            helps = (f"{back} turns it back",) if {y.layout, windows.of.layout} == {"map", "sequence"} else ()
            raise Misfit(
                "NS303", "the results of the windows cannot be put together", label=f"the body gives {y.noun}",
                notes=(f"it was given {windows.of.bare.with_spatial(windows.of.features, windows.size).noun}",), helps=helps,
            )  # fmt: skip
        if each == windows.size and (windows.added or each == windows.stride):
            return each, windows.of.spatial
        if windows.added:
            raise Misfit(
                "NS307", f"the body of windows that are added up must keep their size, {times(windows.size)}",
                label=f"it gives {times(each)}", helps=("remove `fold`, or keep the size in the body",),
            )  # fmt: skip
        if written(windows.shift) and each != windows.size:
            raise Misfit(
                "NS307", f"the body of shifted windows must keep their size, {times(windows.size)}",
                label=f"it gives {times(each)}", helps=("remove `shift`, or keep the size in the body",),
            )  # fmt: skip
        return each, tuple(n * k for n, k in zip(windows.grid, each, strict=True))

    def output(self, *inputs: TensorType) -> TensorType:
        (y,) = inputs
        of = around(y).of
        found = of.bare.with_spatial(y.features, self.joined(y)[1])
        return TensorType(found.layout, found.shape, of.windows)

    def describe(self, x: TensorType) -> str:
        return f"to {times(self.joined(x)[1])}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        (y,) = inputs
        assert y.windows is not None
        windows, turn = y.windows, turned(y.windows.of)
        _, sizes = self.joined(y)
        value = "{0}" + (f"[...{', None' * windows.of.rank}]" if y.layout == "vector" else turn)
        if windows.added:
            text = f"fold({value}, {listed(sizes)}, {listed(windows.stride)}, {listed(windows.pad)}){turn}"
            return TorchCode(call=text, helpers=(FOLD,))
        options = f", shift={listed(windows.shift)}" if written(windows.shift) else ""
        options += ", spread=True" if windows.spread else ""
        uses = [*(["shift"] if written(windows.shift) else []), *(["spread"] if windows.spread else [])]
        return TorchCode(call=f"merge({value}, {listed(sizes)}{options}){turn}", helpers=(MERGE,), uses=tuple(uses))

    def onnx(self, emit: Emitter) -> str:
        (y,) = emit.types
        windows = y.windows
        assert windows is not None
        rank = windows.of.rank
        each, sizes = self.joined(y)
        x = emit.inputs[0] if y.layout == "vector" else emit.channels_first()
        x = emit.reshape(x, [-1, *windows.grid, y.features, *each], keeps_batch=False)
        pairs = [(2 + rank + i, 1 + i) if windows.spread else (1 + i, 2 + rank + i) for i in range(rank)]
        x = emit.node("Transpose", [x], perm=[0, rank + 1, *(i for pair in pairs for i in pair)])
        if windows.added:
            x = folded(emit, x, y.features, windows)
            return emit.node("Transpose", [x], perm=[0, 2, 1]) if windows.of.layout == "sequence" else x
        full = tuple(n * k for n, k in zip(windows.grid, each, strict=True))
        x = emit.reshape(x, [-1, y.features, *full])
        for i, (total, size, shift) in enumerate(zip(full, sizes, active_shift(windows), strict=True)):
            if shift:
                x = emit.node("Gather", [x, emit.ints([(p - shift) % total for p in range(size)], "back")], axis=2 + i)
            elif size != total:
                x = emit.slice(x, 2 + i, 0, size)
        return emit.node("Transpose", [x], perm=[0, 2, 1]) if windows.of.layout == "sequence" else x


class CutSlices(Scoped):
    """Runs its body on every slice along an axis, with the same weights: on each frame of a volume, each row, each token.

    The body sees the input without that axis: an image for each `depth`, a signal for each `height`, a vector for each token.
    """

    name, example = "each", "each height { conv3-8 pad=1 }"
    shape_rule = "what the body gives for a slice, with the axis back in its place"
    axis = Option(AXIS, slot="value", doc="the axis along which the slices lie, a spatial one or `tokens`")

    def joining(self) -> Scoped:
        return JoinSlices()

    def title(self, windows: Windows) -> str:
        return f"each {self.axis}"

    def place(self, x: TensorType) -> int:
        """Which spatial axis it is. Raises Misfit."""
        axes = ("tokens",) if x.layout == "sequence" else AXES.get(x.rank, ()) if x.layout == "map" else ()
        if self.axis not in axes:
            helps = (f"its axes are {', '.join(axes)}",) if axes else ()
            raise Misfit(
                "NS307",
                f"the input has no slices along {self.axis}",
                option="axis",
                label=f"it is {x.noun}",
                helps=helps,
            )
        return axes.index(self.axis)

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        place = self.place(x)
        rest = tuple(size for i, size in enumerate(x.spatial) if i != place)
        windows = Windows(x, (x.spatial[place],), (place,), (1,), (0,), (0,), slices=True)
        return TensorType("map" if rest else "vector", (x.features, *rest), windows)

    def describe(self, x: TensorType) -> str:
        return f"{x.spatial[self.place(x)]} along {self.axis}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        place = self.place(x)
        if x.layout == "sequence":
            return TorchCode.expression("{0}.flatten(0, 1)")
        return TorchCode.expression(f"{{0}}.movedim({2 + place}, 1).flatten(0, 1)")

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        y, place = emit.inputs[0], self.place(x)
        if x.layout == "map":
            axes = [i for i in range(x.rank + 2) if i != place + 2]
            y = emit.node("Transpose", [y], perm=[0, place + 2, *axes[1:]])
        return emit.reshape(y, [-1, *self.output(x).shape], keeps_batch=False)


class JoinSlices(Scoped):
    """Puts what a body gives for each slice beside each other."""

    name = "stack"

    def output(self, *inputs: TensorType) -> TensorType:
        (y,) = inputs
        windows = around(y)
        of, (n,) = windows.of, windows.grid
        if y.layout == "vector" and of.layout == "sequence":
            return TensorType("sequence", (n, y.features), of.windows)
        if y.layout not in ("map", "vector") or of.layout == "sequence" or y.rank == 3:
            raise Misfit(
                "NS303", "the results of the slices cannot be put together", label=f"the body gives {y.noun}",
                helps=("a slice of a sequence gives a vector",) if of.layout == "sequence" else (),
            )  # fmt: skip
        place = min(untraced(windows.size[0]), y.rank)
        return TensorType("map", (y.features, *y.spatial[:place], n, *y.spatial[place:]), of.windows)

    def torch(self, *inputs: TensorType) -> TorchCode:
        (y,) = inputs
        assert y.windows is not None
        (n,) = y.windows.grid
        text = f"{{0}}.unflatten(0, (-1, {n}))"
        if y.windows.of.layout == "sequence":
            return TorchCode.expression(text)
        return TorchCode.expression(f"{text}.movedim(1, {2 + min(untraced(y.windows.size[0]), y.rank)})")

    def onnx(self, emit: Emitter) -> str:
        (y,) = emit.types
        assert y.windows is not None
        x = emit.reshape(emit.inputs[0], [-1, *y.windows.grid, *y.shape], keeps_batch=False)
        if y.windows.of.layout == "sequence":
            return x
        place = 2 + min(y.windows.size[0], y.rank)
        axes = [i for i in range(y.rank + 3) if i != 1]
        return emit.node("Transpose", [x], perm=[*axes[:place], 1, *axes[place:]])


ALL: tuple[type[Op], ...] = (CutWindows, CutSlices)
