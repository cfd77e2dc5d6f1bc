"""Packages that not every installation has: each is imported when it is needed, and its absence is reported."""

from __future__ import annotations

from typing import Any

from netspec.diagnostics import SpecError

__all__ = [
    "DISTRIBUTION",
    "install_command",
    "not_installed",
    "package_missing",
    "require_fpdf",
    "require_onnx",
    "require_onnxruntime",
    "require_resvg",
    "require_server",
    "require_torch",
]

DISTRIBUTION = "netspec-nn"
"""The name under which pip installs netspec; on PyPI, `netspec` is another project."""


def require_torch() -> Any:
    """The torch package. Raises SpecError (NS502) where it is not installed."""
    try:
        import torch
    except ImportError:
        raise not_installed("PyTorch", "torch") from None
    return torch


def require_onnx() -> Any:
    """The onnx package. Raises SpecError (NS502) where it is not installed."""
    try:
        import onnx
    except ImportError:
        raise not_installed("the onnx package", "onnx") from None
    return onnx


def require_fpdf() -> Any:
    """The fpdf package, which writes PDF. Raises SpecError (NS502) where it is not installed."""
    try:
        import fpdf
    except ImportError:
        raise not_installed("the fpdf2 package, which writes PDF,", "draw") from None
    return fpdf


def require_resvg() -> Any:
    """The resvg_py package, which writes PNG. Raises SpecError (NS502) where it is not installed."""
    try:
        import resvg_py
    except ImportError:
        raise not_installed("the resvg-py package, which writes PNG,", "draw") from None
    return resvg_py


def require_onnxruntime() -> Any:
    """The onnxruntime package. Raises SpecError (NS502) where it is not installed."""
    try:
        import onnxruntime
    except ImportError:
        raise not_installed("ONNX Runtime", "onnx") from None
    return onnxruntime


def require_server() -> None:
    """Raises SpecError (NS502) where one of the packages that serve the page is not installed."""
    from importlib.util import find_spec

    if not all(map(find_spec, ("starlette", "uvicorn", "watchfiles"))):
        raise not_installed("what serves the page (starlette, uvicorn, watchfiles)", "view")


def not_installed(package: str, extra: str) -> SpecError:
    """NS502 for a package that the extra installs."""
    return SpecError.of("NS502", f"{package} is not installed", helps=[f"install it with `{install_command(extra)}`"])


def package_missing(package: str, purpose: str) -> SpecError:
    """NS502 for a package that no extra installs."""
    return SpecError.of(
        "NS502", f"{package}, {purpose}, is not installed", helps=[f"install it with `pip install {package}`"]
    )


def install_command(extra: str = "") -> str:
    """The command that installs netspec, with an extra."""
    return f"pip install '{DISTRIBUTION}[{extra}]'" if extra else f"pip install {DISTRIBUTION}"
