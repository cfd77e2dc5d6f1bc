"""The catalogue as documentation: one entry for each layer, for the terminal and for docs/ops.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from netspec.ops import JOINS, SECTIONS
from netspec.ops.op import REQUIRED, Op, Option
from netspec.values import show

__all__ = ["Entry", "OptionEntry", "entries", "entry", "markdown"]


@dataclass(frozen=True, slots=True)
class OptionEntry:
    """`written` says where an option stands (`conv3`, `-64`, `/2`, by position, by name)."""

    name: str
    written: str
    takes: str
    default: str
    doc: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What the documentation says of one layer."""

    name: str
    aliases: tuple[str, ...]
    section: str
    text: str
    options: tuple[OptionEntry, ...]
    shape: str
    params: str
    example: str


def entries() -> Iterator[Entry]:
    """Every layer in the order of the catalogue, then the joins."""
    for section, ops in SECTIONS.items():
        for op in ops:
            yield entry(op, section)
    for op in JOINS.values():
        yield entry(op, "Joins")


def entry(op: type[Op], section: str = "") -> Entry:
    text = re.sub(r"\s+", " ", op.__doc__ or "").strip()
    options = tuple(_option(op, option) for option in op.options.values())
    return Entry(op.name, op.aliases, section, text, options, op.shape_rule, op.param_rule, op.example)


def _option(op: type[Op], option: Option[Any]) -> OptionEntry:
    written = {
        "kernel": f"`{op.name}3`, `{op.name}(k)`",
        "width": "`-64`",
        "stride": "`/2`",
        "value": f"`{op.name} …`",
        "option": f"`{option.name}=…`",
    }[option.slot]
    default = "required" if option.default is REQUIRED else _shown(option.default)
    return OptionEntry(option.name, written, option.kind.document(), default, option.doc)


def _shown(value: Any) -> str:
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    return show(value) if value is not None else "none"


def markdown() -> str:
    """The text of docs/ops.md."""
    parts = [
        "# Layers\n\nWritten from the catalogue by `netspec ops --markdown`; do not edit. "
        "Layer names are case-insensitive. D is the dilation, K the kernel, P the padding, S the stride, W an input size.\n"
    ]
    section = ""
    for e in entries():
        if e.section != section:
            section = e.section
            parts.append(f"\n## {section}\n")
        parts.append(_markdown_entry(e))
    return "\n".join(parts)


def _markdown_entry(e: Entry) -> str:
    also = f" (also {', '.join(f'`{a}`' for a in e.aliases)})" if e.aliases else ""
    lines = [f"### {e.name}\n", f"{e.text}{also}\n"]
    if e.options:
        lines += ["| option | written | takes | default | |", "| --- | --- | --- | --- | --- |"]
        lines += [f"| {o.name} | {o.written} | {o.takes} | {o.default} | {o.doc} |" for o in e.options]
        lines.append("")
    lines += [f"Output: {e.shape}. Parameters: {e.params}.\n", f"Example: `{e.example}`\n"]
    return "\n".join(lines)
