"""Edits of a text by span: the only place that knows how text is put in, deleted and moved."""

from __future__ import annotations

import re
from collections.abc import Iterable

from netspec.diagnostics import Edit
from netspec.source import Span

__all__ = [
    "append_layer", "apply_edits", "delete", "exchange", "insert_after", "insert_before", "insert_line_before", "line_of_its_own", "move", "replace",
]  # fmt: skip

_SEPARATOR_BEFORE = re.compile(r"[ \t]*(?:\n[ \t]*)?(?:->|[,;])[ \t]*(?:\n[ \t]*)?\Z|[ \t]+\Z")
_SEPARATOR_AFTER = re.compile(r"[ \t]*(?:\n[ \t]*)?(?:->|[,;])[ \t]*(?:\n[ \t]*)?|[ \t]+(?![ \t\n]|\Z)")
_LONGEST_SEPARATOR = 200


def insert_before(span: Span, text: str) -> Edit:
    return Edit(Span(span.source, span.start, span.start), text)


def insert_after(span: Span, text: str) -> Edit:
    return Edit(Span(span.source, span.end, span.end), text)


def append_layer(span: Span, layer: str) -> Edit:
    """A layer after a branch; of one in braces, as the last in them, on a line of its own where `}` has one."""
    if not (span.text.startswith("{") and span.text.endswith("}")):
        return insert_after(span, f" -> {layer}")
    source, end = span.source, span.end - 1
    line = source.text.rfind("\n", 0, end) + 1
    if line > span.start and not source.text[line:end].strip():
        return Edit(Span(source, line, line), f"{source.text[line:end]}  {layer}\n")
    end = span.start + len(span.text[:-1].rstrip())
    return Edit(Span(source, end, end), f" -> {layer}")


def insert_line_before(span: Span, text: str) -> Edit:
    """A statement before another: on a line of its own, indented alike, where that one begins a line."""
    source, start = span.source, span.start
    lead = source.text[source.text.rfind("\n", 0, start) + 1 : start]
    return insert_before(span, f"{text}; " if lead.strip() else f"{text}\n{lead}")


def replace(span: Span, text: str) -> Edit:
    """The edit that writes a text in place of a span, without what stays the same at both ends."""
    old, start, end = span.text, 0, 0
    most = min(len(old), len(text))
    while start < most and old[start] == text[start]:
        start += 1
    while end < most - start and old[-1 - end] == text[-1 - end]:
        end += 1
    return Edit(Span(span.source, span.start + start, span.end - end), text[start : len(text) - end])


def line_of_its_own(span: Span) -> Span | None:
    """The whole lines of a span (and its comment, and the newline), where nothing else is on them."""
    text = span.source.text
    start, end = text.rfind("\n", 0, span.start) + 1, (text + "\n").index("\n", span.end)
    if text[start : span.start].strip() or not re.fullmatch(r"[ \t]*(?:#.*)?", text[span.end : end]):
        return None
    return Span(span.source, start, min(end + 1, len(text)))


def delete(span: Span) -> Edit:
    """Deletes a span with what separates it from its neighbors: its line, its comma, semicolon or arrow, or a space."""
    line = line_of_its_own(span)
    text, start, end = span.source.text, span.start, span.end
    before = _SEPARATOR_BEFORE.search(text, max(0, start - _LONGEST_SEPARATOR), start)
    after = _SEPARATOR_AFTER.match(text, end)
    chained = before is not None and before.group().strip() == "->"
    if line is not None and not chained and not (after and after.group().strip() == "->"):
        return Edit(line, "")
    if before is not None and (before.group().strip() or not (after and after.group().strip())):
        start = before.start()
    elif after is not None:
        end = after.end()
    return Edit(Span(span.source, start, end), "")


def move(span: Span, before: Span) -> tuple[Edit, ...]:
    """A statement (or its whole line) taken from where it is and put before another."""
    return insert_line_before(before, span.text), delete(span)


def exchange(one: Span, other: Span) -> tuple[Edit, ...]:
    """Two spans, each where the other is."""
    return Edit(one, other.text), Edit(other, one.text)


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with edits that do not overlap."""
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end), reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text
