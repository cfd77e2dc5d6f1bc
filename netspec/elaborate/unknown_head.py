"""A layer that does not exist: what was probably meant, and how netspec writes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netspec.diagnostics import Fix, nearest
from netspec.diagnostics.foreign import NAMES, PLACES, translated
from netspec.elaborate.slips import arguments_length
from netspec.elaborate.state import Frame
from netspec.ops import CATALOGUE, JOINS
from netspec.source import Span
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.elaborate.elaborator import Elaborator

__all__ = ["report_unknown_head"]


def report_unknown_head(run: Elaborator, layer: t.Layer, frame: Frame) -> None:
    if run.unknown_blocks:
        return
    helps, fixes = _meant(layer, frame)
    run.error(
        "NS201",
        f"there is no layer or block `{layer.head}`",
        layer.head_span,
        helps=helps or ["`netspec ops` lists the layers"],
        fixes=fixes,
    )


def _meant(layer: t.Layer, frame: Frame) -> tuple[list[str], list[Fix]]:
    head, span = layer.head, layer.head_span
    stem = re.sub(r"\d+(x\d+)*$", "", head.lower())
    digits = head[len(stem) :]

    def one(help_: str, text: str, where: Span = span, *, safe: bool = False) -> tuple[list[str], list[Fix]]:
        return [help_], [Fix.replace(where, text, help_, safe=safe)]

    slots = re.fullmatch(r"([A-Za-z]+)(\d+(?:x\d+)?)_(\d+)(?:_(\d+))?", head)
    if slots and slots[1].lower() in CATALOGUE and layer.width is None and layer.stride is None:
        text = f"{slots[1]}{slots[2]}-{slots[3]}" + (f"/{slots[4]}" if slots[4] else "")
        return one(f"the slots are marked by `-` and `/`: `{text}`", text, safe=True)
    if stem in CATALOGUE and digits:
        op = CATALOGUE[stem]
        kinds = {o.slot for o in op.options.values()}
        if "width" in kinds and layer.width is None:
            text = f"{head[: len(stem)]}-{digits}"
            return one(f"the number of units is written after a hyphen: `{op.name}-{digits}`", text, safe=True)
        if "value" in kinds and not layer.values and layer.arguments is None:
            return one(f"write the number after a space: `{op.name} {digits}`", f"{stem} {digits}", safe=True)
    if frame.label(head) is not None and layer.arguments is None:
        return one(f"`{head}` is a label: go on from it with `from {head}`", f"from {head}")
    if head in JOINS and layer.arguments:
        branches = "; ".join(_as_branch(argument, frame) for argument in layer.arguments)
        text = f"{head} [ {branches} ]"
        where = Span(span.source, span.start, span.end + arguments_length(layer))
        return one(f"branches stand in brackets: `{text}`", text, where)
    if head.lower() in PLACES:
        return [PLACES[head.lower()]], []
    foreign = head.lower() if head.lower() in NAMES else stem if stem in NAMES else None
    if foreign is not None and not any(nearest(head, [b]) for b in frame.file.blocks):
        return _translated(layer, foreign, digits if foreign == stem else "")
    if kernel := _kernel_variable(head, frame):
        text = f"{kernel[0]}({kernel[1]})"
        return one(f"a kernel from a variable stands in parentheses: `{text}-…`", text)
    known = [*frame.file.blocks, *CATALOGUE]
    near = nearest(head, known)
    if near is None and (near := nearest(stem, known)):
        text = f"{near}{digits}"
        return one(f"did you mean `{CATALOGUE[near].name if near in CATALOGUE else near}`?", text)
    if near:
        name = CATALOGUE[near].name if near in CATALOGUE else near
        kernel_slot = near in CATALOGUE and any(o.slot == "kernel" for o in CATALOGUE[near].options.values())
        return one(f"did you mean `{name}`?", f"{name}{digits}" if kernel_slot and not near.endswith(digits) else name)
    return [], []


def _as_branch(argument: t.Expr, frame: Frame) -> str:
    text = argument.span.text
    return f"from {text}" if frame.label(text) is not None else text


def _translated(layer: t.Layer, foreign: str, digits: str) -> tuple[list[str], list[Fix]]:
    """The layer as netspec writes it, where its values say enough."""
    name = NAMES[foreign]
    if layer.arguments is None:
        help_ = f"netspec calls it `{name}`"
        return [help_], [Fix.replace(layer.head_span, f"{name}{digits}", help_)]
    values = [v.span.text for v in layer.arguments]
    text = translated(layer.head, values, {o.name: o.value.span.text for o in layer.argument_options})
    if text is None:
        return [f"netspec calls it `{name}`"], []
    help_ = f"netspec writes it `{text}`"
    stop = layer.head_span.end + arguments_length(layer)
    return [help_], [Fix.replace(Span(layer.span.source, layer.span.start, stop), text, help_)]


def _kernel_variable(head: str, frame: Frame) -> tuple[str, str] | None:
    """`convk` where k is a variable: (conv, k)."""
    for name in frame.visible():
        stem = head.removesuffix(name)
        if stem != head and stem.lower() in CATALOGUE:
            return stem, name
    return None
