"""The module that runs: the generated source, executed, its lines registered so that tracebacks show them."""

from __future__ import annotations

import itertools
import linecache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from netspec.backends.torch import named_source
from netspec.optional import require_torch

if TYPE_CHECKING:
    import torch

    from netspec.graph import Graph

__all__ = ["executed", "to_torch"]

_numbers = itertools.count(1)


def to_torch(graph: Graph, *, seed: int | None = None) -> torch.nn.Module:
    """An instance of the generated class; with a seed, holding netspec's initial weights instead of PyTorch's own."""
    require_torch()
    return executed(graph, *named_source(graph), seed, {})


def executed(graph: Graph, name: str, source: str, seed: int | None, known: dict[str, Any]) -> torch.nn.Module:
    """An instance of the class of that name in a source; `known` are names that it may use besides its own."""
    import torch as pytorch

    filename = f"<netspec {graph.name} {next(_numbers)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace = ModuleType(f"netspec_{name}")
    namespace.__dict__.update(known)
    # What is executed is netspec's own text; of the spec it holds names that were checked and numbers.
    exec(compile(source, filename, "exec"), namespace.__dict__)
    module: torch.nn.Module = getattr(namespace, name)()
    if seed is not None:
        from netspec.weights import initial_weights

        state = {key: pytorch.from_numpy(array) for key, array in initial_weights(graph, seed)}
        module.load_state_dict(state, strict=True)
    return module
