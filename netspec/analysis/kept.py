"""What eager PyTorch keeps of each op for the backward pass, in training, as its saved-tensor hooks see it on a CPU.

A test compares every op of the catalogue with PyTorch. An op that is not listed, by its own class or a base, keeps what it declares (`keeps`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any, TypeAlias

from netspec.analysis.attention_memory import Held, attend_held, attend_workspace, attention_held, attention_workspace
from netspec.analysis.recurrent_memory import recurrent_values
from netspec.graph import Operation, TensorType
from netspec.ops.activation import GLU, Activation, HardTanh, Maxout, ReLU, ReLU6, Sigmoid, Softmax, Softsign, Tanh
from netspec.ops.attend import Attend
from netspec.ops.attention import Attention
from netspec.ops.border import Crop, Pad
from netspec.ops.conv import Conv, SharedConvolution
from netspec.ops.dense import Linear
from netspec.ops.elementwise import Scale, Subsample
from netspec.ops.features import FeatureSlice
from netspec.ops.functions import Exponential, Sign, SquareRoot, Step
from netspec.ops.join import Divide, Elementwise, MatrixProduct, Maximum, Multiply
from netspec.ops.local_conv import LocalConv
from netspec.ops.norm import BatchNorm, GroupNorm, InstanceNorm, L2Norm, LayerNorm, LocalResponseNorm
from netspec.ops.normalize import Normalize
from netspec.ops.op import Op
from netspec.ops.pool import (
    MEAN_WITHOUT_PADDING,
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    AvgPool,
    GlobalMaxPool,
    LpPool,
    MaxPool,
    covering,
)
from netspec.ops.rearrange import AxisLayer, Reduce
from netspec.ops.recurrent import GRU, LSTM, RNN, Recurrent
from netspec.ops.reductions import Max, Min, Norm, StandardDeviation
from netspec.ops.regularization import Dropout, Dropout2d, DropPath
from netspec.ops.response_norm import GlobalResponseNorm
from netspec.ops.sampling import Sample
from netspec.ops.sequence import Embed
from netspec.ops.shape import Flatten, Identity, Image, Permute, Reshape, Take, Tokens
from netspec.ops.transform import Transform
from netspec.ops.transposed_conv import TransposedConv
from netspec.ops.windowing import CutSlices, CutWindows, JoinSlices, JoinWindows

__all__ = ["Kept", "is_view", "kept", "workspace"]


@dataclass(frozen=True, slots=True)
class Kept:
    """The tensors that the backward pass of one layer needs.

    `inputs` (or `some` of them) and `output` are tensors of the network; `factors` is each input that is multiplied by one with a gradient. Besides them a layer keeps, for each example, `values` in the number
    format of the activations and `bytes` of masks and indices; and for the whole batch `fixed` values and `fixed_bytes`.
    """

    inputs: bool = False
    some: tuple[int, ...] = ()
    factors: bool = False
    output: bool = False
    values: int = 0
    bytes: int = 0
    fixed: int = 0
    fixed_bytes: int = 0


Rule: TypeAlias = "Callable[[Any, tuple[TensorType, ...], TensorType], Kept]"

_NOTHING = Kept()
_INPUTS = Kept(inputs=True)
_OUTPUT = Kept(output=True)
_INDEX = 8
"""Bytes of an index (int64)."""
_FLOAT = 4
"""Bytes of statistics, which are float32 in every number format."""


def kept(
    op: Operation,
    inputs: tuple[TensorType, ...],
    output: TensorType,
    *,
    in_place: bool = False,
    tokens_first: bool = False,
) -> Kept:
    """What a layer keeps, where its backward pass is needed at all; `tokens_first` says how its input is stored."""
    if in_place and isinstance(op, _COPIED):
        return Kept(values=output.size)
    rule = next((_RULES[cls] for cls in type(op).__mro__ if cls in _RULES), None)
    found = rule(op, inputs, output) if rule is not None else Kept("inputs" in op.keeps, output="output" in op.keeps)
    single = isinstance(op, (Recurrent, Linear)) and inputs[0].shape[0] == 1  # one token is stored both ways
    if (tokens_first or single) and isinstance(op, Recurrent):  # needs no copy
        copies = 1 if isinstance(op, LSTM) else op.directions
        return replace(found, inputs=True, values=found.values - copies * inputs[0].size)
    if tokens_first and not single and isinstance(op, Linear):  # takes a copy, as a matrix
        return Kept(values=inputs[0].size)
    return found


def workspace(op: Operation, inputs: tuple[TensorType, ...], output: TensorType, size: int) -> int:
    """Bytes for one example that inference allocates while a layer runs, besides its output; `size` bytes per value."""
    (x, *_) = inputs
    if isinstance(op, (MaxPool, GlobalMaxPool, AdaptiveMaxPool)):
        return _INDEX * output.size
    if isinstance(op, LocalResponseNorm):
        return 2 * size * x.size
    if isinstance(op, Elementwise):  # of three or more operands what the first two give, and so on
        joined = inputs if op.number is not None else inputs[:-1]
        return size * _together(op, joined) if len(joined) > 1 else 0
    if isinstance(op, GlobalResponseNorm):  # the product with the responses, and these
        return size * (x.size + x.features)
    if isinstance(op, (Normalize, Step)):
        return size * x.size  # the difference from the mean; the sign
    if isinstance(op, Recurrent):
        return size * _recurrent_workspace(op, x)
    if isinstance(op, Attention) and not op.is_plain(x):
        return size * attention_workspace(op, x)
    if isinstance(op, Attend):
        return size * attend_workspace(op, inputs)
    return 0


def _recurrent_workspace(op: Recurrent, x: TensorType) -> int:
    """The input of each layer, tokens first, with the last states and the outputs of both directions (LSTM); or the gates of
    all tokens and their outputs one by one."""
    tokens, states = x.shape[0], op.width * op.directions
    if isinstance(op, LSTM):
        inputs = sum(features for _, features in op.parts(x)[:: op.directions])
        return tokens * (inputs + (states if op.directions > 1 else 0)) + 6 * states
    return tokens * states * (op.gates + (2 if isinstance(op, GRU) else 1)) + states


def is_view(op: Operation, x: TensorType) -> bool:
    """Whether its result shares the memory of its input, in PyTorch."""
    if isinstance(op, AxisLayer):
        plan = op.arrangement(x)
        return not plan.copies and not plan.reduced
    if isinstance(op, CutWindows):
        windows = op.cut(x)
        return windows.size == windows.stride == x.spatial and not any(windows.pad)
    if isinstance(op, JoinWindows):
        return x.windows is not None and set(x.windows.grid) == {1} and not x.windows.added
    if isinstance(op, CutSlices):
        return x.layout == "sequence"
    return isinstance(op, _VIEWS)


_COPIED = (ReLU6, HardTanh)
"""Activations that need their input: of one that is written over it, PyTorch keeps a copy."""
_VIEWS = (Identity, Flatten, Reshape, Permute, FeatureSlice, Crop, Take, Tokens, Image, JoinSlices)


def _inputs(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    return _INPUTS


def _output(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    return _OUTPUT


def _inputs_and_output(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    return Kept(inputs=True, output=True)


def _nothing(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    return _NOTHING


def _padded(op: Any, x: TensorType) -> int:
    """Values of the input with its padding, where a layer pads before anything else; 0 where it does not."""
    code = op.torch(x)
    if not any(suffix == "pad" for suffix, _ in code.modules) and MEAN_WITHOUT_PADDING not in code.helpers:
        return 0
    window = op.geometry(x)
    sizes = zip(window.input, window.before, covering(window), strict=True)
    return x.features * prod(int(w + b + a) for w, b, a in sizes)


def _conv(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    (x,) = xs
    padded = _padded(op, x)
    fixed = indices = 0
    if isinstance(op, Conv) and op.connections is not None:  # the dense kernel, and where its values come from
        fixed, indices = op.width * x.features * op.geometry(x).taps, 2 * _INDEX * op.links(x)
    elif op.standardize != "no":  # the weights as they are used, on the way, and the deviation of each filter
        steps = 3 if op.standardize == "scaled" else 2
        fixed = steps * op.links(x) * op.geometry(x).taps + (steps - 1) * op.filters(x)
    return Kept(inputs=not padded, values=padded, fixed=fixed, fixed_bytes=indices)


def _local_conv(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    window = op.geometry(xs[0])
    return Kept(values=prod(window.output) * xs[0].features * window.taps)


def _max_pool(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    padded = _padded(op, xs[0])
    return Kept(inputs=not padded, values=padded, bytes=_INDEX * y.size)


def _whole_max_pool(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    return Kept(inputs=True, bytes=_INDEX * y.size)


def _avg_pool(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    padded = _padded(op, xs[0])
    divisor = y.size if MEAN_WITHOUT_PADDING in op.torch(xs[0]).helpers else 0
    return Kept(inputs=not padded, values=padded + divisor)


def _adaptive_avg_pool(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    return _NOTHING if set(y.spatial) == {1} else _INPUTS  # a mean needs sizes alone


def _lp_pool(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    """The input, its absolute value, its power; the sum before and after it is bounded."""
    padded = _padded(op, xs[0])
    return Kept(inputs=not padded, values=(3 * padded or 2 * xs[0].size) + 2 * y.size)


def _batch_norm(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    return Kept(inputs=True, fixed_bytes=2 * _FLOAT * xs[0].features)


def _layer_norm(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    return Kept(inputs=True, bytes=2 * _FLOAT * (xs[0].size // xs[0].features))


def _group_norm(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    copied = xs[0].size if xs[0].layout == "sequence" else 0
    return Kept(inputs=not copied, values=copied, bytes=2 * _FLOAT * op.groups)


def _instance_norm(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    copied = xs[0].size if xs[0].layout == "sequence" else 0
    scale = xs[0].features if op.affine else 0
    return Kept(inputs=not copied, values=copied + scale, bytes=2 * _FLOAT * xs[0].features)


def _local_response_norm(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    (x,) = xs
    return Kept(inputs=True, values=2 * x.size + x.size // x.features * (x.features + op.size - 1))


def _l2_norm(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    return Kept(inputs=True, values=2 * (xs[0].size // xs[0].features))


def _response_norm(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    """The input, its product with the responses, the norms, their mean, and the responses."""
    return Kept(inputs=True, values=y.size + 2 * y.features + 1)


def _dropout(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    return Kept(values=xs[0].size if op.p else 0)


def _dropout_of_channels(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    return Kept(values=xs[0].features if op.p else 0)


def _pad(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    return _INPUTS if op.mode in ("reflect", "replicate") else _NOTHING


def _attention(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    """The tokens first to last, queries, keys and values, the result of the heads, and one logarithm of a sum per row;
    with dropout the scaled queries and keys, and the weights before, after and of the dropout."""
    (x,) = xs
    if not op.is_plain(x):
        return _held(attention_held(op, x))
    tokens, size = x.shape[0], x.bare.size
    if op.dropout:  # the mask is added, which needs nothing of it later
        return Kept(values=x.copies * (7 * size + 3 * op.heads * tokens * tokens))
    mask = tokens * tokens if op.causal else 0
    return Kept(values=x.copies * 5 * size, bytes=x.copies * _FLOAT * op.heads * tokens, fixed=mask)


def _attend(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    return _held(attend_held(op, xs))


def _held(found: Held) -> Kept:
    return Kept(
        some=found.inputs,
        output=found.output,
        values=found.values,
        bytes=found.bytes,
        fixed=found.fixed,
        fixed_bytes=found.fixed_bytes,
    )


def _recurrent(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    return Kept(values=recurrent_values(op, xs[0]))


def _lstm(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    """Besides its workspace (`lstm_workspace`); without biases, PyTorch keeps the weights as oneDNN orders them."""
    weights = 0 if op.bias else sum(4 * op.width * (f + op.width) for _, f in op.parts(xs[0]))
    return Kept(values=recurrent_values(op, xs[0]), output=not op.bidirectional, fixed=weights)


def _reduced(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    """Extremes keep what they compare and what they give; products of several axes each product on the way."""
    plan = op.arrangement(xs[0])
    if not plan.reduced or op.reduction in ("mean", "sum"):
        return _NOTHING
    if op.reduction != "prod":
        return Kept(inputs=True, output=True)
    sizes = [plan.taken[i].size for i in reversed(plan.reduced)]
    on_the_way = [xs[0].size // prod(sizes[: i + 1]) for i in range(len(sizes) - 1)]
    return Kept(inputs=True, output=True, values=sum(on_the_way))


def _product(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    """The factors, and of three or more the products on the way."""
    return Kept(factors=True, values=sum(_together(op, xs[: i + 1]) for i in range(1, len(xs) - 1)))


def _together(op: Any, xs: tuple[TensorType, ...]) -> int:
    """Values of what some of the branches give."""
    return prod(max(sizes) for sizes in zip(*(x.shape for x in xs), strict=True))


def _quotient(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    """Dividend and divisor; of a number divided by a tensor the reciprocal, of a tensor by a number nothing."""
    if op.number is None:
        return _INPUTS
    return Kept(values=y.size) if op.first else _NOTHING


def _extreme(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> Kept:
    """What is compared: branches, and of three or more the extremes on the way; with a number the last of them."""
    on_the_way = range(1, len(xs) - (op.number is None))
    return Kept(inputs=len(xs) > 1 or op.number is not None, values=sum(_together(op, xs[: i + 1]) for i in on_the_way))


_RULES: Mapping[type[Op], Rule] = {
    SharedConvolution: _conv,
    TransposedConv: _inputs,
    LocalConv: _local_conv,
    MaxPool: _max_pool,
    AvgPool: _avg_pool,
    LpPool: _lp_pool,
    GlobalMaxPool: _whole_max_pool,
    AdaptiveAvgPool: _adaptive_avg_pool,
    AdaptiveMaxPool: _whole_max_pool,
    Linear: _inputs,
    BatchNorm: _batch_norm,
    LayerNorm: _layer_norm,
    GroupNorm: _group_norm,
    InstanceNorm: _instance_norm,
    LocalResponseNorm: _local_response_norm,
    L2Norm: _l2_norm,
    GlobalResponseNorm: _response_norm,
    Sample: lambda op, xs, y: Kept(inputs=True, values=3 * y.size),
    Dropout: _dropout,
    Dropout2d: _dropout_of_channels,
    DropPath: lambda op, xs, y: Kept(values=1 if op.p else 0),
    Pad: _pad,
    Transform: lambda op, xs, y: Kept(some=(0,), values=2 * prod(y.spatial)),
    Embed: _inputs,
    Attention: _attention,
    Attend: _attend,
    RNN: _recurrent,
    GRU: _recurrent,
    LSTM: _lstm,
    Scale: _inputs,
    Subsample: lambda op, xs, y: Kept(inputs=True, values=y.size),
    Activation: _inputs,
    ReLU: _output,
    Sigmoid: _output,
    Tanh: _output,
    Softmax: _output,
    Softsign: lambda op, xs, y: Kept(inputs=True, values=y.size),
    Exponential: _output,
    SquareRoot: _output,
    Sign: _nothing,
    Step: _output,
    Max: _inputs_and_output,
    Reduce: _reduced,
    Min: _inputs_and_output,
    StandardDeviation: _inputs_and_output,
    Norm: _inputs_and_output,
    Maxout: _inputs_and_output,
    GLU: _inputs,
    Multiply: _product,
    Divide: _quotient,
    Maximum: _extreme,
    MatrixProduct: lambda op, xs, y: Kept(factors=True),
}
