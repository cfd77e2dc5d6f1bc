"""Joins of branches: add, mul and concat. They are written with brackets, not as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import TensorType
from netspec.ops.features import AXIS, named_axis
from netspec.ops.op import Misfit, Op, Option, TorchCode

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["Add", "Concat", "Multiply"]


class Add(Op):
    """The sum of the branches, which must have the same shape; Cx1x1 is broadcast to CxHxW."""

    torch_keeps_no_output = True
    any_size = True
    name, example = "add", "add [ conv3-64 pad=1; identity ]"
    shape_rule = "the shape of the branches"
    symbol, sign, onnx_name = "+", "+", "Add"

    def output(self, *inputs: TensorType) -> TensorType:
        # which is the widest does not depend on the channels, which all have in common
        widest = max(inputs, key=lambda t: int.__add__(t.size, 0))
        for i, x in enumerate(inputs):
            spread = x.layout == widest.layout == "map" and x.shape == (widest.shape[0], *(1,) * widest.rank)
            if x != widest and not spread:
                vectors = {t.layout for t in inputs} == {"vector", "map"} and len({t.features for t in inputs}) == 1
                raise Misfit(
                    "NS306",
                    f"the branches of {self.name} must have the same shape",
                    label=f"branch {i + 1} outputs {x}, another branch outputs {widest}",
                    notes=tuple(f"branch {j + 1}: {t.noun}" for j, t in enumerate(inputs)),
                    helps=(f"FC makes a vector; `linear-{x.features}` or `conv1-{x.features}` keeps {x.features}x1x1",)
                    if vectors
                    else (),
                )
        return widest

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression(f" {self.symbol} ".join(f"{{{i}}}" for i in range(len(inputs))))

    def onnx(self, emit: Emitter) -> str:
        y, *rest = emit.inputs
        for x in rest:
            y = emit.node(self.onnx_name, [y, x])
        return y


class Multiply(Add):
    """The product of the branches, which must have the same shape; Cx1x1 is broadcast to CxHxW (squeeze and excitation)."""

    torch_keeps_no_output = False
    name, example = "mul", "mul [ identity; { gap; conv1-4; relu; conv1-64; sigmoid } ]"
    symbol, sign, onnx_name = "*", "×", "Mul"


class Concat(Op):
    """Concatenates the branches along the channels or along the given axis."""

    any_size = True
    name, example = "concat", "concat [ conv1-64; conv3-128 pad=1 ]"
    shape_rule = "the sum of the sizes along the axis; the other sizes must agree"
    axis = Option(AXIS, "channels", doc="the axis to concatenate along")

    def output(self, *inputs: TensorType) -> TensorType:
        first = inputs[0]
        axis = named_axis(first, self.axis) - 1
        for i, x in enumerate(inputs):
            others = [s for j, s in enumerate(x.shape) if j != axis]
            if x.layout != first.layout or others != [s for j, s in enumerate(first.shape) if j != axis]:
                raise Misfit(
                    "NS306",
                    f"the branches of concat must have the same sizes except along {self.axis}",
                    label=f"branch {i + 1} outputs {x}, branch 1 outputs {first}",
                    notes=tuple(f"branch {j + 1}: {t.noun}" for j, t in enumerate(inputs)),
                )
        shape = list(first.shape)
        shape[axis] = sum(x.shape[axis] for x in inputs)
        return TensorType(first.layout, tuple(shape))

    def describe(self, x: TensorType) -> str:
        return f"along {'features' if self.axis == 'channels' and x.layout != 'map' else self.axis}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        parts = ", ".join(f"{{{i}}}" for i in range(len(inputs)))
        return TorchCode.expression(f"torch.cat([{parts}], dim={named_axis(inputs[0], self.axis)})")

    def onnx(self, emit: Emitter) -> str:
        return emit.node("Concat", emit.inputs, axis=named_axis(emit.types[0], self.axis))
