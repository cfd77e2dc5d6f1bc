"""Statistics of the training set that are part of the net: those of its `normalize` layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.datasets import Collection, Examples, batches
from netspec.diagnostics import SpecError
from netspec.graph import Graph, Node
from netspec.ops.norm import Normalize
from netspec.training.inputs import Inputs
from netspec.training.precision import doubled

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["colors", "fill_statistics"]

_BATCH = 256
_MOST_FOR_COLORS = 10_000


def fill_statistics(
    graph: Graph, module: torch.nn.Module, collection: Collection, inputs: Inputs, fabric: Any, workers: int = 0
) -> None:
    """Sets the buffers of `normalize channel` and `normalize image` to the mean (and std) of the training set, of which each
    process reads its share.

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
        mean, square = moments[list(inputs.kinds).index(names[node.inputs[0]])]
        for name, value in _numbers(node, mean, square).items():
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


def _moments(examples: Examples, inputs: Inputs, fabric: Any, workers: int) -> list[tuple[Tensor, Tensor]]:
    """The mean of every element and its square over the examples, for each input of the net, in float64."""
    totals: list[Any] = []
    world, rank = fabric.world_size, fabric.global_rank
    size = max(1, min(_BATCH, -(-len(examples) // world)))
    starts = range(0, len(examples), size)
    plan = [range(i, min(i + size, len(examples))) for i in starts][rank::world]
    for batch in batches(examples, plan or [range(1)], workers):
        values, _ = inputs.test(batch)
        sums = [(v.sum(0), v.square().sum(0)) for v in map(doubled, values)]
        totals = sums if not totals else [(a + c, b + d) for (a, b), (c, d) in zip(totals, sums, strict=True)]
    if world > 1:
        mine = 1.0 if plan else 0.0  # a process without a share has read an example for its shapes
        totals = [tuple(fabric.all_reduce(mine * one, reduce_op="sum") for one in pair) for pair in totals]
    return [(a / len(examples), b / len(examples)) for a, b in totals]


def colors(examples: Examples, image: str) -> Tensor:
    """The principal color components for `lighting`, from at most 10,000 training images."""
    from netspec.training.lighting import principal_colors

    most = min(len(examples), _MOST_FOR_COLORS)
    plan = [range(i, min(i + _BATCH, most)) for i in range(0, most, _BATCH)]
    return principal_colors(batch.inputs[image].float() / 255 for batch in batches(examples, plan, 0))
