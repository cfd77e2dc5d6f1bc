"""Words for settings in scripts of other trainers: which of them mean a setting of a recipe."""

from __future__ import annotations

__all__ = ["OF_OPTIMIZER", "is_setting", "own_name"]

OF_OPTIMIZER = ("lr", "momentum", "weight_decay", "nesterov")
"""Options that scripts set on lines of their own."""


def own_name(word: str) -> str:
    """A setting or option by its name in netspec."""
    from netspec.diagnostics.foreign import RECIPE

    return RECIPE.get(word.lower(), "") or (word.lower() if word[:1].isupper() else word)


def is_setting(word: str) -> bool:
    """Whether a word is a setting of a recipe or an option of the optimizer, here or elsewhere: `epochs`, `batch_size`, `lr`."""
    from netspec.settings import SETTINGS

    return own_name(word) in (*SETTINGS, *OF_OPTIMIZER)
