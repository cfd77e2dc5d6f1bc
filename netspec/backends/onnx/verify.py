"""ONNX Runtime against the PyTorch module, on the weights that stand in the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.backends.torch.live import require_torch, to_torch
from netspec.diagnostics import SpecError
from netspec.graph import Graph
from netspec.weights import open_weights, state_entries

if TYPE_CHECKING:
    import numpy as np

    from netspec.model import Model

__all__ = ["HALF_TOLERANCE", "TOLERANCE", "Difference", "load_weights", "run_onnx", "sample_inputs", "verify"]

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


def require_onnxruntime() -> Any:
    """The onnxruntime package. Raises SpecError (NS502) where it is not installed."""
    try:
        import onnxruntime
    except ImportError:
        raise SpecError.of(
            "NS502", "ONNX Runtime is not installed", helps=["install it: pip install 'netspec[onnx]'"]
        ) from None
    return onnxruntime


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


def verify(
    model: Model,
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
    inputs = sample_inputs(model.graph, batch)
    theirs = run_onnx(path, inputs, [name for name, _ in model.graph.outputs])
    module = to_torch(model).eval()
    load_weights(module, model, weights, seed)
    with torch.no_grad():
        result = module(*(torch.from_numpy(v) for v in inputs.values()))
    ours = result if isinstance(result, tuple) else (result,)
    mine = [tensor.numpy() for tensor in ours]
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


def load_weights(module: Any, model: Model, weights: str | Path | Mapping[str, Any] | None, seed: int) -> None:
    """The weights of a source into the module, every tensor of the spec."""
    import numpy as np

    torch = require_torch()
    source = open_weights(model.graph, weights, seed)
    state = module.state_dict()
    with torch.no_grad():
        for name, _, param in state_entries(model.graph):
            if name in getattr(source, "names", state):
                array = np.concatenate([np.atleast_1d(p) for p in source.pieces(name, param)]).reshape(param.shape)
                state[name].copy_(torch.from_numpy(array))
