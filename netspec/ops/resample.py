"""Layers that interpolate: upsample and resize."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from netspec.graph import TensorType
from netspec.ops.convolution import require_map
from netspec.ops.kinds import Choice, Flag, PerAxis
from netspec.ops.like import like_option, require_one_size, require_same_axes
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.python_text import each
from netspec.ops.reach import Reach, between_corners, interpolated
from netspec.ops.windows import per_axis

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["Resize", "Upsample", "require_moderate"]


def require_moderate(features: int, sizes: tuple[int, ...]) -> None:
    """Raises Misfit where a result would have more values than anything can hold."""
    if int.__gt__(prod(sizes) * features, 2**40):  # a check, whatever names the sizes are made of
        raise Misfit("NS005", f"an output of {features}x{_times(sizes)} is too large")


class Scaling(Op):
    """The base of upsample and resize."""

    mode = Option(
        Choice("nearest", "bilinear", "bicubic"),
        "nearest",
        doc="interpolation; bilinear means linear along every axis, bicubic is for images, both with half-pixel centers",
    )
    align_corners = Option(
        Flag(), False, doc="with mode=bilinear or bicubic: the centers of the corner pixels stay where they are"
    )

    def validate(self) -> None:
        if self.align_corners and self.mode == "nearest":
            raise Misfit(
                "NS207", "align_corners is for mode=bilinear and mode=bicubic", option="align_corners",
                helps=("write `mode=bilinear`, or take `align_corners` out",),
            )  # fmt: skip

    def sizes(self, x: TensorType, *like: TensorType) -> tuple[int, ...]:
        return ()

    def reach_to(self, x: TensorType, y: TensorType) -> tuple[Reach, ...] | None:
        taps = {"nearest": 1, "bilinear": 2, "bicubic": 4}[self.mode]
        how = between_corners if self.align_corners else interpolated
        return tuple(how(w, n, taps=taps) for w, n in zip(x.spatial, y.spatial, strict=True))

    def output(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        require_map(self, x)
        if self.mode == "bicubic" and x.rank != 2:
            raise Misfit(
                "NS307", "mode=bicubic is for images", option="mode", label=f"the input is {x.noun}",
                helps=("`mode=bilinear` is for any number of axes",), of_axes=True,
            )  # fmt: skip
        require_same_axes(x, *inputs[1:])
        sizes = self.sizes(*inputs)
        require_moderate(x.features, sizes)
        return x.with_spatial(x.features, sizes)

    def torch(self, *inputs: TensorType) -> TorchCode:
        x = inputs[0]
        text = f"nn.Upsample({self.extent(x)}, {self.how(x)})"
        call = "{m}({0}.transpose(1, 2)).transpose(1, 2)" if x.layout == "sequence" else None
        return TorchCode((("", text),), call)

    def how(self, x: TensorType) -> str:
        """The mode as an argument for torch."""
        mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[x.rank] if self.mode == "bilinear" else self.mode
        return f'mode="{mode}"' + (", align_corners=True" if self.align_corners else "")

    def onnx(self, emit: Emitter) -> str:
        x = emit.types[0]
        y = emit.channels_first()
        if self.mode == "nearest" and not self.exact_scales:
            return emit.channels_back(self.gathered(emit, y))
        corners = "align_corners" if self.align_corners else "half_pixel"
        how: dict[str, Any] = (
            {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            if self.mode == "nearest"
            else {"mode": "linear", "coordinate_transformation_mode": corners}
        )
        if self.mode == "bicubic":
            how |= {"mode": "cubic", "cubic_coeff_a": -0.75}  # Keys's kernel with the parameter that PyTorch has
        if self.exact_scales:
            factors = [n / w for n, w in zip(self.sizes(x), x.spatial, strict=True)]
            scales = emit.wide_floats([1.0, 1.0, *factors], "scales")
            return emit.channels_back(emit.node("Resize", [y, "", scales], **how))
        batch = emit.slice(emit.node("Shape", [y], hint="shape"), 0, 0, 2)
        sizes = emit.node("Concat", [batch, *self.wanted(emit)], axis=0)
        return emit.channels_back(emit.node("Resize", [y, "", "", sizes], **how))

    def wanted(self, emit: Emitter) -> list[str]:
        """The spatial sizes of the result."""
        return [emit.ints(list(self.sizes(*emit.types)), "sizes")]

    def gathered(self, emit: Emitter, y: str) -> str:
        """Nearest neighbors, axis by axis, with the indices that torch uses: floor(i w/n) in single precision."""
        import numpy as np

        x = emit.types[0]
        for axis, (w, n) in enumerate(zip(x.spatial, self.sizes(*emit.types), strict=True)):
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

    def sizes(self, x: TensorType, *like: TensorType) -> tuple[int, ...]:
        return tuple(w * f for w, f in zip(x.spatial, per_axis(self.factor, x.rank, "factor"), strict=True))

    def extent(self, x: TensorType) -> str:
        return f"scale_factor={each(per_axis(self.factor, x.rank, 'factor'))}"

    def describe(self, x: TensorType) -> str:
        return f"x{_times(self.factor)}, {self.mode}" + (", corners aligned" if self.align_corners else "")


class Resize(Scaling):
    """Interpolates to the given sizes, or to those of another tensor: `resize like=x`."""

    name, example = "resize", "resize 224x224 mode=bilinear"
    measures_second = True
    shape_rule = "the given sizes, or those of the tensor"
    size = Option(PerAxis(gathers=True), None, slot="value", doc="output sizes")
    like = like_option("to take its height and width")

    def validate(self) -> None:
        super().validate()
        require_one_size(self.name, "32x32", self.size, self.like)

    def further_inputs(self) -> tuple[str, ...]:
        return ("like",) if self.like else ()

    def sizes(self, x: TensorType, *like: TensorType) -> tuple[int, ...]:
        return like[0].spatial if like else per_axis(self.size or (1,), x.rank, "size")

    def describe(self, x: TensorType) -> str:
        to = f"as large as {self.like}" if self.like else f"to {_times(self.sizes(x))}"
        return f"{to}, {self.mode}" + (", corners aligned" if self.align_corners else "")

    def torch(self, *inputs: TensorType) -> TorchCode:
        if not self.like:
            return super().torch(*inputs)
        x = inputs[0]
        if x.layout == "sequence":
            call = f"F.interpolate({{0}}.transpose(1, 2), size={{1}}.shape[1], {self.how(x)}).transpose(1, 2)"
        else:
            call = f"F.interpolate({{0}}, size={{1}}.shape[2:], {self.how(x)})"
        return TorchCode.expression(call)

    def wanted(self, emit: Emitter) -> list[str]:
        if not self.like or not emit.open_sizes:
            return super().wanted(emit)
        first, rank = (1 if emit.types[1].layout == "sequence" else 2), emit.types[1].rank
        shape = emit.node("Shape", [emit.inputs[1]], hint="shape")
        return [emit.slice(shape, 0, first, first + rank)]

    def gathered(self, emit: Emitter, y: str) -> str:
        """With open sizes the indices are computed, again in single precision."""
        if not self.like or not emit.open_sizes:
            return super().gathered(emit, y)
        shape = emit.node("Shape", [y], hint="shape")
        (sizes,) = self.wanted(emit)
        zero, one = emit.integer(0, "zero"), emit.integer(1, "one")
        for axis in range(emit.types[0].rank):
            w, n = (
                emit.node("Gather", [of, emit.integer(i, "axis")], axis=0)
                for of, i in ((shape, axis + 2), (sizes, axis))
            )
            w_real, n_real, places = (
                emit.node("Cast", [v], to=_SINGLE) for v in (w, n, emit.node("Range", [zero, n, one]))
            )
            nearest = emit.node("Floor", [emit.node("Mul", [places, emit.node("Div", [w_real, n_real])])])
            index = emit.node("Min", [emit.node("Cast", [nearest], to=_WHOLE), emit.node("Sub", [w, one])])
            y = emit.node("Gather", [y, index], axis=2 + axis)
        return y


_SINGLE, _WHOLE = 1, 7
"""ONNX's numbers of float32 and int64."""


def _times(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))
