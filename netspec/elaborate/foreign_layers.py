"""Layers that are written in the way of another language: each is reported as one mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from netspec.diagnostics import nearest
from netspec.elaborate.facts import CommentSign, ForeignCall, SettingOutside, UnknownHead, scope_of
from netspec.elaborate.state import FAILED, Frame
from netspec.ops import JOINS
from netspec.ops.op import Op
from netspec.settings.words import is_setting
from netspec.source import Span
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["foreign_call", "report_comment", "report_unknown_head"]


def report_unknown_head(run: ElaborationContext, layer: t.Layer, frame: Frame) -> None:
    if run.unknown_blocks:
        return
    if is_setting(layer.head):
        if run.first_time("a setting outside of a recipe"):
            facts = SettingOutside(layer.head, tuple(_setting_rows(layer)), run.train is not None)
            run.error("NS201", f"`{layer.head}` is a setting, not a layer", layer.head_span, facts=facts)
        return
    if layer.options and layer.width is None and nearest(layer.head, ("let",)) is not None:
        frame.names.update({option.name: FAILED for option in layer.options})  # `lte w = 8` is reported once
    if frame.label(layer.head) is None or run.first_time(("a bare label", layer.span.line)):
        facts_ = UnknownHead(layer, scope_of(frame))
        what = f"`{layer.head}` is missing the branches that it joins"
        message = what if layer.head in JOINS else f"there is no layer or block `{layer.head}`"
        run.error("NS201", message, layer.head_span, facts=facts_)


def _setting_rows(layer: t.Layer) -> Iterator[Span]:
    """The lines from a layer on that begin with a setting of a recipe."""
    source = layer.span.source
    start = source.text.rfind("\n", 0, layer.span.start) + 1
    for row in re.finditer(r"[^\n]+", source.text[start:]):
        word = re.match(r"[ \t]*([A-Za-z_]\w*)", row.group())
        if word is None or not is_setting(word[1]):
            return
        yield Span(source, start + row.start(), start + row.start() + len(row.group().rstrip()))


def report_comment(run: ElaborationContext, layer: t.Layer, frame: Frame) -> bool:
    """Whether a `//` that is read as a division begins a comment: `conv3-8 act=relu // the first layer`."""
    found = re.search(r"[ \t](//)[ \t]*([A-Za-z]\w*)(?:[ \t]+[A-Za-z]|[ \t]*$)", layer.span.text)
    if found is None or found[2] in frame.visible():
        return False
    where = Span(layer.span.source, layer.span.start + found.start(1), layer.span.start + found.end(1))
    run.error("NS101", "`//` does not start a comment here", where, facts=CommentSign(where))
    return True


def foreign_call(op: type[Op], layer: t.Layer) -> ForeignCall | None:
    """A layer whose parentheses hold what another framework puts there, as in `conv(3, 64, kernel_size=3)`: one mistake."""
    from netspec.diagnostics.foreign import OPTIONS, translated

    named = {option.name: option.value.span.text for option in layer.argument_options}
    if any(name not in op.options and name not in OPTIONS for name in named):
        return None
    text = translated(layer.head, [value.span.text for value in layer.arguments or ()], named)
    whole = layer.call_span
    return ForeignCall(whole, text) if text is not None and text != whole.text else None
