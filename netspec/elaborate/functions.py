"""The built-in functions of expressions, each with how many values it takes and how long a list it makes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any

__all__ = ["FUNCTIONS", "BuiltIn", "Refused"]


class Refused(Exception):
    """A function does not take these values; says why."""


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """`items` is how many items the list that it makes has, known before it is made."""

    compute: Callable[..., Any]
    least: int
    most: int
    items: Callable[..., int] | None = None


def _round(x: float, digits: int = 0) -> float | int:
    if not isinstance(digits, int) or abs(digits) > 100:
        raise Refused("the digits of `round` are a whole number of at most 100")
    return round(x, digits) if digits else round(x)


def _sqrt(x: float) -> float:
    return math.sqrt(x)


def _log(x: float, base: float = math.e) -> float:
    return math.log(x) if base == math.e else math.log(x) / math.log(base)


def _whole(*numbers: Any) -> None:
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        raise TypeError


def _range(*bounds: int) -> range:
    _whole(*bounds)
    if len(bounds) == 3 and bounds[2] == 0:
        raise Refused("the step of `range` cannot be 0")
    return range(*bounds)


def _length(made: range) -> int:
    """How many items a range has, however many those are."""
    return max(0, (made.stop - made.start + made.step - (1 if made.step > 0 else -1)) // made.step)


def _linspace(start: float, stop: float, count: int) -> list[float]:
    _whole(count)
    if count < 0:
        raise Refused("`linspace` cannot make fewer than 0 numbers")
    numbers = (start + (stop - start) * i / max(count - 1, 1) for i in range(count))
    return [int(n) if isinstance(n, float) and n.is_integer() and _are_whole(start, stop) else n for n in numbers]


def _are_whole(*numbers: Any) -> bool:
    return all(isinstance(n, int) for n in numbers)


def _listed(*lists: Any) -> None:
    if not all(isinstance(items, (list, tuple)) for items in lists):
        raise TypeError


def _zip(*lists: Any) -> list[tuple[Any, ...]]:
    _listed(*lists)
    if any(len(one) != len(other) for one, other in pairwise(lists)):
        lengths = [str(len(items)) for items in lists]
        raise Refused(f"`zip` needs lists of one length, found {', '.join(lengths[:-1])} and {lengths[-1]} items")
    return list(zip(*lists, strict=True))


def _enumerate(items: Any, start: int = 0) -> list[tuple[int, Any]]:
    _listed(items)
    _whole(start)
    return list(enumerate(items, start))


def _reversed(items: Any) -> Any:
    _listed(items)
    return items[::-1]


FUNCTIONS: Mapping[str, BuiltIn] = MappingProxyType(
    {
        "min": BuiltIn(min, 1, 1000),
        "max": BuiltIn(max, 1, 1000),
        "abs": BuiltIn(abs, 1, 1),
        "round": BuiltIn(_round, 1, 2),
        "floor": BuiltIn(math.floor, 1, 1),
        "ceil": BuiltIn(math.ceil, 1, 1),
        "sqrt": BuiltIn(_sqrt, 1, 1),
        "exp": BuiltIn(math.exp, 1, 1),
        "log": BuiltIn(_log, 1, 2),
        "len": BuiltIn(len, 1, 1),
        "sum": BuiltIn(sum, 1, 1),
        "range": BuiltIn(lambda *bounds: list(_range(*bounds)), 1, 3, lambda *bounds: _length(_range(*bounds))),
        "linspace": BuiltIn(_linspace, 3, 3, lambda start, stop, count: count),
        "zip": BuiltIn(_zip, 1, 1000, lambda *lists: len(lists[0])),
        "enumerate": BuiltIn(_enumerate, 1, 2, lambda items, start=0: len(items)),
        "reversed": BuiltIn(_reversed, 1, 1, len),
    }
)
