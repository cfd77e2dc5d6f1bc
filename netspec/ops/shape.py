"""Layers that move values without arithmetic: flatten, reshape, permute, pad, crop, chunk, slice, take, tokens, image …"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, ClassVar

from netspec.graph import Layout, TensorType
from netspec.ops.conv import require_map
from netspec.ops.kinds import BadValue, Choice, Integer, Kind, Number, Padding, Pair, PerAxis, as_integer
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.python_text import unless
from netspec.ops.windows import both_ends, per_axis
from netspec.values import Value

if TYPE_CHECKING:
    from netspec.backends.onnx.emitter import Emitter

__all__ = ["ALL", "Flatten", "Identity"]

_LAYOUTS: dict[int, Layout] = {1: "vector", 2: "map", 3: "map", 4: "map"}


def times(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


class Identity(Op):
    """Passes its input on."""

    name, example = "identity", "identity"

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression("{0}")

    def onnx(self, emit: Emitter) -> str:
        return emit.inputs[0]


class Rearrangement(Op):
    """A layer after which every position can depend on every other."""

    def window(self, x: TensorType) -> tuple[tuple[int, int], ...] | None:
        return None


class Flatten(Rearrangement):
    """All values in one vector, channels first."""

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
    """The same values in another shape, channels first; one size makes a vector."""

    name, example = "reshape", "reshape 16x5x5"
    shape_rule = "the sizes given; their product must be the number of values"
    size = Option(PerAxis(gathers=True), slot="value", doc="channels, then spatial sizes")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout == "ids":
            raise Misfit("NS303", "reshape needs numbers, not ids", label=f"the input is {x.noun}")
        if prod(self.size) != x.size:
            raise Misfit("NS307", f"{x} cannot be reshaped to {times(self.size)}", option="size", notes=(f"{x} holds {x.size:,} values, {times(self.size)} holds {prod(self.size):,}",))
        return TensorType(_LAYOUTS[len(self.size)], self.size)

    def describe(self, x: TensorType) -> str:
        return f"to {times(self.size)}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression(f"{{0}}.reshape(-1, {', '.join(map(str, self.size))})")

    def onnx(self, emit: Emitter) -> str:
        return emit.reshape(emit.inputs[0], [-1, *self.size])


Reshape.size.kind.noun = "sizes such as 16x5x5"


class Permute(Rearrangement):
    """Reorders the axes; 0 is the first after the batch."""

    name, example = "permute", "permute(0, 2, 1)"
    shape_rule = "the axes in the order given"
    order = Option(PerAxis(0, 3, gathers=True), slot="value", doc="the old number of each new axis")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if sorted(self.order) != list(range(len(x.shape))):
            numbers = ", ".join(map(str, range(len(x.shape))))
            raise Misfit("NS307", f"the order must name each axis once: {numbers}", option="order", label=f"the input is {x.noun}")
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
    """Pads the spatial axes, and the channels where `channels=(front, back)` says so."""

    name, example = "pad", "pad 2"
    shape_rule = "each axis grows by its padding"
    amount = Option(Padding(rules=False), (0,), slot="value", doc="padding: n, 1x2, or (top, left, bottom, right)")
    channels = Option(Pair(), (0, 0), doc="channels added in front and behind (ResNet's option A shortcut)")
    mode = Option(Choice("constant", "reflect", "replicate"), "constant", doc="what the border is filled with")
    value = Option(Number(), 0.0, doc="the constant")

    def ends(self, x: TensorType) -> tuple[tuple[int, ...], tuple[int, ...]]:
        ones = (1,) * x.rank
        return both_ends(self.amount, x.spatial, ones, ones, ones)

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout == "ids":
            raise Misfit("NS303", "pad needs numbers, not ids", label=f"the input is {x.noun}")
        if x.rank == 0:
            if self.amount != (0,):
                raise Misfit("NS303", "a vector has no border to pad", label=f"the input is {x.noun}", helps=("pad its features with `channels=(front, back)`",))
            return x.with_features(x.features + sum(self.channels))
        before, after = self.ends(x)
        if self.mode != "constant" and sum(self.channels):
            raise Misfit("NS207", f"channels cannot be padded by mode={self.mode}", option="mode")
        if self.mode == "reflect" and any(max(b, a) >= w for b, a, w in zip(before, after, x.spatial, strict=True)):
            raise Misfit("NS205", "a reflection cannot be as wide as its input", option="amount", label=f"the input is {x.noun}")
        spatial = tuple(w + b + a for w, b, a in zip(x.spatial, before, after, strict=True))
        return x.with_spatial(x.features + sum(self.channels), spatial)

    def describe(self, x: TensorType) -> str:
        parts = [times(self.amount)] if any(self.amount) else []
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
        value = unless(self.value, 0.0)
        return TorchCode.expression(f"F.pad({{0}}, {ends}{'' if value is None else f', value={value!r}'})")

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        before, after = self.ends(x) if x.rank else ((), ())
        front, back = self.channels
        begins = [0, *before, front] if x.layout == "sequence" else [0, front, *before]
        ends = [0, *after, back] if x.layout == "sequence" else [0, back, *after]
        mode = {"replicate": "edge"}.get(self.mode, self.mode)
        pads = emit.ints([*begins, *ends], "pads")
        extra = [emit.scalar(self.value, "value")] if self.mode == "constant" else []
        return emit.node("Pad", [*emit.inputs, pads, *extra], mode=mode)


class CropSize(Kind[tuple[str, tuple[int, ...]]]):
    """`n`: that many off each side; `HxW`: the sizes that remain."""

    noun = "a whole number (off each side) or a size such as 24x24 (what remains)"
    gathers = True

    def read(self, value: Value) -> tuple[str, tuple[int, ...]]:
        if isinstance(value, (tuple, list)):
            if not 1 <= len(value) <= 3:
                raise BadValue(f"expected {self.noun}, found {len(value)} numbers")
            return "to", tuple(Integer(1).read(v) for v in value)
        return "off", (Integer(0).bounded(as_integer(value, self.noun)),)


class Crop(Op):
    """Cuts the border away: `crop 24x24` keeps the centre, `crop 4` takes 4 off each side."""

    name, example = "crop", "crop 24x24"
    shape_rule = "the sizes given, or 2n less along each spatial axis"
    size = Option(CropSize(), slot="value", doc="n off each side, or the sizes that remain, centred")

    def starts(self, x: TensorType) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Where it starts along each axis, and the sizes that remain."""
        how, numbers = self.size
        values = per_axis(numbers, x.rank, "size")
        if how == "off":
            return values, tuple(w - 2 * n for w, n in zip(x.spatial, values, strict=True))
        return tuple((w - n) // 2 for w, n in zip(x.spatial, values, strict=True)), values

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_map(self, x)
        starts, sizes = self.starts(x)
        if min(sizes) < 1 or any(n > w for n, w in zip(sizes, x.spatial, strict=True)):
            raise Misfit("NS307", f"{times(x.spatial)} cannot be cropped to {times(sizes)}", option="size", label=f"the input is {x.noun}")
        return x.with_spatial(x.features, sizes)

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


class Scaling(Op):
    """What upsample and resize share."""

    mode = Option(Choice("nearest", "bilinear"), "nearest", doc="interpolation; bilinear means linear along every axis, with half-pixel centres")

    def sizes(self, x: TensorType) -> tuple[int, ...]:
        return ()

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_map(self, x)
        sizes = self.sizes(x)
        if prod(sizes) * x.features > 2**40:
            raise Misfit("NS005", f"an output of {x.features}x{times(sizes)} is too large")
        return x.with_spatial(x.features, sizes)

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        mode = self.mode if self.mode == "nearest" else {1: "linear", 2: "bilinear", 3: "trilinear"}[x.rank]
        size = self.sizes(x)
        text = f"nn.Upsample(size={size if len(size) > 1 else size[0]}, mode={mode!r})"
        call = "{m}({0}.transpose(1, 2)).transpose(1, 2)" if x.layout == "sequence" else None
        return TorchCode((("", text),), call)

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        y = emit.channels_first()
        scales = emit.floats([1.0, 1.0, *(n / w for n, w in zip(self.sizes(x), x.spatial, strict=True))], "scales")
        how = (
            {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            if self.mode == "nearest"
            else {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        )
        if self.exact_scales:
            return emit.channels_back(emit.node("Resize", [y, "", scales], **how))
        batch = emit.slice(emit.node("Shape", [y], hint="shape"), 0, 0, 2)
        sizes = emit.node("Concat", [batch, emit.ints(list(self.sizes(x)), "sizes")], axis=0)
        return emit.channels_back(emit.node("Resize", [y, "", "", sizes], **how))

    exact_scales: ClassVar[bool] = False


class Upsample(Scaling):
    """Enlarges every spatial axis by a whole factor."""

    name, example = "upsample", "upsample 2 mode=bilinear"
    shape_rule = "each spatial axis times the factor"
    exact_scales = True
    factor = Option(PerAxis(1, 1024, gathers=True), (2,), slot="value", doc="how many times larger")

    def sizes(self, x: TensorType) -> tuple[int, ...]:
        return tuple(w * f for w, f in zip(x.spatial, per_axis(self.factor, x.rank, "factor"), strict=True))

    def describe(self, x: TensorType) -> str:
        return f"x{times(self.factor)}, {self.mode}"


class Resize(Scaling):
    """Interpolates to the given sizes."""

    name, example = "resize", "resize 224x224 mode=bilinear"
    shape_rule = "the sizes given"
    size = Option(PerAxis(gathers=True), slot="value", doc="sizes of the output")

    def sizes(self, x: TensorType) -> tuple[int, ...]:
        return per_axis(self.size, x.rank, "size")

    def describe(self, x: TensorType) -> str:
        return f"to {times(self.sizes(x))}, {self.mode}"


class PixelShuffle(Op):
    """Moves channels into space: r x r channels become r x r pixels (Shi et al. 2016)."""

    name, example = "pixel_shuffle", "pixel_shuffle 2"
    shape_rule = "channels / r^2, height r, width r"
    r = Option(Integer(1, 1024), slot="value", doc="how many times larger the image becomes")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout != "map" or x.rank != 2:
            raise Misfit("NS303", "pixel_shuffle needs an image", label=f"the input is {x.noun}")
        if x.features % self.r**2:
            raise Misfit("NS304", f"{x.features} channels do not divide by {self.r}^2 = {self.r**2}", option="r")
        return x.with_spatial(x.features // self.r**2, tuple(w * self.r for w in x.spatial))

    def describe(self, x: TensorType) -> str:
        return f"x{self.r}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.module(f"nn.PixelShuffle({self.r})")

    def onnx(self, emit: Emitter) -> str:
        return emit.node("DepthToSpace", emit.inputs, blocksize=self.r, mode="CRD")


class ChannelShuffle(Op):
    """Interleaves the channels of the groups (Zhang et al. 2018)."""

    name, example = "channel_shuffle", "channel_shuffle 2"
    groups = Option(Integer(), slot="value", doc="number of groups")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout == "ids":
            raise Misfit("NS303", "channel_shuffle needs numbers, not ids")
        if x.features % self.groups:
            raise Misfit("NS304", f"{x.features} channels do not divide into {self.groups} groups", option="groups")
        return x

    def describe(self, x: TensorType) -> str:
        return f"{self.groups} groups"

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        axis = x.feature_axis
        return TorchCode.expression(
            f"{{0}}.unflatten({axis}, ({self.groups}, {x.features // self.groups})).transpose({axis}, {axis + 1}).flatten({axis}, {axis + 1})"
        )

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        axis = x.feature_axis
        split = [-1, *x.shape]
        split[axis : axis + 1] = [self.groups, x.features // self.groups]
        perm = list(range(len(split)))
        perm[axis], perm[axis + 1] = axis + 1, axis
        y = emit.node("Transpose", [emit.reshape(emit.inputs[0], split)], perm=perm)
        return emit.reshape(y, [-1, *x.shape])


class FeatureSlice(Op):
    """What chunk and slice share: a run of one axis."""

    def run(self, x: TensorType) -> tuple[int, int, int]:
        """(axis in the batched tensor, start, stop)."""
        raise TypeError(self.name)

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        axis, start, stop = self.run(x)
        shape = list(x.shape)
        shape[axis - 1] = stop - start
        return TensorType(x.layout, tuple(shape))

    def torch(self, *inputs: TensorType) -> TorchCode:
        axis, start, stop = self.run(inputs[0])
        return TorchCode.expression(f"{{0}}[{', '.join([':'] * axis)}, {start}:{stop}]")

    def onnx(self, emit: Emitter) -> str:
        return emit.slice(emit.inputs[0], *self.run(emit.types[0]))


class Chunk(FeatureSlice):
    """The i-th of n equal parts of the features, counted from 0."""

    name, example = "chunk", "chunk(0, 2)"
    shape_rule = "the features divided by n"
    i = Option(Integer(0), slot="value", doc="which part, from 0")
    n = Option(Integer(1), slot="value", doc="how many parts")

    def run(self, x: TensorType) -> tuple[int, int, int]:
        if self.i >= self.n:
            raise Misfit("NS205", f"there is no part {self.i} of {self.n}", option="i", helps=(f"parts count from 0 to {self.n - 1}",))
        if x.features % self.n:
            raise Misfit("NS304", f"{x.features} features do not divide into {self.n} equal parts", option="n", notes=(f"{x.features} / {self.n} = {x.features / self.n:.2f}",))
        size = x.features // self.n
        return x.feature_axis, self.i * size, (self.i + 1) * size

    def describe(self, x: TensorType) -> str:
        return f"part {self.i} of {self.n}"


def named_axis(x: TensorType, name: str) -> int:
    """The axis of a batched tensor by its name. Raises Misfit where the tensor has none of that name."""
    if name in ("channels", "features"):
        return x.feature_axis
    from netspec.ops.windows import AXES

    names = {"sequence": ("tokens",), "map": AXES.get(x.rank, ())}.get(x.layout, ())
    first = 1 if x.layout == "sequence" else 2
    if name not in names:
        have = ", ".join((*names, "channels"))
        raise Misfit("NS307", f"there is no axis {name} here", option="axis", label=f"the input is {x.noun}", helps=(f"its axes are {have}",))
    return first + names.index(name)


AXIS = Choice("channels", "features", "tokens", "length", "depth", "height", "width")


class Slice(FeatureSlice):
    """The values from `start` up to, not including, `stop` along one axis."""

    name, example = "slice", "slice(0, 16)"
    shape_rule = "stop - start along the axis"
    start = Option(Integer(0), slot="value", doc="the first, from 0")
    stop = Option(Integer(1), slot="value", doc="one past the last")
    axis = Option(AXIS, "channels", doc="the axis")

    def run(self, x: TensorType) -> tuple[int, int, int]:
        axis = named_axis(x, self.axis)
        size = x.shape[axis - 1]
        if not self.start < self.stop <= size:
            raise Misfit("NS205", f"{self.start} to {self.stop} is no part of {size} {self.axis}", option="stop")
        return axis, self.start, self.stop

    def describe(self, x: TensorType) -> str:
        return f"{self.axis} {self.start} to {self.stop - 1}"


class Take(Op):
    """One token of a sequence, as a vector; negative numbers count from the end."""

    name, example = "take", "take 0"
    shape_rule = "a vector of the features"
    i = Option(Integer(-(10**6)), slot="value", doc="which token, from 0; -1 is the last")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout != "sequence":
            raise Misfit("NS303", "take needs a sequence", label=f"the input is {x.noun}", helps=("`tokens` turns an image into one",))
        if not -x.shape[0] <= self.i < x.shape[0]:
            raise Misfit("NS205", f"there is no token {self.i} among {x.shape[0]}", option="i")
        return TensorType("vector", (x.features,))

    def describe(self, x: TensorType) -> str:
        return f"token {self.i}"

    def window(self, x: TensorType) -> tuple[tuple[int, int], ...] | None:
        return None

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression(f"{{0}}[:, {self.i}]")

    def onnx(self, emit: Emitter) -> str:
        return emit.node("Gather", [*emit.inputs, emit.integer(self.i, "index")], axis=1)


class Tokens(Op):
    """Every position of an image becomes a token, its channels the features."""

    name, example = "tokens", "tokens"
    shape_rule = "height width x channels"

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout != "map":
            raise Misfit("NS303", "tokens needs an image or a signal", label=f"the input is {x.noun}")
        return TensorType("sequence", (prod(x.spatial), x.features))

    def window(self, x: TensorType) -> tuple[tuple[int, int], ...] | None:
        return ((1, 1),)

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression("{0}.flatten(2).transpose(1, 2)")

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        y = emit.reshape(emit.inputs[0], [-1, x.features, prod(x.spatial)])
        return emit.node("Transpose", [y], perm=[0, 2, 1])


class Image(Op):
    """The tokens of a sequence back in their places; the opposite of `tokens`."""

    name, example = "image", "image 14x14"
    shape_rule = "features x the sizes given"
    size = Option(PerAxis(gathers=True), slot="value", doc="spatial sizes; their product is the number of tokens")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout != "sequence":
            raise Misfit("NS303", "image needs a sequence", label=f"the input is {x.noun}", helps=("`reshape CxHxW` makes an image of a vector",))
        if prod(self.size) != x.shape[0]:
            raise Misfit("NS307", f"{x.shape[0]} tokens do not make {times(self.size)}", option="size", notes=(f"{times(self.size)} = {prod(self.size)}",))
        return TensorType("map", (x.features, *self.size))

    def describe(self, x: TensorType) -> str:
        return f"to {times(self.size)}"

    def window(self, x: TensorType) -> tuple[tuple[int, int], ...] | None:
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
