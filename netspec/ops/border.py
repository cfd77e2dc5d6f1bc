"""Layers that add a border or take one away: pad and crop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import TensorType
from netspec.ops.convolution import require_map
from netspec.ops.emitter import TO_THE_END
from netspec.ops.kinds import BadValue, Choice, Integer, Kind, Number, Padding, Pair, PerAxis, as_integer
from netspec.ops.like import like_option, require_one_size, require_same_axes
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.python_text import number
from netspec.ops.reach import Reach, sliding
from netspec.ops.windows import both_ends, per_axis
from netspec.values import Value

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["Crop", "Pad"]


def _times(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


CROPPED = (
    "cropped",
    '''
def cropped(
    x: Tensor,
    like: Tensor,
    first_axis: int = 2,
    offset: tuple[int, ...] | None = None,  #? offset
) -> Tensor:
    """The center of x, as large as another tensor."""  #! offset
    """A part of x as large as another tensor: from an offset along each axis, or the center."""  #? offset
    for axis in range(first_axis, first_axis + x.dim() - 2):
        size = like.shape[axis]
        start = (x.shape[axis] - size) // 2
        start = start if offset is None else offset[axis - first_axis]  #? offset
        x = x.narrow(axis, start, size)
    return x
''',
)


class Pad(Op):
    """Pads the spatial axes and, with `channels=(front, back)`, the channels."""

    any_size = True
    name, example = "pad", "pad 2"
    shape_rule = "each axis plus its padding"
    amount = Option(
        Padding(rules=False, gathers=True), (0,), slot="value", doc="padding: n, 1x2, or (top, left, bottom, right)"
    )
    channels = Option(Pair(), (0, 0), doc="channels added before and after (ResNet's option A shortcut)")
    mode = Option(Choice("constant", "reflect", "replicate", "circular"), "constant", doc="how to fill the border")
    value = Option(Number(), 0.0, doc="value for mode=constant")

    def ends(self, x: TensorType) -> tuple[tuple[int, ...], tuple[int, ...]]:
        ones = (1,) * x.rank
        return both_ends(self.amount, x.spatial, ones, ones, ones)

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout == "ids":
            raise Misfit("NS303", "pad needs numbers, not ids", label=f"the input is {x.noun}")
        if x.rank == 0 and self.mode != "constant":
            raise Misfit("NS303", f"mode={self.mode} pads spatial axes, and {x.noun} has none", option="mode")
        if x.rank == 0:
            if self.amount != (0,):
                raise Misfit(
                    "NS303",
                    "a vector has no spatial axes to pad",
                    label=f"the input is {x.noun}",
                    helps=("pad its features with `channels=(front, back)`",),
                )
            return x.with_features(x.features + (self.channels[0] + self.channels[1]))
        before, after = self.ends(x)
        if self.mode != "constant" and (self.channels[0] + self.channels[1]):
            raise Misfit("NS207", f"mode={self.mode} cannot pad channels", option="mode")
        most = {"reflect": 1, "circular": 0}.get(self.mode)
        if most is not None and any(
            b + most > w or a + most > w for b, a, w in zip(before, after, x.spatial, strict=True)
        ):
            how = "smaller than" if most else "at most as large as"
            message = f"the padding of mode={self.mode} must be {how} the input, {_times(x.spatial)}"
            raise Misfit("NS205", message, option="amount", label=f"the input is {x.noun}")
        spatial = tuple(w + b + a for w, b, a in zip(x.spatial, before, after, strict=True))
        return x.with_spatial(x.features + (self.channels[0] + self.channels[1]), spatial)

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        if self.mode == "circular" and any(map(any, self.ends(x))):
            return None
        return tuple(sliding(1, 1, before) for before in self.ends(x)[0]) if x.rank else ()

    def describe(self, x: TensorType) -> str:
        amount = self.amount if isinstance(self.amount, tuple) else ()
        parts = [_times(amount)] if any(amount) else []
        if any(self.channels):
            parts.append(f"channels {self.channels[0]} + {self.channels[1]}")
        return ", ".join(parts + ([self.mode] if self.mode != "constant" else []))

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        before, after = self.ends(x) if x.rank else ((), ())
        axes = list(zip(before, after, strict=True))
        # torch lists the last axis first
        order = [self.channels, *axes] if x.layout != "sequence" else [*axes, self.channels]
        if not any(self.channels) and x.layout != "sequence":
            order = axes
        ends = [p for pair in reversed(order) for p in pair]
        if self.mode != "constant":
            y = f'F.pad({{0}}, {ends}, mode="{self.mode}")'
            if x.layout == "sequence":
                flat = [p for pair in reversed(axes) for p in pair]
                y = f'F.pad({{0}}.transpose(1, 2), {flat}, mode="{self.mode}").transpose(1, 2)'
            return TorchCode.expression(y)
        value = f", value={number(self.value)}" if self.value else ""
        return TorchCode.expression(f"F.pad({{0}}, {ends}{value})")

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        before, after = self.ends(x) if x.rank else ((), ())
        if self.mode == "circular":
            return self._around(emit, before, after)
        front, back = self.channels
        begins = [0, *before, front] if x.layout == "sequence" else [0, front, *before]
        ends = [0, *after, back] if x.layout == "sequence" else [0, back, *after]
        fusible = self.mode == "constant" and not self.value and x.layout == "map" and not any(self.channels)
        if fusible and emit.feeds_pooling:
            # ONNX Runtime would fuse these zeros into the pooling as if they were its padding; adding a channel and
            # slicing it off again prevents this
            ends[1] = 1
            padded = emit.node("Pad", [*emit.inputs, emit.ints([*begins, *ends], "pads")], mode="constant")
            return emit.slice(padded, 1, 0, x.features)
        mode = {"replicate": "edge"}.get(self.mode, self.mode)
        pads = emit.ints([*begins, *ends], "pads")
        extra = [emit.scalar(self.value, "value")] if self.mode == "constant" else []
        return emit.node("Pad", [*emit.inputs, pads, *extra], mode=mode)

    @staticmethod
    def _around(emit: Emitter, before: tuple[int, ...], after: tuple[int, ...]) -> str:
        """The end of each axis before it, and its start after it."""
        y = emit.inputs[0]
        first = 1 if emit.types[0].layout == "sequence" else 2
        for axis, (b, a) in enumerate(zip(before, after, strict=True), first):
            end = [emit.slice(y, axis, -b, TO_THE_END)] if b else []
            start = [emit.slice(y, axis, 0, a)] if a else []
            if end or start:
                y = emit.node("Concat", [*end, y, *start], axis=axis)
        return y


class CropSize(Kind[tuple[str, tuple[int, ...]]]):
    """`n`: remove n from each side; `HxW`: the sizes to keep."""

    noun = "a whole number (to remove from each side) or a size such as 24x24 (to keep)"
    gathers = True

    def read(self, value: Value) -> tuple[str, tuple[int, ...]]:
        if isinstance(value, (tuple, list)):
            if not 1 <= len(value) <= 3:
                raise BadValue(f"expected {self.noun}, found {len(value)} numbers")
            return "to", tuple(Integer(1).read(v) for v in value)
        return "off", (Integer(0).bounded(as_integer(value, self.noun)),)


class Crop(Op):
    """Removes the border: `crop 24x24` keeps the center, `crop 4` removes 4 from each side, `crop like=x` keeps as much as
    the tensor with that label has."""

    name, example = "crop", "crop 24x24"
    measures_second = True
    shape_rule = "the given sizes, those of the tensor, or 2n less along each spatial axis"
    size = Option(CropSize(), None, slot="value", doc="n to remove from each side, or the sizes to keep, centered")
    like = like_option("to keep its height and width, centered")
    offset = Option(PerAxis(0), None, doc="where what is kept begins along each axis (default: it is centered)")

    def validate(self) -> None:
        require_one_size(self.name, "4", self.size, self.like)
        if self.offset is not None and self.size is not None and self.size[0] == "off":
            helps = ("give the sizes to keep: `crop 24x24 offset=2`",)
            raise Misfit("NS207", "`offset` is for sizes to keep", option="offset", helps=helps)

    def further_inputs(self) -> tuple[str, ...]:
        return ("like",) if self.like else ()

    def starts(self, x: TensorType, *like: TensorType) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The start along each axis, and the remaining sizes."""
        how, numbers = ("to", like[0].spatial) if like else self.size or ("off", (0,))
        values = per_axis(numbers, x.rank, "size")
        if how == "off":
            return values, tuple(w - 2 * n for w, n in zip(x.spatial, values, strict=True))
        if self.offset is not None:
            return per_axis(self.offset, x.rank, "offset"), values
        return tuple((w - n) // 2 for w, n in zip(x.spatial, values, strict=True)), values

    def output(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        require_map(self, x)
        require_same_axes(x, *inputs[1:])
        starts, sizes = self.starts(*inputs)
        needed = sizes if self.offset is None else tuple(s + n for s, n in zip(starts, sizes, strict=True))
        if any(n < 1 for n in sizes) or any(n > w for n, w in zip(needed, x.spatial, strict=True)):
            what = (
                f"to {_times(sizes)}{'' if self.offset is None else f' from {_times(starts)} on'}"
                if self.size is None or self.size[0] == "to"
                else f"by {_times(starts)} on each side"
            )
            raise Misfit(
                "NS307",
                f"{_times(x.spatial)} cannot be cropped {what}",
                option="like" if self.like else "size",
                label=f"the input is {x.noun}",
            )
        return x.with_spatial(x.features, sizes)

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return tuple(sliding(1, 1, -start) for start in self.starts(x)[0])

    def reach_to(self, x: TensorType, y: TensorType) -> tuple[Reach, ...] | None:
        return tuple(sliding(1, 1, -start) for start in self.starts(x, *([y] if self.like else []))[0])

    def describe(self, x: TensorType) -> str:
        text = f"as large as {self.like}" if self.like else f"to {_times(self.starts(x)[1])}"
        return text if self.offset is None else f"{text}, from {_times(per_axis(self.offset, x.rank, 'offset'))} on"

    def torch(self, *inputs: TensorType) -> TorchCode:
        x = inputs[0]
        if self.like:
            first = ", first_axis=1" if x.layout == "sequence" else ""
            if self.offset is None:
                return TorchCode(call=f"cropped({{0}}, {{1}}{first})", helpers=(CROPPED,))
            offset = per_axis(self.offset, x.rank, "offset")
            text = f"cropped({{0}}, {{1}}{first}, offset={offset!r})"
            return TorchCode(call=text, helpers=(CROPPED,), uses=("offset",))
        cuts = [f"{s}:{s + n}" for s, n in zip(*self.starts(x), strict=True)]
        index = ", ".join([":", *cuts] if x.layout == "sequence" else [":", ":", *cuts])
        return TorchCode.expression(f"{{0}}[{index}]")

    def onnx(self, emit: Emitter) -> str:
        x, y = emit.types[0], emit.inputs[0]
        first = 1 if x.layout == "sequence" else 2
        if self.like and emit.open_sizes:
            return self._measured(emit, first)
        for axis, (start, size) in enumerate(zip(*self.starts(*emit.types), strict=True), first):
            if self.size is not None and self.size[0] == "off":  # the same for all sizes
                y = emit.slice(y, axis, start, -start) if start else y
            else:
                y = emit.slice(y, axis, start, start + size)
        return y

    def _measured(self, emit: Emitter, first: int) -> str:
        """With open sizes: what is kept is computed from the sizes that come in."""
        y = emit.inputs[0]
        mine, theirs = (emit.node("Shape", [x], hint="shape") for x in emit.inputs)
        two = emit.ints([2], "two")
        for axis in range(first, first + emit.types[0].rank):
            size = emit.slice(theirs, 0, axis, axis + 1)
            if self.offset is not None:
                start = emit.ints([per_axis(self.offset, emit.types[0].rank, "offset")[axis - first]], "offset")
            else:
                start = emit.node("Div", [emit.node("Sub", [emit.slice(mine, 0, axis, axis + 1), size]), two])
            y = emit.node("Slice", [y, start, emit.node("Add", [start, size]), emit.ints([axis], "axis")])
        return y
