"""How many multiply-accumulates a layer has, with its numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, TypeAlias

from netspec.analysis.arithmetic import Arithmetic, product, total
from netspec.graph import Operation, TensorType
from netspec.ops.attend import Attend
from netspec.ops.attention import Attention
from netspec.ops.conv import Conv
from netspec.ops.convolution import Convolution
from netspec.ops.dense import Linear
from netspec.ops.join import MatrixProduct
from netspec.ops.normalize import Normalize
from netspec.ops.op import Op
from netspec.ops.positions import Places
from netspec.ops.recurrent import Recurrent
from netspec.ops.scores import Scored
from netspec.ops.transposed_conv import TransposedConv

__all__ = ["macs_of"]

Worked: TypeAlias = "tuple[Arithmetic, str]"
"""The arithmetic, and what its factors are."""


def macs_of(op: Operation, inputs: tuple[TensorType, ...], output: TensorType) -> Worked | None:
    """The MACs of a layer; None where it has none."""
    if isinstance(op, Attend):
        return _attend(op, inputs)
    rule = next((_RULES[cls] for cls in type(op).__mro__ if cls in _RULES), None)
    found = rule(op, inputs[0], output.bare) if rule is not None else None
    if found is None:
        return None
    worked, words = found
    copies = 1 if op.sees_windows else output.copies
    return (worked, words) if copies == 1 else (Arithmetic(copies) * worked, f"windows * {words}")


def _conv(op: Any, x: TensorType, y: TensorType) -> Worked:
    window, groups = op.geometry(x), op.group_count(x)
    if isinstance(op, Conv) and op.connections is not None:
        return product([*window.kernel, op.links(x), *y.spatial]), "kernel * connected pairs * positions"
    if groups == 1:
        return product([*window.kernel, x.features, y.features, *y.spatial]), "kernel * channels * filters * positions"
    channels = Arithmetic(x.features) / groups
    worked = product([*window.kernel, Arithmetic(channels.value, f"({channels.text})"), y.features, *y.spatial])
    return worked, "kernel * channels of a group * filters * positions"


def _transposed(op: Any, x: TensorType, y: TensorType) -> Worked:
    filters = Arithmetic(op.width) if op.groups == 1 else Arithmetic(op.width // op.groups, f"({op.width}/{op.groups})")
    worked = product([*op.geometry(x)[0].kernel, x.features, filters, *x.spatial])
    return worked, "kernel * channels * filters * positions of the input"


def _linear(op: Any, x: TensorType, y: TensorType) -> Worked:
    if x.spatial:
        return product([x.features, op.width, *x.spatial]), "features * units * positions"
    return product([x.features, op.width]), "inputs * units"


def _rotation(op: Any, x: TensorType, y: TensorType) -> Worked | None:
    return (product([x.size, op.components or x.size]), "values * components") if op.rotates else None


def _matrix_product(op: Any, x: TensorType, y: TensorType) -> Worked:
    words = "rows * shared size * columns"
    if x.layout == "map":
        return product([y.features, *x.spatial, y.spatial[-1]]), f"channels * {words}"
    return product([*x.shape, y.shape[-1]]), words


def _attention(op: Any, x: TensorType, y: TensorType) -> Worked:
    size, tokens = op.size(x), prod(x.spatial)
    inner, pairs, result = op.heads * size, op.groups * size, op.result(x)
    projections = product([x.copies, tokens, x.features, inner + 2 * pairs])
    if inner == pairs == result == x.features and op.project:
        projections = product([*([x.copies] if x.copies > 1 else []), 4, tokens, x.features, x.features])
    elif op.project:
        projections += product([x.copies, tokens, inner, result])
    products = product([*([x.copies] if x.copies > 1 else []), 2, tokens, tokens, inner])
    words = "projections, and the products of queries with keys and of weights with values"
    return _with_positions(op, op.places(x, x, size), x, projections + products, words)


def _attend(op: Attend, inputs: tuple[TensorType, ...]) -> Worked:
    size, value_size = op.head_sizes(inputs)
    at = op.at(inputs)
    worked = product([inputs[0].copies, op.heads, at.rows, at.columns, size + value_size])
    return _with_positions(op, at, inputs[0], worked, "heads * queries * keys * (features of a query and of a value)")


def _with_positions(op: Scored, at: Places, x: TensorType, worked: Arithmetic, words: str) -> Worked:
    if op.positions is None or not (op.positions.each(at) or op.positions.once(at)):
        return worked, words
    return worked + product([x.copies, op.positions.each(at)]) + op.positions.once(at), f"{words}, and of positions"


def _recurrent(op: Any, x: TensorType, y: TensorType) -> Worked:
    parts = [product([op.gates, op.width, Arithmetic(features) + op.width]) for _, features in op.parts(x)]
    words = "tokens * gates * units * (inputs + units)"
    return Arithmetic(x.shape[0]) * total(parts), words if len(parts) == 1 else f"{words}, for each layer and direction"


_RULES: Mapping[type[Op], Callable[[Any, TensorType, TensorType], Worked | None]] = {
    Convolution: _conv,
    TransposedConv: _transposed,
    Linear: _linear,
    MatrixProduct: _matrix_product,
    Normalize: _rotation,
    Attention: _attention,
    Recurrent: _recurrent,
}
