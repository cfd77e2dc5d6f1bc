"""What is written is tried: the checker of ONNX, and a load in ONNX Runtime where that is installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    import onnx

__all__ = ["require_valid"]


def require_valid(made: onnx.ModelProto | Path) -> None:
    """A model in memory or in a file. Raises SpecError (NS504) where it breaks the rules of ONNX, or ONNX Runtime cannot
    load it."""
    import onnx

    try:
        source: Any = str(made) if isinstance(made, Path) else made.SerializeToString()  # once, for both
        onnx.checker.check_model(source)
    except Exception as error:  # of the checker, or of protobuf for a model of more than 2 GB
        raise _refused("the model breaks the rules of ONNX", error) from None
    try:
        import onnxruntime
    except ImportError:
        return
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises classes of its own, all from Exception
        raise _refused("ONNX Runtime cannot load the model", error) from None


def _refused(message: str, error: Exception) -> SpecError:
    said = next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
    return SpecError.of(
        "NS504", message, notes=[said], helps=["nothing was written", "another `--opset`, or no `--fp16`, may avoid it"]
    )
