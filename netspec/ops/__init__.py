"""The catalogue: every layer of the language, by name. To add an op, write a class in this package and list it here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from netspec.ops import (
    activation,
    attention,
    elementwise,
    functions,
    join,
    norm,
    positions,
    rearrange,
    reductions,
    shape,
    tensors,
    windowing,
)
from netspec.ops.attend import Attend
from netspec.ops.conv import Conv, DepthwiseConv, SeparableConv
from netspec.ops.dense import FullyConnected, Linear
from netspec.ops.local_conv import LocalConv
from netspec.ops.op import Op
from netspec.ops.pool import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, GlobalAvgPool, GlobalMaxPool, LpPool, MaxPool
from netspec.ops.recurrent import GRU, LSTM, RNN
from netspec.ops.regularization import Dropout, Dropout2d, DropPath, Noise
from netspec.ops.sampling import Sample
from netspec.ops.sequence import ClassToken, Embed, PositionEmbedding
from netspec.ops.transposed_conv import TransposedConv

__all__ = ["ACTIVATIONS", "CATALOGUE", "JOINS", "NORMALIZATIONS", "POSITIONS", "SECTIONS"]


def _by_name(ops: Iterable[type[Op]]) -> Mapping[str, type[Op]]:
    """Names and aliases in lowercase. Raises ValueError for duplicates."""
    names: dict[str, type[Op]] = {}
    for op in ops:
        for name in (op.name, *op.aliases):
            if names.setdefault(name.lower(), op) is not op:
                raise ValueError(f"{name} names both {names[name.lower()].__name__} and {op.__name__}")
    return MappingProxyType(names)


SECTIONS: Mapping[str, tuple[type[Op], ...]] = MappingProxyType(
    {
        "Convolution": (Conv, TransposedConv, DepthwiseConv, SeparableConv, LocalConv),
        "Pooling": (MaxPool, AvgPool, LpPool, GlobalAvgPool, GlobalMaxPool, AdaptiveAvgPool, AdaptiveMaxPool),
        "Dense": (FullyConnected, Linear),
        "Activation": activation.ALL,
        "Functions": functions.ALL,
        "Reductions": reductions.ALL,
        "Normalization": norm.ALL,
        "Regularization": (Dropout, Dropout2d, DropPath, Noise, Sample),
        "Shape": (*shape.ALL, *rearrange.ALL),
        "Sequence": (Embed, PositionEmbedding, ClassToken, *attention.ALL, RNN, LSTM, GRU),
        "Windows": windowing.ALL,
        "Trainable values": (*elementwise.ALL, *tensors.ALL),
    }
)
CATALOGUE: Mapping[str, type[Op]] = _by_name(op for section in SECTIONS.values() for op in section)
ACTIVATIONS: Mapping[str, type[Op]] = _by_name((*activation.ALL, *functions.ALL))
NORMALIZATIONS: Mapping[str, type[Op]] = _by_name(norm.ALL)
POSITIONS: Mapping[str, type[Op]] = _by_name(positions.ALL)
JOINS: Mapping[str, type[Op]] = _by_name((*join.ALL, Attend))
