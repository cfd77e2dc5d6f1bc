"""localconv: a convolution whose weights are not shared between positions ("locally connected")."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from netspec.graph import Param, TensorType
from netspec.ops.convolution import Convolution
from netspec.ops.op import TorchCode
from netspec.ops.python_text import call, unless

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["LocalConv"]

LOCAL_CONV = (
    "LocalConv",
    '''
class LocalConv(nn.Module):
    """A convolution with separate weights at every output position (locally connected)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        output_size: tuple[int, ...],
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        padding: tuple[int, ...] | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.output_size, self.kernel_size, self.stride, self.padding = output_size, kernel_size, stride, padding
        positions, taps = torch.Size(output_size).numel(), in_channels * torch.Size(kernel_size).numel()
        self.weight = nn.Parameter(torch.randn(positions, out_channels, taps) * taps**-0.5)
        self.bias = nn.Parameter(torch.zeros(out_channels, *output_size)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        if self.padding is not None:
            x = F.pad(x, self.padding)
        rank = len(self.kernel_size)
        for axis in range(rank):
            x = x.unfold(2 + axis, self.kernel_size[axis], self.stride[axis])
        x = x[(slice(None), slice(None), *(slice(n) for n in self.output_size))]
        # batch, channels, *positions, *taps -> positions, channels * taps, batch
        x = x.permute(*range(2, 2 + rank), 1, *range(2 + rank, 2 + 2 * rank), 0)
        x = x.reshape(self.weight.shape[0], self.weight.shape[2], -1)
        x = torch.bmm(self.weight, x).permute(2, 1, 0).reshape(x.shape[2], -1, *self.output_size)
        return x if self.bias is None else x + self.bias
''',
)


class LocalConv(Convolution):
    """Like conv, but with separate filters and biases at every output position (no weight sharing)."""

    name = "localconv"
    aliases = ("locally_connected",)
    example = "localconv5-30 pad=1"
    param_rule = "positions x width x K x K x channels weights and one bias per output value"

    def params(self, *inputs: TensorType) -> tuple[Param, ...]:
        (x,) = inputs
        window = self.geometry(x)
        taps = x.features * window.taps
        weight = Param("weight", (prod(window.output), self.width, taps), "random", fan_in=taps)
        return (weight, Param("bias", (self.width, *window.output), "zeros")) if self.bias else (weight,)

    def torch(self, *inputs: TensorType) -> TorchCode:
        (x,) = inputs
        window = self.geometry(x)
        ends = tuple(p for b, a in zip(reversed(window.before), reversed(window.after), strict=True) for p in (b, a))
        text = call(
            "LocalConv",
            x.features,
            self.width,
            output_size=window.output,
            kernel_size=window.kernel,
            stride=window.stride,
            padding=ends if any(ends) else None,
            bias=unless(self.bias, True),
        )
        call_text = "{m}({0}.transpose(1, 2)).transpose(1, 2)" if x.layout == "sequence" else None
        return TorchCode((("", text),), call_text, (LOCAL_CONV,))

    def onnx(self, emit: Emitter) -> str:
        (x,) = emit.types
        window = self.geometry(x)
        rank, positions = x.rank, prod(window.output)
        y = emit.pad(emit.channels_first(), window.before, window.after)
        for axis in range(rank):  # gather the taps of every position: one axis becomes (position, tap)
            taps = [o * window.stride[axis] + k for o in range(window.output[axis]) for k in range(window.kernel[axis])]
            index = emit.ints(taps, "taps", shape=(window.output[axis], window.kernel[axis]))
            y = emit.node("Gather", [y, index], axis=2 + 2 * axis)
        places, taps_axes = [2 + 2 * a for a in range(rank)], [3 + 2 * a for a in range(rank)]
        y = emit.node("Transpose", [y], perm=[*places, 1, *taps_axes, 0])
        y = emit.reshape(y, [positions, x.features * window.taps, -1])
        y = emit.node("MatMul", [emit.param("weight"), y])
        y = emit.node("Transpose", [y], perm=[2, 1, 0])
        y = emit.reshape(y, [-1, self.width, *window.output])
        if self.bias:
            y = emit.node("Add", [y, emit.param("bias")])
        return emit.channels_back(y)
