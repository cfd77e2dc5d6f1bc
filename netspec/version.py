"""The version of netspec: what the package is built with, and what generated files say they were written by."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
