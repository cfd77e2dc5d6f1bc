"""Facts that diagnostics of a recipe carry: its lines, and what they could be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netspec.graph import Node, TensorType
from netspec.records import Record
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


class UnknownSetting(Record):
    """A line that is no setting of the recipe; `known` are the settings that there are, by name."""

    line: t.Setting
    lines: tuple[t.Setting, ...]
    known: Mapping[str, Any]


class UnknownForm(Record):
    """A word that is none of those that a setting can be, and where it is."""

    line: t.Setting
    setting: Any
    word: str
    span: Span


class StraySettingValue(Record):
    """Values for which a form of a setting has no place."""

    line: t.Setting
    form: Any
    values: tuple[t.Expr, ...]


class SeparateRates(Record):
    """The rates of Adam as options of their own."""

    line: t.Setting
    name: str


class InferredOption(Record):
    """An option that netspec infers."""

    span: Span


class UnlabelledLayers(Record):
    """Words that should be labels, or automatic names of layers and blocks, which are `automatic`."""

    line: t.Setting
    unknown: tuple[t.Expr, ...]
    labels: tuple[str, ...]
    automatic: tuple[str, ...]


class OutputOfOtherSize(Record):
    """The output of an autoencoder is not as large as its input: the way to it, and the type of the input."""

    way: tuple[Node, ...]
    goal: TensorType
