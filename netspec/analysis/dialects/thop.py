"""thop (`profile`): hooks on the modules of PyTorch's own classes; other modules count nothing."""

from __future__ import annotations

from math import prod
from typing import Any

from netspec.analysis.dialects.attention import linear_layers
from netspec.analysis.dialects.dialect import Dialect, uncropped
from netspec.graph import TensorType
from netspec.ops.activation import LogSoftmax, PReLU, Softmax
from netspec.ops.attend import Attend
from netspec.ops.attention import Attention
from netspec.ops.conv import Conv, SharedConvolution
from netspec.ops.dense import Linear
from netspec.ops.elementwise import Subsample
from netspec.ops.features import named_axis
from netspec.ops.norm import BatchNorm, InstanceNorm, LayerNorm
from netspec.ops.pool import (
    MEAN_WITHOUT_PADDING,
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    AvgPool,
    GlobalAvgPool,
    GlobalMaxPool,
    LpPool,
)
from netspec.ops.recurrent import GRU, LSTM, RNN
from netspec.ops.resample import Scaling
from netspec.ops.transposed_conv import TransposedConv

__all__ = ["THOP"]


def _none(op: Any, x: TensorType, y: TensorType) -> int:
    return 0


def _conv(op: Any, x: TensorType, y: TensorType) -> int:
    if op.standardize != "no" or (isinstance(op, Conv) and op.connections is not None):
        return 0  # a module of its own
    return int(op.macs(x))


def _transposed(op: Any, x: TensorType, y: TensorType) -> int:
    """Counted as if it were a convolution: every output value takes a whole kernel."""
    return int(y.features * uncropped(op, x) * (x.features // op.groups) * op.geometry(x)[0].taps)


def _linear(op: Any, x: TensorType, y: TensorType) -> int:
    return 0 if getattr(op, "tie", None) else int(op.macs(x))


def _norm(op: Any, x: TensorType, y: TensorType) -> int:
    return x.size * (4 if op.affine else 2)


def _outputs(op: Any, x: TensorType, y: TensorType) -> int:
    return y.size


def _average(op: Any, x: TensorType, y: TensorType) -> int:
    """A pooling that does not count padding which torch does not support pools twice: the input, and ones."""
    twice = MEAN_WITHOUT_PADDING in op.torch(x).helpers
    return y.size * (2 if twice else 1)


def _adaptive_average(op: Any, x: TensorType, y: TensorType) -> int:
    return int(y.size * (prod(a / b for a, b in zip(x.spatial, y.spatial, strict=True)) + 1))


def _softmax(op: Any, x: TensorType, y: TensorType) -> int:
    size = x.shape[named_axis(x, op.axis) - 1]
    return x.size // size * (3 * size - 1)


def _resized(op: Any, x: TensorType, y: TensorType) -> int:
    if op.further_inputs():  # a function, not a module
        return 0
    if op.mode == "bilinear":
        return y.size * {1: 5, 2: 11}.get(x.rank, 0)
    return y.size * (1 if op.mode == "nearest" else 224 + 35)


_PRODUCTS = {RNN: 0, LSTM: 4, GRU: 4}
"""Products and sums of states, per unit, besides the gates."""


def _recurrent(op: Any, x: TensorType, y: TensorType) -> int:
    """For every token, layer and direction: the gates with one addition, and two of biases."""
    per_gate = 1 + (2 if op.bias else 0)
    cells = sum(op.gates * op.width * (f + op.width + per_gate) for _, f in op.parts(x))
    states = op.width * _PRODUCTS[type(op)] * op.layers * op.directions
    return int(x.shape[0] * (cells + states))


def _attention(op: Any, x: Any, y: TensorType) -> int:
    """The linear layers inside, where it is not PyTorch's own layer."""
    return sum(layer.macs for layer in linear_layers(op, x))


THOP = Dialect(
    "thop",
    "0.1.1.post2209072238",
    "Convolutions and linear layers without biases; 4 per value of a norm; average pooling, softmax, resizing and the "
    "gates of recurrent layers with their sums; attention does not count.",
    {
        Attention: _attention,
        Attend: _attention,
        SharedConvolution: _conv,
        TransposedConv: _transposed,
        Linear: _linear,
        BatchNorm: _norm,
        LayerNorm: _norm,
        InstanceNorm: _norm,
        AvgPool: _average,
        LpPool: _outputs,
        Subsample: _outputs,
        GlobalAvgPool: _adaptive_average,
        GlobalMaxPool: _none,
        AdaptiveAvgPool: _adaptive_average,
        AdaptiveMaxPool: _none,
        PReLU: _outputs,
        Softmax: _softmax,
        LogSoftmax: _none,
        Scaling: _resized,
        RNN: _recurrent,
        LSTM: _recurrent,
        GRU: _recurrent,
    },
)
