"""Fragments of Python source. What traces numbers is imported where source is written: checking does without."""

from __future__ import annotations

from typing import Any

from netspec.graph import TensorType

__all__ = ["along_tokens", "call", "each", "padding_module"]


def number(value: Any) -> str:
    from netspec.ops.formula import decimal

    return decimal(value) if type(value) is float else repr(value)


class Omitted:
    """A value that equals the default and is therefore left out of a call."""


OMITTED = Omitted()


def call(name: str, *values: Any, **options: Any) -> str:
    """`nn.Conv2d(3, 64, kernel_size=3)`: options that are None or omitted are left out."""
    parts = [number(v) for v in values]
    parts += [f"{o}={number(v)}" for o, v in options.items() if v is not None and v is not OMITTED]
    return f"{name}({', '.join(parts)})"


def each(sizes: tuple[int, ...]) -> int | tuple[int, ...]:
    """A single number if all axes agree, as in `kernel_size=3`."""
    if all(type(size) is int for size in sizes):
        return sizes[0] if len(set(sizes)) == 1 else sizes
    from netspec.ops.traced import same

    return sizes[0] if all(same(size, sizes[0]) for size in sizes) else sizes


def unless(value: Any, default: Any) -> Any:
    """The value, left out of a call where it is the default whatever the names in it are worth."""
    from netspec.ops.traced import same

    if isinstance(value, tuple) and isinstance(default, tuple):
        alike = len(value) == len(default) and all(map(same, value, default))
    else:
        alike = not isinstance(value, tuple) and same(value, default)
    return OMITTED if alike else value


def padding_module(before: tuple[int, ...], after: tuple[int, ...], value: str = "0") -> str:
    """The padding module; torch lists the last axis first."""
    ends = tuple(p for b, a in zip(reversed(before), reversed(after), strict=True) for p in (b, a))
    rank = len(before)
    if value == "0":
        return f"nn.ZeroPad{rank}d({each(ends)})"
    return f"nn.ConstantPad{rank}d({each(ends)}, {value})"


def along_tokens(x: TensorType) -> str | None:
    """The forward expression of a 1-D layer on tokens x features, where torch expects features first; otherwise None."""
    return "{m}({0}.transpose(1, 2)).transpose(1, 2)" if x.layout == "sequence" else None
