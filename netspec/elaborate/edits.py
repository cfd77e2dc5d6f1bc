"""Edits of a written layer: another value for one of its options, wherever that option stands."""

from __future__ import annotations

import re
from collections.abc import Iterable

from netspec.diagnostics import Edit, Fix
from netspec.ops.op import Change, Op
from netspec.source import Span

__all__ = ["change_fixes", "changed"]

_VALUE = r"(?:\([^()]*\)|\[[^\[\]]*\]|[^\s,()]+(?:\([^()]*\))?)"
_LAYER = re.compile(
    r"(?P<name>[A-Za-z_]\w*?)(?P<kernel>\d+(?:[x×]\d+)*)?(?P<arguments>\([^()]*\))?"
    r"(?P<width>-(?:\w+|\([^()]*\)))?(?P<stride>/(?:\w+|\([^()]*\)))?(?P<rest>(?![\w(/-]).*)",
    re.DOTALL,
)
_IN_HEAD = ("kernel", "width", "stride")


def changed(text: str, op: type[Op], option: str, value: str) -> str | None:
    """The text of a layer with another value for an option; None where the text is not plain enough to be sure."""
    word = re.search(rf"\b(?:norm|act)={op.name}(\((\d+)|(?=[\s)]|$))", text, re.IGNORECASE)
    if word and op.options[option].slot == "value":
        return text[: word.start(2)] + value + text[word.end(2) :] if word[2] else None
    named = re.search(rf"(?<!\w){option}=({_VALUE})", text)
    if named:
        return text[: named.start(1)] + value + text[named.end(1) :]
    layer = _LAYER.fullmatch(text)
    if layer is None or (op.name == "conv" and layer["name"].lower() not in ("conv",)):
        return None
    parts = {name: layer[name] or "" for name in ("name", "kernel", "arguments", *_IN_HEAD[1:], "rest")}
    slot = op.options[option].slot
    if slot == "kernel" and parts["arguments"]:
        parts["arguments"] = f"({value})"
    elif slot == "kernel":
        parts["kernel"] = value
    elif slot == "width":
        parts["width"] = f"-{value}"
    elif slot == "stride":
        parts["stride"] = "" if value == "1" and op.options[option].default == (1,) else f"/{value}"
    elif slot == "value" and not _replace_value(parts, value):
        return None
    elif slot == "option":
        parts["rest"] = f"{parts['rest']} {option}={value}"
    return "".join(parts.values())


def _replace_value(parts: dict[str, str], value: str) -> bool:
    """Puts the value of an op with a single one (`gn 32`) in its place."""
    if re.fullmatch(r"\(\s*\w+\s*\)", parts["arguments"]):
        parts["arguments"] = f"({value})"
        return True
    bare = re.match(r"\s+([\w.]+)(?![\w=.])", parts["rest"])
    if bare is None:
        return False
    parts["rest"] = parts["rest"][: bare.start(1)] + value + parts["rest"][bare.end(1) :]
    return True


def change_fixes(op: type[Op], span: Span, changes: Iterable[Change]) -> list[Fix]:
    """A fix to review for every change that can be written into the layer at a span."""
    fixes = []
    for change in changes:
        text = changed(span.text, op, change.option, change.value)
        if text is not None and text != span.text:
            fixes.append(Fix(change.help, (_smallest(span, text),)))
    return fixes


def _smallest(span: Span, text: str) -> Edit:
    """The edit without what stays the same at both ends."""
    old, start = span.text, 0
    while start < min(len(old), len(text)) and old[start] == text[start]:
        start += 1
    end = 0
    while end < min(len(old), len(text)) - start and old[-1 - end] == text[-1 - end]:
        end += 1
    return Edit(Span(span.source, span.start + start, span.end - end), text[start : len(text) - end])
