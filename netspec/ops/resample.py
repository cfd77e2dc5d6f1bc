"""Layers that change the resolution without weights: upsample, resize and pixel_shuffle."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from netspec.graph import TensorType
from netspec.ops.convolution import require_map
from netspec.ops.kinds import Choice, Integer, PerAxis
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.python_text import each
from netspec.ops.reach import Reach, interpolated
from netspec.ops.windows import per_axis

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["PixelShuffle", "Resize", "Upsample"]


class Scaling(Op):
    """The base of upsample and resize."""

    mode = Option(
        Choice("nearest", "bilinear"),
        "nearest",
        doc="interpolation; bilinear means linear along every axis, with half-pixel centers",
    )

    def sizes(self, x: TensorType) -> tuple[int, ...]:
        return ()

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        linear = self.mode != "nearest"
        return tuple(interpolated(w, n, linear=linear) for w, n in zip(x.spatial, self.sizes(x), strict=True))

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_map(self, x)
        sizes = self.sizes(x)
        if int.__gt__(prod(sizes) * x.features, 2**40):  # a check, whatever names the sizes are made of
            raise Misfit("NS005", f"an output of {x.features}x{_times(sizes)} is too large")
        return x.with_spatial(x.features, sizes)

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        mode = self.mode if self.mode == "nearest" else {1: "linear", 2: "bilinear", 3: "trilinear"}[x.rank]
        text = f"nn.Upsample({self.extent(x)}, mode={mode!r})"
        call = "{m}({0}.transpose(1, 2)).transpose(1, 2)" if x.layout == "sequence" else None
        return TorchCode((("", text),), call)

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        y = emit.channels_first()
        if self.mode == "nearest" and not self.exact_scales:
            return emit.channels_back(self.gathered(emit, y))
        how: dict[str, Any] = (
            {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            if self.mode == "nearest"
            else {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        )
        if self.exact_scales:
            factors = [n / w for n, w in zip(self.sizes(x), x.spatial, strict=True)]
            scales = emit.wide_floats([1.0, 1.0, *factors], "scales")
            return emit.channels_back(emit.node("Resize", [y, "", scales], **how))
        batch = emit.slice(emit.node("Shape", [y], hint="shape"), 0, 0, 2)
        sizes = emit.node("Concat", [batch, emit.ints(list(self.sizes(x)), "sizes")], axis=0)
        return emit.channels_back(emit.node("Resize", [y, "", "", sizes], **how))

    def gathered(self, emit: Emitter, y: str) -> str:
        """Nearest neighbors, axis by axis, with the indices that torch uses: floor(i w/n) in single precision."""
        import numpy as np

        (x,) = emit.types
        for axis, (w, n) in enumerate(zip(x.spatial, self.sizes(x), strict=True)):
            index = np.floor(np.arange(n, dtype=np.float32) * (np.float32(w) / np.float32(n))).astype(int)
            taken = [min(int(i), w - 1) for i in index]
            y = emit.node("Gather", [y, emit.ints(taken, "nearest")], axis=2 + axis)
        return y

    def extent(self, x: TensorType) -> str:
        """The sizes as the argument for torch."""
        size = self.sizes(x)
        return f"size={size if len(size) > 1 else size[0]}"

    exact_scales: ClassVar[bool] = False


class Upsample(Scaling):
    """Upsamples every spatial axis by an integer factor."""

    any_size = True
    name, example = "upsample", "upsample 2 mode=bilinear"
    shape_rule = "each spatial axis times the factor"
    exact_scales = True
    factor = Option(PerAxis(1, 1024, gathers=True), (2,), slot="value", doc="upsampling factor")

    def sizes(self, x: TensorType) -> tuple[int, ...]:
        return tuple(w * f for w, f in zip(x.spatial, per_axis(self.factor, x.rank, "factor"), strict=True))

    def extent(self, x: TensorType) -> str:
        return f"scale_factor={each(per_axis(self.factor, x.rank, 'factor'))}"

    def describe(self, x: TensorType) -> str:
        return f"x{_times(self.factor)}, {self.mode}"


class Resize(Scaling):
    """Interpolates to the given sizes."""

    name, example = "resize", "resize 224x224 mode=bilinear"
    shape_rule = "the given sizes"
    size = Option(PerAxis(gathers=True), slot="value", doc="output sizes")

    def sizes(self, x: TensorType) -> tuple[int, ...]:
        return per_axis(self.size, x.rank, "size")

    def describe(self, x: TensorType) -> str:
        return f"to {_times(self.sizes(x))}, {self.mode}"


class PixelShuffle(Op):
    """Rearranges channels into space: each group of r x r channels becomes r x r pixels (Shi et al. 2016)."""

    any_size = True
    name, example = "pixel_shuffle", "pixel_shuffle 2"
    shape_rule = "(channels / r^2) x (height * r) x (width * r)"
    r = Option(Integer(1, 1024), slot="value", doc="upsampling factor")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout != "map" or x.rank != 2:
            raise Misfit("NS303", "pixel_shuffle needs an image", label=f"the input is {x.noun}")
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
        return TorchCode.module(f"nn.PixelShuffle({self.r})")

    def onnx(self, emit: Emitter) -> str:
        return emit.node("DepthToSpace", emit.inputs, blocksize=self.r, mode="CRD")


def _times(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))
