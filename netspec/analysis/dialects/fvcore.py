"""fvcore (`FlopCountAnalysis`): traced operators, with norms and a few resizings, without biases and activations."""

from __future__ import annotations

from typing import Any

from netspec.analysis.dialects.attention import einsum_products, linear_layers
from netspec.analysis.dialects.dialect import Dialect
from netspec.graph import TensorType
from netspec.ops.attend import Attend
from netspec.ops.attention import Attention
from netspec.ops.conv import Conv, SharedConvolution
from netspec.ops.dense import Linear
from netspec.ops.join import MatrixProduct
from netspec.ops.local_conv import LocalConv
from netspec.ops.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from netspec.ops.normalize import Normalize
from netspec.ops.pool import AdaptiveAvgPool, AdaptiveMaxPool, GlobalAvgPool, GlobalMaxPool
from netspec.ops.resample import Scaling
from netspec.ops.transform import Transform
from netspec.ops.transposed_conv import TransposedConv

__all__ = ["FVCORE"]


def _own(op: Any, x: TensorType, y: TensorType) -> int:
    return int(op.macs(x))


def _conv(op: Any, x: TensorType, y: TensorType) -> int:
    """A connection table is a dense kernel with zeros."""
    if isinstance(op, Conv) and op.connections is not None:
        return x.features * op.geometry(x).taps * y.size
    return int(op.macs(x))


def _batch_norm(op: Any, x: TensorType, y: TensorType) -> int:
    return x.size * (2 if op.affine else 1)


def _norm(op: Any, x: TensorType, y: TensorType) -> int:
    return x.size * (5 if op.affine else 4)


def _adaptive_average(op: Any, x: TensorType, y: TensorType) -> int:
    return x.size if x.rank == 2 else 0


def _resized(op: Any, x: TensorType, y: TensorType) -> int:
    return y.size * {"nearest": 1, "bilinear": 4}.get(op.mode, 0) if x.rank == 2 else 0


def _attention(op: Any, x: Any, y: TensorType) -> int:
    """The projections; the products of queries, keys and values are one operator that is not counted."""
    if isinstance(op, Attention) and op.is_plain(x):
        return int(4 * x.size * x.features)
    return sum(layer.macs for layer in linear_layers(op, x)) + einsum_products(op, x)


FVCORE = Dialect(
    "fvcore",
    "0.1.5.post20221221",
    "Convolutions, linear layers without biases and `matmul`; 2 per value of a batch norm; 5 of other norms; 1 per input of "
    "adaptive average pooling; recurrent layers and the products of attention do not count.",
    {
        SharedConvolution: _conv,
        TransposedConv: _own,
        LocalConv: _own,
        Linear: _own,
        BatchNorm: _batch_norm,
        LayerNorm: _norm,
        GroupNorm: _norm,
        InstanceNorm: _norm,
        GlobalAvgPool: _adaptive_average,
        GlobalMaxPool: lambda op, x, y: 0,
        AdaptiveAvgPool: _adaptive_average,
        AdaptiveMaxPool: lambda op, x, y: 0,
        Scaling: _resized,
        Transform: lambda op, x, y: 4 * y.size,
        MatrixProduct: lambda op, x, y: x.size * y.shape[-1],
        Attention: _attention,
        Attend: _attention,
        Normalize: _own,
    },
)
