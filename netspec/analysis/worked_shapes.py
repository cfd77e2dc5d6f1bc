"""How the sizes of an output follow from those of the input, with the numbers of the layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from netspec.analysis.arithmetic import Arithmetic, product, total
from netspec.graph import Operation, TensorType
from netspec.ops.activation import GLU, Maxout
from netspec.ops.attend import Attend
from netspec.ops.attention import Attention
from netspec.ops.border import Crop, Pad
from netspec.ops.convolution import Convolution
from netspec.ops.dense import Linear
from netspec.ops.elementwise import Subsample
from netspec.ops.features import FeatureSlice, named_axes
from netspec.ops.join import Concat, MatrixProduct
from netspec.ops.normalize import Normalize
from netspec.ops.op import Op
from netspec.ops.pixel_shuffle import PixelShuffle, PixelUnshuffle
from netspec.ops.pool import AdaptiveAvgPool, GlobalAvgPool, Pool
from netspec.ops.rearrange import AxisLayer
from netspec.ops.recurrent import Recurrent
from netspec.ops.reductions import Reduction
from netspec.ops.resample import Resize, Upsample
from netspec.ops.sampling import Sample
from netspec.ops.sequence import ClassToken, Embed
from netspec.ops.shape import Flatten, Image, Permute, Reshape, Take, Tokens
from netspec.ops.tensors import ConstantTensor
from netspec.ops.transform import Transform
from netspec.ops.transposed_conv import TransposedConv
from netspec.ops.windowing import CutSlices, CutWindows, JoinSlices, JoinWindows
from netspec.ops.windows import AXES, Window

__all__ = ["shape_of"]

Line: TypeAlias = "tuple[str, Arithmetic, str]"
"""An axis of the output, the arithmetic of its size, and words."""
Rule: TypeAlias = "Callable[[Any, TensorType, TensorType], list[Line]]"


def shape_of(op: Operation, inputs: tuple[TensorType, ...], output: TensorType) -> list[Line]:
    """A line for each axis, those alike in one; none where the output is like the input."""
    if isinstance(op, Concat):
        return _concat(op, inputs, output)
    if isinstance(op, Attend):
        heads, (_, size) = Arithmetic(op.heads), op.head_sizes(inputs)
        return [(_features(output), heads * size, "heads * features of a value")]
    rule = next((_RULES[cls] for cls in type(op).__mro__ if cls in _RULES), None)
    return rule(op, inputs[0], output) if rule is not None else []


def _axes(y: TensorType) -> tuple[str, ...]:
    return ("tokens",) if y.layout == "sequence" else AXES.get(y.rank, ())


def _features(y: TensorType) -> str:
    return "channels" if y.layout == "map" else "features"


def _spatial(y: TensorType, worked: Iterable[Arithmetic]) -> list[Line]:
    """One line where all axes are computed alike."""
    lines = list(worked)
    if len({(line.text, line.value) for line in lines}) == 1 and len(lines) > 1:
        return [(" and ".join([", ".join(_axes(y)[:-1]), _axes(y)[-1]]), lines[0], "")]
    return [(axis, line, "") for axis, line in zip(_axes(y), lines, strict=True)]


def _count(y: TensorType, words: str) -> Line:
    return _features(y), Arithmetic(y.features), words


def _window(window: Window, y: TensorType) -> list[Line]:
    worked = []
    for i, size in enumerate(window.input):
        before, after = window.before[i], window.after[i]
        pad = Arithmetic(2) * before if before == after else Arithmetic(before) + after
        kernel = Arithmetic(window.extent[i])
        if window.dilation[i] != 1:
            kernel = Arithmetic(window.dilation[i]) * (Arithmetic(window.kernel[i]) - 1) + 1
        place = (Arithmetic(size) + pad - kernel) / window.stride[i] + 1
        # rounding up, a window that would begin in the padding after the input is left out
        up = window.ceil and -(-place.value // 1) == window.output[i]
        worked.append(place.rounded("up" if up else "down"))
    return _spatial(y, worked)


def _conv(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [_count(y, "the filters"), *_window(op.geometry(x), y)]


def _pool(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [_count(y, "as its input"), *_window(op.geometry(x), y)]


def _transposed(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    window, extra, _ = op.geometry(x)
    worked = []
    for i, size in enumerate(x.spatial):
        before, after = window.before[i], window.after[i]
        pad = Arithmetic(2) * before if before == after else Arithmetic(before) + after
        kernel = Arithmetic(window.kernel[i])
        if window.dilation[i] != 1:
            kernel = Arithmetic(window.dilation[i]) * (kernel - 1) + 1
        line = (Arithmetic(size) - 1) * window.stride[i] - pad + kernel
        worked.append(line + extra[i] if extra[i] else line)
    return [_count(y, "the filters"), *_spatial(y, worked)]


def _whole(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [_count(y, "as its input"), *_spatial(y, [Arithmetic(1)] * len(y.spatial))]


def _given(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    words = f"as large as {op.like}" if getattr(op, "like", None) else "as given"
    lines = [(axis, line, words) for axis, line, _ in _spatial(y, map(Arithmetic, y.spatial))]
    return [_count(y, "as its input"), *lines]


def _as_given(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    names = (*_axes(y), _features(y)) if y.layout == "sequence" else (_features(y), *_axes(y))
    return [(name, Arithmetic(size), "as given") for name, size in zip(names, y.shape, strict=True)]


def _units(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [_count(y, "the units")]


def _recurrent(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [(_features(y), Arithmetic(2) * op.width if op.bidirectional else Arithmetic(op.width), "")]


def _reduced(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    names = (*_axes(x), _features(x)) if x.layout == "sequence" else (_features(x), *_axes(x))
    return [(names[i - 1], Arithmetic(1), "") for i in named_axes(x, op.axis)]


def _matrix_product(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    names = ("tokens", "features") if y.layout == "sequence" else _axes(y)[-2:]
    rows, columns = y.shape[-2:]
    return [
        (names[0], Arithmetic(rows), "the rows of the first branch"),
        (names[1], Arithmetic(columns), "the columns of the second"),
    ]


def _divided(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [(_features(y), Arithmetic(x.features) / (op.n if isinstance(op, Maxout) else 2), "")]


def _sampled(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [(_features(y), Arithmetic(x.features) / 2, "the means")]


def _flatten(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [(_features(y), product(x.shape), "")]


def _rotated(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    """The principal components of all values are a vector, of as many or of the first."""
    if x.shape == y.shape:
        return []
    return _flatten(op, x, y) if x.size == y.size else [(_features(y), Arithmetic(y.features), "components")]


def _reshape(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [("values", product(y.shape), f"as many as {x}")]


def _permute(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [("output", product(y.shape), f"the axes of {x} in the order {', '.join(map(str, op.order))}")]


def _pad(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    lines: list[Line] = []
    if any(op.channels):
        lines.append((_features(y), Arithmetic(x.features) + op.channels[0] + op.channels[1], ""))
    if x.rank:
        before, after = op.ends(x)
        worked = [Arithmetic(w) + b + a for w, b, a in zip(x.spatial, before, after, strict=True)]
        lines += _spatial(y, worked)
    return lines


def _crop(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    if op.like is not None or op.size[0] == "to":
        return _given(op, x, y)
    starts, _ = op.starts(x)
    return _spatial(y, [Arithmetic(w) - Arithmetic(2) * n for w, n in zip(x.spatial, starts, strict=True)])


def _sliced(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    axis, start, stop = op.run(x)
    names = (*_axes(x), _features(x)) if x.layout == "sequence" else (_features(x), *_axes(x))
    count = Arithmetic(stop) - start
    if op.stride != 1:
        count = (count / op.stride).rounded("up")
    return [(names[axis - 1], count, "")]


def _upsample(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    factors = (n // w for n, w in zip(y.spatial, x.spatial, strict=True))
    return _spatial(y, [Arithmetic(w) * f for w, f in zip(x.spatial, factors, strict=True)])


def _pixel_shuffle(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    channels = Arithmetic(x.features) / (Arithmetic(op.r) ** 2)
    return [("channels", channels, ""), *_spatial(y, [Arithmetic(w) * op.r for w in x.spatial])]


def _pixel_unshuffle(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    channels = Arithmetic(x.features) * (Arithmetic(op.r) ** 2)
    return [("channels", channels, ""), *_spatial(y, [Arithmetic(w) / op.r for w in x.spatial])]


def _tokens(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [("tokens", product(x.spatial), "one per position"), _count(y, "the channels")]


def _image(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [("positions", product(y.spatial), f"one per token of {x.shape[0]}"), _count(y, "the features")]


def _rearranged(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    plan = op.arrangement(x)
    names = (*_axes(y), _features(y)) if y.layout == "sequence" else (_features(y), *_axes(y))
    lines: list[Line] = []
    for name, atoms in zip(names, plan.right, strict=True):
        words = " * ".join(atom.name.partition("@")[0] for atom in atoms)
        lines.append((name, product([atom.size for atom in atoms]), words or "added"))
    return lines


def _class_token(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [("tokens", Arithmetic(x.shape[0]) + 1, "")]


def _take(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [_count(y, "those of one token")]


def _embed(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [("tokens", Arithmetic(x.shape[0]), "one per id"), _count(y, "the width")]


def _concat(op: Any, xs: tuple[TensorType, ...], y: TensorType) -> list[Line]:
    axis = next((i for i, size in enumerate(y.shape) if any(x.shape[i] != size for x in xs)), None)
    if axis is None:
        return []
    names = (*_axes(y), _features(y)) if y.layout == "sequence" else (_features(y), *_axes(y))
    return [(names[axis], total(x.shape[axis] for x in xs), "")]


def _cut(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [(axis, Arithmetic(size), "of each window") for axis, size in zip(_axes(y), y.spatial, strict=True)]


def _joined(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    """The windows side by side, without what padded them."""
    assert x.windows is not None
    each = op.joined(x)[0]
    worked = zip(_axes(y), x.windows.grid, each, y.spatial, strict=True)
    return [_count(y, "as the body gives")] + [
        (axis, product([n, k]), "windows side by side")
        if n * k == size
        else (axis, Arithmetic(size), "as what was cut")
        for axis, n, k, size in worked
    ]


def _slice(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [
        _count(y, "as its input"),
        *((axis, Arithmetic(n), "of each slice") for axis, n in zip(_axes(y), y.spatial, strict=True)),
    ]


def _stacked(op: Any, x: TensorType, y: TensorType) -> list[Line]:
    return [
        _count(y, "as the body gives"),
        *((axis, Arithmetic(n), "") for axis, n in zip(_axes(y), y.spatial, strict=True)),
    ]


_RULES: Mapping[type[Op], Rule] = {
    CutWindows: _cut,
    JoinWindows: _joined,
    CutSlices: _slice,
    JoinSlices: _stacked,
    Attention: lambda op, x, y: [] if x.shape == y.shape else [_count(y, "of the result")],
    Convolution: _conv,
    TransposedConv: _transposed,
    Pool: _pool,
    Subsample: _pool,
    GlobalAvgPool: _whole,
    AdaptiveAvgPool: _given,
    Linear: _units,
    Recurrent: _recurrent,
    MatrixProduct: _matrix_product,
    Reduction: _reduced,
    Maxout: _divided,
    GLU: _divided,
    Flatten: _flatten,
    Normalize: _rotated,
    Sample: _sampled,
    Reshape: _reshape,
    Permute: _permute,
    Pad: _pad,
    Crop: _crop,
    FeatureSlice: _sliced,
    AxisLayer: _rearranged,
    Upsample: _upsample,
    Resize: _given,
    Transform: lambda op, x, y: [] if op.size is None else _given(op, x, y),
    PixelShuffle: _pixel_shuffle,
    PixelUnshuffle: _pixel_unshuffle,
    Tokens: _tokens,
    Image: _image,
    ClassToken: _class_token,
    Take: _take,
    ConstantTensor: _as_given,
    Embed: _embed,
}
