"""From text to syntax tree."""

from netspec.syntax.parser import parse

__all__ = ["parse"]
