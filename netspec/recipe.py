"""A recipe as a value: the settings that the `train` section of a spec gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Chosen", "Recipe"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """One setting as chosen: its word (`sgd`; "" where it takes none) and the value of every option."""

    word: str
    values: Mapping[str, Any]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """Every setting that the spec gives, by name, in the order given; `augment` by the name of each augmentation."""

    settings: Mapping[str, tuple[Chosen, ...]]
    augment: Mapping[str, Chosen]

    def one(self, name: str) -> Chosen | None:
        """The single line of a setting, or None."""
        lines = self.settings.get(name, ())
        return lines[0] if lines else None
