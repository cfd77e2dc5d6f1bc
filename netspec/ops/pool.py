"""Pooling: maxpool, avgpool, lppool, the global gap and gmp, and adaptive pooling."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netspec.graph import TensorType
from netspec.ops.convolution import require_map, require_one_axis, stride_and_padding
from netspec.ops.kinds import Choice, Flag, Integer, Padding, PerAxis
from netspec.ops.op import Leftover, Misfit, Op, Option, TorchCode
from netspec.ops.python_text import along_tokens, call, each, padding_module, unless
from netspec.ops.reach import Reach, sampled
from netspec.ops.taps import require_taps
from netspec.ops.windows import Window, fits_open_sizes, onnx_padding, per_axis, windows

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["AdaptiveAvgPool", "AdaptiveMaxPool", "AvgPool", "GlobalAvgPool", "GlobalMaxPool", "LpPool", "MaxPool"]


class Pool(Op):
    """The base of pooling with a window."""

    pools = True
    shape_rule = "(W + 2P - K)/S + 1 along each spatial axis, rounded down; same channels"

    kernel = Option(PerAxis(), (2,), slot="kernel", doc="kernel size along each spatial axis")
    stride = Option(PerAxis(), None, slot="stride", doc="stride (default: the kernel size)")
    pad = Option(Padding(), (0,), doc="padding on both sides, less than the kernel size")

    @property
    def spacing(self) -> tuple[int, ...]:
        """The dilation."""
        return (1,)

    @property
    def rounds_up(self) -> bool:
        return False

    def geometry(self, x: TensorType) -> Window:
        stride = self.kernel if self.stride is None else self.stride
        return windows(x, self.kernel, stride, self.pad, self.spacing, ceil=self.rounds_up)

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_map(self, x)
        require_one_axis(x, self.kernel)
        window = self.geometry(x)
        for pad, extent in zip((*window.before, *window.after), window.extent * 2, strict=True):
            if pad >= extent:
                raise Misfit(
                    "NS205",
                    f"a padding of {pad} is too large for a kernel of {extent}",
                    option="pad",
                    notes=("some windows would contain only padding",),
                    helps=(f"use a padding of at most {extent - 1}",),
                )
        window.require_fit("pooling")
        return x.with_spatial(x.features, window.output)

    def leftovers(self, *inputs: TensorType) -> tuple[Leftover, ...]:
        return self.geometry(inputs[0]).leftovers()

    def tiling(self, *inputs: TensorType) -> tuple[tuple[int, int], ...]:
        return self.geometry(inputs[0]).tiling

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return self.geometry(x).reach

    def describe(self, x: TensorType) -> str:
        window = self.geometry(x)
        text = f"{'x'.join(map(str, window.kernel))}, {stride_and_padding(window)}"
        return text + (", round up" if window.ceil else "")


class RoundedPool(Pool):
    """A pooling whose output size may be rounded up."""

    shape_rule = "(W + 2P - K)/S + 1 along each spatial axis, rounded down (round=ceil: up); same channels"

    round = Option(Choice("floor", "ceil"), "floor", doc="how to round the output size; Caffe uses ceil")

    @property
    def rounds_up(self) -> bool:
        return self.round == "ceil"

    def leftovers(self, *inputs: TensorType) -> tuple[Leftover, ...]:
        return self.geometry(inputs[0]).leftovers_of_pooling()


def fits_torch_padding(window: Window) -> bool:
    """Whether torch's pooling supports the padding: symmetric, at most half the kernel, and the window fits inside."""
    return (
        window.symmetric
        and all(2 * b <= k for b, k in zip(window.before, window.kernel, strict=True))
        and all(e <= w + 2 * b for e, w, b in zip(window.extent, window.input, window.before, strict=True))
    )


def covering(window: Window) -> tuple[int, ...]:
    """Padding at the end of each axis that reaches to the end of the last window, so that rounding down gives the size rounded up."""
    return tuple(a + o for a, o in zip(window.after, window.overhang, strict=True))


def onnx_overhang(emit: Emitter, window: Window, pad: tuple[int, ...] | str) -> tuple[int, ...]:
    """`window.overhang`; with open sizes as much as has the same effect for all of them. Where nothing has (`fits_open_sizes`), what
    the layer reads has a fixed size even so."""
    opened = emit.open_sizes and window.ceil and fits_open_sizes(window, pad)
    return tuple(s - 1 for s in window.stride) if opened else window.overhang


class MaxPool(RoundedPool):
    """The maximum of each window, per channel; ignores padding."""

    name = "maxpool"
    example = "maxpool3/2"

    dilation = Option(PerAxis(), (1,), doc="spacing between kernel elements")

    def output(self, *inputs: TensorType) -> TensorType:
        result = super().output(*inputs)
        if set(self.dilation) != {1}:
            require_taps(self.geometry(inputs[0]))
        return result

    @property
    def spacing(self) -> tuple[int, ...]:
        return self.dilation

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        window = self.geometry(x)
        simple = fits_torch_padding(window)
        text = call(
            f"nn.MaxPool{x.rank}d",
            kernel_size=each(window.kernel),
            stride=unless(each(window.stride), each(window.kernel)),
            padding=unless(each(window.before), 0) if simple else None,
            dilation=unless(each(window.dilation), 1),
            ceil_mode=True if simple and window.ceil else None,
        )
        if simple:
            return TorchCode((("", text),), along_tokens(x))
        pad = padding_module(window.before, covering(window), 'float("-inf")')
        return TorchCode((("pad", pad), ("", text)), padded_along_tokens(x))

    def onnx(self, emit: Emitter) -> str:
        window = self.geometry(emit.types[0])
        y, before = emit.channels_first(), window.before
        after = tuple(a + o for a, o in zip(window.after, onnx_overhang(emit, window, self.pad), strict=True))
        padding = onnx_padding(replace(window, after=after), self.pad, open_sizes=emit.open_sizes)
        if any(
            p >= k for p, k in zip(padding.get("pads", ()), window.kernel * 2, strict=False)
        ):  # rejected by ONNX Runtime
            y = emit.pad(y, before, after, value=float("-inf"))
            padding = {}
        y = emit.node(
            "MaxPool", [y], kernel_shape=list(window.kernel), strides=list(window.stride),
            dilations=list(window.dilation), **padding,
        )  # fmt: skip
        return emit.channels_back(y)


def padded_along_tokens(x: TensorType) -> str | None:
    return "{m}({m_pad}({0}.transpose(1, 2))).transpose(1, 2)" if x.layout == "sequence" else None


MEAN_WITHOUT_PADDING = (
    "MeanWithoutPadding",
    '''
class MeanWithoutPadding(nn.Module):
    """Average pooling that does not count the padding, for paddings that torch does not support."""

    def __init__(self, pad: nn.Module, pool: nn.Module) -> None:
        super().__init__()
        self.pad, self.pool = pad, pool

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.pad(x)) / self.pool(self.pad(torch.ones_like(x)))
''',
)


class AvgPool(RoundedPool):
    """The mean of each window, per channel."""

    name = "avgpool"
    example = "avgpool2/2"

    count_pad = Option(Flag(), True, doc="whether zero padding counts in the mean")

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        window = self.geometry(x)
        simple = fits_torch_padding(window)
        if x.rank == 3 and any(e > w for e, w in zip(window.extent, window.input, strict=True)):
            simple = False  # torch's AvgPool3d compares the kernel with the input before padding
        padded = any(window.before) or any(window.after)
        text = call(
            f"nn.AvgPool{x.rank}d",
            kernel_size=each(window.kernel),
            stride=unless(each(window.stride), each(window.kernel)),
            padding=unless(each(window.before), 0) if simple else None,
            ceil_mode=True if simple and window.ceil else None,
            count_include_pad=False if simple and padded and not self.count_pad else None,
        )
        if simple:
            return TorchCode((("", text),), along_tokens(x))
        if not self.count_pad:
            pad = padding_module(window.before, covering(window))
            return TorchCode((("", f"MeanWithoutPadding({pad}, {text})"),), along_tokens(x), (MEAN_WITHOUT_PADDING,))
        modules = [("pad", padding_module(window.before, window.after)), ("", text)]
        helpers: tuple[tuple[str, str], ...] = ()
        if any(window.overhang):  # cells beyond the padding do not count
            after = padding_module((0,) * x.rank, window.overhang)
            modules[1] = ("", f"MeanWithoutPadding({after}, {text})")
            helpers = (MEAN_WITHOUT_PADDING,)
        return TorchCode(tuple(modules), padded_along_tokens(x), helpers)

    def onnx(self, emit: Emitter) -> str:
        window = self.geometry(emit.types[0])
        y = emit.channels_first()
        overhang = onnx_overhang(emit, window, self.pad)
        covered = replace(window, after=tuple(a + o for a, o in zip(window.after, overhang, strict=True)))
        padding = onnx_padding(covered, self.pad, open_sizes=emit.open_sizes)
        counted = self.count_pad and (any(window.before) or any(window.after) or "auto_pad" in padding)
        if counted and any(overhang):  # the padding counts, cells beyond it do not: pad with a separate node
            y = emit.pad(y, window.before, window.after)
            padding, counted = {"pads": [*(0 for _ in window.before), *overhang]}, False
        y = emit.node(
            "AveragePool", [y], kernel_shape=list(window.kernel), strides=list(window.stride),
            count_include_pad=int(counted), **padding,
        )  # fmt: skip
        return emit.channels_back(y)


LP_POOL = (
    "LpPool",
    '''
class LpPool(nn.Module):
    """The p-norm of each window."""

    def __init__(self, p: int, pool: nn.Module, taps: int) -> None:
        super().__init__()
        self.p, self.pool, self.taps = p, pool, taps

    def forward(self, x: Tensor) -> Tensor:
        total = self.pool(x.abs().pow(self.p)) * self.taps
        return total.clamp_min(torch.finfo(x.dtype).tiny).pow(1 / self.p)
''',
)


class LpPool(Pool):
    """The p-norm of each window, (sum of |x|^p)^(1/p) (Sermanet et al. 2012)."""

    name = "lppool"
    example = "lppool2/2 p=2"

    p = Option(Integer(1, 16), 2, doc="order of the norm")

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        window = self.geometry(x)
        pool = call(
            f"nn.AvgPool{x.rank}d",
            kernel_size=each(window.kernel),
            stride=unless(each(window.stride), each(window.kernel)),
        )
        modules = [("", f"LpPool({self.p}, {pool}, taps={window.taps})")]
        if any(window.before) or any(window.after):
            modules.insert(0, ("pad", padding_module(window.before, window.after)))
            return TorchCode(tuple(modules), padded_along_tokens(x), (LP_POOL,))
        return TorchCode(tuple(modules), along_tokens(x), (LP_POOL,))

    def onnx(self, emit: Emitter) -> str:
        window = self.geometry(emit.types[0])
        y = emit.node(
            "LpPool", [emit.channels_first()], kernel_shape=list(window.kernel), strides=list(window.stride),
            p=self.p, **onnx_padding(window, self.pad, open_sizes=emit.open_sizes),
        )  # fmt: skip
        return emit.channels_back(y)


class GlobalAvgPool(Op):
    """The mean of each channel over all positions."""

    name = "gap"
    aliases = ("global_avgpool", "globalavgpool", "global_average_pooling")
    example = "gap"
    shape_rule = "channels x 1 x 1"
    torch_name, onnx_name = "Avg", "GlobalAveragePool"

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_map(self, x)
        return x.with_spatial(x.features, (1,) * x.rank)

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return None

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        return TorchCode((("", f"nn.Adaptive{self.torch_name}Pool{x.rank}d(1)"),), along_tokens(x))

    def onnx(self, emit: Emitter) -> str:
        return emit.channels_back(emit.node(self.onnx_name, [emit.channels_first()]))


class GlobalMaxPool(GlobalAvgPool):
    """The maximum of each channel over all positions."""

    name = "gmp"
    aliases = ("global_maxpool", "globalmaxpool", "global_max_pooling")
    example = "gmp"
    torch_name, onnx_name = "Max", "GlobalMaxPool"


def bins(size: int, parts: int) -> list[range]:
    """The positions in each of `parts` bins, as in torch: from floor(i W/n) up to ceil((i+1) W/n)."""
    return [range(i * size // parts, -(-(i + 1) * size // parts)) for i in range(parts)]


class AdaptiveAvgPool(Op):
    """Divides each axis into the given number of bins and takes the mean of each bin."""

    name = "adaptive_avgpool"
    aliases = ("adaptiveavgpool",)
    example = "adaptive_avgpool 7x7"
    shape_rule = "the given sizes; same channels"

    size = Option(PerAxis(gathers=True), slot="value", doc="output sizes")

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_map(self, x)
        return x.with_spatial(x.features, self.sizes(x))

    def sizes(self, x: TensorType) -> tuple[int, ...]:
        return per_axis(self.size, x.rank, "size")

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        sizes = zip(x.spatial, self.sizes(x), strict=True)
        return tuple(sampled(w, n, [(b[0], b[-1]) for b in bins(w, n)]) for w, n in sizes)

    def describe(self, x: TensorType) -> str:
        return f"to {'x'.join(map(str, self.sizes(x)))}"

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        text = f"nn.AdaptiveAvgPool{x.rank}d({each(self.sizes(x))})"
        return TorchCode((("", text),), along_tokens(x))

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        y = emit.channels_first()
        sizes = self.sizes(x)
        if all(w % n == 0 for w, n in zip(x.spatial, sizes, strict=True)):
            kernel = [w // n for w, n in zip(x.spatial, sizes, strict=True)]
            return emit.channels_back(emit.node("AveragePool", [y], kernel_shape=kernel, strides=kernel))
        for axis, (w, n) in enumerate(zip(x.spatial, sizes, strict=True)):
            y = self.along(emit, y, 2 + axis, bins(w, n), w, 2 + x.rank)
        return emit.channels_back(y)

    def along(self, emit: Emitter, y: str, axis: int, parts: list[range], size: int, dims: int) -> str:
        """The mean of each bin as a matrix product along one axis."""
        matrix = [1 / len(part) if i in part else 0.0 for i in range(size) for part in parts]
        perm = [a for a in range(dims) if a != axis] + [axis]
        y = emit.node("Transpose", [y], perm=perm)
        y = emit.node("MatMul", [y, emit.floats(matrix, "bins", shape=(size, len(parts)))])
        return emit.node("Transpose", [y], perm=[perm.index(a) for a in range(dims)])


class AdaptiveMaxPool(AdaptiveAvgPool):
    """Divides each axis into the given number of bins and takes the maximum of each bin."""

    name = "adaptive_maxpool"
    aliases = ("adaptivemaxpool",)
    example = "adaptive_maxpool 7x7"

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        text = f"nn.AdaptiveMaxPool{x.rank}d({each(self.sizes(x))})"
        return TorchCode((("", text),), along_tokens(x))

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        y = emit.channels_first()
        for axis, (w, n) in enumerate(zip(x.spatial, self.sizes(x), strict=True)):
            parts = bins(w, n)
            longest = max(map(len, parts))
            taps = [part[min(k, len(part) - 1)] for part in parts for k in range(longest)]
            y = emit.node("Gather", [y, emit.ints(taps, "bins", shape=(n, longest))], axis=2 + axis)
            y = emit.reduce("ReduceMax", y, [3 + axis], keepdims=0)
        return emit.channels_back(y)
