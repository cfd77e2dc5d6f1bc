"""Layers that do not exist (NS201): what was probably meant, and how netspec writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netspec import library
from netspec.diagnostics import Edit, Fix, nearest
from netspec.diagnostics.foreign import ALIASES, PLACES, PYTHON_MODULES, STRUCTURES, TWO_WAYS, translated
from netspec.elaborate.facts import SettingOutside, UnknownHead
from netspec.fixes import edits
from netspec.fixes.fix_context import FixContext, short
from netspec.fixes.loose_numbers import renamed_with_numbers
from netspec.fixes.recipe_text import into_recipe
from netspec.fixes.rule import semantic
from netspec.graph import TensorType
from netspec.ops import CATALOGUE, JOINS, outside
from netspec.source import Span
from netspec.syntax import tree as t

__all__ = ["RULES"]

_STATEMENTS = (
    "input", "let", "default", "expect", "train", "net", "output", "use", "block", "residual", "repeat", "from",
)  # fmt: skip


_ARCHITECTURES = re.compile(
    r"(?i)(?:resnet|vgg|unet|densenet|mobilenet|efficientnet|inception|googlenet|alexnet|lenet|squeezenet|bert|gpt|vit)\w*$"
)


@semantic(
    "NS201-unknown-layer",
    UnknownHead,
    20,
    ("input 3x8x8\nconvv3-8\n", "input 3x8x8\nconv3-8\n"),
    ("input 3x8x8\nConv2d(3, 8, 3, padding=1)\n", "input 3x8x8\nconv3-8 pad=1\n"),
    ("input 8\nFC10\n", "input 8\nFC-10\n"),
    ("input 3x8x8\nconv3-8 -> output a\nFC-2\n", "input 3x8x8\nconv3-8\noutput a\nFC-2\n"),
    ("input 6x8 sequence\nbilstm-4\n", "input 6x8 sequence\nlstm-4 bidirectional=yes\n"),
    ("input 8x1x9\nsqueeze\n", "input 8x1x9\nreshape 8x9\n"),
    ("input 3x8x8\nmax-pool\n", "input 3x8x8\nmaxpool\n"),
    ("input 3x64x64\nbottleneck(16)\n", "use <resnet>\ninput 3x64x64\nbottleneck(16)\n"),
    ("input 3x8x8\na: conv3-3 pad=1\nadd(a, input)\n", "input 3x8x8\na: conv3-3 pad=1\nadd [ from a; from input ]\n"),
    title="a layer that does not exist",
)
def unknown_layer(context: FixContext) -> Iterator[Fix | str]:
    """The name is misspelled, is that of another framework or of a block of the library, or is written with another sign."""
    facts: UnknownHead = context.facts
    file = library.blocks().get(facts.layer.head)
    if file is not None:
        first = next(item for item in context.file.items if not isinstance(item, t.Net))
        edit = edits.insert_line_before(first.span, f"use <{file}>")
        yield Fix(f"it is a block of the library: `use <{file}>`", (edit,))
        return
    for way in (_statement, _signs, _reference, _both_directions, _foreign, _spelling):
        found = list(way(facts))
        if found:
            yield from found
            return
    head = facts.layer.head
    if head.lower() in STRUCTURES:
        yield STRUCTURES[head.lower()]
    elif _ARCHITECTURES.match(head):
        yield f'it is a network: write its layers, or bring in its spec by `use "{head.lower()}.net" as {head.lower()}`'
    else:
        yield "`netspec ops` lists the layers"


def _stem(layer: t.Layer) -> tuple[str, str]:
    """A head without the digits at its end, in lower case, and those digits."""
    stem = re.sub(r"\d+(x\d+)*$", "", layer.head.lower())
    return stem, layer.head[len(stem) :]


def _statement(facts: UnknownHead) -> Iterator[Fix | str]:
    """A statement at the end of a chain: `conv3-8 -> output features`."""
    layer, text = facts.layer, facts.layer.span.source.text
    arrow = re.search(r"[ \t]*->\s*$", text[: layer.span.start])
    if arrow is None or layer.head not in _STATEMENTS or layer.arguments is not None:
        return
    title = f"`{short(layer.span.text)}` takes a line of its own"
    before = Span(layer.span.source, arrow.start(), layer.span.start)
    after = re.match(r"[ \t]*->\s*", text[layer.span.end :])
    if layer.head != "output" or len(layer.values) > 1:
        yield title
    elif not layer.values and after is None:
        yield Fix(
            "remove it: the last tensor is the output", (Edit(Span(before.source, before.start, layer.span.end), ""),)
        )
    elif layer.values:
        start = text.rfind("\n", 0, before.start) + 1
        line = "\n" + re.match(r"[ \t]*", text[start:])[0]  # type: ignore[index]
        end = Span(before.source, layer.span.end, layer.span.end + (after.end() if after else 0))
        yield Fix(title, (Edit(before, line), *([Edit(end, line)] if after else ())))


def _both_directions(facts: UnknownHead) -> Iterator[Fix]:
    """`bilstm-256`: both directions are an option."""
    layer, name = facts.layer, TWO_WAYS.get(facts.layer.head.lower())
    if name is not None and layer.width is not None:
        option = "bidirectional=yes"
        whole = Span(layer.span.source, layer.span.start, layer.width.span.end)
        text = f"{name}{whole.text[len(layer.head) :]} {option}"
        yield Fix.replace(whole, text, f"both directions are an option: `{text}`")


def _signs(facts: UnknownHead) -> Iterator[Fix]:
    """A layer whose slots, words or number are joined by other signs."""
    layer, head = facts.layer, facts.layer.head
    if isinstance(layer.width, t.Name):  # `max-pool`, `fully-connected 10`
        word = (head + layer.width.text).lower()
        name = ALIASES.get(word) or (CATALOGUE[word].name if word in CATALOGUE else None)
        if name is not None and name.lower() in ("fc", "linear") and len(layer.values) == 1:
            text = f"{name}-{layer.values[0].span.text}"
            yield Fix.replace(layer.head_span.to(layer.values[0].span), text, f"write `{text}`")
        elif name is not None:
            yield Fix.replace(layer.head_span.to(layer.width.span), name, f"it is one word: `{name}`")
    slots = re.fullmatch(r"([A-Za-z]+)(\d+(?:x\d+)?)_(\d+)(?:_(\d+))?", head)
    if slots and slots[1].lower() in CATALOGUE and layer.width is None and layer.stride is None:
        text = f"{slots[1]}{slots[2]}-{slots[3]}" + (f"/{slots[4]}" if slots[4] else "")
        yield Fix.replace(layer.head_span, text, f"width and stride follow `-` and `/`: `{text}`", "safe")
    named = re.fullmatch(r"([A-Za-z]+)(\d+(?:x\d+)*)([A-Za-z_]\w*)", head)
    if named and named[1].lower() in CATALOGUE and named[3] in facts.scope.variables and layer.width is None:
        text = f"{named[1]}{named[2]}-{named[3]}"
        yield Fix.replace(layer.head_span, text, f"the width follows a hyphen: `{text}`")
        return
    stem, digits = _stem(layer)
    kinds = {o.slot for o in CATALOGUE[stem].options.values()} if stem in CATALOGUE and digits else set()
    if "width" in kinds and layer.width is None:
        title = f"the number of units follows a hyphen: `{CATALOGUE[stem].name}-{digits}`"
        yield Fix.replace(layer.head_span, f"{head[: len(stem)]}-{digits}", title, "safe")
    elif "value" in kinds and not layer.values and layer.arguments is None:
        text = f"{stem} {digits}"
        yield Fix.replace(layer.head_span, text, f"the number follows a space: `{text}`", "safe")
    shape = re.search(r"\(\s*(\d+(?:\s*,\s*\d+)*)\s*,?\s*\)", layer.call_span.text) if layer.argument_options else None
    if head.lower() == "input" and shape is not None:  # `Input(shape=(32, 32, 3))`
        sizes = re.findall(r"\d+", shape[1])
        last = len(sizes) == 3 and int(sizes[2]) in (1, 3, 4) and int(sizes[0]) > 4
        text = f"input {'x'.join([sizes[2], *sizes[:2]] if last else sizes)}"
        yield Fix.replace(layer.call_span, text, f"write `{text}`" + (": channels come first" if last else ""))
    elif head.lower() in _STATEMENTS and head != head.lower():
        yield Fix.replace(layer.head_span, head.lower(), f"keywords are lower-case: `{head.lower()}`", "safe")


def _reference(facts: UnknownHead) -> Iterator[Fix | str]:
    """A label in the place of a layer, branches without brackets, what has no layer here."""
    layer, head = facts.layer, facts.layer.head
    if head in facts.scope.labels and layer.arguments is None:
        title = f"`{head}` is a label: go on from it with `from {head}`"
        yield Fix(title, tuple(edits.insert_before(span, "from ") for span in _alone(facts)))
    elif head in JOINS and (layer.arguments or layer.values):
        yield from _bracketed(facts)
    elif head in JOINS and layer.arguments is None:
        yield from _alone_join(facts)
    elif head.lower() in PLACES:
        yield from _elsewhere(layer, PLACES[head.lower()], facts.scope.here)


def _alone(facts: UnknownHead) -> Iterator[Span]:
    """The label, and the others that are alone in branches of the same brackets."""
    text, at = facts.layer.span.source.text, facts.layer.head_span.start
    low = max(text.rfind("[", 0, at), text.rfind("\n", 0, at)) + 1
    high = min((i for i in (text.find("]", at), (text + "\n").find("\n", at)) if i >= 0), default=len(text))
    words = re.finditer(r"(?:^|(?<=;))[ \t]*([A-Za-z_]\w*)[ \t]*(?=;|$)", text[low:high])
    for start in sorted({low + m.start(1) for m in words if m[1] in facts.scope.labels} | {at}):
        yield Span(facts.layer.span.source, start, start)


def _bracketed(facts: UnknownHead) -> Iterator[Fix]:
    """`add a` and `concat(a, b)`: branches are in brackets."""
    layer = facts.layer
    if layer.values and not layer.arguments:
        names = [v.span.text for v in layer.values]
        where, parts = layer.span, [f"from {name}" for name in names if name in facts.scope.labels]
        if not all(isinstance(v, t.Name) for v in layer.values) or not parts:
            return
    else:
        where, parts = layer.call_span, [_branch(argument, facts) for argument in layer.arguments or ()]
    text = f"{layer.head} [ {'; '.join([*(['identity'] if len(parts) == 1 else []), *parts])} ]"
    yield Fix.replace(where, text, f"branches are in brackets: `{text}`")


def _alone_join(facts: UnknownHead) -> Iterator[Fix | str]:
    """`concat` without branches: the last two labels, or the label and the current tensor."""
    layer, labels = facts.layer, [label for label in facts.scope.labels if label != "input"][-2:]
    parts = [f"from {label}" for label in labels] or ["from a"]
    text = f"{layer.head} [ {'; '.join(parts if len(parts) > 1 else ['identity', *parts])} ]"
    title = f"it joins branches, each a chain of layers or a label: `{text}`"
    yield Fix.replace(layer.head_span, text, title) if labels else title


def _branch(argument: t.Expr, facts: UnknownHead) -> str:
    text = argument.span.text
    called = re.fullmatch(r"(\w+)\((\w+)\)", text)
    if called and called[2] in facts.scope.labels:
        return f"from {called[2]} -> {called[1]}{'()' if called[1] in facts.scope.blocks else ''}"
    return f"from {text}" if text in facts.scope.labels else text


def _elsewhere(layer: t.Layer, title: str, here: TensorType | None) -> Iterator[Fix | str]:
    head, values = layer.head.lower(), [v.span.text for v in layer.values]
    line = edits.line_of_its_own(layer.span)
    if head == "import" and values[:1] and values[0] in PYTHON_MODULES and line is not None:
        yield Fix("remove it: a spec imports nothing", (Edit(line, ""),))
        return
    yield title
    if head == "return" and line is not None:
        yield Fix(title, (Edit(line, ""),))
    elif head == "import" and len(values) == 1 and values[0].isidentifier():
        yield Fix.replace(layer.span, f'use "{values[0]}.net"', f'write `use "{values[0]}.net"`')
    elif head == "view":
        yield Fix.replace(layer.span, "flatten", "write `flatten`")
    elif head in ("squeeze", "unsqueeze", "expand_dims") and here is not None:
        yield from _other_axes(layer, head, here)


def _other_axes(layer: t.Layer, head: str, here: TensorType) -> Iterator[Fix]:
    """The sizes without, or with, an axis of size 1."""
    kept = tuple(n for n in here.shape if n != 1) or (1,)
    sizes = kept if head == "squeeze" else (1, *here.shape)
    if len(sizes) > 4 or sizes == here.shape:
        return
    text = f"reshape {'x'.join(map(str, sizes))}"
    yield Fix.replace(layer.span, text, f"`{text}` keeps the values")
    if head == "squeeze" and here.layout == "map" and len(kept) == 2 and here.shape[0] == kept[0]:
        yield Fix.replace(
            layer.span, "tokens", f"`tokens` makes a sequence of {kept[1]}x{kept[0]}, for recurrent layers"
        )


def _foreign(facts: UnknownHead) -> Iterator[Fix | str]:
    """The name that another framework gives a layer."""
    layer, head = facts.layer, facts.layer.head
    stem, digits = _stem(layer)
    word = head.lower() if head.lower() in ALIASES else stem
    if word not in ALIASES or any(nearest(head, [block]) for block in facts.scope.blocks):
        return
    name = ALIASES[word]
    kernel = any(option.slot == "kernel" for option in CATALOGUE[name.lower()].options.values())
    if (
        layer.arguments is None
        and kernel
        and not digits
        and layer.width is not None
        and "kernel" not in layer.span.text
    ):
        text = f"{name}3-{layer.width.span.text}"
        yield Fix.replace(
            layer.head_span, f"{name}3", f"netspec calls it `{name}`, with the kernel after the name: `{text}`"
        )
    elif layer.arguments is None:
        text = f"{name}{digits if word == stem else ''}"
        if (fix := renamed_with_numbers(CATALOGUE[name.lower()], layer, text)) is not None:
            yield Fix(f"netspec writes it `{fix.edits[0].text}`", fix.edits)
            return
        yield Fix.replace(layer.head_span, text, f"netspec calls it `{name}`")
    else:
        options = {o.name: o.value.span.text for o in layer.argument_options}
        written = translated(head, [v.span.text for v in layer.arguments], options)
        title = f"netspec writes it `{written}`" if written else f"netspec calls it `{name}`"
        yield Fix.replace(layer.call_span, written, title) if written else title


def _spelling(facts: UnknownHead) -> Iterator[Fix]:
    """A kernel that is a variable, or the layer or block with the nearest name."""
    layer, head = facts.layer, facts.layer.head
    stem, digits = _stem(layer)
    for name in facts.scope.variables:
        if head.endswith(name) and head.removesuffix(name).lower() in CATALOGUE:
            text = f"{head.removesuffix(name)}({name})"
            yield Fix.replace(layer.head_span, text, f"a kernel from a variable is in parentheses: `{text}-…`")
            return
    known = [*facts.scope.blocks, *CATALOGUE, *outside.offered()]
    near = nearest(head, known)
    if len(layer.values) == 1 and layer.values[0].span.text in facts.scope.labels and nearest(head, ("from",)):
        yield Fix.replace(layer.head_span, "from", "did you mean `from`?")
        return
    exact = near is not None
    near = near or nearest(stem, known)
    if near is None:
        keyword = nearest(head, _STATEMENTS)
        if keyword is not None and layer.arguments is None:
            yield Fix.replace(layer.head_span, keyword, f"did you mean `{keyword}`?")
        return
    name = CATALOGUE[near].name if near in CATALOGUE else near
    kernel = near in CATALOGUE and any(o.slot == "kernel" for o in CATALOGUE[near].options.values())
    keeps = (kernel or not exact) and not near.endswith(digits or "\n")
    text = f"{name}{digits if keeps else ''}"
    fix = renamed_with_numbers(CATALOGUE[near], layer, text) if near in CATALOGUE else None
    if fix is not None:
        yield Fix(f"did you mean `{fix.edits[0].text}`?", fix.edits)
        return
    yield Fix.replace(layer.head_span, text, f"did you mean `{name}`?")


@semantic(
    "NS201-setting",
    SettingOutside,
    20,
    ("input 8\nFC-2\nepochs 3\nbatch 8\n", "input 8\nFC-2\ntrain {\n  epochs 3\n  batch 8\n}\n"),
    title="a setting of the training outside of `train { … }`",
)
def setting(context: FixContext) -> Iterator[Fix | str]:
    """Settings of the training are in the recipe of the net."""
    facts: SettingOutside = context.facts
    title = "settings of the training are in `train { … }`"
    if not facts.rows:  # inside of a body, where no line is a setting alone
        yield title
        return
    yield Fix(title, into_recipe(facts.rows))


RULES = (unknown_layer, setting)
