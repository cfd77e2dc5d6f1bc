"""ONNX Runtime against the PyTorch module, on the weights that stand in the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.backends.onnx import require_onnx
from netspec.backends.torch.live import require_torch, to_torch
from netspec.diagnostics import SpecError
from netspec.graph import Graph

if TYPE_CHECKING:
    import numpy as np

    from netspec.model import Model

__all__ = ["TOLERANCE", "Difference", "sample_inputs", "verify"]

TOLERANCE = 1e-4
"""The largest difference allowed, relative to the largest absolute value of the output."""


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


def verify(model: Model, path: Path, *, batch: int = 2) -> Difference:
    """The largest difference over all outputs, in evaluation mode. Raises SpecError where a runtime refuses the file."""
    torch, onnxruntime = require_torch(), require_onnxruntime()
    inputs = sample_inputs(model.graph, batch)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        theirs = session.run([name for name, _ in model.graph.outputs], inputs)
    except Exception as error:  # ONNX Runtime raises classes of its own, all from Exception
        raise SpecError.of("NS504", f"ONNX Runtime refuses {path}", notes=[str(error).split("\n")[0][:300]]) from None
    module = to_torch(model).eval()
    _load(module, path, model)
    with torch.no_grad():
        result = module(*(torch.from_numpy(v) for v in inputs.values()))
    ours = result if isinstance(result, tuple) else (result,)
    mine = [tensor.numpy() for tensor in ours]
    return Difference(
        max(float(abs(a - b).max()) for a, b in zip(mine, theirs, strict=True)), max(float(abs(a).max()) for a in mine)
    )


def _load(module: Any, path: Path, model: Model) -> None:
    """The file's weights into the module: the very ones that ONNX Runtime computes with."""
    torch, onnx = require_torch(), require_onnx()
    from onnx import numpy_helper

    proto = onnx.load(str(path))
    stored = {t.name: t for t in proto.graph.initializer}
    state = module.state_dict()
    for name, tensor in state.items():
        if name in stored:
            tensor.copy_(torch.from_numpy(numpy_helper.to_array(stored[name], base_dir=str(path.parent)).copy()))
