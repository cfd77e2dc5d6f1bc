"""Options and values that a layer does not take: what was probably meant, and the edit that says it.

Calls as PyTorch and Keras write them are taken as a whole, so that one habit gives one report.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import Edit, Fix, nearest
from netspec.diagnostics.foreign import ALIASES, OPTIONS, option_text, translated
from netspec.elaborate.edits import changed, written
from netspec.elaborate.state import Frame
from netspec.ops import ACTIVATIONS, CATALOGUE, NORMALIZATIONS
from netspec.ops.kinds import BadValue
from netspec.ops.op import Op, Option
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.values import Size, Value, Word, show

if TYPE_CHECKING:
    from netspec.elaborate.elaborator import Elaborator

__all__ = [
    "arguments_length",
    "copies_meant",
    "labelled_behind",
    "late_value",
    "missing_value",
    "report_comment",
    "report_foreign_call",
    "report_unknown_option",
    "stray_value",
    "unwanted_slot",
    "value_behind_hyphen",
    "without",
]

_NORMS = {
    "batch": "bn", "batchnorm": "bn", "batch_norm": "bn", "batchnorm2d": "bn", "true": "bn", "yes": "bn", "layer": "ln",
    "layernorm": "ln", "layer_norm": "ln", "instance": "instancenorm", "group": "gn(32)", "groupnorm": "gn(32)",
}  # fmt: skip

_LARGEST_KERNEL = 11
"""Of the kernels in use: what is larger is a number of filters."""

Meant = tuple[list[str], list[Fix]]
"""Helps and fixes."""


def report_unknown_option(run: Elaborator, op: type[Op], option: t.Option, layer: t.Layer | None = None) -> None:
    helps, fixes = _option_meant(op, option, layer)
    run.error(
        "NS202", f"`{op.name}` has no option `{option.name}`", option.name_span, helps=helps, fixes=fixes
    )  # fmt: skip


def _option_meant(op: type[Op], option: t.Option, layer: t.Layer | None) -> Meant:
    theirs = OPTIONS.get(option.name)
    near = theirs if theirs in op.options else nearest(option.name, op.options)
    if near is not None and near in op.options:
        if layer is not None and (slot := _as_slot(op, option, near, layer)) is not None:
            return slot
        value = option.value.span.text.strip("'\"").lower()
        if near == "norm" and value in _NORMS and value != _NORMS[value]:
            help_ = f"write `norm={_NORMS[value]}`"
            return [help_], [Fix.replace(option.span, f"norm={_NORMS[value]}", help_)]
        help_ = f"did you mean `{near}`?"
        said = option_text(option.value.span.text)
        if said != option.value.span.text:
            return [help_], [Fix.replace(option.span, f"{near}={said}", help_)]
        return [help_], [Fix.replace(option.name_span, near, help_)]
    have = f"its options are {', '.join(op.options)}" if op.options else "it has none"
    if option.name == "return_sequences" and layer is not None and (edit := _without(option)) is not None:
        last = option.value.span.text.lower() in ("false", "no", "0")
        help_ = "the last token alone is taken by `take -1`" if last else "every token is given: take it out"
        end = Span(layer.span.source, layer.span.end, layer.span.end)
        return [help_], [Fix(help_, (edit, Edit(end, " -> take -1")) if last else (edit,))]
    if theirs is None and (own := _layer_as_option(op, option)) is not None:
        return own
    if theirs != "":
        return [have], []
    edit = _without(option)
    help_ = f"take it out: netspec knows it without being told; {have}"
    return [help_], [Fix(help_, (edit,))] if edit is not None else []


def _as_slot(op: type[Op], option: t.Option, name: str, layer: t.Layer) -> Meant | None:
    """`conv3-64 kernel_size=5`: an option that says otherwise what a slot says already."""
    edit, value = _without(option), option.value.span.text
    if op.options[name].slot not in ("kernel", "width", "stride") or edit is None or "conv2d" in layer.head.lower():
        return None
    now = written(layer.span.text, op, name)
    if now is None or f"{name}=" in layer.span.text:
        return None
    text = changed(layer.span.text.replace(edit.span.text, ""), op, name, option_text(value))
    if text is None:
        return None
    help_ = f"the {name} stands in the name: `{text}`" if now != value else f"the {name} stands in the name already"
    return [help_], [Fix.replace(layer.span, text, help_)]


def _without(option: t.Option) -> Edit | None:
    """The edit that takes out an option that stands behind a space."""
    return without(option.span)


def without(span: Span) -> Edit | None:
    """The edit that takes out what stands behind a space; None behind a bracket or a comma."""
    text, start = span.source.text, span.start
    while text[start - 1 : start] in (" ", "\t"):
        start -= 1
    if start == span.start or text[start - 1 : start] in ("(", ","):
        return None
    return Edit(Span(span.source, start, span.end), "")


def labelled_behind(layer: t.Layer, first: t.Expr, rest: Sequence[t.Expr | t.Option]) -> Meant | None:
    """`conv3-64 as stem`: a label, which stands before its layer."""
    if first.span.text != "as" or len(rest) != 1 or not isinstance(rest[0], t.Name):
        return None
    start, label = layer.span.start, rest[0].text
    edit = without(first.span.to(rest[0].span))
    help_ = f"a label stands before its layer: `{label}: {layer.head}…`"
    return ([help_], [Fix(help_, (Edit(Span(layer.span.source, start, start), f"{label}: "), edit))]) if edit else None


def value_behind_hyphen(
    op: type[Op], option: Option[Any], layer: t.Layer, span: Span, bad: BadValue
) -> tuple[str, list[str], list[Fix]]:
    """`dropout-0.5`: a value that should stand behind a space."""
    text = f"{layer.head} {span.text}"
    help_ = f"the value follows a space: `{text}`"
    where = Span(span.source, layer.head_span.start, span.end)
    return f"{option.name}: {bad.message}", [help_], [Fix.replace(where, text, help_)]


def late_value(op: type[Op], layer: t.Layer, late: t.Expr, options: tuple[t.Option, ...]) -> Meant:
    """`act=leaky_relu 0.1`: a value that belongs to the word before it; `pad=1 x2` without a number."""
    before = next((o for o in reversed(options) if o.span.end <= late.span.start), None)
    if before is not None and isinstance(before.value, t.Name) and before.name in ("act", "norm"):
        word = before.value.text
        if word.lower() in CATALOGUE and isinstance(late, t.Literal_):
            help_ = f"its value stands in parentheses: `{before.name}={word}({late.span.text})`"
            whole = before.value.span.to(late.span)
            return [help_], [Fix.replace(whole, f"{word}({late.span.text})", help_)]
    if (copies := copies_meant(late.span)) is not None:
        return copies
    return ["put it first, or name it"], []


def copies_meant(span: Span) -> Meant | None:
    """`X2`, `3x`: how many copies, written otherwise."""
    text = span.source.text
    stop = span.end + (text[span.end : span.end + 1] in ("x", "X") and span.text.isdigit())
    count = re.fullmatch(r"[Xx*](\d+)|(\d+)[Xx]", text[span.start : stop])
    if count is None:
        return None
    help_ = f"copies are written `x{count[1] or count[2]}`"
    return [help_], [Fix.replace(Span(span.source, span.start, stop), f"x{count[1] or count[2]}", help_)]


def _layer_as_option(op: type[Op], option: t.Option) -> Meant | None:
    """`FC-64 dropout=0.5`, `conv3-8 batch_norm=True`: layers written as options of the one before."""
    name = ALIASES.get(option.name.lower(), option.name.lower())
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


def report_comment(run: Elaborator, layer: t.Layer, frame: Frame) -> bool:
    """Whether a `//` that is read as a division begins a comment: `conv3-8 act=relu // the first layer`."""
    found = re.search(r"[ \t](//)[ \t]*([A-Za-z]\w*)(?:[ \t]+[A-Za-z]|[ \t]*$)", layer.span.text)
    if found is None or found[2] in frame.visible():
        return False
    where = Span(layer.span.source, layer.span.start + found.start(1), layer.span.start + found.end(1))
    help_ = "comments start with `#`"
    fix = Fix.replace(where, "#", help_, "safe")
    run.error("NS101", "`//` does not start a comment here", where, helps=[help_], fixes=[fix])
    return True


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
    two = re.fullmatch(r"([A-Za-z]+)(\d+)[x×](\d+)", head)
    if option.slot == "width" and two and int(two[3]) > _LARGEST_KERNEL:
        text = f"{two[1]}{two[2]}-{two[3]}{behind}"
        help_ = f"the width follows a hyphen: `{text}`"
        return [help_], [Fix.replace(layer.span, text, help_)]
    how = {"kernel": f"`{op.name}3`", "width": f"`{head}-64`", "stride": f"`{head}/2`"}.get(option.slot)
    example = op.example.split(" norm=")[0]
    return [f"write {how or f'it as in `{example}`'}"], []


def stray_value(op: type[Op], layer: t.Layer, value: Value, span: Span, *, argument: bool, width: bool) -> Meant:
    """What was meant by a value for which a layer has no place; `width`: whether it has its width already."""
    name = op.name
    place = next((i for i, v in enumerate(layer.values) if v.span == span), None)
    if place is not None:
        found = labelled_behind(layer, layer.values[place], layer.values[place + 1 :]) or copies_meant(span)
        found = found or _short_option(op, layer, span)
        if found is not None:
            return found
    if argument and (whole_call := _call_and_options(op, layer)) is not None:
        return whole_call
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
    if op.name in NORMALIZATIONS and isinstance(value, int) and not argument:
        help_ = f"the features are those of the layer before: write `{layer.head}`"
        edit = without(span)
        return [help_], [Fix(help_, (edit,))] if edit else []
    if _has(op, "width") and not width:
        help_ = f"the width is written after a hyphen: `{name}-{show(value)}`"
        whole = Span(span.source, layer.head_span.end, span.end)
        return [help_], [] if argument else [Fix.replace(whole, f"-{span.text}", help_)]
    return ([f"name it; the options are {', '.join(op.options)}"] if op.options else []), []


def _call_and_options(op: type[Op], layer: t.Layer) -> Meant | None:
    """`conv(64, 3) pad=1`: a call of another framework with options behind it."""
    if (
        layer.width is not None
        or layer.stride is not None
        or layer.values
        or not layer.options
        or _kernel_in_head(layer)
    ):
        return None
    named = {o.name: o.value.span.text for o in (*layer.argument_options, *layer.options)}
    if any(name not in op.options and name not in OPTIONS for name in named):
        return None
    text = translated(layer.head, [v.span.text for v in layer.arguments or ()], named)
    if text is None:
        return None
    help_ = f"kernel, width and stride are written in the name: `{text}`"
    return [help_], [Fix.replace(layer.span, text, help_)]


def _short_option(op: type[Op], layer: t.Layer, span: Span) -> Meant | None:
    """`conv3-64 s2 p1`: options in the short hand of papers."""
    found = re.fullmatch(r"([spgd])(\d+)", span.text)
    name = {"s": "stride", "p": "pad", "g": "groups", "d": "dilation"}.get(found[1], "") if found else ""
    if found is None or name not in op.options:
        return None
    if name == "stride" and layer.stride is None and (edit := without(span)) is not None:
        text = changed(layer.span.text.replace(edit.span.text, "", 1), op, name, found[2])
        if text is not None:
            return [f"the stride follows a slash: `{text}`"], [
                Fix.replace(layer.span, text, f"the stride follows a slash: `{text}`")
            ]
    help_ = f"options are written with `=`: `{name}={found[2]}`"
    return [help_], [Fix.replace(span, f"{name}={found[2]}", help_)]


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
    if len(numbers) == 2 and _has(op, "width") and not _kernel_in_head(layer) and layer.arguments is None:
        numbers = sorted(numbers, key=lambda n: int(n) > 11 if n.isdigit() else False)  # `conv 64 3`
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
    lone = next((name for name in ("heads", "factor", "groups", "n") if name in op.options), "")
    if what == "width" and lone and slot.text[:1] == "-":
        help_ = f"write `{layer.head} {lone}={span.text}`"
        return [help_], [Fix.replace(slot, f" {lone}={span.text}", help_)]
    if op.name in NORMALIZATIONS and what == "width":
        help_ = f"the features are those of the layer before: write `{layer.head}`"
        return [help_], [Fix.replace(slot, "", help_)]
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
