"""Layers that move values without arithmetic: flatten, reshape, permute, take, tokens, image …"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from netspec.graph import Layout, TensorType
from netspec.ops.border import Crop, Pad
from netspec.ops.features import ChannelShuffle, Chunk, Slice
from netspec.ops.kinds import Integer, PerAxis
from netspec.ops.op import Change, Misfit, Op, Option, TorchCode
from netspec.ops.pixel_shuffle import PixelShuffle, PixelUnshuffle
from netspec.ops.reach import SAME, Reach
from netspec.ops.resample import Resize, Upsample
from netspec.ops.roll import Roll
from netspec.ops.transform import Transform

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["ALL", "Flatten", "Identity"]

_LAYOUTS: dict[int, Layout] = {1: "vector", 2: "map", 3: "map", 4: "map"}


def _times(sizes: tuple[int, ...]) -> str:
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
                f"{x} cannot be reshaped to {_times(self.size)}",
                option="size",
                notes=(f"{x} has {x.size:,} values, {_times(self.size)} has {prod(self.size):,}",),
            )
        return TensorType(_LAYOUTS[len(self.size)], self.size)

    def describe(self, x: TensorType) -> str:
        return f"to {_times(self.size)}"

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
        return TorchCode.expression("{0}.flatten(2).mT")

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
                f"{x.shape[0]} tokens cannot be arranged as {_times(self.size)}",
                option="size",
                notes=(f"{_times(self.size)} = {prod(self.size)}",),
            )
        return TensorType("map", (x.features, *self.size))

    def describe(self, x: TensorType) -> str:
        return f"to {_times(self.size)}"

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return None

    def torch(self, *inputs: TensorType) -> TorchCode:
        if len(self.size) == 1:
            return TorchCode.expression("{0}.mT")
        return TorchCode.expression(f"{{0}}.mT.unflatten(2, {self.size!r})")

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        y = emit.node("Transpose", emit.inputs, perm=[0, 2, 1])
        return emit.reshape(y, [-1, x.features, *self.size])


ALL: tuple[type[Op], ...] = (
    Identity, Flatten, Reshape, Permute, Pad, Crop, Roll, Upsample, Resize, Transform, PixelShuffle, PixelUnshuffle, ChannelShuffle, Chunk,
    Slice, Take, Tokens, Image,
)  # fmt: skip
