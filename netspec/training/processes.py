"""Makes several processes compute the same as one: batch statistics and noise over the whole batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias

from netspec.diagnostics import SpecError
from netspec.graph import Graph
from netspec.ops.regularization import Dropout, Dropout2d, DropPath, Noise
from netspec.ops.sampling import Sample
from netspec.training.learner import modules_by_layer
from netspec.training.plan import Plan

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Layer: TypeAlias = Callable[[Tensor], Tensor]

__all__ = ["Division", "divided", "require_statistics", "share_noise", "take_buffers"]


class Division:
    """The division of the current batch: this process has rows `rows` of `total`."""

    def __init__(self) -> None:
        self.rows, self.total = range(0), 0

    def mine(self, whole: Tensor) -> Tensor:
        """The rows of this process; one where it has none."""
        return whole[self.rows.start : self.rows.stop] if len(self.rows) else whole[:1]


def divided(module: torch.nn.Module, division: Division, plan: Plan, examples: int, fabric: Any) -> torch.nn.Module:
    """A module for one of several processes: batch statistics, unless the recipe says `sync_bn no`, and the noise of layers
    are those of the whole batch. Raises SpecError (NS604)."""
    if plan.sync_bn:
        module = _share_batch_statistics(module, division, cuda=fabric.device.type == "cuda")
    else:
        require_statistics(module, examples, plan.batch, fabric.world_size)
    share_noise(module, plan.graph, division)
    return module


def _share_batch_statistics(module: torch.nn.Module, division: Division, *, cuda: bool) -> torch.nn.Module:
    """Batch norms with mean and variance over the batches of all processes (on a GPU: torch's SyncBatchNorm)."""
    from torch import nn
    from torch.nn.modules.batchnorm import _BatchNorm

    if cuda:
        untyped: Any = nn.SyncBatchNorm.convert_sync_batchnorm
        converted: nn.Module = untyped(module)
        return converted
    for part in module.modules():
        if isinstance(part, _BatchNorm):
            kind: Any = type(part)
            part.__class__ = _shared_norm(kind)
            part.division = division  # type: ignore[assignment]
    return module


def require_statistics(module: torch.nn.Module, examples: int, batch: int, processes: int) -> None:
    """Raises SpecError (NS604) where a batch is too small for batch statistics of each process."""
    from torch.nn.modules.batchnorm import _BatchNorm

    least = min(batch, examples % batch or batch, examples)
    if least < 2 * processes and any(isinstance(part, _BatchNorm) for part in module.modules()):
        raise SpecError.of(
            "NS604", f"`sync_bn no` needs two examples for each of {processes} devices, but the smallest batch has {least}",
            helps=["choose another `batch`", "or remove `sync_bn no`"],
        )  # fmt: skip


def take_buffers(module: torch.nn.Module) -> None:
    """The buffers of the first process, such as running statistics, in every process."""
    import torch.distributed as dist

    for buffer in module.buffers():
        dist.broadcast(buffer, 0)


def share_noise(module: torch.nn.Module, graph: Graph, division: Division) -> None:
    """Layers that draw do so for the whole batch, and each process uses its rows."""
    known = modules_by_layer(module, graph)
    for node in graph.nodes:
        share = _NOISE.get(type(node.op))
        part: Any = known.get(node.name)
        if share is not None and part is not None and not hasattr(part, "division"):
            kind: Any = type(part)
            part.__class__ = _shared_noise(kind, share)
            part.division = division


@cache
def _shared_norm(kind: Any) -> Any:
    """A batch norm with the statistics of all processes, in single precision; its weights and state are unchanged."""
    normalized: Any = _normalization().apply

    class SharedBatchNorm(kind):  # type: ignore[misc]
        division: Division

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if not self.training:
                result: torch.Tensor = super().forward(x)
                return result
            y, mean, variance, count = normalized(x, self.eps, float(len(self.division.rows) > 0))
            if self.track_running_stats:
                self._remember(mean, variance * count / (count - 1).clamp(min=1))
            if self.affine:
                shape = (1, -1, *[1] * (x.ndim - 2))
                y = y * self.weight.reshape(shape) + self.bias.reshape(shape)
            rounded: torch.Tensor = y.to(x.dtype)
            return rounded

        def _remember(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
            self.num_batches_tracked.add_(1)
            share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(variance, share)

    return SharedBatchNorm


@cache
def _normalization() -> Any:
    """The normalized values, and the mean, variance and number of places over all processes. The mean comes first: the
    variance as a difference of squares would lose the digits that a large mean takes. The example of a process without rows
    has the share 0: it counts for nothing."""
    import torch
    import torch.distributed as dist

    def total(values: torch.Tensor) -> torch.Tensor:
        dist.all_reduce(values)
        return values

    class Normalization(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, x: torch.Tensor, eps: float, share: float) -> tuple[torch.Tensor, ...]:
            axes, shape = [0, *range(2, x.ndim)], (1, -1, *[1] * (x.ndim - 2))
            values = x.float()
            places = values.new_full((1,), x.numel() // x.shape[1])
            sums = total(torch.cat([values.sum(axes), places]) * share)
            mean, count = sums[:-1] / sums[-1], sums[-1]
            centered = values - mean.reshape(shape)
            variance = total(centered.square().sum(axes) * share) / count
            scale = torch.rsqrt(variance + eps).reshape(shape)
            y = centered * scale
            context.save_for_backward(y, scale, count)
            context.share = share
            context.mark_non_differentiable(mean, variance, count)
            return y, mean, variance, count

        @staticmethod
        def backward(context: Any, gradient: torch.Tensor, *_: Any) -> tuple[torch.Tensor, None, None]:
            y, scale, count = context.saved_tensors
            axes, shape = [0, *range(2, y.ndim)], (2, 1, -1, *[1] * (y.ndim - 2))
            sums = total(torch.stack([gradient.sum(axes), (gradient * y).sum(axes)]) * context.share)
            first, second = (sums / count).reshape(shape)
            return (gradient - first - y * second) * scale * context.share, None, None

    return Normalization


@cache
def _shared_noise(kind: Any, share: Callable[[Any, Layer, Tensor], Tensor]) -> Any:
    class SharedNoise(kind):  # type: ignore[misc]
        division: Division

        def forward(self, x: Tensor) -> Tensor:
            return share(self, super().forward, x) if self.training else super().forward(x)

    return SharedNoise


def _factors(axes: int | None, part: Any, layer: Layer, x: Tensor) -> Tensor:
    """What the layer makes of ones is a factor for each entry of the first `axes` axes."""
    rest = x.shape[1:axes]
    drawn = layer(x.new_ones((part.division.total, *rest, *[1] * (x.ndim - 1 - len(rest)))))
    mine: Tensor = part.division.mine(drawn)
    return x * mine


def _terms(part: Any, layer: Layer, x: Tensor) -> Tensor:
    """What the layer makes of zeros is added."""
    mine: Tensor = part.division.mine(layer(x.new_zeros((part.division.total, *x.shape[1:]))))
    return x + mine


def _samples(part: Any, layer: Layer, x: Tensor) -> Tensor:
    """The layer is given the whole batch, of which the rows of other processes are empty."""
    division: Division = part.division
    whole = x.new_zeros((division.total, *x.shape[1:]))
    division.mine(whole).copy_(x)
    drawn = layer(whole)
    part.divergence = division.mine(part.divergence)
    return division.mine(drawn)


_NOISE: dict[type, Callable[[Any, Layer, Tensor], Tensor]] = {
    Dropout: partial(_factors, None), Dropout2d: partial(_factors, 2), DropPath: partial(_factors, 1), Noise: _terms, Sample: _samples,
}  # fmt: skip
