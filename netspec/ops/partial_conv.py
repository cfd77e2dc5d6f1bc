"""Convolution with a connection table (LeCun et al. 1998, Table I): only existing kernels are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netspec.ops.emitter import Emitter

__all__ = ["PARTIAL_CONV", "partial_weight"]

PARTIAL_CONV = (
    "PartialConv",
    '''
class PartialConv(nn.Module):
    """A convolution whose filters see only the input channels listed in a table (LeNet-5's C3)."""

    def __init__(
        self,
        in_channels: int,
        table: list[list[int]],
        kernel_size: tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.filters = [i for i, row in enumerate(table) for _ in row]
        self.channels = [channel for row in table for channel in row]
        self.dense_shape = (len(table), in_channels, *kernel_size)
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.weight = nn.Parameter(torch.randn(len(self.channels), *kernel_size) * 0.1)
        self.bias = nn.Parameter(torch.zeros(len(table))) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight.new_zeros(self.dense_shape)
        weight[self.filters, self.channels] = self.weight
        convolve = (F.conv1d, F.conv2d, F.conv3d)[weight.dim() - 3]
        return convolve(x, weight, self.bias, self.stride, self.padding, self.dilation)
''',
)


def partial_weight(emit: Emitter, weight: str, table: tuple[tuple[int, ...], ...], shape: tuple[int, ...]) -> str:
    """The dense weight, zero where there is no connection."""
    pairs = [index for i, row in enumerate(table) for channel in row for index in (i, channel)]
    zeros = emit.node("Expand", [emit.scalar(0.0, "zero"), emit.ints(list(shape), "shape")], hint="dense")
    indices = emit.ints(pairs, "table", shape=(len(pairs) // 2, 2))
    return emit.node("ScatterND", [zeros, indices, weight], hint="dense_weight")
