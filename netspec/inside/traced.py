"""The tensors of a forward pass by name, with their gradients: what reports and pictures show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netspec.graph import Graph
from netspec.inside.statistics import Statistics, statistics_of

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Traced", "TracedTensors"]

_MOST_NUMBERS = 12
"""So many values of a tensor are still shown as numbers."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Traced:
    """A tensor of a forward pass: the input or output of layers (N x its shape), or a parameter.

    `gradient` is that of the objective with respect to it, in the same shape; None where none was computed. `inputs` are the
    names of the tensors that the layer reads.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    value: np.ndarray[Any, Any]
    gradient: np.ndarray[Any, Any] | None = None

    def __repr__(self) -> str:
        return f"<Traced {self.name}: {self.op}, {'x'.join(map(str, self.value.shape))}>"

    @property
    def statistics(self) -> Statistics:
        return statistics_of(self.value)

    @property
    def gradient_statistics(self) -> Statistics | None:
        return None if self.gradient is None else statistics_of(self.gradient)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TracedTensors(Mapping[str, Traced]):
    """The tensors of a forward pass in the order of the spec, by the names of inputs and layers, and the parameters.

    `objective` says what was differentiated, and `value` is its value; both are empty without a backward pass.
    """

    graph: Graph
    tensors: tuple[Traced, ...]
    parameters: tuple[Traced, ...]
    objective: str = ""
    value: float | None = None
    losses: tuple[float, ...] = ()
    """The loss of each example, where a loss was differentiated."""
    random: tuple[str, ...] = ()
    """The inputs that were not given, and are random."""
    training: bool = False
    """Whether the network ran as in training."""

    def __getitem__(self, name: str) -> Traced:
        for traced in (*self.tensors, *self.parameters):
            if traced.name == name:
                return traced
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (traced.name for traced in (*self.tensors, *self.parameters))

    def __len__(self) -> int:
        return len(self.tensors) + len(self.parameters)

    def __repr__(self) -> str:
        return f"<Trace of {self.graph.name}: {len(self.tensors)} tensors>"

    @property
    def examples(self) -> int:
        return len(self.tensors[0].value)

    @property
    def is_small(self) -> bool:
        """Whether every tensor is shown as numbers, not as statistics."""
        return all(traced.value.size <= _MOST_NUMBERS for traced in (*self.tensors, *self.parameters))

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """Every value under its name, every gradient under `gradient/NAME`."""
        everything = (*self.tensors, *self.parameters)
        gradients = {f"gradient/{t.name}": t.gradient for t in everything if t.gradient is not None}
        return {t.name: t.value for t in everything} | gradients
