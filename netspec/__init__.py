"""netspec: a declarative model-spec compiler and visualizer for neural networks."""

from netspec.comparing import Diff, diff
from netspec.diagnostics import Diagnostic, SpecError
from netspec.elaborate.limits import Limits
from netspec.graph import TensorType
from netspec.model import Layer, Model, check, load, loads
from netspec.version import __version__

__all__ = [
    "Diagnostic", "Diff", "Layer", "Limits", "Model", "SpecError", "TensorType", "__version__", "check", "diff", "load",
    "loads",
]  # fmt: skip
