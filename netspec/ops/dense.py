"""Fully connected layers: FC (flattens its input) and linear (along the feature axis)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import Param, TensorType
from netspec.ops.kinds import Flag, Integer, Reference
from netspec.ops.layer_word import LayerWord
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.python_text import call, unless
from netspec.ops.reach import Reach
from netspec.ops.stated import stated_biases, stated_module, stated_param, stated_weights

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["FullyConnected", "Linear", "require_numbers"]


def require_numbers(op: Op, x: TensorType) -> None:
    """Raises Misfit (NS303) for integer ids, on which arithmetic is meaningless."""
    if x.layout == "ids":
        raise Misfit(
            "NS303",
            f"{op.name} needs numbers, not ids",
            label=f"the input is {x.noun}",
            helps=("embed the ids first: `embed-64 vocab=10000`",),
        )


class Linear(Op):
    """A linear layer along the feature axis (the channels of an image, the features of a token), shared by all positions."""

    torch_keeps_no_output = True
    any_size = True
    name = "linear"
    example = "linear-256 act=gelu"
    shape_rule = "width along the feature axis; the other axes are unchanged"
    param_rule = "features x width weights and width biases"
    weight_layer = has_neurons = True
    lends = "transposed"

    width = Option(Integer(), slot="width", doc="number of units")
    bias = Option(Flag(), True, doc="whether each unit has a bias")
    tie = Option(
        Reference(), None,
        doc="label of the layer whose weights to use: those of `embed` as they are, those of `FC` and `linear` transposed",
    )  # fmt: skip
    weights = stated_weights("unit")
    biases = stated_biases("unit")
    norm = Option(LayerWord("a normalization"), None, doc="normalization layer after it")
    act = Option(LayerWord("an activation"), None, doc="activation layer after it")

    def validate(self) -> None:
        if self.tie and self.weights is not None:
            raise Misfit("NS207", f"the weights are those of `{self.tie}`, and are stated too", option="weights")
        if not self.bias and self.biases is not None:
            raise Misfit("NS207", "biases are stated for a layer without them", option="biases")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_numbers(self, x)
        return x.with_features(self.width)

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        features = inputs[0].features
        weight = Param("weight", (self.width, features), "random", fan_in=features)
        weight = stated_param(weight, "weights", self.weights)
        bias = stated_param(Param("bias", (self.width,), "zeros"), "biases", self.biases)
        return (*(() if self.tie else (weight,)), *((bias,) if self.bias else ()))

    def macs(self, *inputs: TensorType) -> int:
        return inputs[0].size * self.width

    def connection_count(self, *inputs: TensorType) -> int:
        return self.macs(*inputs) + (self.output(*inputs).size if self.bias else 0)

    def describe(self, x: TensorType) -> str:
        units = f"{self.width} unit{'s' if self.width > 1 else ''}" + ("" if self.bias else ", no bias")
        return units + (f", weights of {self.tie}" if self.tie else "")

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        bias = unless(self.bias, True)
        if self.tie:
            over = "{m}({0}.movedim(1, -1), {1}).movedim(-1, 1)" if x.layout == "map" else "{m}({0}, {1})"
            tied = TorchCode((("", call("TiedLinear", self.width, bias=bias)),), over, (TIED_LINEAR,))
            return stated_module(tied, None, self.biases)
        text = call("nn.Linear", x.features, self.width, bias=bias)
        code = TorchCode((("", text),), "{m}({0}.movedim(1, -1)).movedim(-1, 1)" if x.layout == "map" else None)
        return stated_module(code, self.weights, self.biases)

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        weight, transposed = emit.tied_weight() if self.tie else (emit.param("weight"), False)
        if x.layout == "vector":
            biases = [emit.param("bias")] if self.bias else []
            return emit.node("Gemm", [*emit.inputs, weight, *biases], transB=int(not transposed))
        if not transposed:
            weight = emit.node("Transpose", [weight], perm=[1, 0], hint="weight_t")
        y = emit.node("MatMul", [emit.features_last(), weight])
        if self.bias:
            y = emit.node("Add", [y, emit.param("bias")])
        return emit.features_back(y)


TIED_LINEAR = (
    "TiedLinear",
    '''
class TiedLinear(nn.Module):
    """A linear layer that uses the weights of another layer."""

    def __init__(self, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.linear(x, weight, self.bias)
''',
)


class FullyConnected(Linear):
    """Connects every unit to every input value; flattens the input first."""

    any_size = False
    name = "FC"
    aliases = ("fully_connected", "dense_layer")
    example = "FC-4096 act=relu"
    shape_rule = "a vector of width"

    def needs_flat(self, x: TensorType) -> bool:
        return x.layout in ("map", "sequence")

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return None
