"""The base of convolutions: filters applied at every position of an image, a signal or a sequence."""

from __future__ import annotations

from math import prod

from netspec.graph import Param, TensorType
from netspec.ops.kinds import Flag, Integer, Padding, PerAxis
from netspec.ops.layer_word import LayerWord
from netspec.ops.op import Change, Leftover, Misfit, Op, Option
from netspec.ops.python_text import each
from netspec.ops.reach import Reach
from netspec.ops.windows import Window, per_axis, windows

__all__ = ["Convolution", "require_map", "require_one_axis", "stride_and_padding"]


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


class Convolution(Op):
    """Filters applied to a window at every position. Subclasses define which weights are shared."""

    shape_rule = "width channels; (W + 2P - (D(K-1) + 1))/S + 1 along each spatial axis, rounded down"
    weight_layer = has_neurons = True

    kernel = Option(PerAxis(), slot="kernel", doc="kernel size along each spatial axis")
    width = Option(Integer(), slot="width", doc="number of filters (output channels)")
    stride = Option(PerAxis(), (1,), slot="stride", doc="stride")
    pad = Option(Padding(), (0,), doc="zero padding on both sides; same: half the kernel size")
    bias = Option(Flag(), True, doc="whether each filter has a bias")
    norm = Option(LayerWord("a normalization"), None, doc="normalization layer after it")
    act = Option(LayerWord("an activation"), None, doc="activation layer after it")

    def filters(self, x: TensorType) -> int:
        return self.width

    def group_count(self, x: TensorType) -> int:
        return 1

    @property
    def spacing(self) -> tuple[int, ...]:
        """The dilation."""
        return (1,)

    def geometry(self, x: TensorType) -> Window:
        return windows(x, self.kernel, self.stride, self.pad, self.spacing)

    def output(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        require_map(self, x)
        require_one_axis(x, self.kernel)
        self.check_channels(x)
        window = self.geometry(x)
        window.require_fit("convolution")
        return x.with_spatial(self.filters(x), window.output)

    def check_channels(self, x: TensorType) -> None:
        """Raises Misfit unless the numbers of channels and filters are compatible."""

    def leftovers(self, *inputs: TensorType) -> tuple[Leftover, ...]:
        return self.geometry(inputs[0]).leftovers()

    def tiling(self, *inputs: TensorType) -> tuple[tuple[int, int], ...]:
        return self.geometry(inputs[0]).tiling

    def links(self, x: TensorType) -> int:
        """The number of (input channel, filter) pairs with a kernel."""
        return x.features // self.group_count(x) * self.filters(x)

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        (x,) = inputs
        kernel = per_axis(self.kernel, x.rank, "kernel")
        seen = x.features // self.group_count(x)
        weight = Param("weight", (self.filters(x), seen, *kernel), "random", fan_in=seen * prod(kernel))
        return (weight, Param("bias", (self.filters(x),), "zeros")) if self.bias else (weight,)

    def macs(self, *inputs: TensorType) -> int:
        (x,) = inputs
        window = self.geometry(x)
        return self.links(x) * window.taps * prod(window.output)

    def connection_count(self, *inputs: TensorType) -> int:
        return self.macs(*inputs) + (self.output(*inputs).size if self.bias else 0)

    def reach(self, x: TensorType) -> tuple[Reach, ...] | None:
        return self.geometry(x).reach

    def describe(self, x: TensorType) -> str:
        window = self.geometry(x)
        kernel = "x".join(map(str, window.kernel))
        parts = [f"{kernel}-{self.filters(x)}", stride_and_padding(window), *self.remarks(x)]
        return ", ".join(parts) + ("" if self.bias else ", no bias")

    def remarks(self, x: TensorType) -> list[str]:
        """The parts of the description besides kernel, filters, stride and padding."""
        dilation = self.geometry(x).dilation
        remarks = [f"dilation {each(dilation)}"] if set(dilation) != {1} else []
        if self.group_count(x) != 1:
            remarks.append(f"groups {self.group_count(x)}")
        return remarks


def stride_and_padding(window: Window) -> str:
    stride = "x".join(map(str, window.stride)) if len(set(window.stride)) > 1 else str(window.stride[0])
    text = f"stride {stride}"
    if any(window.before) or any(window.after):
        pad = each(window.before) if window.symmetric else (*window.before, *window.after)
        text += f", pad {'x'.join(map(str, pad)) if window.symmetric and isinstance(pad, tuple) else pad}"
    return text
