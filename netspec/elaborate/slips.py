"""Options and values that a layer does not take: what was probably meant, and the edit that says it.

Calls as PyTorch and Keras write them are taken as a whole, so that one habit gives one report.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Edit, Fix, nearest
from netspec.diagnostics.foreign import NAMES, OPTIONS, translated
from netspec.elaborate.state import Frame
from netspec.ops import ACTIVATIONS, CATALOGUE
from netspec.ops.op import Op, Option
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.values import Size, Value, Word, show

if TYPE_CHECKING:
    from netspec.elaborate.elaborator import Elaborator

__all__ = [
    "arguments_length",
    "missing_value",
    "report_foreign_call",
    "report_unknown_option",
    "stray_value",
    "unwanted_slot",
]

Meant = tuple[list[str], list[Fix]]
"""Helps and fixes."""


def report_unknown_option(run: Elaborator, op: type[Op], option: t.Option) -> None:
    helps, fixes = _option_meant(op, option)
    run.error(
        "NS202", f"`{op.name}` has no option `{option.name}`", option.name_span, helps=helps, fixes=fixes
    )  # fmt: skip


def _option_meant(op: type[Op], option: t.Option) -> Meant:
    theirs = OPTIONS.get(option.name)
    near = theirs if theirs in op.options else nearest(option.name, op.options)
    if near is not None and near in op.options:
        help_ = f"did you mean `{near}`?"
        return [help_], [Fix.replace(option.name_span, near, help_)]
    have = f"its options are {', '.join(op.options)}" if op.options else "it has none"
    if theirs is None and (layer := _layer_as_option(op, option)) is not None:
        return layer
    if theirs != "":
        return [have], []
    edit = _without(option)
    help_ = f"take it out: netspec knows it without being told; {have}"
    return [help_], [Fix(help_, (edit,))] if edit is not None else []


def _without(option: t.Option) -> Edit | None:
    """The edit that takes out an option that stands behind a space."""
    text, start = option.span.source.text, option.span.start
    while text[start - 1 : start] in (" ", "\t"):
        start -= 1
    if start == option.span.start or text[start - 1 : start] in ("(", ","):
        return None
    return Edit(Span(option.span.source, start, option.span.end), "")


def _layer_as_option(op: type[Op], option: t.Option) -> Meant | None:
    """`FC-64 dropout=0.5`, `conv3-8 batch_norm=True`: layers written as options of the one before."""
    name = NAMES.get(option.name.lower(), option.name.lower())
    if name not in CATALOGUE:
        return None
    value = option.value.span.text
    edit = _without(option)
    if name in ("bn", "ln", "gn") and "norm" in op.options:
        if value.lower() in ("false", "no", "0", "none"):
            help_ = "leave it out: there is none unless it is written"
            return [help_], [Fix(help_, (edit,))] if edit else []
        help_ = f"write `norm={name}`"
        return [help_], [Fix.replace(option.span, f"norm={name}", help_)]
    word = value.lower() in ("true", "yes", "1")
    text = CATALOGUE[name].name if word else f"{CATALOGUE[name].name} {value}"
    help_ = f"`{CATALOGUE[name].name}` is a layer of its own: `-> {text}`"
    last = re.match(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z|->|;|\})", option.span.source.text[option.span.end :])
    return [help_], [Fix.replace(option.span, f"-> {text}", help_)] if last else []


# Calls


def report_foreign_call(run: Elaborator, op: type[Op], layer: t.Layer) -> bool:
    """Whether parentheses that do not fit a layer hold what another framework puts there, as in
    `conv(3, 64, kernel_size=3)`; reports it as one mistake."""
    named = {option.name: option.value.span.text for option in layer.argument_options}
    if any(name not in op.options and name not in OPTIONS for name in named):
        return False
    values = [value.span.text for value in layer.arguments or ()]
    text = translated(layer.head, values, named)
    whole = Span(layer.span.source, layer.span.start, layer.head_span.end + arguments_length(layer))
    if text is None or text == whole.text:
        return False
    help_ = f"netspec writes it `{text}`"
    notes = []
    if len(values) > 1 and not text.endswith(f"-{values[0]}") and f"-{values[1]}" in text:
        notes = [f"what comes into a layer is known from the layer before it: {values[0]} is left out"]
    run.error(
        "NS207", f"this is how other frameworks write `{op.name}`", whole,
        notes=notes, helps=[help_], fixes=[Fix.replace(whole, text, help_)],
    )  # fmt: skip
    return True


def _has(op: type[Op], slot: str) -> bool:
    return any(option.slot == slot for option in op.options.values())


def arguments_length(layer: t.Layer) -> int:
    """How far the parentheses behind a head reach."""
    text, depth = layer.span.source.text[layer.head_span.end : layer.span.end], 0
    for i, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0 and char == ")":
            return i + 1
    return len(text)


# Values


def missing_value(op: type[Op], option: Option[Any], layer: t.Layer, frame: Frame) -> Meant:
    """How a slot that is empty is filled."""
    head, behind = layer.head, layer.span.source.text[layer.head_span.end : layer.span.end]
    if option.slot == "kernel" and layer.arguments is None:
        text = f"{head}3{behind}"
        return [f"write `{text}` for 3x3"], [Fix.replace(layer.span, text, f"write `{text}` for 3x3")]
    here = frame.here.type if frame.here is not None else None
    three = re.fullmatch(r"([A-Za-z]+)(\d+)[x×](\d+)[x×](\d+)", head)
    if option.slot == "width" and three and here is not None and here.layout == "map" and here.rank == 2:
        kernel = three[2] if three[2] == three[3] else f"{three[2]}x{three[3]}"
        text = f"{three[1]}{kernel}-{three[4]}{behind}"
        return [f"write `{text}`"], [Fix.replace(layer.span, text, f"write `{text}`")]
    how = {"kernel": f"`{op.name}3`", "width": f"`{head}-64`", "stride": f"`{head}/2`"}.get(option.slot)
    example = op.example.split(" norm=")[0]
    return [f"write {how or f'it as in `{example}`'}"], []


def stray_value(op: type[Op], layer: t.Layer, value: Value, span: Span, *, argument: bool, width: bool) -> Meant:
    """What was meant by a value for which a layer has no place; `width`: whether it has its width already."""
    name = op.name
    if _has(op, "kernel") and argument and _has(op, "width") and not width and _kernel_in_head(layer):
        written = f"{layer.head}-{span.text}"
        help_ = f"the width is written after a hyphen: `{written}`"
        whole = Span(span.source, layer.span.start, layer.head_span.end + arguments_length(layer))
        alone = len(layer.arguments or ()) == 1 and not layer.argument_options
        return [help_], [Fix.replace(whole, written, help_)] if alone else []
    if _has(op, "kernel") and argument:
        slots = f"kernel, width and stride are written `{name}3-64/2`"
        return [slots if _has(op, "width") else f"kernel and stride are written `{name}2/2`"], []
    if _has(op, "kernel") and isinstance(value, (int, Size)) and not isinstance(value, bool):
        return _spaced_out(op, layer)
    if isinstance(value, Word):
        return _stray_word(op, layer, value, span)
    if _has(op, "width") and not width:
        help_ = f"the width is written after a hyphen: `{name}-{show(value)}`"
        whole = Span(span.source, layer.head_span.end, span.end)
        return [help_], [] if argument else [Fix.replace(whole, f"-{span.text}", help_)]
    return ([f"name it; the options are {', '.join(op.options)}"] if op.options else []), []


def _stray_word(op: type[Op], layer: t.Layer, word: Word, span: Span) -> Meant:
    theirs = OPTIONS.get(word.name)
    near = theirs if theirs in op.options else nearest(word.name, op.options)
    if near:
        behind = next((v for v in layer.values if v.span.start > span.end), None)
        if behind is None:
            return [f"options are written with `=`: `{near}=…`"], []
        help_ = f"options are written with `=`: `{near}={behind.span.text}`"
        return [help_], [Fix.replace(span.to(behind.span), f"{near}={behind.span.text}", help_)]
    found = nearest(word.name, CATALOGUE)
    return [f"a layer of its own follows an arrow or a new line: `-> {CATALOGUE[found].name}`"] if found else [], []


def _spaced_out(op: type[Op], layer: t.Layer) -> Meant:
    """`conv 3 8`, `conv3 64` and `maxpool 3 2`, whose numbers belong into the head."""
    numbers = [v.span.text for v in layer.values if isinstance(v, t.Literal_)]
    signs = ["-", "/"] if _has(op, "width") else ["/"]
    kernel = _kernel_in_head(layer)
    if not kernel and layer.arguments is None:
        signs = ["", *signs]
    head = layer.head
    if layer.width is not None:
        head, signs = f"{head}-{layer.width.span.text}", ["/"]
    written = head + "".join(sign + n for sign, n in zip(signs, numbers, strict=False))
    incomplete = _has(op, "width") and len(numbers) < 2 and not kernel and layer.arguments is None
    helps = [f"write the numbers after the name without a space: `{written}{'-64' if incomplete else ''}`"]
    if incomplete or len(numbers) > len(signs):
        return helps, []
    last = layer.values[len(numbers) - 1].span
    return helps, [Fix.replace(layer.head_span.to(last), written, helps[0])]


def _kernel_in_head(layer: t.Layer) -> bool:
    return layer.head[-1].isdigit()


def unwanted_slot(op: type[Op], layer: t.Layer, what: str, value: Value, span: Span, frame: Frame) -> Meant:
    """What was meant by the width or stride of a layer that has none, as in `softmax-10`."""
    text = layer.span.text
    if any(option.slot == "value" for option in op.options.values()) and what == "width":
        return [f"write `{op.name} {show(value)}`"], []
    slot = Span(span.source, span.start - 1, span.end)
    if slot.text[:1] not in ("-", "/") or op.name not in ACTIVATIONS:
        return [], []
    here = frame.here.type if frame.here is not None else None
    if what == "width" and here is not None and here.features != value and text.startswith(layer.head):
        units = f"FC-{span.text}" if here.layout != "map" or here.rank != 2 else f"conv1-{span.text}"
        if op.name in ("softmax", "log_softmax", "sigmoid") and here.layout == "map":
            units = f"FC-{span.text}"
        help_ = f"it keeps the size of its input; the units are a layer of their own: `{units} -> {layer.head}`"
        return [help_], [Fix.replace(Span(span.source, layer.span.start, span.end), f"{units} -> {layer.head}", help_)]
    help_ = f"it keeps the size of its input: write `{layer.head}`"
    return [help_], [Fix.replace(slot, "", help_)]
