"""torch.export: the generated module as an ExportedProgram, its batch left open."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.analysis.samples import sample_inputs
from netspec.backends.torch.live import to_torch
from netspec.diagnostics import SpecError
from netspec.files import atomic_write
from netspec.optional import require_torch
from netspec.weights.loading import load_weights

if TYPE_CHECKING:
    from netspec.graph import Graph

__all__ = ["write_program"]


def write_program(
    graph: Graph, path: Path, weights: str | Path | Mapping[str, Any] | None = None, *, seed: int = 0
) -> None:
    """Writes a .pt2 file of the module in evaluation mode. Raises SpecError."""
    torch = require_torch()
    module = to_torch(graph).eval()
    load_weights(module, graph, weights, seed)
    inputs = tuple(torch.from_numpy(v) for v in sample_inputs(graph, 2).values())
    batch = torch.export.Dim("batch")
    try:
        program = torch.export.export(module, inputs, dynamic_shapes=tuple({0: batch} for _ in inputs))
    except Exception as error:  # torch.export raises whatever a network provokes
        said = next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
        raise SpecError.of("NS506", "torch.export cannot export this network", notes=[said]) from None
    with atomic_write(path) as file:
        torch.export.save(program, file)
