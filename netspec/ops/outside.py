"""Layers from installed packages: entry points of the group `netspec.ops`, whose code is loaded when a spec names one.

What is installed is known from the metadata alone. A package is found where Python looks for packages, except in the
current folder: a spec that comes with a folder brings no code with it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.graph import Param, TensorType
from netspec.ops import CATALOGUE, JOINS
from netspec.ops.op import Misfit, Op, TorchCode

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["GROUP", "Offer", "Unusable", "load", "offered"]

GROUP = "netspec.ops"


class Unusable(Exception):
    """A layer of a package that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A layer that an installed package offers; `point` says where its class is."""

    name: str
    package: str
    point: EntryPoint

    def __str__(self) -> str:
        return f"the layer `{self.name}` of the package {self.package}"


@cache
def offered() -> Mapping[str, tuple[Offer, ...]]:
    """What the installed packages offer, by name in lower case; nothing is loaded. Of one name there should be one offer."""
    found: dict[str, list[Offer]] = {}
    for offer in _offers():
        found.setdefault(offer.name.lower(), []).append(offer)
    return MappingProxyType({name: tuple(offers) for name, offers in sorted(found.items())})


def _offers() -> Iterator[Offer]:
    here = Path().resolve()
    for path in dict.fromkeys(Path(path).resolve() for path in sys.path if path):
        for points in sorted(path.glob("*-info/entry_points.txt")) if path != here else ():
            with suppress(OSError):
                if f"[{GROUP}]" in points.read_text(encoding="utf-8", errors="replace"):
                    yield from _offers_of(points.parent)


def _offers_of(folder: Path) -> Iterator[Offer]:
    """Of one installed package, with its metadata in a folder."""
    from importlib.metadata import Distribution

    package = Distribution.at(folder)
    for point in package.entry_points.select(group=GROUP):
        yield Offer(point.name, f"{package.metadata['Name']} {package.version}", point)


@cache
def load(name: str) -> type[Op]:
    """The class behind a name that is `offered`. Raises Unusable."""
    offers = offered()[name]
    if name in CATALOGUE or name in JOINS:
        raise Unusable(f"`{name}` is a layer of netspec: a package cannot replace it")
    if len(offers) > 1:
        raise Unusable(f"{' and '.join(offer.package for offer in offers)} both have a layer `{name}`")
    (offer,) = offers
    try:
        op = offer.point.load()
    except Exception as error:
        raise Unusable(f"loading it failed: {_said(error)}") from error
    _require(offer, op)
    return type(op.__name__, (op,), {"__doc__": op.__doc__, **_guards(offer, op)})


def _require(offer: Offer, op: Any) -> None:
    """Raises Unusable for what is no complete layer."""
    if not (isinstance(op, type) and issubclass(op, Op)):
        raise Unusable(f"{offer.point.value} is not a class derived from `netspec.plugin.Op`")
    if offer.name.lower() not in (op.name.lower(), *op.aliases):
        raise Unusable(f"the entry point is called `{offer.name}`, and the layer `{op.name}`")
    missing = [
        what
        for what, there in (
            ("a docstring", op.__doc__), ("`example`", op.example), ("`torch`", op.torch is not Op.torch),
            ("`onnx`", op.onnx is not Op.onnx),
        )
        if not there
    ]  # fmt: skip
    if missing:
        raise Unusable(f"it lacks {', '.join(missing)}")


# What a package computes is not trusted to be of the right kind, nor to end without an exception

_SHAPES: Mapping[str, Callable[[Any], bool]] = MappingProxyType(
    {
        "output": lambda value: (
            isinstance(value, TensorType) and not any(type(n) is int and n < 1 for n in value.shape)
        ),
        "params": lambda value: isinstance(value, tuple) and all(isinstance(param, Param) for param in value),
        "macs": lambda value: value is not None and not isinstance(value, (bool, float, str)),
        "leftovers": lambda value: isinstance(value, tuple),
        "validate": lambda value: True,
    }
)
"""Methods that run while a spec is checked, and whether what they give is of the right kind."""
_LATER: Mapping[str, Callable[[Any], bool]] = MappingProxyType(
    {
        "torch": lambda value: isinstance(value, TorchCode),
        "onnx": lambda value: isinstance(value, str),
        "describe": lambda value: isinstance(value, str),
        "reach": lambda value: value is None or isinstance(value, tuple),
        "needs_flat": lambda value: isinstance(value, bool),
        "tiling": lambda value: isinstance(value, tuple),
    }
)


def _guards(offer: Offer, op: type[Op]) -> dict[str, Any]:
    checks = {**_SHAPES, **_LATER}
    own = (name for name in checks if getattr(op, name) is not getattr(Op, name))
    return {name: _guarded(offer, getattr(op, name), checks[name]) for name in own}


def _guarded(offer: Offer, method: Any, fits: Callable[[Any], bool]) -> Any:
    name = method.__name__

    @wraps(method)
    def guarded(*arguments: Any) -> Any:
        try:
            value = method(*arguments)
        except Exception as error:
            if type(error).__module__.partition(".")[0] == "netspec":  # such as a Misfit, which is an answer
                raise
            raise _failure(offer, name, f"`{name}` failed: {_said(error)}") from error
        if not fits(value):
            raise _failure(offer, name, f"`{name}` gave {value!r:.80}")
        return value

    return guarded


def _failure(offer: Offer, method: str, why: str) -> Exception:
    if method in _SHAPES:
        return Misfit("NS215", f"{offer} is broken: {why}")
    return SpecError.of("NS215", f"{offer} is broken: {why}")


def _said(error: Exception) -> str:
    first = next(iter(str(error).strip().splitlines()), "")[:300]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
