"""Statistics of the training set that are part of the net: those of its `normalize` layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netspec.datasets import Collection, Examples, batches
from netspec.diagnostics import SpecError
from netspec.graph import Graph, Node
from netspec.ops.normalize import Normalize
from netspec.training.inputs import Inputs
from netspec.training.precision import doubled

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["colors", "fill_statistics"]

_BATCH = 256
_AT_ONCE = 1 << 15
"""Values that are added up at once: they stay in the cache of a processor."""
_MOST_DECODED = 10_000
"""Of more files than these, evenly spaced ones give the statistics: their error is below a hundredth of a standard deviation."""


def fill_statistics(
    graph: Graph, module: torch.nn.Module, collection: Collection, inputs: Inputs, fabric: Any, workers: int | None = 0
) -> None:
    """Sets the buffers of `normalize channel`, `image`, `pca`, `whiten` and `zca` to statistics of the training set, of which
    each process reads its share.

    Raises SpecError (NS604) if such a layer does not directly follow an input.
    """
    wanted = [n for n in graph.nodes if isinstance(n.op, Normalize) and n.op.source != "given" and n.shares is None]
    if not wanted:
        return
    names = {index: name for name, index in graph.inputs}
    for node in wanted:
        if node.inputs[0] not in names:
            raise SpecError.of(
                "NS604", f"`{node.name}` (line {node.span.line}) uses statistics of the training set, but does not directly follow an input",
                helps=["move it directly after `input`, or use `bn` here"],
            )  # fmt: skip
    moments = _moments(collection.train, inputs, fabric, workers)
    buffers = dict(module.named_buffers())
    for node in wanted:
        place = list(inputs.kinds).index(names[node.inputs[0]])
        mean, square = moments[place]
        if isinstance(node.op, Normalize) and node.op.rotates:
            found = _rotation(node.op, mean, _covariance(collection.train, inputs, fabric, workers, place, mean))
        else:
            found = _numbers(node, mean, square)
        for name, value in found.items():
            buffer = buffers[f"{node.name}.{name}"]
            buffer.copy_(value.reshape(buffer.shape))


def _numbers(node: Node, mean: Tensor, square: Tensor) -> dict[str, Tensor]:
    """mean and std of a layer from the means of every element and its square, in the shape of the input."""
    assert isinstance(node.op, Normalize)
    if node.op.source == "image":
        return {"mean": mean}
    axis = node.type.feature_axis - 1
    others = [a for a in range(mean.ndim) if a != axis]
    center, squares = (mean.mean(others), square.mean(others)) if others else (mean, square)
    std = (squares - center.square()).clamp(min=0).sqrt()
    std[std < 1e-6] = 1.0  # a constant channel becomes zero
    return {"mean": center, "std": std}


def _rotation(op: Normalize, mean: Tensor, covariance: Tensor) -> dict[str, Tensor]:
    """mean and matrix of `pca`, `whiten` and `zca`. The largest element of each axis is positive."""
    import torch

    variances, axes = torch.linalg.eigh(covariance.cpu())
    variances, axes = variances.flip(0).clamp(min=0), axes.flip(1).T  # the rows are the axes, largest variance first
    axes = axes * axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
    matrix = axes if op.source == "pca" else axes / (variances + op.eps).sqrt()[:, None]
    if op.source == "zca":
        matrix = axes.T @ matrix
    return {"mean": mean.flatten(), "matrix": matrix[: op.components]}


def _covariance(
    examples: Examples, inputs: Inputs, fabric: Any, workers: int | None, place: int, mean: Tensor
) -> Tensor:
    """The covariance matrix of all values of one input over the examples, in float64."""

    def products(values: list[Tensor]) -> list[tuple[Tensor, ...]]:
        away = (doubled(values[place]) - mean).flatten(1)
        return [(away.T @ away,)]

    ((mean_product,),) = _means(examples, inputs, fabric, workers, products)
    return mean_product


def _moments(examples: Examples, inputs: Inputs, fabric: Any, workers: int | None) -> list[tuple[Tensor, Tensor]]:
    """The mean of every element and its square over the examples, for each input of the net, in float64."""
    means = _means(examples, inputs, fabric, workers, lambda values: list(map(_sums, values)))
    return [(mean, square) for mean, square in means]


def _sums(value: Tensor) -> tuple[Tensor, Tensor]:
    """The sums over a batch of each value and of its square, a few rows at a time: to be given memory for all of them in float64 takes
    ten times as long as to add them up."""
    import torch

    summed, squared = (doubled(torch.zeros_like(value[0])) for _ in range(2))
    rows = max(1, _AT_ONCE // max(1, summed.numel()))
    held = summed.new_empty((min(rows, len(value)), *summed.shape))
    for piece in (value[i : i + rows] for i in range(0, len(value), rows)):
        some = held[: len(piece)].copy_(piece)
        summed += some.sum(0)
        squared += some.square_().sum(0)
    return summed, squared


def _means(
    examples: Examples,
    inputs: Inputs,
    fabric: Any,
    workers: int | None,
    of: Callable[[list[Tensor]], list[tuple[Tensor, ...]]],
) -> list[tuple[Tensor, ...]]:
    """Means of tuples of tensors over all examples (of many files: over evenly spaced ones), of which each process reads its
    share; `of` gives the sums over a batch, in float64."""
    totals: list[Any] = []
    world, rank = fabric.world_size, fabric.global_rank
    size = max(1, min(_BATCH, -(-len(examples) // world)))
    step = -(-len(examples) // _MOST_DECODED) if getattr(examples, "decodes", False) else 1
    rows = range(0, len(examples), step)
    plan = [rows[i : i + size] for i in range(0, len(rows), size)][rank::world]
    for batch in batches(examples, plan or [range(1)], workers):
        values, _ = inputs.test(batch)
        sums = of(values)
        totals = sums if not totals else [
            tuple(a + b for a, b in zip(one, other, strict=True)) for one, other in zip(totals, sums, strict=True)
        ]  # fmt: skip
    if world > 1:
        mine = 1.0 if plan else 0.0  # a process without a share has read an example for its shapes
        totals = [tuple(fabric.all_reduce(mine * one, reduce_op="sum") for one in each) for each in totals]
    return [tuple(one / len(rows) for one in each) for each in totals]


def colors(examples: Examples, image: str) -> Tensor:
    """The principal color components for `lighting`, from at most 10,000 training images."""
    from netspec.training.lighting import principal_colors

    most = min(len(examples), _MOST_DECODED)
    plan = [range(i, min(i + _BATCH, most)) for i in range(0, most, _BATCH)]
    return principal_colors(batch.inputs[image].float() / 255 for batch in batches(examples, plan, 0))
