"""Channels into space and back: pixel_shuffle and pixel_unshuffle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import TensorType
from netspec.ops.kinds import Choice, Integer
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.reach import Reach, interpolated, sliding

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["PixelShuffle", "PixelUnshuffle"]


class _Pixels(Op):
    """What the two have in common: images, and in which order pixels become channels."""

    any_size = True
    order = Option(
        Choice("channels", "blocks"), "channels",
        doc="order of the channels: for each channel its pixels (PyTorch), or for each pixel of a block its channels (TensorFlow)",
    )  # fmt: skip

    def image(self, inputs: tuple[TensorType, ...]) -> TensorType:
        """Raises Misfit (NS303)."""
        (x,) = inputs
        if x.layout != "map" or x.rank != 2:
            raise Misfit("NS303", f"{self.name} needs an image", label=f"the input is {x.noun}")
        return x


class PixelShuffle(_Pixels):
    """Rearranges channels into space: each group of r x r channels becomes r x r pixels (Shi et al. 2016)."""

    name, example = "pixel_shuffle", "pixel_shuffle 2"
    shape_rule = "(channels / r^2) x (height * r) x (width * r)"
    r = Option(Integer(1, 1024), slot="value", doc="upsampling factor")

    def output(self, *inputs: TensorType) -> TensorType:
        x = self.image(inputs)
        if x.features % self.r**2:
            raise Misfit(
                "NS304",
                f"{x.features} channels are not divisible by {self.r}^2 = {self.r**2}",
                option="r",
                indivisible=(x.features, self.r**2),
            )
        return x.with_spatial(x.features // self.r**2, tuple(w * self.r for w in x.spatial))

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return (interpolated(1, self.r),) * 2

    def describe(self, x: TensorType) -> str:
        return f"x{self.r}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        if self.order == "channels":
            return TorchCode.module(f"nn.PixelShuffle({self.r})")
        apart = f"{{0}}.unflatten(1, ({self.r}, {self.r}, -1))"
        return TorchCode.expression(f"{apart}.permute(0, 3, 4, 1, 5, 2).flatten(4).flatten(2, 3)")

    def onnx(self, emit: Emitter) -> str:
        mode = "CRD" if self.order == "channels" else "DCR"
        return emit.node("DepthToSpace", emit.inputs, blocksize=self.r, mode=mode)


class PixelUnshuffle(_Pixels):
    """Rearranges space into channels: each block of r x r pixels becomes r x r channels (space to depth)."""

    name, example = "pixel_unshuffle", "pixel_unshuffle 2"
    aliases = ("space_to_depth",)
    shape_rule = "(channels * r^2) x (height / r) x (width / r)"
    r = Option(Integer(1, 1024), slot="value", doc="side of a block")

    def output(self, *inputs: TensorType) -> TensorType:
        x = self.image(inputs)
        for name, size in zip(("height", "width"), x.spatial, strict=True):
            if size % self.r:
                message = f"a {name} of {size} cannot be divided into blocks of {self.r}"
                raise Misfit(
                    "NS307", message, option="r", label=f"the input is {x.noun}",
                    notes=(f"{size} / {self.r} = {size / self.r:.2f}",),
                )  # fmt: skip
        return x.with_spatial(x.features * self.r**2, tuple(w // self.r for w in x.spatial))

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return (sliding(self.r, self.r, 0),) * 2

    def describe(self, x: TensorType) -> str:
        return f"/{self.r}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        if self.order == "channels":
            return TorchCode.module(f"nn.PixelUnshuffle({self.r})")
        apart = f"{{0}}.unflatten(3, (-1, {self.r})).unflatten(2, (-1, {self.r}))"
        return TorchCode.expression(f"{apart}.permute(0, 3, 5, 1, 2, 4).flatten(1, 3)")

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        y = emit.node("SpaceToDepth", emit.inputs, blocksize=self.r)
        if self.order == "blocks":
            return y
        order = [block * x.features + channel for channel in range(x.features) for block in range(self.r**2)]
        return emit.node("Gather", [y, emit.ints(order, "order")], axis=1)
