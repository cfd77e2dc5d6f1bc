"""Fourier features, a layer for netspec: `fourier-64`."""

from __future__ import annotations

from netspec.plugin import Emitter, Integer, Misfit, Op, Option, Param, TensorType, TorchCode

MODULE = (
    "Fourier",
    '''
class Fourier(nn.Module):
    """The sines and cosines of trained linear functions of the features."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width, features))

    def forward(self, x: Tensor) -> Tensor:
        x = F.linear(x, self.weight)
        return torch.cat([x.sin(), x.cos()], dim=-1)
''',
)


class Fourier(Op):
    """The sines and cosines of `width` trained linear functions of the features (Tancik et al. 2020, "Fourier Features Let
    Networks Learn High Frequency Functions in Low Dimensional Domains")."""

    name, example = "fourier", "fourier-64"
    shape_rule = "2 x width along the feature axis"
    param_rule = "features x width"
    weight_layer = True
    keeps = frozenset({"inputs"})

    width = Option(Integer(), slot="width", doc="number of frequencies")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout not in ("vector", "sequence"):
            raise Misfit(
                "NS303", f"fourier takes a vector or a sequence, not {x.noun}", helps=("`flatten` makes a vector",)
            )
        return TensorType(x.layout, (*x.shape[:-1], 2 * self.width))

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        return (Param("weight", (self.width, inputs[0].features), "random", fan_in=2),)

    def macs(self, *inputs: TensorType) -> int:
        return inputs[0].size * self.width

    def torch(self, *inputs: TensorType) -> TorchCode:
        module = f"Fourier({inputs[0].features!r}, {self.width!r})"
        return TorchCode(modules=(("", module),), helpers=(MODULE,), imports=("import torch.nn.functional as F",))

    def onnx(self, emit: Emitter) -> str:
        weight = emit.node("Transpose", [emit.param("weight")], perm=[1, 0])
        x = emit.node("MatMul", [*emit.inputs, weight])
        return emit.node("Concat", [emit.node("Sin", [x]), emit.node("Cos", [x])], axis=-1)
