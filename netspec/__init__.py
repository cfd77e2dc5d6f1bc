"""netspec: a declarative model-spec compiler and visualizer for neural networks."""

from netspec.comparing import Diff, diff
from netspec.diagnostics import Diagnostic, SpecError
from netspec.elaborate.limits import Limits
from netspec.exploring import Solved, Sweep, solve, sweep
from netspec.graph import TensorType
from netspec.model import Layer, Model, check, load, loads
from netspec.version import __version__

__all__ = [
    "Diagnostic", "Diff", "Layer", "Limits", "Model", "Solved", "SpecError", "Sweep", "TensorType", "__version__", "check",
    "diff", "load", "loads", "solve", "sweep",
]  # fmt: skip
