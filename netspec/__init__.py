"""netspec: a declarative model-spec compiler and visualizer for neural networks."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from netspec.version import __version__

if TYPE_CHECKING:
    from netspec.comparing import Diff, diff
    from netspec.diagnostics import Diagnostic, SpecError
    from netspec.elaborate.limits import Limits
    from netspec.exploring import Solved, Sweep, solve, sweep
    from netspec.graph import TensorType
    from netspec.model import Layer, Model, check, load, loads
    from netspec.sizing import Sizes, sizes
    from netspec.training.callbacks import Callback
    from netspec.training.opened_run import Run, open_run
    from netspec.training.own_loop import Prepared, prepare
    from netspec.training.started_run import train

__all__ = [
    "Callback", "Diagnostic", "Diff", "Layer", "Limits", "Model", "Prepared", "Run", "Sizes", "Solved", "SpecError", "Sweep", "TensorType", "__version__", "check",
    "diff", "load", "loads", "open_run", "prepare", "sizes", "solve", "sweep", "train",
]  # fmt: skip
_ROOMS = {
    "Diagnostic": "diagnostics",
    "SpecError": "diagnostics",
    "Limits": "elaborate.limits",
    "TensorType": "graph",
    "Layer": "model",
    "Model": "model",
    "check": "model",
    "load": "model",
    "loads": "model",
    "Diff": "comparing",
    "diff": "comparing",
    "Solved": "exploring",
    "Sweep": "exploring",
    "solve": "exploring",
    "sweep": "exploring",
    "Sizes": "sizing",
    "sizes": "sizing",
    "Run": "training.opened_run",
    "open_run": "training.opened_run",
    "Callback": "training.callbacks",
    "Prepared": "training.own_loop",
    "prepare": "training.own_loop",
    "train": "training.started_run",
}


def __getattr__(name: str) -> Any:
    """What is loaded when it is first used, so that every command starts at once."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'netspec' has no attribute {name!r}")
    return getattr(import_module(f"netspec.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS})
