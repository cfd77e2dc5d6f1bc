"""Convolutions: conv, dwconv, sepconv and convT (localconv is in its own file)."""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING

from netspec.graph import Param, TensorType
from netspec.ops.divisors import divisor_changes, multiple_changes
from netspec.ops.kinds import Flag, Integer, LayerWord, Padding, PerAxis, Table
from netspec.ops.op import Change, Leftover, Misfit, Op, Option, TorchCode
from netspec.ops.partial_conv import PARTIAL_CONV, partial_weight
from netspec.ops.python_text import call, each, padding_module, unless
from netspec.ops.windows import Window, onnx_pads, per_axis, windows

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["Conv", "DepthwiseConv", "SeparableConv", "TransposedConv"]


def require_map(op: Op, x: TensorType) -> None:
    """Raises Misfit (NS303) unless a window can slide over the input."""
    if x.layout == "vector":
        raise Misfit(
            "NS303", f"{op.name} needs an image or a signal", label=f"the input is {x.noun}",
            helps=("move it before the fully connected layers, or reshape the vector with `reshape CxHxW`",),
        )  # fmt: skip
    if x.layout == "ids":
        raise Misfit(
            "NS303",
            f"{op.name} needs numbers, not ids",
            label=f"the input is {x.noun}",
            helps=("embed the ids first: `embed-64 vocab=10000`",),
        )


def require_one_axis(x: TensorType, kernel: tuple[int, ...], option: str = "kernel") -> None:
    """Raises Misfit if the kernel has several dimensions but the input is a sequence, which has only tokens to slide along."""
    if x.layout == "sequence" and len(kernel) > 1:
        raise Misfit(
            "NS303",
            f"a {len(kernel)}-D kernel on a sequence",
            option=option,
            label=f"the input is {x.noun}",
            helps=(
                one := f"on a sequence, the kernel has one size and spans all features: {kernel[0]}",
                "`image HxW` turns the tokens back into an image",
            ),
            changes=(Change(one, option, str(kernel[0])),),
        )


class Conv(Op):
    """Applies `width` filters at every position; each filter spans all channels (of its group)."""

    torch_keeps_no_output = True
    name = "conv"
    example = "conv3-64/2 pad=1 bias=no norm=bn act=relu"
    shape_rule = "width channels; (W + 2P - (D(K-1) + 1))/S + 1 along each spatial axis, rounded down"
    param_rule = "K x K x (channels/groups) x width weights and width biases"
    weight_layer = has_neurons = True

    kernel = Option(PerAxis(), slot="kernel", doc="kernel size along each spatial axis")
    width = Option(Integer(), slot="width", doc="number of filters (output channels)")
    stride = Option(PerAxis(), (1,), slot="stride", doc="stride")
    pad = Option(Padding(), (0,), doc="zero padding on both sides; same: half the kernel size")
    dilation = Option(PerAxis(), (1,), doc="spacing between kernel elements")
    groups = Option(Integer(), 1, doc="number of independent groups of channels")
    bias = Option(Flag(), True, doc="whether each filter has a bias")
    connections = Option(Table(), None, doc="input channels of each filter (LeNet-5, Table I)")
    norm = Option(LayerWord("a normalization"), None, doc="normalization layer after it")
    act = Option(LayerWord("an activation"), None, doc="activation layer after it")

    def filters(self, x: TensorType) -> int:
        return self.width

    def group_count(self, x: TensorType) -> int:
        return self.groups

    def geometry(self, x: TensorType) -> Window:
        return windows(x, self.kernel, self.stride, self.pad, self.dilation)

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_map(self, x)
        require_one_axis(x, self.kernel)
        self.check_groups(x)
        window = self.geometry(x)
        window.require_fit("convolution")
        return x.with_spatial(self.filters(x), window.output)

    def check_groups(self, x: TensorType) -> None:
        groups, filters = self.group_count(x), self.filters(x)
        for what, n in (("input channels", x.features), ("filters", filters)):
            if n % groups:
                raise Misfit(
                    "NS304",
                    f"{n} {what} cannot be divided into {groups} groups",
                    option="groups",
                    notes=(f"{n} / {groups} = {n / groups:.2f}",),
                    changes=(
                        changes := (
                            *divisor_changes("groups", "groups that divide both", groups, x.features, filters),
                            *(
                                multiple_changes("width", "possible numbers of filters", groups, n)
                                if what == "filters"
                                else ()
                            ),
                        )
                    ),
                    helps=tuple(dict.fromkeys(change.help for change in changes)),
                )
        if self.connections is not None:
            self.check_connections(x)

    def check_connections(self, x: TensorType) -> None:
        rows = self.connections or ()
        if self.groups != 1:
            raise Misfit("NS207", "`connections` and `groups` cannot be combined", option="connections")
        if len(rows) != self.width:
            raise Misfit(
                "NS307",
                f"`connections` has {len(rows)} rows for {self.width} filters",
                option="connections",
                helps=("give one row per filter",),
            )
        high = max(max(row) for row in rows)
        if high >= x.features:
            raise Misfit(
                "NS205",
                f"`connections` contains channel {high}",
                option="connections",
                notes=(f"the input has channels 0 to {x.features - 1}",),
            )

    def leftovers(self, *inputs: TensorType) -> tuple[Leftover, ...]:
        return self.geometry(inputs[0]).leftovers()

    def links(self, x: TensorType) -> int:
        """The number of (input channel, filter) pairs with a kernel."""
        if self.connections is not None:
            return sum(map(len, self.connections))
        return x.features // self.group_count(x) * self.filters(x)

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        (x,) = inputs
        kernel = per_axis(self.kernel, x.rank, "kernel")
        filters, seen = self.filters(x), x.features // self.group_count(x)
        shape = (filters, seen, *kernel)
        if self.connections is not None:
            shape = (self.links(x), *kernel)
            seen = max(map(len, self.connections))
        weight = Param("weight", shape, "random", fan_in=seen * prod(kernel))
        return (weight, Param("bias", (filters,), "zeros")) if self.bias else (weight,)

    def macs(self, *inputs: TensorType) -> int:
        (x,) = inputs
        window = self.geometry(x)
        return self.links(x) * window.taps * prod(window.output)

    def connection_count(self, *inputs: TensorType) -> int:
        return self.macs(*inputs) + (self.output(*inputs).size if self.bias else 0)

    def window(self, x: TensorType) -> tuple[tuple[int, int | Fraction], ...] | None:
        window = self.geometry(x)
        return tuple(zip(window.extent, window.stride, strict=True))

    def describe(self, x: TensorType) -> str:
        window = self.geometry(x)
        parts = ["x".join(map(str, window.kernel)) + f"-{self.filters(x)}", _stride_pad(window)]
        if set(window.dilation) != {1}:
            parts.append(f"dilation {each(window.dilation)}")
        if self.group_count(x) != 1:
            parts.append(f"groups {self.group_count(x)}")
        if self.connections is not None:
            parts.append(f"{self.links(x)} connected pairs")
        return ", ".join(p for p in parts if p) + ("" if self.bias else ", no bias")

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        window = self.geometry(x)
        options = {
            "kernel_size": each(window.kernel),
            "stride": unless(each(window.stride), 1),
            "padding": unless(each(window.before), 0) if window.symmetric else None,
            "dilation": unless(each(window.dilation), 1),
            "groups": unless(self.group_count(x), 1),
            "bias": unless(self.bias, True),
        }
        if self.connections is not None:
            table = [list(row) for row in self.connections]
            text = call("PartialConv", x.features, table, **{**options, "kernel_size": window.kernel, "groups": None})
            helpers: tuple[tuple[str, str], ...] = (PARTIAL_CONV,)
        else:
            text = call(f"nn.Conv{x.rank}d", x.features, self.filters(x), **options)
            helpers = ()
        modules: list[tuple[str, str]] = [("", text)]
        if not window.symmetric:
            modules.insert(0, ("pad", padding_module(window.before, window.after)))
        return TorchCode(tuple(modules), _sequence_call(x, len(modules) > 1), helpers)

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        window = self.geometry(x)
        weight = emit.param("weight")
        if self.connections is not None:
            weight = partial_weight(emit, weight, self.connections, (self.width, x.features, *window.kernel))
        inputs = [emit.channels_first(), weight, *([emit.param("bias")] if self.bias else [])]
        y = emit.node(
            "Conv", inputs, kernel_shape=list(window.kernel), strides=list(window.stride), pads=onnx_pads(window),
            dilations=list(window.dilation), group=self.group_count(x),
        )  # fmt: skip
        return emit.channels_back(y)


def _stride_pad(window: Window) -> str:
    stride = "x".join(map(str, window.stride)) if len(set(window.stride)) > 1 else str(window.stride[0])
    text = f"stride {stride}"
    if any(window.before) or any(window.after):
        pad = each(window.before) if window.symmetric else (*window.before, *window.after)
        text += f", pad {'x'.join(map(str, pad)) if window.symmetric and isinstance(pad, tuple) else pad}"
    return text


def _sequence_call(x: TensorType, padded: bool) -> str | None:
    if x.layout != "sequence":
        return None
    inner = "{m_pad}({0}.transpose(1, 2))" if padded else "{0}.transpose(1, 2)"
    return f"{{m}}({inner}).transpose(1, 2)"


class DepthwiseConv(Conv):
    """A convolution of each channel separately (groups = channels); a larger `-width` gives several outputs per channel."""

    name = "dwconv"
    aliases = ("depthwise",)
    example = "dwconv3/2 pad=same"
    shape_rule = "as for conv; the channels of the input, or width"
    param_rule = "K x K weights and one bias per output channel"

    width = Option(
        Integer(), None, slot="width", doc="output channels, a multiple of the input channels (default: the same)"
    )
    groups = None  # type: ignore[assignment]
    connections = None  # type: ignore[assignment]

    def filters(self, x: TensorType) -> int:
        return self.width or x.features

    def group_count(self, x: TensorType) -> int:
        return x.features

    def check_groups(self, x: TensorType) -> None:
        if self.filters(x) % x.features:
            near = max(1, round(self.filters(x) / x.features)) * x.features
            raise Misfit(
                "NS304",
                f"the {self.filters(x)} filters are not a multiple of the {x.features} input channels",
                option="width",
                helps=(f"write `-{near}`, or omit the width",),
                changes=(Change(f"write `-{near}`, or omit the width", "width", str(near)),),
            )


class SeparableConv(Op):
    """A depthwise convolution followed by a pointwise (1x1) one (Chollet 2017). `norm` and `act` apply after the second."""

    name = "sepconv"
    example = "sepconv3-128 pad=same act=relu"
    shape_rule = "as for conv"
    param_rule = "K x K x channels plus channels x width weights, and the biases of both"

    kernel = Option(PerAxis(), slot="kernel", doc="kernel size of the depthwise convolution")
    width = Option(Integer(), slot="width", doc="number of output channels")
    stride = Option(PerAxis(), (1,), slot="stride", doc="stride of the depthwise convolution")
    pad = Option(Padding(), (0,), doc="zero padding on both sides")
    dilation = Option(PerAxis(), (1,), doc="spacing between the elements of the depthwise kernel")
    bias = Option(Flag(), True, doc="whether both convolutions have biases")
    norm = Option(LayerWord("a normalization"), None, doc="normalization layer after it")
    act = Option(LayerWord("an activation"), None, doc="activation layer after it")

    def expand(self, x: TensorType) -> tuple[tuple[str, Op], ...] | None:
        depthwise = DepthwiseConv(
            kernel=self.kernel, stride=self.stride, pad=self.pad, dilation=self.dilation, bias=self.bias
        )
        return ("depthwise", depthwise), ("pointwise", Conv(kernel=(1,), width=self.width, bias=self.bias))


class TransposedConv(Op):
    """A transposed convolution (deconvolution): each input value adds a scaled kernel to the output."""

    torch_keeps_no_output = True
    name = "convT"
    aliases = ("deconv", "conv_transpose", "convtranspose")
    example = "convT2-64/2"
    shape_rule = "width channels; (W-1)S - 2P + D(K-1) + 1 + output_pad along each spatial axis"
    param_rule = "K x K x channels x (width/groups) weights and width biases"
    weight_layer = has_neurons = True

    kernel = Option(PerAxis(), slot="kernel", doc="kernel size along each spatial axis")
    width = Option(Integer(), slot="width", doc="number of output channels")
    stride = Option(PerAxis(), (1,), slot="stride", doc="stride (upsampling factor)")
    pad = Option(
        Padding(),
        (0,),
        doc="removed from both sides of the output; same_upper, same_lower: output size is input size times stride",
    )
    output_pad = Option(PerAxis(0), (0,), doc="added at the end of each output axis")
    dilation = Option(PerAxis(), (1,), doc="spacing between kernel elements")
    groups = Option(Integer(), 1, doc="number of independent groups of channels")
    bias = Option(Flag(), True, doc="whether each filter has a bias")
    norm = Option(LayerWord("a normalization"), None, doc="normalization layer after it")
    act = Option(LayerWord("an activation"), None, doc="activation layer after it")

    def geometry(self, x: TensorType) -> tuple[Window, tuple[int, ...], tuple[int, ...]]:
        """The window, the output padding, and the output sizes."""
        rank = x.rank
        kernel, stride = per_axis(self.kernel, rank, "kernel"), per_axis(self.stride, rank, "stride")
        dilation, extra = per_axis(self.dilation, rank, "dilation"), per_axis(self.output_pad, rank, "output_pad")
        full = tuple(
            (w - 1) * s + d * (k - 1) + 1 + o
            for w, s, d, k, o in zip(x.spatial, stride, dilation, kernel, extra, strict=True)
        )
        if self.pad in ("same_upper", "same_lower"):
            total = tuple(f - w * s for f, w, s in zip(full, x.spatial, stride, strict=True))
            if min(total) < 0:
                raise Misfit("NS307", f"pad={self.pad} needs a kernel at least as large as the stride", option="pad")
            less, more = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
            before, after = (less, more) if self.pad == "same_upper" else (more, less)
        else:
            window = windows(x, kernel, stride, self.pad, dilation)
            before, after = window.before, window.after
        sizes = tuple(f - b - a for f, b, a in zip(full, before, after, strict=True))
        axes = ("tokens",) if x.layout == "sequence" else ("depth", "height", "width")[-rank:]
        return Window(axes, x.spatial, kernel, stride, dilation, before, after), extra, sizes

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_map(self, x)
        require_one_axis(x, self.kernel)
        for what, n in (("input channels", x.features), ("filters", self.width)):
            if n % self.groups:
                raise Misfit("NS304", f"{n} {what} cannot be divided into {self.groups} groups", option="groups")
        window, extra, sizes = self.geometry(x)
        for o, s, d, a in zip(extra, window.stride, window.dilation, window.after, strict=True):
            if o >= max(s, d) or o - min(o, a) >= s:
                raise Misfit(
                    "NS205",
                    f"output_pad {o} is too large",
                    option="output_pad",
                    helps=(f"it must be less than the stride ({s})",),
                )
        if min(sizes) < 1:
            raise Misfit(
                "NS301",
                "the padding removes the whole output",
                option="pad",
                notes=(f"the output would be {'x'.join(map(str, sizes))}",),
            )
        return x.with_spatial(self.width, sizes)

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        (x,) = inputs
        kernel = per_axis(self.kernel, x.rank, "kernel")
        weight = Param(
            "weight",
            (x.features, self.width // self.groups, *kernel),
            "random",
            fan_in=x.features // self.groups * prod(kernel),
        )
        return (weight, Param("bias", (self.width,), "zeros")) if self.bias else (weight,)

    def macs(self, *inputs: TensorType) -> int:
        (x,) = inputs
        window, _, _ = self.geometry(x)
        return x.size * (self.width // self.groups) * window.taps

    def connection_count(self, *inputs: TensorType) -> int:
        return self.macs(*inputs) + (self.output(*inputs).size if self.bias else 0)

    def window(self, x: TensorType) -> tuple[tuple[int, int | Fraction], ...] | None:
        """Each output element sees the ceil(extent / S) inputs whose kernels reach it; neighbors are 1/S input apart."""
        window, _, _ = self.geometry(x)
        return tuple((-(-e // s), Fraction(1, s)) for e, s in zip(window.extent, window.stride, strict=True))

    def describe(self, x: TensorType) -> str:
        window, extra, _ = self.geometry(x)
        text = "x".join(map(str, window.kernel)) + f"-{self.width}, {_stride_pad(window)}"
        if any(extra):
            text += f", output_pad {each(extra)}"
        return text + ("" if self.bias else ", no bias")

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        window, extra, _ = self.geometry(x)
        text = call(
            f"nn.ConvTranspose{x.rank}d", x.features, self.width, kernel_size=each(window.kernel),
            stride=unless(each(window.stride), 1), padding=unless(each(window.before), 0) if window.symmetric else None,
            output_padding=unless(each(extra), 0), groups=unless(self.groups, 1), bias=unless(self.bias, True),
            dilation=unless(each(window.dilation), 1),
        )  # fmt: skip
        modules: list[tuple[str, str]] = [("", text)]
        if not window.symmetric:  # padding of a transposed convolution crops its output; a negative pad does the same
            negative = tuple(-b for b in window.before), tuple(-a for a in window.after)
            modules.append(("crop", padding_module(*negative)))
        call_text = None
        if x.layout == "sequence":
            inner = "{m}({0}.transpose(1, 2))"
            call_text = (f"{{m_crop}}({inner})" if len(modules) > 1 else inner) + ".transpose(1, 2)"
        return TorchCode(tuple(modules), call_text)

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        window, extra, _ = self.geometry(x)
        inputs = [emit.channels_first(), emit.param("weight"), *([emit.param("bias")] if self.bias else [])]
        spared = [min(o, a) for o, a in zip(extra, window.after, strict=True)]  # cropping less is the same as adding
        y = emit.node(
            "ConvTranspose",
            inputs,
            kernel_shape=list(window.kernel),
            strides=list(window.stride),
            pads=[*window.before, *(a - n for a, n in zip(window.after, spared, strict=True))],
            dilations=list(window.dilation),
            group=self.groups,
            output_padding=[o - n for o, n in zip(extra, spared, strict=True)],
        )
        return emit.channels_back(y)
