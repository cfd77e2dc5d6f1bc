"""What is differentiated: a number made of the tensors of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from netspec.graph import Graph

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Objective", "ObjectiveFunction", "as_objective", "sum_of_outputs", "weighted_sum"]

ObjectiveFunction: TypeAlias = "Callable[[Mapping[str, Tensor]], Tensor]"
"""From the tensors of a forward pass, by the names of inputs, layers and outputs, to a tensor with one value."""


@dataclass(frozen=True, slots=True)
class Objective:
    """`text` says what it is."""

    text: str
    function: ObjectiveFunction
    each: ObjectiveFunction | None = None
    """For a loss, the values of the examples, of which `function` is the mean."""


def as_objective(given: Objective | ObjectiveFunction | None, otherwise: Objective) -> Objective:
    """Raises TypeError for what cannot be called."""
    if given is None:
        return otherwise
    if isinstance(given, Objective):
        return given
    if not callable(given):
        raise TypeError(f"an objective is a function of the tensors by name, not {given!r:.40}")
    return Objective("a function", given)


def sum_of_outputs(graph: Graph) -> Objective:
    """The sum of all values of all outputs, over all examples."""
    names = [name for name, _ in graph.outputs]
    size = sum(graph.nodes[i].type.size for _, i in graph.outputs)
    text = f"the sum of {' and '.join(names)}" if size > 1 else f"the {names[0] if names[0] != 'output' else 'output'}"

    def function(tensors: Mapping[str, Tensor]) -> Tensor:
        sums = [tensors[name].sum() for name in names]
        return sum(sums[1:], sums[0])

    return Objective(text, function)


def weighted_sum(graph: Graph, seed: int) -> Objective:
    """The sum of all outputs, each value with a random weight of 0.5 to 1.5, so that no symmetry hides a gradient: the plain
    sum of a softmax is constant."""

    def function(tensors: Mapping[str, Tensor]) -> Tensor:
        import torch

        total = None
        stream = torch.Generator().manual_seed(seed)
        for name, _ in graph.outputs:
            output = tensors[name]
            weights = torch.rand(output.shape, generator=stream, dtype=torch.float64) + 0.5
            part = (output * weights.to(output.dtype)).sum()
            total = part if total is None else total + part
        assert total is not None
        return total

    return Objective(f"the outputs, weighted by random numbers from 0.5 to 1.5 (seed {seed})", function)
