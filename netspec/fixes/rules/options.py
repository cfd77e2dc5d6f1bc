"""Options and values that a layer does not take (NS202, NS206, NS207): what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from netspec.diagnostics import Edit, Fix, nearest
from netspec.diagnostics.foreign import ALIASES, LAYER_WORDS, OPTIONS, option_text, translated
from netspec.elaborate.facts import LayerAsValue, MissingValue, StrayValue, UnknownOption, UnwantedSlot
from netspec.fixes import edits
from netspec.fixes.fix_context import FixContext
from netspec.fixes.layer_text import changed, written
from netspec.fixes.loose_numbers import LARGEST_KERNEL, numbers_in_name
from netspec.fixes.rule import semantic
from netspec.ops import ACTIVATIONS, CATALOGUE, NORMALIZATIONS
from netspec.ops.op import Op
from netspec.source import Span
from netspec.syntax import tree as t
from netspec.values import Size, Word, show

__all__ = ["RULES", "copies", "label_after"]

_FALSE, _TRUE = ("false", "no", "0", "none"), ("true", "yes", "1")
_AXES, _FEATURE_AXIS = ("axis", "dim"), ("1", "-1")


def _has(op: type[Op], slot: str) -> bool:
    return any(option.slot == slot for option in op.options.values())


def _kernel_in_head(layer: t.Layer) -> bool:
    return layer.head[-1].isdigit()


def _trimmed(span: Span) -> Edit | None:
    """Without what follows a space; None after a bracket or a comma."""
    text, start = span.source.text, len(span.source.text[: span.start].rstrip(" \t"))
    if start == span.start or text[start - 1 : start] in ("(", ","):
        return None
    return Edit(Span(span.source, start, span.end), "")


# Options


@semantic(
    "NS202-option",
    UnknownOption,
    20,
    ("input 3x8x8\nconv3-8 padding=1\n", "input 3x8x8\nconv3-8 pad=1\n"),
    title="an option with another name",
)
def option(context: FixContext) -> Iterator[Fix | str]:
    """The option is misspelled, or has the name that another framework gives it."""
    facts: UnknownOption = context.facts
    op, given, layer = facts.op, facts.option, facts.layer
    theirs = OPTIONS.get(given.name)
    near = theirs if theirs in op.options else nearest(given.name, op.options)
    if near is None or near not in op.options:
        if not any(True for _ in _otherwise(facts, theirs)):
            yield f"its options are {', '.join(op.options)}" if op.options else "it has no options"
        return
    slot = _as_slot(op, given, near, layer) if layer is not None else None
    value = given.value.span.text.strip("'\"").lower()
    text = option_text(given.value.span.text)
    if slot is not None:
        yield slot
    elif near == "norm" and (norm := "bn" if value in _TRUE else LAYER_WORDS.get(value, ALIASES.get(value, ""))):
        yield Fix.replace(given.span, f"norm={norm}", f"write `norm={norm}`")
    elif text != given.value.span.text:
        yield Fix.replace(given.span, f"{near}={text}", f"did you mean `{near}`?")
    else:
        yield Fix.replace(given.name_span, near, f"did you mean `{near}`?")


def _as_slot(op: type[Op], given: t.Option, name: str, layer: t.Layer) -> Fix | None:
    """`conv3-64 kernel_size=5`: an option that says what a slot says already."""
    edit, value = _trimmed(given.span), given.value.span.text
    now = written(layer.span.text, op, name)
    if op.options[name].slot not in ("kernel", "width", "stride") or edit is None or now is None:
        return None
    text = changed(layer.span.text.replace(edit.span.text, ""), op, name, option_text(value))
    if text is None or f"{name}=" in layer.span.text or "conv2d" in layer.head.lower():
        return None
    same = f"the {name} is in the name already: `{text}`"
    return Fix.replace(layer.span, text, same if now == value else f"the {name} belongs in the name: `{text}`")


@semantic(
    "NS202-other-way",
    UnknownOption,
    21,
    ("input 16\nFC-8 dropout=0.5\n", "input 16\nFC-8 -> dropout 0.5\n"),
    ("input 3x8x8\nbn num_features=3\n", "input 3x8x8\nbn\n"),
    title="an option for what netspec says otherwise",
)
def other_way(context: FixContext) -> Iterator[Fix | str]:
    """A layer written as an option of another one, or an option that states what netspec infers."""
    facts: UnknownOption = context.facts
    theirs = OPTIONS.get(facts.option.name)
    near = theirs if theirs in facts.op.options else nearest(facts.option.name, facts.op.options)
    if near is None or near not in facts.op.options:
        yield from _otherwise(facts, theirs)


def _otherwise(facts: UnknownOption, theirs: str | None) -> Iterator[Fix | str]:
    given, layer, value = facts.option, facts.layer, facts.option.value.span.text.lower()
    gone = _trimmed(given.span)
    if given.name == "return_sequences" and layer is not None and gone is not None:
        if value in _FALSE:
            yield Fix("`take -1` takes the last token alone", (gone, edits.insert_after(layer.span, " -> take -1")))
        else:
            yield Fix("every token is an output already: remove it", (gone,))
    elif given.name == "trainable":
        yield "a layer is frozen by its label in the recipe: `train { freeze name }`"
    elif theirs == "":
        if gone is not None and (given.name not in _AXES or value in _FEATURE_AXIS):
            yield Fix("remove it: netspec infers it", (gone,))
    elif theirs is None:
        yield from _layer_as_option(facts, gone)


def _layer_as_option(facts: UnknownOption, gone: Edit | None) -> Iterator[Fix | str]:
    given, value = facts.option, facts.option.value.span.text
    name = ALIASES.get(given.name.lower(), given.name.lower())
    if name not in CATALOGUE:
        return
    if name in ("bn", "ln", "gn") and "norm" in facts.op.options:
        if value.lower() not in _FALSE:
            yield Fix.replace(given.span, f"norm={name}", f"write `norm={name}`")
        elif gone is not None:
            yield Fix("remove it: there is no norm unless one is written", (gone,))
        return
    own = CATALOGUE[name].name
    text = own if value.lower() in _TRUE else f"{own} {value}"
    title = f"`{own}` is a layer: `-> {text}`"
    last = re.match(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z|->|;|\})", given.span.source.text[given.span.end :])
    yield Fix.replace(given.span, f"-> {text}", title) if last else title


@semantic(
    "NS202-remove",
    UnknownOption,
    40,
    ("input 16 int\nembed-8 vocab=100 padding_idx=0\n", "input 16 int\nembed-8 vocab=100\n"),
    title="an option that nothing has",
    guess=True,
)
def remove(context: FixContext) -> Iterator[Fix]:
    """The layer is complete without it."""
    facts: UnknownOption = context.facts
    if facts.option.name not in (*_AXES, "trainable"):  # without these it is another network
        yield Fix(f"remove `{facts.option.span.text}`", (edits.delete(facts.option.span),))


# Slots


@semantic(
    "NS207-slot",
    UnwantedSlot,
    20,
    ("input 8\nsoftmax-4\n", "input 8\nFC-4 -> softmax\n"),
    ("input 3x8x8\nbn-3\n", "input 3x8x8\nbn\n"),
    title="a width or stride on a layer that has none",
)
def slot(context: FixContext) -> Iterator[Fix | str]:
    """The number belongs to another layer, to an option, or is inferred."""
    facts: UnwantedSlot = context.facts
    op, layer, span = facts.op, facts.layer, facts.span
    sign = Span(span.source, span.start - 1, span.end)
    if op.name == "reshape" and sign.text == "-1":
        yield Fix.replace(Span(span.source, layer.head_span.start, span.end), "flatten", "write `flatten`")
        return
    lone = next((name for name in ("heads", "factor", "groups", "n") if name in op.options), "")
    given = any(option.name == lone for option in (*layer.options, *layer.argument_options)) or bool(layer.values)
    if facts.slot == "width" and _has(op, "value") and not given:
        text = f"{layer.head} {span.text}" if facts.refused is not None else f"{op.name} {show(facts.value)}"
        yield Fix.replace(
            Span(span.source, layer.head_span.start, span.end), text, f"the value follows a space: `{text}`"
        )
    elif sign.text[:1] not in ("-", "/"):
        return
    elif facts.slot == "width" and lone and not given:
        yield Fix.replace(sign, f" {lone}={span.text}", f"write `{layer.head} {lone}={span.text}`")
    elif facts.slot == "width" and (lone or op.name in NORMALIZATIONS):
        yield Fix.replace(sign, "", f"the features are those of the layer before: remove `{sign.text}`")
    elif op.name in ACTIVATIONS:
        yield _units_or_nothing(facts, sign)


def _units_or_nothing(facts: UnwantedSlot, sign: Span) -> Fix:
    here, layer, span = facts.here, facts.layer, facts.span
    if facts.slot == "width" and here is not None and here.features != facts.value:
        image = here.layout == "map" and facts.op.name not in ("softmax", "log_softmax", "sigmoid") and here.rank == 2
        units = f"{'conv1' if image else 'FC'}-{span.text}"
        title = f"it keeps the size of its input; the units are another layer: `{units} -> {layer.head}`"
        return Fix.replace(Span(span.source, layer.span.start, span.end), f"{units} -> {layer.head}", title)
    return Fix.replace(sign, "", f"it keeps the size of its input: write `{layer.head}`")


@semantic(
    "NS206-slot",
    MissingValue,
    20,
    ("input 3x8x8\nconv-8\n", "input 3x8x8\nconv3-8\n"),
    title="a layer without its kernel, width or value",
)
def missing(context: FixContext) -> Iterator[Fix | str]:
    """The kernel is in the name, the width after a hyphen, the stride after a slash, a value after a space."""
    facts: MissingValue = context.facts
    op, layer, slot_ = facts.op, facts.layer, facts.option.slot
    head, rest = layer.head, layer.span.source.text[layer.head_span.end : layer.span.end]
    sizes = re.fullmatch(r"([A-Za-z]+)(\d+)[x×](\d+)(?:[x×](\d+))?", head)
    if slot_ == "kernel" and layer.arguments is None:
        yield Fix.replace(layer.span, f"{head}3{rest}", f"write `{head}3{rest}` for 3x3")
    elif slot_ == "width" and sizes and sizes[4] and facts.here is not None and facts.here.rank == 2:
        kernel = sizes[2] if sizes[2] == sizes[3] else f"{sizes[2]}x{sizes[3]}"
        text = f"{sizes[1]}{kernel}-{sizes[4]}{rest}"
        yield Fix.replace(layer.span, text, f"the width follows a hyphen: `{text}`")
    elif slot_ == "width" and sizes and not sizes[4] and int(sizes[3]) > LARGEST_KERNEL:
        text = f"{sizes[1]}{sizes[2]}-{sizes[3]}{rest}"
        yield Fix.replace(layer.span, text, f"the width follows a hyphen: `{text}`")
    else:
        how = {"kernel": f"{op.name}3", "width": f"{head}-64", "stride": f"{head}/2"}.get(slot_)
        yield f"for example: `{how or op.example.split(' norm=')[0]}`"


# Values


@semantic(
    "NS207-layer-as-value",
    LayerAsValue,
    20,
    ("input 3x8x8\nconv3-8 relu\n", "input 3x8x8\nconv3-8 -> relu\n"),
    title="a layer without an arrow before it",
    applicability="safe",
)
def layer_as_value(context: FixContext) -> Iterator[Fix]:
    """Layers are joined by arrows, or are on lines of their own."""
    facts: LayerAsValue = context.facts
    title = f"put an arrow or a new line before it: `-> {facts.name}`"
    yield Fix(title, (edits.insert_before(facts.span, "-> "),), "safe")


@semantic(
    "NS207-value",
    StrayValue,
    20,
    ("input 3x8x8\nconv 3 8\n", "input 3x8x8\nconv3-8\n"),
    ("input 3x8x8\nconv3-8 s2\n", "input 3x8x8\nconv3-8/2\n"),
    ("input 3x8x8\nconv3-8 as stem\n", "input 3x8x8\nstem: conv3-8\n"),
    ("input 4x8x8x8\nconv(1, 7, 7)-8\n", "input 4x8x8x8\nconv((1, 7, 7))-8\n"),
    title="a value for which the layer has no place",
)
def value(context: FixContext) -> Iterator[Fix | str]:
    """The numbers of a layer are in its name: kernel, `-` and width, `/` and stride. Everything else has a name."""
    facts: StrayValue = context.facts
    layer, span = facts.layer, facts.span
    place = next((i for i, v in enumerate(layer.values) if v.span == span), None)
    if place is not None:
        found = label_after(layer, layer.values[place], layer.values[place + 1 :]) or copies(span)
        if found is not None or (found := _short_option(facts)) is not None:
            yield found
            return
    yield from _argument(facts) if facts.argument else _loose(facts)


def label_after(layer: t.Layer, first: t.Expr, rest: Sequence[t.Expr | t.Option]) -> Fix | None:
    """`conv3-64 as stem`: a label, which comes before its layer."""
    edit = _trimmed(first.span.to(rest[0].span)) if len(rest) == 1 and isinstance(rest[0], t.Name) else None
    if first.span.text != "as" or edit is None:
        return None
    label = rest[0].span.text
    return Fix(
        f"a label comes before its layer: `{label}: {layer.head}…`",
        (edits.insert_before(layer.span, f"{label}: "), edit),
    )


def copies(span: Span) -> Fix | None:
    """`X2`, `3x`: how many copies, written otherwise."""
    text = span.source.text
    stop = span.end + (text[span.end : span.end + 1] in ("x", "X") and span.text.isdigit())
    count = re.fullmatch(r"[Xx*](\d+)|(\d+)[Xx]", text[span.start : stop])
    if count is None:
        return None
    shown = f"x{count[1] or count[2]}"
    return Fix.replace(Span(span.source, span.start, stop), shown, f"copies are written `{shown}`")


def _short_option(facts: StrayValue) -> Fix | None:
    """`conv3-64 s2 p1`: the shorthand of papers."""
    found = re.fullmatch(r"([spgd])(\d+)", facts.span.text)
    name = {"s": "stride", "p": "pad", "g": "groups", "d": "dilation"}[found[1]] if found else ""
    if found is None or name not in facts.op.options:
        return None
    edit = _trimmed(facts.span)
    if name == "stride" and facts.layer.stride is None and edit is not None:
        text = changed(facts.layer.span.text.replace(edit.span.text, "", 1), facts.op, name, found[2])
        if text is not None:
            return Fix.replace(facts.layer.span, text, f"the stride follows a slash: `{text}`")
    return Fix.replace(facts.span, f"{name}={found[2]}", f"options are written with `=`: `{name}={found[2]}`")


def _argument(facts: StrayValue) -> Iterator[Fix | str]:
    """Too many values in the parentheses of a layer."""
    op, layer, span = facts.op, facts.layer, facts.span
    whole = layer.call_span
    given = layer.arguments or ()
    call = _call_and_options(facts)
    if call is not None:
        yield call
    elif not _has(op, "kernel"):
        yield f"its options are {', '.join(op.options)}" if op.options else "it has no options"
    elif _has(op, "width") and not facts.has_width and _kernel_in_head(layer):
        text, alone = f"{layer.head}-{span.text}", len(given) == 1 and not layer.argument_options
        title = f"the width follows a hyphen: `{text}`"
        yield Fix.replace(whole, text, title) if alone else title
    elif len(given) in (2, 3) and not _kernel_in_head(layer) and all(v.span.text.isdigit() for v in given):
        text = f"{layer.head}(({', '.join(v.span.text for v in given)}))"
        yield Fix.replace(whole, text, f"a kernel for each axis has parentheses of its own: `{text}`")
    else:
        yield (
            f"kernel, width and stride are written `{op.name}3-64/2`"
            if _has(op, "width")
            else f"kernel and stride are written `{op.name}2/2`"
        )


def _call_and_options(facts: StrayValue) -> Fix | None:
    """`conv(64, 3) pad=1`: a call of another framework with options after it."""
    layer = facts.layer
    if (
        layer.width is not None
        or layer.stride is not None
        or layer.values
        or not layer.options
        or _kernel_in_head(layer)
    ):
        return None
    named = {o.name: o.value.span.text for o in (*layer.argument_options, *layer.options)}
    known = all(name in facts.op.options or name in OPTIONS for name in named)
    text = translated(layer.head, [v.span.text for v in layer.arguments or ()], named) if known else None
    return (
        Fix.replace(layer.span, text, f"kernel, width and stride are written in the name: `{text}`") if text else None
    )


def _loose(facts: StrayValue) -> Iterator[Fix | str]:
    """A value too many after the name of a layer."""
    op, layer, span, given = facts.op, facts.layer, facts.span, facts.value
    number = isinstance(given, (int, Size)) and not isinstance(given, bool)
    edit = _trimmed(span)
    if number and (_has(op, "kernel") or op.name == "embed"):
        yield numbers_in_name(op, layer, layer.head)
    elif isinstance(given, Word):
        yield from _stray_word(op, layer, given, span)
    elif op.name in NORMALIZATIONS and number and edit is not None:
        yield Fix(f"the features are those of the layer before: write `{layer.head}`", (edit,))
    elif number and len(layer.values) == 1 and not layer.options and "heads" in op.options:
        yield Fix.replace(span, f"heads={span.text}", f"write `heads={span.text}`")
    elif _has(op, "width") and not facts.has_width:
        where = Span(span.source, layer.head_span.end, span.end)
        yield Fix.replace(where, f"-{span.text}", f"the width follows a hyphen: `{op.name}-{show(given)}`")
    elif op.options:
        yield f"name it; the options are {', '.join(op.options)}"


def _stray_word(op: type[Op], layer: t.Layer, word: Word, span: Span) -> Iterator[Fix | str]:
    theirs = OPTIONS.get(word.name)
    near = theirs if theirs in op.options else nearest(word.name, op.options)
    after = next((v for v in layer.values if v.span.start > span.end), None)
    if near and after is not None:
        text = f"{near}={after.span.text}"
        yield Fix.replace(span.to(after.span), text, f"options are written with `=`: `{text}`")
    elif near:
        yield f"options are written with `=`: `{near}=…`"
    elif (name := nearest(word.name, CATALOGUE)) is not None:
        yield f"a layer follows an arrow or a new line: `-> {CATALOGUE[name].name}`"


RULES = (option, other_way, remove, slot, missing, layer_as_value, value)
