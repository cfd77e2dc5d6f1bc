"""Layers for sequences of tokens: embed, pos_embed and cls_token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import Param, TensorType
from netspec.ops.kinds import Integer
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.reach import Reach, sliding

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["ClassToken", "Embed", "PositionEmbedding", "require_sequence"]


def require_sequence(op: Op, x: TensorType) -> None:
    """Raises Misfit (NS303) unless the input is a sequence."""
    if x.layout == "sequence":
        return
    helps = {
        "map": ("`tokens` turns each position into a token",),
        "ids": ("embed the ids first: `embed-64 vocab=10000`",),
    }.get(x.layout, ())
    raise Misfit("NS303", f"{op.name} needs a sequence of tokens", label=f"the input is {x.noun}", helps=helps)


class Embed(Op):
    """Maps each id to a trained vector."""

    name, example = "embed", "embed-64 vocab=10000"
    aliases = ("embedding",)
    shape_rule = "tokens x width"
    param_rule = "vocab x width"
    lends = "weight"
    width = Option(Integer(), slot="width", doc="size of the vectors")
    vocab = Option(Integer(), doc="number of distinct ids")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.layout != "ids":
            raise Misfit(
                "NS303",
                "embed needs integer ids",
                label=f"the input is {x.noun}",
                helps=(f"declare the input as ids: `input ids {x.shape[0]} int`",),
            )
        return TensorType("sequence", (x.shape[0], self.width))

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        return (Param("weight", (self.vocab, self.width), "random", fan_in=2),)

    def describe(self, x: TensorType) -> str:
        return f"{self.vocab} ids to {self.width} features"

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode.module(f"nn.Embedding({self.vocab}, {self.width})")

    def onnx(self, emit: Emitter) -> str:
        return emit.node("Gather", [emit.param("weight"), *emit.inputs], axis=0)


POSITION_EMBEDDING = (
    "PositionEmbedding",
    '''
class PositionEmbedding(nn.Module):
    """Adds a trained vector to each token, depending on its position."""

    def __init__(self, tokens: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(tokens, features) * 0.02)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight
''',
)


class PositionEmbedding(Op):
    """Adds a trained vector to each token, depending on its position."""

    name, example = "pos_embed", "pos_embed"
    decays = False
    aliases = ("position_embedding", "positional_embedding")
    param_rule = "tokens x features"

    def output(self, *inputs: TensorType) -> TensorType:
        require_sequence(self, inputs[0])
        return inputs[0]

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        return (Param("weight", inputs[0].shape, "random", fan_in=5000),)

    def torch(self, *inputs: TensorType) -> TorchCode:
        tokens, features = inputs[0].shape
        return TorchCode((("", f"PositionEmbedding({tokens}, {features})"),), None, (POSITION_EMBEDDING,))

    def onnx(self, emit: Emitter) -> str:
        return emit.node("Add", [*emit.inputs, emit.param("weight")])


CLASS_TOKEN = (
    "ClassToken",
    '''
class ClassToken(nn.Module):
    """Prepends a trained token to the sequence."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.weight.expand(x.shape[0], 1, -1), x], dim=1)
''',
)


class ClassToken(Op):
    """Prepends a trained token to the sequence (Devlin et al. 2019; Dosovitskiy et al. 2021)."""

    name, example = "cls_token", "cls_token"
    aliases = ("class_token",)
    shape_rule = "one more token"
    param_rule = "features"

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_sequence(self, x)
        return TensorType("sequence", (x.shape[0] + 1, x.features))

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        return (Param("weight", (inputs[0].features,), "zeros"),)

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return (sliding(1, 1, 1),)

    def torch(self, *inputs: TensorType) -> TorchCode:
        return TorchCode((("", f"ClassToken({inputs[0].features})"),), None, (CLASS_TOKEN,))

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        batch = emit.slice(emit.node("Shape", emit.inputs, hint="shape"), 0, 0, 1)
        shape = emit.node("Concat", [batch, emit.ints([1, x.features], "one")], axis=0)
        token = emit.node("Expand", [emit.param("weight"), shape])
        return emit.node("Concat", [token, *emit.inputs], axis=1)
