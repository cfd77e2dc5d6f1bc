"""Inputs that fit a network, to run it on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.graph import Graph

if TYPE_CHECKING:
    import numpy as np

__all__ = ["sample_inputs"]


def sample_inputs(graph: Graph, batch: int, seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
    """Random inputs by name: standard normal, or ids within the vocabulary."""
    import numpy as np

    stream = np.random.default_rng(seed)
    inputs: dict[str, np.ndarray[Any, Any]] = {}
    for name, index in graph.inputs:
        kind = graph.nodes[index].type
        if kind.layout == "ids":
            users = [n.op for n in graph.nodes if index in n.inputs]
            most = min((getattr(op, "vocab", 2) for op in users), default=2)
            inputs[name] = stream.integers(0, most, (batch, *kind.shape))
        else:
            inputs[name] = stream.standard_normal((batch, *kind.shape), dtype=np.float32)
    return inputs
