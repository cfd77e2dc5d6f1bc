"""A forward pass whose every tensor is kept, by the names of the spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.analysis.in_place import source
from netspec.analysis.samples import sample_inputs
from netspec.datasets.given_inputs import read_inputs, wanted_of
from netspec.diagnostics import SpecError
from netspec.graph import Graph, Node
from netspec.optional import require_torch

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

__all__ = ["ForwardPass", "Tensors", "batch_of"]


class Tensors(Mapping[str, "Tensor"]):
    """The tensors of one forward pass by the names of inputs, layers and outputs."""

    def __init__(self, graph: Graph, by_node: Mapping[int, Tensor]) -> None:
        self._by_node = by_node
        sources = {node.name: source(graph, node.index) for node in graph.nodes}
        self._places = {name: i for name, i in sources.items() if i in by_node}
        self._places |= {name: source(graph, i) for name, i in graph.outputs if source(graph, i) in by_node}

    def __getitem__(self, name: str) -> Tensor:
        return self._by_node[self._places[name]]

    def at(self, node: int) -> Tensor:
        """The tensor that a node gives, by the index of the one that computes it."""
        return self._by_node[node]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class _Reached(Exception):
    """The last layer that is wanted has been computed."""


class ForwardPass:
    """The network as in inference: dropout is off, batch norms use their stored statistics, auxiliary heads are left out. With
    `training`, dropout and noise are drawn from the seed, and batch norms use the statistics of the batch."""

    def __init__(
        self,
        graph: Graph,
        weights: str | Path | Mapping[str, Any] | None,
        seed: int,
        dtype: torch.dtype,
        module: torch.nn.Module | None = None,
        *,
        training: bool = False,
    ) -> None:
        """`module` is another one for the same inputs, whose outputs are all that is noted of it."""
        from netspec.backends.torch.recording import recording_torch
        from netspec.weights.loading import load_weights

        self.graph = graph
        self._noted: dict[int, Tensor] = {}
        self._keep = False
        self._until: int | None = None
        self.recorded = module is None
        self.module = module if module is not None else recording_torch(graph, self._note)
        if module is None or weights is not None:
            load_weights(self.module, graph, weights, seed)
        self.module.train(training).to(dtype)
        self.seed = seed
        self.dtype = dtype

    def _note(self, node: int, value: Tensor) -> Tensor:
        self._noted[node] = value
        if self._keep and value.requires_grad:
            value.retain_grad()
        if node == self._until:
            raise _Reached
        return value

    def inputs(self, batch: Mapping[str, np.ndarray[Any, Any]], *, gradients: bool) -> dict[str, Tensor]:
        """The inputs as tensors, in the order of the spec; those that are numbers, not ids, with gradients."""
        import torch

        made = {}
        for name, _ in self.graph.inputs:
            tensor = torch.from_numpy(batch[name].copy())
            if tensor.is_floating_point():
                tensor = tensor.to(self.dtype).requires_grad_(gradients)
            made[name] = tensor
        return made

    def run(self, inputs: Mapping[str, Tensor], *, keep_gradients: bool = False, until: Node | None = None) -> Tensors:
        """The tensor of every node; with `keep_gradients`, each keeps the gradient that a backward pass gives it. With
        `until`, nothing is computed after that node, whose inputs may then have other sizes than those of the spec."""
        self._noted, self._keep = {}, keep_gradients
        self._until = None if until is None else source(self.graph, until.index)
        result: Any = ()
        with suppress(_Reached):
            result = self._called(inputs)
        noted, self._noted = self._noted, {}  # a part that is computed again in the backward pass is noted again
        if not self.recorded:
            results = result if isinstance(result, tuple) else (result,)
            places = (source(self.graph, i) for _, i in self.graph.outputs)
            noted |= dict(zip(places, results, strict=False))
        for name, index in self.graph.inputs:
            noted[index] = inputs[name]
        return Tensors(self.graph, noted)

    def _called(self, inputs: Mapping[str, Tensor]) -> Any:
        """Raises SpecError (NS503) where batch norms have a single value for each channel."""
        import torch

        if not self.module.training:
            return self.module(*inputs.values())
        if len(next(iter(inputs.values()))) < 2 and any(node.op.name == "bn" for node in self.graph.nodes):
            raise SpecError.of(
                "NS503", "batch norms in training need several examples", helps=["give more of them: `--batch 8`"]
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return self.module(*inputs.values())


def batch_of(graph: Graph, given: Sequence[tuple[str, Any]], examples: int, seed: int) -> dict[str, Any]:
    """A batch for every input: those that are given, random ones otherwise. Raises SpecError (NS001, NS503)."""
    require_torch()
    found = read_inputs(given, wanted_of(graph))
    count = len(next(iter(found.values()))) if found else examples
    return sample_inputs(graph, count, seed) | found
