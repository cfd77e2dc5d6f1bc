"""Layers for sequences of tokens: embed, pos_embed, cls_token and attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.graph import Param, TensorType
from netspec.ops.divisors import divisor_changes
from netspec.ops.kinds import Flag, Integer, Number
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.python_text import number
from netspec.ops.reach import Reach, sliding

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["Attention", "ClassToken", "Embed", "PositionEmbedding", "require_sequence"]


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


class Attention(Op):
    """Multi-head self-attention: softmax(QK^T / sqrt(d)) V with an output projection (Vaswani et al. 2017)."""

    name, example = "attention", "attention heads=8"
    aliases = ("self_attention", "mha")
    param_rule = "4 x features^2 weights and 4 x features biases"
    weight_layer = True

    heads = Option(Integer(), 8, doc="number of heads, which split the features equally")
    bias = Option(Flag(), True, doc="whether the projections have biases")
    dropout = Option(
        Number(0, 1, open_high=True), 0.0, doc="probability of dropping an attention weight during training"
    )
    causal = Option(Flag(), False, doc="whether each token attends only to itself and earlier tokens")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_sequence(self, x)
        if x.features % self.heads:
            raise Misfit(
                "NS304",
                f"{x.features} features cannot be divided into {self.heads} heads",
                option="heads",
                indivisible=(x.features, self.heads),
                changes=(changes := divisor_changes("heads", "possible values", self.heads, x.features)),
                helps=(changes[0].help,),
            )
        return x

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        f = inputs[0].features
        weights = (Param("in_proj_weight", (3 * f, f), "random", fan_in=f),)
        out = (Param("out_proj.weight", (f, f), "random", fan_in=f),)
        if not self.bias:
            return weights + out
        return (*weights, Param("in_proj_bias", (3 * f,), "zeros"), *out, Param("out_proj.bias", (f,), "zeros"))

    def macs(self, *inputs: TensorType) -> int:
        """Four projections, and the products QK^T and (weights)V."""
        tokens, f = inputs[0].shape
        return 4 * tokens * f * f + 2 * tokens * tokens * f

    def connection_count(self, *inputs: TensorType) -> int:
        return self.macs(*inputs) + (4 * inputs[0].size if self.bias else 0)

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return None

    def describe(self, x: TensorType) -> str:
        return f"{self.heads} heads of {x.features // self.heads}" + (", causal" if self.causal else "")

    def torch(self, *inputs: TensorType) -> TorchCode:
        features = inputs[0].features
        options = ("" if self.bias else ", bias=False") + (f", dropout={number(self.dropout)}" if self.dropout else "")
        if self.causal:
            text = f"CausalAttention({features}, {self.heads}{options})"
            return TorchCode((("", text),), None, (CAUSAL_ATTENTION,))
        text = f"SelfAttention({features}, {self.heads}{options})"
        return TorchCode((("", text),), None, (SELF_ATTENTION,))

    def onnx(self, emit: Emitter) -> str:
        tokens, f = emit.types[0].shape
        weight = emit.node("Transpose", [emit.param("in_proj_weight")], perm=[1, 0], hint="in_weight_t")
        y = emit.node("MatMul", [*emit.inputs, weight])
        if self.bias:
            y = emit.node("Add", [y, emit.param("in_proj_bias")])
        heads = emit.reshape(y, [-1, tokens, 3, self.heads, f // self.heads])
        heads = emit.node("Transpose", [heads], perm=[2, 0, 3, 1, 4])
        q, k, v = (emit.node("Gather", [heads, emit.integer(i, "qkv"[i])], axis=0) for i in range(3))
        scores = emit.node("MatMul", [q, emit.node("Transpose", [k], perm=[0, 1, 3, 2])])
        scores = emit.node("Mul", [scores, emit.scalar((f // self.heads) ** -0.5, "scale")])
        if self.causal:
            mask = [0.0 if j <= i else -1e9 for i in range(tokens) for j in range(tokens)]
            scores = emit.node("Add", [scores, emit.floats(mask, "mask", shape=(tokens, tokens))])
        y = emit.node("MatMul", [emit.node("Softmax", [scores], axis=-1), v])
        y = emit.reshape(emit.node("Transpose", [y], perm=[0, 2, 1, 3]), [-1, tokens, f])
        weight = emit.node("Transpose", [emit.param("out_proj.weight")], perm=[1, 0], hint="out_weight_t")
        y = emit.node("MatMul", [y, weight])
        return emit.node("Add", [y, emit.param("out_proj.bias")]) if self.bias else y


SELF_ATTENTION = (
    "SelfAttention",
    '''
class SelfAttention(nn.MultiheadAttention):
    """Multi-head self-attention over a sequence."""

    def __init__(self, features: int, heads: int, bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__(features, heads, dropout=dropout, bias=bias, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x, x, x, need_weights=False)[0]
''',
)
CAUSAL_ATTENTION = (
    "CausalAttention",
    '''
class CausalAttention(nn.MultiheadAttention):
    """Multi-head self-attention in which each token attends only to itself and earlier tokens."""

    def __init__(self, features: int, heads: int, bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__(features, heads, dropout=dropout, bias=bias, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
        return super().forward(x, x, x, need_weights=False, attn_mask=later)[0]
''',
)
