"""convT: transposed convolutions."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from netspec.graph import Param, TensorType
from netspec.ops.convolution import require_map, require_one_axis, stride_and_padding
from netspec.ops.kinds import Flag, Integer, Padding, PerAxis
from netspec.ops.layer_word import LayerWord
from netspec.ops.op import Misfit, Op, Option, TorchCode
from netspec.ops.python_text import call, each, padding_module, unless
from netspec.ops.reach import Reach, spreading
from netspec.ops.windows import Window, per_axis, windows

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["TransposedConv"]


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
            if any(t < 0 for t in total):
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
                raise Misfit(
                    "NS304",
                    f"{n} {what} cannot be divided into {self.groups} groups",
                    option="groups",
                    indivisible=(n, self.groups),
                )
        window, extra, sizes = self.geometry(x)
        for o, s, d, a in zip(extra, window.stride, window.dilation, window.after, strict=True):
            if (o >= s and o >= d) or o - min(o, a) >= s:
                raise Misfit(
                    "NS205",
                    f"output_pad {o} is too large",
                    option="output_pad",
                    helps=(f"it must be less than the stride ({s})",),
                )
        if any(n < 1 for n in sizes):
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

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        """Each output sees the inputs whose kernels reach it; neighbors are 1/S input apart."""
        window, _, _ = self.geometry(x)
        axes = zip(window.kernel, window.dilation, window.stride, window.before, strict=True)
        return tuple(spreading(range(0, k * d, d), s, b) for k, d, s, b in axes)

    def describe(self, x: TensorType) -> str:
        window, extra, _ = self.geometry(x)
        text = "x".join(map(str, window.kernel)) + f"-{self.width}, {stride_and_padding(window)}"
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
