"""Inputs with open sizes: `input 3xHxW`, and specs whose sizes are left open to see which they take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netspec.syntax import tree as t

__all__ = ["Opened", "misplaced", "open_names", "opened"]

_OPEN = re.compile(r"[A-Z][0-9]?")
_BATCH = ("N", "B")
"""Names of a batch before the sizes, which an input does not have: an error of its own."""
_NAMES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}


def open_names(file: t.File) -> tuple[str, ...]:
    """The sizes that a spec leaves open: capitals in the size of an input that stand for no parameter or variable."""
    return tuple(dict.fromkeys(name.text for name, _ in _open(file)))


def misplaced(file: t.File) -> list[t.Name]:
    """The open sizes in places that are no sizes of a signal, an image, a volume or a sequence: channels and features."""
    return [name for name, fits in _open(file) if not fits]


def _open(file: t.File) -> Iterator[tuple[t.Name, bool]]:
    """Each open size, and whether its place can be left open."""
    declared = _declared(file)
    for statement in _inputs(file):
        places = _places(statement)
        for i, size in enumerate(statement.sizes):
            if not isinstance(size, t.Name) or not _OPEN.fullmatch(size.text) or size.text in declared:
                continue
            if i or len(statement.sizes) < 4 or size.text not in _BATCH:
                yield size, i in places


def _inputs(file: t.File) -> Iterator[t.Input]:
    return (item for item in file.items if isinstance(item, t.Input))


def _declared(file: t.File) -> set[str]:
    names = {item.name for item in file.items if isinstance(item, t.Let)}
    return names | {p.name for item in file.items if isinstance(item, t.Net) for p in item.parameters}


@dataclass(frozen=True, slots=True)
class Opened:
    """A spec with its sizes left open: the tree, and the names of the sizes with the values that they have in the spec,
    None for those that it leaves open."""

    file: t.File
    sizes: Mapping[str, int | None]


def opened(file: t.File, parameters: Mapping[str, Any]) -> Opened:
    """A spec with the sizes of its inputs left open; channels, features and vectors stay.

    A parameter that a size is made of is left open itself. Inputs of one size keep one size.
    """
    return _Opening(file, parameters).opened()


class _Opening:
    def __init__(self, file: t.File, parameters: Mapping[str, Any]) -> None:
        self.file, self.parameters = file, parameters
        net = next((item for item in file.items if isinstance(item, t.Net)), None)
        self.defaults = {p.name: p.default for p in net.parameters} if net else {}
        self.open = open_names(file)
        self.taken = set(re.findall(r"[A-Za-z_]\w*", re.sub("#.*", "", file.source.text)))
        self.sizes: dict[str, int | None] = {}
        self.named: dict[tuple[str, ...], tuple[str, ...]] = {}

    def opened(self) -> Opened:
        items = tuple(self.input(item) if isinstance(item, t.Input) else item for item in self.file.items)
        return Opened(t.File(self.file.source, items), self.sizes)

    def input(self, statement: t.Input) -> t.Input:
        places = _places(statement)
        literals = tuple(statement.sizes[i].span.text for i in places)
        words = {word.text.lower() for word in statement.words}
        if literals not in self.named:
            tokens = bool(words & {"sequence", "int"})
            names = ("T",) if tokens else _NAMES.get(len(places), ())
            self.named[literals] = tuple(map(self.free, names))
        sizes = list(statement.sizes)
        for i, name in zip(places, self.named[literals], strict=True):
            sizes[i] = self.size(sizes[i], name)
        return t.Input(statement.name, tuple(sizes), statement.words, statement.size_span, statement.span)

    def free(self, name: str) -> str:
        """A name that the spec does not use."""
        tries = (name, *(f"{name}{i}" for i in range(2, 1000)))
        found = next(tried for tried in tries if tried not in self.taken)
        self.taken.add(found)
        return found

    def size(self, expr: t.Expr, name: str) -> t.Expr:
        if isinstance(expr, t.Literal_) and expr.kind == "int":
            self.sizes[name] = int(expr.text.replace("_", ""))
            return t.Name(name, expr.span)
        for word in re.findall(r"[A-Za-z_]\w*", expr.span.text):
            if word in self.open or word in self.defaults:
                self.sizes.setdefault(word, self.value(word))
        return expr

    def value(self, name: str) -> int | None:
        if name in self.parameters:
            given = self.parameters[name]
            return given if isinstance(given, int) else None
        default = self.defaults.get(name)
        return int(default.text) if isinstance(default, t.Literal_) and default.kind == "int" else None


def _places(statement: t.Input) -> tuple[int, ...]:
    """The indices of the sizes that can be left open."""
    words = {word.text.lower() for word in statement.words}
    count = len(statement.sizes)
    if any(isinstance(size, t.Sequence_) for size in statement.sizes):
        return ()
    if words & {"rgb", "gray", "grey"}:
        return tuple(range(count)) if count == 2 else ()
    if words & {"sequence", "int"}:
        return (0,)
    return tuple(range(1, count)) if 2 <= count <= 4 else ()
