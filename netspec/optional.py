"""Packages that not every installation has: each is imported when it is needed, and its absence is reported."""

from __future__ import annotations

from typing import Any

from netspec.diagnostics import SpecError

__all__ = ["require_onnx", "require_onnxruntime", "require_torch"]


def require_torch() -> Any:
    """The torch package. Raises SpecError (NS502) where it is not installed."""
    try:
        import torch
    except ImportError:
        raise _missing("PyTorch", "torch") from None
    return torch


def require_onnx() -> Any:
    """The onnx package. Raises SpecError (NS502) where it is not installed."""
    try:
        import onnx
    except ImportError:
        raise _missing("the onnx package", "onnx") from None
    return onnx


def require_onnxruntime() -> Any:
    """The onnxruntime package. Raises SpecError (NS502) where it is not installed."""
    try:
        import onnxruntime
    except ImportError:
        raise _missing("ONNX Runtime", "onnx") from None
    return onnxruntime


def _missing(package: str, extra: str) -> SpecError:
    return SpecError.of(
        "NS502", f"{package} is not installed", helps=[f"install it with `pip install 'netspec[{extra}]'`"]
    )
