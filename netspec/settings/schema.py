"""The schema of a `train` section: settings, their forms, and their options."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from netspec.ops.kinds import BadValue, Choice, Integer, Kind, Number
from netspec.ops.op import Option
from netspec.values import Size, Value, Word, kind_of

__all__ = [
    "ALL",
    "BALANCED",
    "DECAY",
    "FRACTION",
    "RATE",
    "BatchSize",
    "Betas",
    "ClassWeights",
    "Form",
    "Interval",
    "Measure",
    "Milestones",
    "Pairs",
    "Setting",
    "Text",
    "form",
    "option",
    "table",
]


ALL = 10**9
"""The batch size that stands for all examples: there are never as many."""


class Text(Kind[str]):
    """A string in double quotes."""

    noun = 'a string such as "weights.safetensors"'

    def read(self, value: Value) -> str:
        if not isinstance(value, str):
            raise BadValue(f"expected {self.noun}, found {kind_of(value)}", "put it in double quotes")
        return value


class BatchSize(Integer):
    """A whole number, or `all`: as many as there are examples."""

    def read(self, value: Value) -> int:
        return ALL if isinstance(value, Word) and value.name == "all" and not value.called else super().read(value)

    def document(self) -> str:
        return f"{super().document()}, or all"


class Measure(Choice):
    """A score of a network with a single output; `among` has those of several."""

    def among(self, outputs: Sequence[str]) -> Choice:
        """With several outputs `loss` is the sum of all, and the scores of each are `NAME_loss`, `NAME_accuracy`, …"""
        if len(outputs) < 2:
            return self
        return Choice("loss", *(f"{output}_{name}" for output in outputs for name in self.choices))


class Milestones(Kind[tuple[int, ...]]):
    """Increasing epoch numbers."""

    noun = "a list of epochs such as [30, 60, 80]"

    def read(self, value: Value) -> tuple[int, ...]:
        if not isinstance(value, (list, tuple)) or isinstance(value, Size) or not value:
            lone = isinstance(value, int) and not isinstance(value, bool)
            helps, instead = ([f"write `[{value}]`"], f"[{value}]") if lone else ([], "")
            raise BadValue(f"expected {self.noun}, found {kind_of(value)}", *helps, instead=instead)
        epochs = tuple(Integer(1).read(v) for v in value)
        if list(epochs) != sorted(set(epochs)):
            instead = str(sorted(set(epochs)))
            raise BadValue("the epochs must be increasing", f"write `{instead}`", code="NS205", instead=instead)
        return epochs


class Betas(Kind[tuple[float, float]]):
    """Two decay rates."""

    noun = "two numbers such as (0.9, 0.999)"

    def read(self, value: Value) -> tuple[float, float]:
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            lone = isinstance(value, float) and 0 <= value < 1
            helps, instead = ([f"write `({value:g}, 0.999)`"], f"({value:g}, 0.999)") if lone else ([], "")
            raise BadValue(f"expected {self.noun}, found {kind_of(value)}", *helps, instead=instead)
        first, second = (Number(0, 1, open_high=True).read(v) for v in value)
        return first, second


BALANCED = "balanced"


class ClassWeights(Kind[Any]):
    """A factor for each class, or `balanced`."""

    noun = "balanced, or a list of numbers such as [1, 2.5]"

    def read(self, value: Value) -> str | tuple[float, ...]:
        if isinstance(value, Word) and value.name == BALANCED and not value.called:
            return BALANCED
        if not isinstance(value, (list, tuple)) or isinstance(value, Size) or not value:
            raise BadValue(f"expected {self.noun}, found {kind_of(value)}")
        return tuple(Number(0).read(v) for v in value)


class Pairs(Kind[tuple[tuple[int, int], ...]]):
    """Pairs of different numbers from 0."""

    noun = "pairs of points, which are numbered from 0, such as [[0, 1], [3, 4]]"

    def read(self, value: Value) -> tuple[tuple[int, int], ...]:
        if not isinstance(value, (list, tuple)) or isinstance(value, Size):
            raise BadValue(f"expected {self.noun}, found {kind_of(value)}")
        pairs = []
        for pair in value:
            if not isinstance(pair, (list, tuple)) or isinstance(pair, Size) or len(pair) != 2:
                raise BadValue(f"expected {self.noun}", "write each pair in brackets of its own")
            pairs.append((Integer(0).read(pair[0]), Integer(0).read(pair[1])))
        numbers = [number for pair in pairs for number in pair]
        if len(set(numbers)) < len(numbers):
            raise BadValue("a point stands twice in the pairs", "exchange each point with one other", code="NS205")
        return tuple(pairs)


class Interval(Kind[tuple[float, float]]):
    """The lowest and the highest of positive numbers."""

    def __init__(self, sample: str, most: float | None = None) -> None:
        self.noun = f"two numbers such as {sample}"
        self.most = math.inf if most is None else most

    def read(self, value: Value) -> tuple[float, float]:
        if not isinstance(value, (list, tuple)) or isinstance(value, Size) or len(value) != 2:
            raise BadValue(f"expected {self.noun}, found {kind_of(value)}", "write the lowest and the highest")
        low, high = (Number(0, self.most, open_low=True).read(v) for v in value)
        if low > high:
            instead = f"({high:g}, {low:g})"
            raise BadValue("the lowest number comes first", f"write `{instead}`", code="NS205", instead=instead)
        return low, high


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a setting, such as `sgd` of `optimizer`, with its options; "" if the setting takes no word."""

    word: str
    doc: str
    options: Mapping[str, Option[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of a recipe. `many`: the line can be repeated; `nested`: a section in braces; `outputs`: there can be a line for
    each output of the net, which it names first."""

    name: str
    doc: str
    forms: tuple[Form, ...]
    many: bool = False
    nested: Mapping[str, Setting] | None = None
    labels: bool = False
    outputs: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(form.word for form in self.forms if form.word)


def option(kind: Kind[Any], default: Any, doc: str, *, first: bool = False) -> Option[Any]:
    return Option(kind, default, doc=doc, slot="value" if first else "option")


def form(word: str, doc: str, **options: Option[Any]) -> Form:
    for name, option in options.items():
        option.name = name
    return Form(word, doc, options)


RATE = Number(0, open_low=True)
FRACTION = Number(0, 1)
DECAY = Number(0, 1, open_high=True)


def table(*settings: Setting) -> Mapping[str, Setting]:
    """The settings by name, as an immutable mapping."""
    return MappingProxyType({setting.name: setting for setting in settings})
