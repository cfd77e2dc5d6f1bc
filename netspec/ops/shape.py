"""Layers that move values without arithmetic: flatten, reshape, permute, pad, crop, chunk, slice, take, tokens, image …"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from netspec.graph import Layout, TensorType
from netspec.ops.convolution import require_map
from netspec.ops.features import ChannelShuffle, Chunk, Slice
from netspec.ops.kinds import BadValue, Choice, Integer, Kind, Number, Padding, Pair, PerAxis, as_integer
from netspec.ops.op import Change, Misfit, Op, Option, TorchCode
from netspec.ops.python_text import number
from netspec.ops.reach import SAME, Reach, sliding
from netspec.ops.resample import PixelShuffle, Resize, Upsample
from netspec.ops.windows import both_ends, per_axis
from netspec.values import Value

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["ALL", "Flatten", "Identity"]

_LAYOUTS: dict[int, Layout] = {1: "vector", 2: "map", 3: "map", 4: "map"}


def times(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


class Identity(Op):
    """Returns its input."""

    any_size = vanishes = True
    name, example = "identity", "identity"

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression("{0}")

    def onnx(self, emit: Emitter) -> str:
        return emit.inputs[0]


class Rearrangement(Op):
    """A layer after which every position can depend on every other position."""

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return None


class Flatten(Rearrangement):
    """All values as one vector, channels first."""

    name, example = "flatten", "flatten"
    shape_rule = "a vector of channels x height x width"

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout == "ids":
            return TensorType("ids", (x.size,))
        return TensorType("vector", (x.size,))

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.module("nn.Flatten()")

    def onnx(self, emit: Emitter) -> str:
        return emit.node("Flatten", emit.inputs, axis=1)


class Reshape(Rearrangement):
    """The same values in a different shape, channels first; a single size gives a vector."""

    name, example = "reshape", "reshape 16x5x5"
    shape_rule = "the given sizes; their product must equal the number of values"
    size = Option(PerAxis(gathers=True, most=4), slot="value", doc="channels, then spatial sizes")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout == "ids":
            raise Misfit("NS303", "reshape needs numbers, not ids", label=f"the input is {x.noun}")
        if prod(self.size) != x.size:
            raise Misfit(
                "NS307",
                f"{x} cannot be reshaped to {times(self.size)}",
                option="size",
                notes=(f"{x} has {x.size:,} values, {times(self.size)} has {prod(self.size):,}",),
            )
        return TensorType(_LAYOUTS[len(self.size)], self.size)

    def describe(self, x: TensorType) -> str:
        return f"to {times(self.size)}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression(f"{{0}}.reshape(-1, {', '.join(map(str, self.size))})")

    def onnx(self, emit: Emitter) -> str:
        return emit.reshape(emit.inputs[0], [-1, *self.size])


Reshape.size.kind.noun = "sizes such as 16x5x5"


class Permute(Rearrangement):
    """Permutes the axes; 0 is the first axis after the batch."""

    name, example = "permute", "permute(0, 2, 1)"
    shape_rule = "the axes in the given order"
    order = Option(PerAxis(0, 3, gathers=True, most=4), slot="value", doc="the old index of each new axis")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if sorted(self.order) != list(range(len(x.shape))):
            numbers = ", ".join(map(str, range(len(x.shape))))
            raise Misfit(
                "NS307",
                f"the order must contain each axis once: {numbers}",
                option="order",
                label=f"the input is {x.noun}",
            )
        return TensorType(x.layout, tuple(x.shape[i] for i in self.order))

    def describe(self, x: TensorType) -> str:
        return f"axes {', '.join(map(str, self.order))}"

    def perm(self) -> list[int]:
        return [0, *(i + 1 for i in self.order)]

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression(f"{{0}}.permute({', '.join(map(str, self.perm()))})")

    def onnx(self, emit: Emitter) -> str:
        return emit.node("Transpose", emit.inputs, perm=self.perm())


class Pad(Op):
    """Pads the spatial axes and, with `channels=(front, back)`, the channels."""

    any_size = True
    name, example = "pad", "pad 2"
    shape_rule = "each axis plus its padding"
    amount = Option(
        Padding(rules=False, gathers=True), (0,), slot="value", doc="padding: n, 1x2, or (top, left, bottom, right)"
    )
    channels = Option(Pair(), (0, 0), doc="channels added before and after (ResNet's option A shortcut)")
    mode = Option(Choice("constant", "reflect", "replicate"), "constant", doc="how to fill the border")
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
        if self.mode == "reflect" and any(b >= w or a >= w for b, a, w in zip(before, after, x.spatial, strict=True)):
            raise Misfit(
                "NS205",
                "the padding of mode=reflect must be smaller than the input",
                option="amount",
                label=f"the input is {x.noun}",
            )
        spatial = tuple(w + b + a for w, b, a in zip(x.spatial, before, after, strict=True))
        return x.with_spatial(x.features + (self.channels[0] + self.channels[1]), spatial)

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return tuple(sliding(1, 1, before) for before in self.ends(x)[0]) if x.rank else ()

    def describe(self, x: TensorType) -> str:
        amount = self.amount if isinstance(self.amount, tuple) else ()
        parts = [times(amount)] if any(amount) else []
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
            y = f"F.pad({{0}}, {ends}, mode={self.mode!r})"
            if x.layout == "sequence":
                flat = [p for pair in reversed(axes) for p in pair]
                y = f"F.pad({{0}}.transpose(1, 2), {flat}, mode={self.mode!r}).transpose(1, 2)"
            return TorchCode.expression(y)
        value = f", value={number(self.value)}" if self.value else ""
        return TorchCode.expression(f"F.pad({{0}}, {ends}{value})")

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        before, after = self.ends(x) if x.rank else ((), ())
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
    """Removes the border: `crop 24x24` keeps the center, `crop 4` removes 4 from each side."""

    name, example = "crop", "crop 24x24"
    shape_rule = "the given sizes, or 2n less along each spatial axis"
    size = Option(CropSize(), slot="value", doc="n to remove from each side, or the sizes to keep, centered")

    def starts(self, x: TensorType) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The start along each axis, and the remaining sizes."""
        how, numbers = self.size
        values = per_axis(numbers, x.rank, "size")
        if how == "off":
            return values, tuple(w - 2 * n for w, n in zip(x.spatial, values, strict=True))
        return tuple((w - n) // 2 for w, n in zip(x.spatial, values, strict=True)), values

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_map(self, x)
        starts, sizes = self.starts(x)
        if any(n < 1 for n in sizes) or any(n > w for n, w in zip(sizes, x.spatial, strict=True)):
            what = f"to {times(sizes)}" if self.size[0] == "to" else f"by {times(starts)} on each side"
            raise Misfit(
                "NS307", f"{times(x.spatial)} cannot be cropped {what}", option="size", label=f"the input is {x.noun}"
            )
        return x.with_spatial(x.features, sizes)

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return tuple(sliding(1, 1, -start) for start in self.starts(x)[0])

    def describe(self, x: TensorType) -> str:
        return f"to {times(self.starts(x)[1])}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        cuts = [f"{s}:{s + n}" for s, n in zip(*self.starts(x), strict=True)]
        index = ", ".join([":", *cuts] if x.layout == "sequence" else [":", ":", *cuts])
        return TorchCode.expression(f"{{0}}[{index}]")

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        y = emit.inputs[0]
        for i, (start, size) in enumerate(zip(*self.starts(x), strict=True)):
            y = emit.slice(y, i + (1 if x.layout == "sequence" else 2), start, start + size)
        return y


class Take(Op):
    """One token of a sequence as a vector; negative indices count from the end."""

    name, example = "take", "take 0"
    shape_rule = "a vector of features"
    i = Option(Integer(-(10**6)), slot="value", doc="index of the token, from 0; -1 is the last")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout != "sequence":
            raise Misfit(
                "NS303",
                "take needs a sequence",
                label=f"the input is {x.noun}",
                helps=("`tokens` turns an image into a sequence",),
            )
        if not -x.shape[0] <= self.i < x.shape[0]:
            last = x.shape[0] - 1
            helps = (f"tokens are numbered from 0: the last is `take -1` or `take {last}`", "the first is `take 0`")
            near = Change(helps[0], "i", "-1") if self.i > 0 else Change(helps[1], "i", "0")
            message = f"token {self.i} is out of range: the input has {x.shape[0]} tokens"
            raise Misfit("NS205", message, option="i", helps=helps[:1], changes=(near,))
        return TensorType("vector", (x.features,))

    def describe(self, x: TensorType) -> str:
        return f"token {self.i}"

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return None

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression(f"{{0}}[:, {self.i}]")

    def onnx(self, emit: Emitter) -> str:
        return emit.node("Gather", [*emit.inputs, emit.integer(self.i, "index")], axis=1)


class Tokens(Op):
    """Turns each position of an image into a token, with the channels as its features."""

    name, example = "tokens", "tokens"
    shape_rule = "(height * width) x channels"

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout != "map":
            raise Misfit("NS303", "tokens needs an image or a signal", label=f"the input is {x.noun}")
        return TensorType("sequence", (prod(x.spatial), x.features))

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return (SAME,)

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression("{0}.flatten(2).transpose(1, 2)")

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        y = emit.reshape(emit.inputs[0], [-1, x.features, prod(x.spatial)])
        return emit.node("Transpose", [y], perm=[0, 2, 1])


class Image(Op):
    """Arranges the tokens of a sequence as an image; the inverse of `tokens`."""

    name, example = "image", "image 14x14"
    shape_rule = "features x the given sizes"
    size = Option(
        PerAxis(gathers=True), slot="value", doc="spatial sizes; their product must equal the number of tokens"
    )

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout != "sequence":
            raise Misfit(
                "NS303",
                "image needs a sequence",
                label=f"the input is {x.noun}",
                helps=("`reshape CxHxW` turns a vector into an image",),
            )
        if prod(self.size) != x.shape[0]:
            raise Misfit(
                "NS307",
                f"{x.shape[0]} tokens cannot be arranged as {times(self.size)}",
                option="size",
                notes=(f"{times(self.size)} = {prod(self.size)}",),
            )
        return TensorType("map", (x.features, *self.size))

    def describe(self, x: TensorType) -> str:
        return f"to {times(self.size)}"

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return None

    def torch(self, *inputs: TensorType) -> TorchCode:
        if len(self.size) == 1:
            return TorchCode.expression("{0}.transpose(1, 2)")
        return TorchCode.expression(f"{{0}}.transpose(1, 2).unflatten(2, {self.size!r})")

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        y = emit.node("Transpose", emit.inputs, perm=[0, 2, 1])
        return emit.reshape(y, [-1, x.features, *self.size])


ALL: tuple[type[Op], ...] = (
    Identity, Flatten, Reshape, Permute, Pad, Crop, Upsample, Resize, PixelShuffle, ChannelShuffle, Chunk, Slice, Take,
    Tokens, Image,
)  # fmt: skip
