"""scale and subsample: elementwise trained weights."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from netspec.graph import Param, TensorType
from netspec.ops.convolution import require_map
from netspec.ops.dense import require_numbers
from netspec.ops.kinds import Flag, Number, PerAxis
from netspec.ops.layer_word import LayerWord
from netspec.ops.op import Leftover, Op, Option, TorchCode
from netspec.ops.python_text import along_tokens, number
from netspec.ops.reach import Reach
from netspec.ops.windows import Window, windows

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["ALL"]

SCALE = (
    "Scale",
    '''
class Scale(nn.Module):
    """Multiplies each feature by a trained weight."""

    def __init__(self, shape: tuple[int, ...], init: float, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full(shape, float(init)))
        self.bias = nn.Parameter(torch.zeros(shape)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.weight
        return x if self.bias is None else x + self.bias
''',
)


class Scale(Op):
    """Multiplies each feature by a trained weight, and optionally adds a bias."""

    any_size = True
    name, example = "scale", "scale init=1e-6"
    decays = False
    param_rule = "one weight per feature (bias=yes: plus one bias)"
    init = Option(Number(), 1.0, slot="value", doc="initial value of the weights")
    bias = Option(Flag(), False, doc="whether to add a bias")

    def output(self, *inputs: TensorType) -> TensorType:
        require_numbers(self, inputs[0])
        return inputs[0]

    def shape(self, x: TensorType) -> tuple[int, ...]:
        return (x.features, *(1 for _ in x.spatial)) if x.layout == "map" else (x.features,)

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        shape = self.shape(inputs[0])
        weight = Param("weight", shape, self.init)
        return (weight, Param("bias", shape, "zeros")) if self.bias else (weight,)

    def torch(self, *inputs: TensorType) -> TorchCode:
        bias = ", bias=True" if self.bias else ""
        return TorchCode((("", f"Scale({self.shape(inputs[0])}, {number(self.init)}{bias})"),), None, (SCALE,))

    def onnx(self, emit: Emitter) -> str:
        y = emit.node("Mul", [*emit.inputs, emit.param("weight")])
        return emit.node("Add", [y, emit.param("bias")]) if self.bias else y


SUBSAMPLE = (
    "Subsample",
    '''
class Subsample(nn.Module):
    """LeNet-5's subsampling: the sum of each window times a trained coefficient, plus a trained bias."""

    def __init__(self, channels: int, pool: nn.Module, taps: int) -> None:
        super().__init__()
        shape = (channels, *[1] * (2 if isinstance(pool, nn.AvgPool2d) else 3 if isinstance(pool, nn.AvgPool3d) else 1))
        self.pool, self.taps = pool, taps
        self.weight = nn.Parameter(torch.full(shape, 1 / taps))
        self.bias = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(x) * self.taps * self.weight + self.bias
''',
)


class Subsample(Op):
    """The sum of each window times a trained coefficient plus a trained bias, per channel (LeCun et al. 1998)."""

    name, example = "subsample", "subsample2/2 act=tanh"
    decays = False
    pools = True
    shape_rule = "(W - K)/S + 1 along each spatial axis, rounded down"
    param_rule = "a coefficient and a bias per channel"
    kernel = Option(PerAxis(), (2,), slot="kernel", doc="kernel size")
    stride = Option(PerAxis(), None, slot="stride", doc="stride (default: the kernel size)")
    act = Option(LayerWord("an activation"), None, doc="activation layer after it")

    def geometry(self, x: TensorType) -> Window:
        return windows(x, self.kernel, self.kernel if self.stride is None else self.stride, (0,))

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_map(self, x)
        window = self.geometry(x)
        window.require_fit("pooling")
        return x.with_spatial(x.features, window.output)

    def leftovers(self, *inputs: TensorType) -> tuple[Leftover, ...]:
        return self.geometry(inputs[0]).leftovers()

    def tiling(self, *inputs: TensorType) -> tuple[tuple[int, int], ...]:
        return self.geometry(inputs[0]).tiling

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return self.geometry(x).reach

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        (x,) = inputs
        shape = (x.features, *(1,) * x.rank)
        return Param("weight", shape, 1 / self.geometry(x).taps), Param("bias", shape, "zeros")

    def connection_count(self, *inputs: TensorType) -> int:
        """Each output connects to its window and its bias, as counted in the paper."""
        (x,) = inputs
        window = self.geometry(x)
        return x.features * prod(window.output) * (window.taps + 1)

    def describe(self, x: TensorType) -> str:
        window = self.geometry(x)
        return f"{'x'.join(map(str, window.kernel))}, stride {'x'.join(map(str, sorted(set(window.stride))))}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        window = self.geometry(x)
        pool = f"nn.AvgPool{x.rank}d({window.kernel}, {window.stride})"
        return TorchCode((("", f"Subsample({x.features}, {pool}, taps={window.taps})"),), along_tokens(x), (SUBSAMPLE,))

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        window = self.geometry(x)
        y = emit.node(
            "AveragePool", [emit.channels_first()], kernel_shape=list(window.kernel), strides=list(window.stride)
        )
        y = emit.node("Mul", [y, emit.scalar(float(window.taps), "taps")])
        y = emit.node("Add", [emit.node("Mul", [y, emit.param("weight")]), emit.param("bias")])
        return emit.channels_back(y)


ALL: tuple[type[Op], ...] = (Scale, Subsample)
