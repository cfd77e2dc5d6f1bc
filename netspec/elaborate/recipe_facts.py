"""Facts that diagnostics of a recipe carry: its lines, and what they could be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netspec.graph import Node, TensorType
from netspec.source import Span
from netspec.syntax import tree as t

__all__ = [
    "InferredOption",
    "OutputOfOtherSize",
    "SeparateRates",
    "StraySettingValue",
    "UnknownForm",
    "UnknownSetting",
    "UnlabelledLayers",
]


@dataclass(frozen=True, slots=True)
class UnknownSetting:
    """A line that is no setting of the recipe; `known` are the settings that there are, by name."""

    line: t.Setting
    lines: tuple[t.Setting, ...]
    known: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UnknownForm:
    """A word that is none of those that a setting can be."""

    line: t.Setting
    setting: Any
    word: str


@dataclass(frozen=True, slots=True)
class StraySettingValue:
    """Values for which a form of a setting has no place."""

    line: t.Setting
    form: Any
    values: tuple[t.Expr, ...]


@dataclass(frozen=True, slots=True)
class SeparateRates:
    """The rates of Adam as options of their own."""

    line: t.Setting
    name: str


@dataclass(frozen=True, slots=True)
class InferredOption:
    """An option that netspec infers."""

    span: Span


@dataclass(frozen=True, slots=True)
class UnlabelledLayers:
    """Words that should be labels. `nodes` are the layers of the net by their automatic names."""

    line: t.Setting
    unknown: tuple[t.Expr, ...]
    labels: tuple[str, ...]
    nodes: Mapping[str, Span]


@dataclass(frozen=True, slots=True)
class OutputOfOtherSize:
    """The output of an autoencoder is not as large as its input: the way to it, and the type of the input."""

    way: tuple[Node, ...]
    goal: TensorType
