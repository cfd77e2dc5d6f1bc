"""ptflops (`backend="pytorch"`): hooks on modules, and on the functions that these call in turn.

A module whose forward pass calls a counted function (ReLU, pooling, GELU) is therefore counted twice.
"""

from __future__ import annotations

from math import prod
from typing import Any

from netspec.analysis.dialects.attention import linear_layers
from netspec.analysis.dialects.dialect import Dialect, uncropped
from netspec.graph import TensorType
from netspec.ops.activation import ELU, GELU, LeakyReLU, LogSoftmax, PReLU, ReLU, ReLU6, SiLU, Softmax
from netspec.ops.attend import Attend
from netspec.ops.attention import Attention
from netspec.ops.conv import Conv, SharedConvolution
from netspec.ops.dense import Linear
from netspec.ops.elementwise import Subsample
from netspec.ops.local_conv import LocalConv
from netspec.ops.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm
from netspec.ops.pool import MEAN_WITHOUT_PADDING, AdaptiveAvgPool, GlobalAvgPool, Pool, covering
from netspec.ops.recurrent import GRU, LSTM, RNN
from netspec.ops.resample import Scaling
from netspec.ops.transposed_conv import TransposedConv

__all__ = ["PTFLOPS"]


def _conv(op: Any, x: TensorType, y: TensorType) -> int:
    if op.standardize != "no" or (isinstance(op, Conv) and op.connections is not None):
        return 0
    return int(op.macs(x)) + (y.size if op.bias else 0)


def _biased(op: Any, x: TensorType, y: TensorType) -> int:
    if getattr(op, "tie", None):
        return 0
    return int(op.macs(x)) + (y.size if op.bias else 0)


def _norm(op: Any, x: TensorType, y: TensorType) -> int:
    return x.size * (2 if op.affine else 1)


def _layer_norm(op: Any, x: TensorType, y: TensorType) -> int:
    return x.size  # ptflops looks for `affine`, which a layer norm calls otherwise


def _values(op: Any, x: TensorType, y: TensorType) -> int:
    return x.size


def _twice(op: Any, x: TensorType, y: TensorType) -> int:
    return 2 * x.size


def _resized(op: Any, x: TensorType, y: TensorType) -> int:
    """The module and the function that it calls; with `like`, there is only the function."""
    return y.size * (1 if op.further_inputs() else 2)


def _transposed(op: Any, x: TensorType, y: TensorType) -> int:
    return int(op.macs(x)) + (y.features * uncropped(op, x) if op.bias else 0)


def _pool(op: Any, x: TensorType, y: TensorType) -> int:
    """The values that are pooled, in the module and in the function: those of the padding too where a layer pads first."""
    code, window = op.torch(x), op.geometry(x)
    mean = MEAN_WITHOUT_PADDING in code.helpers
    sizes = window.input
    if mean or any(suffix == "pad" for suffix, _ in code.modules):
        sizes = tuple(w + b + a for w, b, a in zip(sizes, window.before, covering(window), strict=True))
    return 2 * x.features * int(prod(sizes)) * (2 if mean else 1)


def _local_response(op: Any, x: TensorType, y: TensorType) -> int:
    """The square, the scale and the sum, and an average over the channels with their padding."""
    return 3 * x.size + x.size // x.features * (x.features + int(op.size) - 1)


_STATES = {RNN: 1, LSTM: 10, GRU: 7}
"""Products and sums of states per unit."""


def _recurrent(op: Any, x: TensorType, y: TensorType) -> int:
    cell = sum(op.gates * op.width * (f + op.width + (2 if op.bias else 0)) for _, f in op.parts(x))
    return int(x.shape[0] * (cell + _STATES[type(op)] * op.width * op.layers * op.directions))


def _attention(op: Any, x: Any, y: TensorType) -> int:
    """The linear layers inside, where it is not PyTorch's own layer."""
    return sum(
        layer.macs + layer.positions * layer.outputs * (layer.bias + layer.relu) for layer in linear_layers(op, x)
    )


PTFLOPS = Dialect(
    "ptflops",
    "0.7.5",
    "The backend `pytorch`. Convolutions and linear layers with biases; 2 per value of a norm; activations and pooling, "
    "most of them twice, because the module and the function that it calls both count.",
    {
        Attention: _attention,
        Attend: _attention,
        SharedConvolution: _conv,
        TransposedConv: _transposed,
        LocalConv: lambda op, x, y: int(op.macs(x)),
        Linear: _biased,
        BatchNorm: _norm,
        LayerNorm: _layer_norm,
        GroupNorm: _norm,
        InstanceNorm: _norm,
        LocalResponseNorm: _local_response,
        Pool: _pool,
        Subsample: _twice,
        GlobalAvgPool: _twice,
        AdaptiveAvgPool: _twice,
        ReLU: _twice,
        ReLU6: _values,
        PReLU: _twice,
        ELU: _twice,
        GELU: _twice,
        LeakyReLU: _values,
        SiLU: _values,
        Softmax: _values,
        LogSoftmax: lambda op, x, y: 0,
        Scaling: _resized,
        RNN: _recurrent,
        LSTM: _recurrent,
        GRU: _recurrent,
    },
)
