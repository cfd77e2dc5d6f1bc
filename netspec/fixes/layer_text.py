"""Edits of a written layer: another value for one of its options, wherever that option is; and of the argument
or variable where the value of a name is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from netspec.diagnostics import Edit, Fix
from netspec.fixes.edits import replace
from netspec.graph import Operation, Region
from netspec.ops.op import Change
from netspec.source import SourceFile, Span

__all__ = ["change_fixes", "changed", "value_of_name", "written"]

_VALUE = r"(?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^\[\]]*\]|[^\s,()]+(?:\([^()]*\))?)"
_SLOT = r"(?:\w+|\([^()]*(?:\([^()]*\)[^()]*)*\))"
_LAYER = re.compile(
    r"(?P<name>[A-Za-z_]\w*?)(?P<kernel>\d+(?:[x×]\d+)*)?(?P<arguments>\([^()]*\))?"
    rf"(?P<width>-{_SLOT})?(?P<stride>/{_SLOT})?(?P<rest>(?![\w(/-]).*)",
    re.DOTALL,
)
_IN_HEAD = ("kernel", "width", "stride")


def changed(text: str, op: type[Operation], option: str, value: str) -> str | None:
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
    elif slot == "value" and not _replace_value(parts, value, _order(op, option)):
        return None
    elif slot == "option":
        parts["rest"] = f"{parts['rest']} {option}={value}"
    return "".join(parts.values())


def written(text: str, op: type[Operation], option: str) -> str | None:
    """How the value of an option is written in the text of a layer: `(4*w)`; None where it is not."""
    named = re.search(rf"(?<!\w){option}=({_VALUE})", text)
    if named:
        return named[1]
    layer, slot = _LAYER.fullmatch(text), str(op.options[option].slot)
    if layer is None:
        return None
    if slot == "value":
        bare = re.match(r"\s+([\w.]+|\([^()]*\))(?![\w=.])", layer["rest"])
        return bare[1] if bare else layer["arguments"]
    if slot not in _IN_HEAD or not layer[slot]:
        return None
    return layer[slot] if slot == "kernel" else layer[slot][1:]


def _order(op: type[Operation], option: str) -> int:
    """Which of the values of an op without names an option is, from 0."""
    return [o.name for o in op.options.values() if o.slot == "value"].index(option)


def _replace_value(parts: dict[str, str], value: str, order: int) -> bool:
    """Puts the value of an op (`gn 32`, `chunk(1, 2)`) in its place."""
    plain = re.fullmatch(r"\((\s*-?\w+\s*(?:,\s*-?\w+\s*)*)\)", parts["arguments"])
    if plain:
        values = [part.strip() for part in plain[1].split(",")]
        if order >= len(values):
            return False
        parts["arguments"] = f"({', '.join([*values[:order], value, *values[order + 1 :]])})"
        return True
    if order > 0:
        return False
    bare = re.match(r"\s+([\w.]+)(?![\w=.])", parts["rest"])
    if bare is None:
        return False
    parts["rest"] = parts["rest"][: bare.start(1)] + value + parts["rest"][bare.end(1) :]
    return True


def change_fixes(op: type[Operation], span: Span, changes: Iterable[Change], region: Region | None = None) -> list[Fix]:
    """A fix to review for every change that can be written into the layer at a span.

    Where the option is a parameter or a variable, its value is changed where that is written.
    """
    fixes = []
    for change in changes:
        now = written(span.text, op, change.option)
        name = now.strip("() ") if now else ""
        if region is not None and name.isidentifier() and change.value.isdigit():
            place = value_of_name(region, name)
            if place is not None and place.text != change.value:
                fixes.append(Fix(change.help, (Edit(place, change.value),)))
                continue
        text = changed(span.text, op, change.option, change.value)
        if text is not None and text != span.text:
            fixes.append(Fix(change.help, (replace(span, text),)))
    return fixes


def value_of_name(region: Region, name: str) -> Span | None:
    """Where the number is that a name has inside a region: an argument of the call, a default, or a `let`."""
    call: Region | None = region
    while call is not None and not call.block:
        call = call.parent
    source = region.span.source
    if call is not None and call.parent is not None:
        place = _argument(call, name)
        if place is not None and place.text.isidentifier():
            return value_of_name(call.parent, place.text)
        if place is not None:
            return place if place.text.isdigit() else None
        if name in dict(call.arguments):  # by default
            return _only(call.span.source, rf"\bblock\s+{re.escape(call.block)}\s*\([^)]*?\b{name}\s*=\s*(\d+)\b")
    return _only(source, rf"^[ \t]*let[ \t]+{name}[ \t]*=[ \t]*(\d+)[ \t]*(?:#.*)?$") or _only(
        source, rf"^[ \t]*net[ \t]+\w+[ \t]*\([^)]*?\b{name}[ \t]*=[ \t]*(\d+)\b"
    )


def _only(source: SourceFile, pattern: str) -> Span | None:
    """The first group of a pattern that is found once."""
    found = list(re.finditer(pattern, source.text, re.MULTILINE))
    return Span(source, *found[0].span(1)) if len(found) == 1 else None


def _argument(call: Region, name: str) -> Span | None:
    """Where the argument of a call for a parameter is, where the call is plain."""
    text = call.span.text
    inside = re.match(r"\w+\(([^()]*)\)", text)
    if inside is None:
        return None
    at, order = call.span.start + inside.start(1), [parameter for parameter, _ in call.arguments]
    for i, part in enumerate(inside[1].split(",")):
        key, sign, value = part.partition("=")
        given = key.strip() if sign else order[i] if i < len(order) else ""
        if given == name:
            bare = value if sign else part
            start = at + len(part) - len(bare.lstrip())
            return Span(call.span.source, start, start + len(bare.strip()))
        at += len(part) + 1
    return None
