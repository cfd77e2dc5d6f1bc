"""What a block is given outside of its parentheses: what was probably meant, and the edit that says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from netspec.diagnostics import Fix
from netspec.elaborate.slips import copies_meant, labelled_behind
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.elaborate.elaborator import Elaborator

__all__ = ["report_loose_arguments"]


def report_loose_arguments(run: Elaborator, name: str, parameters: Sequence[str], layer: t.Layer) -> None:
    """`stage-64/2`, `stage 64`, `stage(64) n=2`: what a block is given outside of its parentheses."""
    slots = [slot for slot in (layer.width, layer.stride) if slot is not None]
    loose = [*slots, *layer.values, *layer.options]
    message = f"arguments of the block `{name}` stand in parentheses"
    if slots:
        message = f"the block `{name}` takes no {'width' if layer.width is not None else 'stride'} slot"
    label = labelled_behind(layer, loose[0], loose[1:]) if not slots and not isinstance(loose[0], t.Option) else None
    meant = label or copies_meant(loose[0].span)
    if meant is None:
        named = {o.name for o in (*layer.argument_options, *layer.options)}
        given = [v.span.text for v in (*(layer.arguments or ()), *slots, *layer.values)]
        late = {o.name: o.value.span.text for o in (*layer.argument_options, *layer.options)}
        text = f"{name}({', '.join([*given, *(f'{key}={value}' for key, value in late.items())])})"
        help_ = f"give it as an argument: `{text}`" if slots else f"write `{text}`"
        fits = len(given) + len(late) <= len(parameters) and named <= set(parameters)
        meant = [help_], [Fix.replace(layer.span, text, help_)] if fits else []
    run.error("NS207", message, loose[0].span, helps=meant[0], fixes=meant[1])
