"""Reductions: mean, sum, max, min, std and norm along named axes, which keep the size 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import TensorType
from netspec.ops.dense import require_numbers
from netspec.ops.features import AxisNames, named_axes
from netspec.ops.kinds import Number
from netspec.ops.op import Op, Option, TorchCode
from netspec.ops.python_text import number
from netspec.ops.reach import SAME, Reach, sliding

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["ALL", "Mean", "Reduction", "Sum"]


class Reduction(Op):
    """What the reductions have in common: the axes, each of which keeps the size 1."""

    any_size = True
    shape_rule = "1 along the axes; the other sizes stay"
    torch_name = onnx_name = ""
    axis = Option(AxisNames(), slot="value", doc="the axis or axes to reduce; spatial: all but the channels")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_numbers(self, x)
        axes = named_axes(x, self.axis)
        return TensorType(x.layout, tuple(1 if i + 1 in axes else size for i, size in enumerate(x.shape)))

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        first = 1 if x.layout == "sequence" else 2
        axes = named_axes(x, self.axis)
        if all(first + i in axes for i in range(x.rank)):
            return None
        return tuple(sliding(n, n, 0) if first + i in axes else SAME for i, n in enumerate(x.spatial))

    def describe(self, x: TensorType) -> str:
        return f"over {', '.join(self.axis)}"

    def arguments(self, x: TensorType) -> str:
        """The axes as an argument of PyTorch, and that they stay."""
        axes = named_axes(x, self.axis)
        return f"dim={axes[0] if len(axes) == 1 else axes}, keepdim=True"

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression(f"{{0}}.{self.torch_name}({self.arguments(inputs[0])})")

    def onnx(self, emit: Emitter) -> str:
        return emit.reduce(self.onnx_name, emit.inputs[0], list(named_axes(emit.types[0], self.axis)), keepdims=1)


class Mean(Reduction):
    """The mean along the axes."""

    name, example = "mean", "mean channels"
    torch_name, onnx_name = "mean", "ReduceMean"


class Sum(Reduction):
    """The sum along the axes."""

    name, example = "sum", "sum axis=(height, width)"
    torch_name, onnx_name = "sum", "ReduceSum"


class Max(Reduction):
    """The largest value along the axes."""

    name, example = "max", "max channels"
    torch_name, onnx_name = "amax", "ReduceMax"


class Min(Reduction):
    """The smallest value along the axes."""

    name, example = "min", "min channels"
    torch_name, onnx_name = "amin", "ReduceMin"


class StandardDeviation(Reduction):
    """The standard deviation along the axes: the root of the mean squared difference from the mean."""

    name, example = "std", "std spatial"

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.expression(f"{{0}}.std({self.arguments(inputs[0])}, correction=0)")

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.inputs
        axes = list(named_axes(emit.types[0], self.axis))
        centered = emit.node("Sub", [x, emit.reduce("ReduceMean", x, axes, keepdims=1)])
        return emit.node("Sqrt", [emit.reduce("ReduceMean", emit.node("Mul", [centered, centered]), axes, keepdims=1)])


class Norm(Reduction):
    """The p-norm along the axes: the p-th root of the sum of |x|^p."""

    name, example = "norm", "norm spatial"
    p = Option(Number(1), 2.0, doc="the exponent: 2 for the Euclidean norm, 1 for the sum of magnitudes")

    def describe(self, x: TensorType) -> str:
        return super().describe(x) if self.p == 2 else f"p={self.p:g} {super().describe(x)}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        order = "" if self.p == 2 else f"ord={number(self.p)}, "
        return TorchCode.expression(f"torch.linalg.vector_norm({{0}}, {order}{self.arguments(inputs[0])})")

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.inputs
        axes = list(named_axes(emit.types[0], self.axis))
        if self.p in (1, 2):
            return emit.reduce(f"ReduceL{self.p:g}", x, axes, keepdims=1)
        powers = emit.node("Pow", [emit.node("Abs", [x]), emit.scalar(self.p, "p")])
        return emit.node("Pow", [emit.reduce("ReduceSum", powers, axes, keepdims=1), emit.scalar(1 / self.p, "root")])


ALL: tuple[type[Op], ...] = (Mean, Sum, Max, Min, StandardDeviation, Norm)
