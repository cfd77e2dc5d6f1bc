"""Loading weights into a PyTorch module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netspec.graph import Graph
from netspec.optional import require_torch
from netspec.weights import open_weights, state_entries

__all__ = ["load_weights"]


def load_weights(module: Any, graph: Graph, weights: str | Path | Mapping[str, Any] | None, seed: int) -> None:
    """Loads every tensor of the spec from a source into the module."""
    import numpy as np

    torch = require_torch()
    source = open_weights(graph, weights, seed)
    state = module.state_dict()
    with torch.no_grad():
        for name, _, param in state_entries(graph):
            if name in getattr(source, "names", state):
                array = np.concatenate([np.atleast_1d(p) for p in source.pieces(name, param)]).reshape(param.shape)
                state[name].copy_(torch.from_numpy(array))
