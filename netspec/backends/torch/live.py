"""The module that runs: the generated source, executed, its lines registered so that tracebacks show them."""

from __future__ import annotations

import itertools
import linecache
from types import ModuleType
from typing import TYPE_CHECKING

from netspec.backends.torch import named_source
from netspec.optional import require_torch

if TYPE_CHECKING:
    import torch

    from netspec.graph import Graph

__all__ = ["to_torch"]

_numbers = itertools.count(1)


def to_torch(graph: Graph, *, seed: int | None = None) -> torch.nn.Module:
    """An instance of the generated class; with a seed, holding netspec's initial weights instead of PyTorch's own."""
    pytorch = require_torch()
    name, source = named_source(graph)
    filename = f"<netspec {graph.name} {next(_numbers)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace = ModuleType(f"netspec_{name}")
    # What is executed is netspec's own text; of the spec it holds names that were checked and numbers.
    exec(compile(source, filename, "exec"), namespace.__dict__)
    module: torch.nn.Module = getattr(namespace, name)()
    if seed is not None:
        from netspec.weights import initial_weights

        state = {key: pytorch.from_numpy(array) for key, array in initial_weights(graph, seed)}
        module.load_state_dict(state, strict=True)
    return module
