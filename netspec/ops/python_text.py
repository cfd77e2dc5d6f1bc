"""Pieces of Python source, as a careful person writes them."""

from __future__ import annotations

from typing import Any

from netspec.graph import TensorType

__all__ = ["along_tokens", "call", "each", "padding_module"]


def number(value: Any) -> str:
    if isinstance(value, float):
        text = repr(value)
        return text.replace("e-0", "e-").replace("e+0", "e+")
    return repr(value)


def call(name: str, *values: Any, **options: Any) -> str:
    """`nn.Conv2d(3, 64, kernel_size=3)`: options that are None are left out."""
    parts = [number(v) for v in values]
    parts += [f"{k}={number(v)}" for k, v in options.items() if v is not None]
    return f"{name}({', '.join(parts)})"


def each(sizes: tuple[int, ...]) -> int | tuple[int, ...]:
    """One number where all axes agree, as `kernel_size=3`."""
    return sizes[0] if len(set(sizes)) == 1 else sizes


def unless(value: Any, default: Any) -> Any:
    """None (left out of a call) where a value is the default."""
    return None if value == default else value


def padding_module(before: tuple[int, ...], after: tuple[int, ...], value: str = "0") -> str:
    """The module that pads; torch names the last axis first."""
    ends = tuple(p for b, a in zip(reversed(before), reversed(after), strict=True) for p in (b, a))
    rank = len(before)
    if value == "0":
        return f"nn.ZeroPad{rank}d({each(ends)})"
    return f"nn.ConstantPad{rank}d({each(ends)}, {value})"


def along_tokens(x: TensorType) -> str | None:
    """The forward expression of a 1-D layer on tokens x features, which torch wants features first; else None."""
    return "{m}({0}.transpose(1, 2)).transpose(1, 2)" if x.layout == "sequence" else None
