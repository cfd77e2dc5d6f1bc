"""The weights of a network: initial weights from a seed, or weights from a file, checked against the graph."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from netspec.graph import Graph, Node, Param
from netspec.weights.schemes import CHUNK, Scheme

if TYPE_CHECKING:
    import numpy as np

__all__ = ["FreshWeights", "WeightSource", "initial_weights", "open_weights", "state_entries"]


def state_entries(graph: Graph, *, aux: bool = True) -> Iterator[tuple[str, Node, Param]]:
    """(name in the state dict, layer, parameter) of every tensor; shared tensors appear once."""
    for node in graph.nodes:
        if node.shares is None and (aux or not node.aux):
            for param in node.params:
                yield f"{node.name}.{param.name}", node, param


class WeightSource(Protocol):
    """A source of weights for exporters, which read a piece of a tensor at a time."""

    def pieces(self, name: str, param: Param) -> Iterator[np.ndarray[Any, Any]]:
        """The values of one tensor in order, as flat arrays of its dtype."""
        ...


class FreshWeights:
    """Initial weights, by the `init` lines of the recipe if there are any.

    The default is He's uniform distribution, U(-b, b) with b = sqrt(6 / fan_in) (He et al. 2015, equation 10), with
    biases 0 and scales 1. The last layer of each residual body is scaled by 1/sqrt(number of residuals), so that the
    signal does not grow with depth before the norms have statistics (similar to Radford et al. 2019).
    Each tensor has its own random stream, derived from the seed and its name.
    """

    def __init__(self, graph: Graph, seed: int = 0) -> None:
        self.seed = seed
        self.scheme = Scheme.of(graph)
        self.factors = self.scheme.residual_factors(graph)

    def pieces(self, name: str, param: Param) -> Iterator[np.ndarray[Any, Any]]:
        import numpy as np

        if param.init == "random":
            stream = np.random.Generator(np.random.PCG64([self.seed, zlib.crc32(name.encode())]))
            yield from self.scheme.random(stream, param, self.factors.get(name, 1.0))
            return
        if isinstance(param.init, tuple):
            yield np.asarray(param.init, dtype=param.dtype)
            return
        if param.init == "identity":
            for row in range(param.shape[0]):
                yield np.eye(1, param.shape[1], row, dtype=param.dtype)[0]
            return
        value = {"zeros": 0.0, "ones": 1.0}[param.init] if isinstance(param.init, str) else param.init
        if param.init == "zeros" and param.trainable and param.name.startswith("bias"):
            value = self.scheme.bias
        value *= self.factors.get(name, 1.0)
        for start in range(0, max(1, param.size), CHUNK):
            yield np.full(min(CHUNK, param.size - start), value, dtype=param.dtype)


def initial_weights(graph: Graph, seed: int) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """(name, array) for every tensor of the state dict."""
    import numpy as np

    source = FreshWeights(graph, seed)
    for name, _, param in state_entries(graph):
        array = np.empty(param.size, dtype=param.dtype)
        at = 0
        for piece in source.pieces(name, param):
            array[at : at + piece.size] = piece
            at += piece.size
        yield name, array.reshape(param.shape)


def open_weights(graph: Graph, weights: str | Path | Mapping[str, Any] | None, seed: int) -> WeightSource:
    """The source given by a user: a file, a mapping of arrays or tensors, or None for initial weights.

    Raises SpecError (NS503) if tensors are missing, left over, or have the wrong shape.
    """
    if weights is None:
        return FreshWeights(graph, seed)
    from netspec.weights.stored import stored_weights

    return stored_weights(graph, weights)
