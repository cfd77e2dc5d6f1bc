"""The reference of recipe settings."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.ops.op import REQUIRED
from netspec.settings import AUGMENTATIONS, SETTINGS
from netspec.settings.schema import Form, Setting
from netspec.values import show

__all__ = ["markdown"]


def markdown() -> str:
    """The text of docs/recipe.md."""
    head = (
        "# Recipe settings\n\nGenerated from the catalogue of settings; do not edit. A `train { … }` section contains one setting per line; "
        "`netspec check` validates all of them. An unnamed value is the value of the first option.\n"
    )
    return "\n".join([head, *_table("Settings", SETTINGS), *_table("Inside `augment { … }`", AUGMENTATIONS)])


def _table(title: str, settings: Mapping[str, Setting]) -> list[str]:
    lines = [f"## {title}\n", "| setting | | options (defaults) |", "| --- | --- | --- |"]
    for setting in settings.values():
        for form in setting.forms:
            name = f"`{setting.name} {form.word}`" if form.word else f"`{setting.name}`"
            doc = form.doc or setting.doc
            lines.append(f"| {name} | {doc} | {_options(form)} |")
    return [*lines, ""]


def _options(form: Form) -> str:
    parts = []
    for option in form.options.values():
        default = "required" if option.default is REQUIRED else show(option.default)
        parts.append(f"{option.name} ({default}): {option.kind.document()}")
    return "; ".join(parts)
