"""Fragments of Python source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netspec.graph import TensorType

__all__ = ["along_tokens", "call", "each", "padding_module"]


def number(value: Any) -> str:
    if isinstance(value, float):
        text = repr(value)
        return text.replace("e-0", "e-").replace("e+0", "e+")
    return repr(value)


@dataclass(frozen=True, slots=True)
class Omitted:
    """A value that equals the default and is therefore left out of a call."""

    value: Any


class CallText(str):
    """The text of a call, with the options that it leaves out because they have their default values."""

    __slots__ = ("parts",)
    parts: tuple[tuple[str, str, bool], ...]
    """(option, its text, whether it is left out); the option is "" for positional values and for the name."""

    @classmethod
    def of(cls, parts: tuple[tuple[str, str, bool], ...]) -> CallText:
        (_, name, _), *rest = parts
        text = cls(f"{name}({', '.join(t for _, t, left_out in rest if not left_out)})")
        text.parts = parts
        return text

    def written(self) -> frozenset[str]:
        """The options that are not left out."""
        return frozenset(option for option, _, left_out in self.parts if option and not left_out)

    def showing(self, options: frozenset[str]) -> CallText:
        """The same call with these options included even if they have their default values."""
        return CallText.of(tuple((o, t, left_out and o not in options) for o, t, left_out in self.parts))


def call(name: str, *values: Any, **options: Any) -> CallText:
    """`nn.Conv2d(3, 64, kernel_size=3)`: options that are None or Omitted are left out."""
    parts = [("", name, False), *(("", number(v), False) for v in values)]
    for option, value in options.items():
        if isinstance(value, Omitted):
            parts.append((option, f"{option}={number(value.value)}", True))
        elif value is not None:
            parts.append((option, f"{option}={number(value)}", False))
    return CallText.of(tuple(parts))


def each(sizes: tuple[int, ...]) -> int | tuple[int, ...]:
    """A single number if all axes agree, as in `kernel_size=3`."""
    return sizes[0] if len(set(sizes)) == 1 else sizes


def unless(value: Any, default: Any) -> Any:
    """The value, marked to be left out of a call if it is the default."""
    return Omitted(value) if value == default else value


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
