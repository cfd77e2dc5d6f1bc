"""grn: global response normalization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import Param, TensorType
from netspec.ops.convolution import require_map
from netspec.ops.kinds import Number
from netspec.ops.op import Op, Option, TorchCode
from netspec.ops.python_text import number

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["GlobalResponseNorm"]

GRN = (
    "GlobalResponseNorm",
    '''
class GlobalResponseNorm(nn.Module):
    """Strengthens the channels that respond more than others (ConvNeXt v2, Woo et al. 2023)."""

    def __init__(
        self, shape: tuple[int, ...], positions: int | tuple[int, ...], features: int, eps: float = 1e-6
    ) -> None:
        super().__init__()
        self.positions, self.features, self.eps = positions, features, eps
        self.weight = nn.Parameter(torch.zeros(shape))
        self.bias = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        response = torch.linalg.vector_norm(x, dim=self.positions, keepdim=True)
        response = response / (response.mean(dim=self.features, keepdim=True) + self.eps)
        return x + self.weight * (x * response) + self.bias
''',
)


class GlobalResponseNorm(Op):
    """Multiplies each channel by its norm over all positions, divided by the mean of these norms over the channels; with a
    trained scale and shift it is added to the input (Woo et al. 2023)."""

    any_size = True
    name, example = "grn", "grn"
    decays = False
    param_rule = "a scale and a shift per channel, which begin at 0"
    eps = Option(Number(0, 1, open_low=True), 1e-6, doc="added to the mean of the norms")

    def output(self, *inputs: TensorType) -> TensorType:
        require_map(self, inputs[0])
        return inputs[0]

    def shape(self, x: TensorType) -> tuple[int, ...]:
        return (x.features, *(1 for _ in x.spatial)) if x.layout == "map" else (x.features,)

    def positions(self, x: TensorType) -> tuple[int, ...]:
        return (1,) if x.layout == "sequence" else tuple(range(2, x.rank + 2))

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        shape = self.shape(inputs[0])
        return Param("weight", shape, "zeros"), Param("bias", shape, "zeros")

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        positions = self.positions(x)
        eps = "" if self.eps == 1e-6 else f", eps={number(self.eps)}"
        text = f"{self.shape(x)}, {positions if len(positions) > 1 else positions[0]}, {x.feature_axis}{eps}"
        return TorchCode((("", f"GlobalResponseNorm({text})"),), None, (GRN,))

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        norms = emit.reduce("ReduceL2", emit.inputs[0], list(self.positions(x)), keepdims=1)
        mean = emit.reduce("ReduceMean", norms, [x.feature_axis], keepdims=1)
        response = emit.node("Div", [norms, emit.node("Add", [mean, emit.scalar(self.eps, "eps")])])
        y = emit.node("Mul", [emit.node("Mul", [*emit.inputs, response]), emit.param("weight")])
        return emit.node("Add", [emit.node("Add", [*emit.inputs, y]), emit.param("bias")])
