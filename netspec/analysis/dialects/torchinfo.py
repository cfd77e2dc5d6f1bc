"""torchinfo (`summary`, mult-adds): trained values times the positions at which they are applied, read off class names."""

from __future__ import annotations

from math import prod
from typing import Any

from netspec.analysis.dialects.attention import linear_layers
from netspec.analysis.dialects.dialect import Dialect, uncropped
from netspec.graph import Param, TensorType
from netspec.ops.activation import PReLU
from netspec.ops.attend import Attend
from netspec.ops.attention import Attention
from netspec.ops.convolution import Convolution
from netspec.ops.dense import Linear
from netspec.ops.elementwise import Scale
from netspec.ops.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from netspec.ops.recurrent import Recurrent
from netspec.ops.response_norm import GlobalResponseNorm
from netspec.ops.sequence import ClassToken, Embed, PositionEmbedding
from netspec.ops.tensors import ConstantTensor
from netspec.ops.transposed_conv import TransposedConv

__all__ = ["TORCHINFO"]


def _trained(op: Any, x: TensorType) -> int:
    return sum(p.size for p in op.params(x) if p.trainable)


def _once(op: Any, x: TensorType, y: TensorType) -> int:
    """The parameters, once for the whole input."""
    return _trained(op, x)


def _everywhere(op: Any, x: TensorType, y: TensorType) -> int:
    """Weights and biases at every output position; the gains of standardized filters do not count."""
    params: tuple[Param, ...] = op.params(x)
    return sum(p.size for p in params if p.trainable and p.name != "gain") * prod(y.spatial)


def _transposed(op: Any, x: TensorType, y: TensorType) -> int:
    return _trained(op, x) * uncropped(op, x)


def _per_token(op: Any, x: TensorType, y: TensorType) -> int:
    return _trained(op, x) * y.shape[0]


def _attention(op: Any, x: Any, y: TensorType) -> int:
    """The linear layers inside, where it is not PyTorch's own layer."""
    return sum(layer.params * layer.batch for layer in linear_layers(op, x))


TORCHINFO = Dialect(
    "torchinfo",
    "1.8.0",
    "Weights and biases of convolutions at every position; those of all other layers once, even where a linear layer "
    "is applied to every token; attention does not count.",
    {
        Attention: _attention,
        Attend: _attention,
        Convolution: _everywhere,
        TransposedConv: _transposed,
        Linear: _once,
        BatchNorm: _once,
        LayerNorm: _once,
        GroupNorm: _once,
        InstanceNorm: _once,
        GlobalResponseNorm: _once,
        PReLU: _once,
        Scale: _once,
        ConstantTensor: _once,
        Embed: _once,
        PositionEmbedding: _once,
        ClassToken: _once,
        Recurrent: _per_token,
    },
)
