"""Makes several processes compute the same as one: batch statistics and dropout over the whole batch."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.training.plan import Plan

if TYPE_CHECKING:
    import torch

__all__ = ["Division", "divided", "require_statistics", "take_buffers"]


class Division:
    """The division of the current batch: this process has rows `rows` of `total`."""

    def __init__(self) -> None:
        self.rows, self.total = range(0), 0


def divided(module: torch.nn.Module, division: Division, plan: Plan, examples: int, fabric: Any) -> torch.nn.Module:
    """A module for one of several processes: batch statistics, unless the recipe says `sync_bn no`, and dropout are those of
    the whole batch. Raises SpecError (NS604)."""
    if plan.sync_bn:
        module = _share_batch_statistics(module, cuda=fabric.device.type == "cuda")
    else:
        require_statistics(module, examples, plan.batch, fabric.world_size)
    _share_dropout(module, division)
    return module


def _share_batch_statistics(module: torch.nn.Module, *, cuda: bool) -> torch.nn.Module:
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


def _share_dropout(module: torch.nn.Module, division: Division) -> None:
    """Dropout with a mask for the whole batch, of which each process uses its rows."""
    from torch import nn
    from torch.nn.modules.dropout import _DropoutNd

    for part in module.modules():
        if isinstance(part, (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)):
            assert isinstance(part, _DropoutNd)
            kind: Any = type(part)
            part.__class__ = _shared_dropout(kind)
            part.division = division  # type: ignore[assignment]


@cache
def _shared_norm(kind: Any) -> Any:
    """A batch norm with sums over all processes; its weights and state are unchanged."""
    import torch
    from torch.distributed.nn import functional

    all_reduce: Any = functional.all_reduce  # the differentiable version

    class SharedBatchNorm(kind):  # type: ignore[misc]
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if not self.training:
                result: torch.Tensor = super().forward(x)
                return result
            axes = [0, *range(2, x.ndim)]
            places = x.numel() // x.shape[1]
            sums = torch.cat([x.sum(axes), x.square().sum(axes), x.new_full((1,), float(places))])
            total = all_reduce(sums)
            channels = x.shape[1]
            count = total[-1]
            mean = total[:channels] / count
            variance = (total[channels : 2 * channels] / count - mean.square()).clamp(min=0)
            if self.track_running_stats:
                self._remember(mean.detach(), variance.detach() * count / (count - 1).clamp(min=1))
            shape = (1, -1, *[1] * (x.ndim - 2))
            y: torch.Tensor = (x - mean.reshape(shape)) * torch.rsqrt(variance + self.eps).reshape(shape)
            if self.affine:
                y = y * self.weight.reshape(shape) + self.bias.reshape(shape)
            return y

        def _remember(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
            self.num_batches_tracked.add_(1)
            share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(variance, share)

    return SharedBatchNorm


@cache
def _shared_dropout(kind: Any) -> Any:
    import torch

    per_channel = kind is not torch.nn.Dropout

    class SharedDropout(kind):  # type: ignore[misc]
        division: Division

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if not self.training or self.p in (0.0, 1.0):
                result: torch.Tensor = super().forward(x)
                return result
            rows, total = self.division.rows, self.division.total
            rest = (x.shape[1], *[1] * (x.ndim - 2)) if per_channel else x.shape[1:]
            mask = torch.empty((total, *rest), dtype=x.dtype, device=x.device).bernoulli_(1 - self.p).div_(1 - self.p)
            return x * (mask[rows.start : rows.stop] if len(rows) else mask[:1])

    return SharedDropout
