"""ONNX Runtime against the PyTorch module, on the weights in the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.analysis.samples import sample_inputs
from netspec.backends.torch.live import to_torch
from netspec.diagnostics import SpecError
from netspec.optional import require_onnxruntime, require_torch
from netspec.weights.loading import load_weights

if TYPE_CHECKING:
    import numpy as np

    from netspec.graph import Graph

__all__ = ["HALF_TOLERANCE", "TOLERANCE", "Difference", "run_onnx", "verify"]

TOLERANCE = 1e-4
"""The largest difference allowed, relative to the largest absolute value of the output."""

HALF_TOLERANCE = 2e-2
"""The same for a model in half precision, which has 11 bits."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`largest` is absolute; `scale` is the largest absolute value that PyTorch gives."""

    largest: float
    scale: float

    @property
    def relative(self) -> float:
        return self.largest / self.scale if self.scale > 0 else self.largest

    @property
    def ok(self) -> bool:
        return self.relative <= TOLERANCE


def verify(
    graph: Graph,
    path: Path,
    weights: str | Path | Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    batch: int = 2,
) -> Difference:
    """The largest difference over all outputs, in evaluation mode, with the weights that went into the file.

    Raises SpecError where ONNX Runtime refuses the file.
    """
    torch = require_torch()
    inputs = sample_inputs(graph, batch)
    theirs = run_onnx(path, inputs, [name for name, _ in graph.outputs])
    module = to_torch(graph).eval()
    load_weights(module, graph, weights, seed)
    with torch.no_grad():
        result = module(*(torch.from_numpy(v) for v in inputs.values()))
    ours = result if isinstance(result, tuple) else (result,)
    mine = [tensor.detach().numpy() for tensor in ours]
    return Difference(
        max(float(abs(a - b).max()) for a, b in zip(mine, theirs, strict=True)), max(float(abs(a).max()) for a in mine)
    )


def run_onnx(path: Path, inputs: dict[str, np.ndarray[Any, Any]], outputs: list[str]) -> list[np.ndarray[Any, Any]]:
    """The outputs that ONNX Runtime computes on the CPU. Raises SpecError (NS504) where it refuses the file."""
    onnxruntime = require_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return session.run(outputs, inputs)  # type: ignore[no-any-return]
    except Exception as error:  # ONNX Runtime raises classes of its own, all from Exception
        raise SpecError.of("NS504", f"ONNX Runtime refuses {path}", notes=[str(error).split("\n")[0][:300]]) from None
