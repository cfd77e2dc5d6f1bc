"""A network that fits, and is not the one that was expected: edits of one place with which every expectation holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from netspec.diagnostics import Edit, Fix
from netspec.elaborate.places import StepRef, before, behind
from netspec.elaborate.repairs.scene import (
    POOLINGS,
    Scene,
    input_of,
    inserted,
    kernel_of,
    name_of,
    replaced_in,
    resumed,
    rewritten,
    span_of,
    swapped,
    without,
)
from netspec.elaborate.repairs.widths import halved, width_written_otherwise
from netspec.source import Span
from netspec.syntax import tree as t

__all__ = ["expected_figures", "which_output"]


def expected_figures(scene: Scene) -> Iterator[Fix]:
    """Edits of one place with which every expectation holds, the likeliest first."""
    places = [p for p in scene.places if p.layer is not None]
    yield from _pooled_first(scene)
    if "<" in span_of(scene).text:
        yield from _narrower(scene)
        return
    for place in places:
        if (following := behind(place)) is not None and name_of(place) == "conv" and name_of(following) == "tokens":
            yield from _strided(place)
        yield from _arguments_swapped(scene.file, place)
    for place in places:
        yield from halved(place)
    yield from _copies_changed(scene)
    yield from _blocks_shared(scene)
    yield from _usual_inputs(scene)
    for place in places:
        kind = input_of(scene, place) if name_of(place) in ("fc", "linear") else None
        if kind is not None and kind.layout == "sequence":
            yield from inserted(place, "take -1")
            yield from inserted(place, "take 0")
    for place in places:
        yield from width_written_otherwise(scene, place)
    yield from _defaults(scene)
    yield from _all_alike(scene, places)
    for place in places:
        yield from _turned(place)
        yield from _dilated(place)
        if name_of(place) in ("gap", "gmp"):
            end = Span(place.span.source, place.span.end, place.span.end)
            yield Fix.replace(end, " -> flatten", f"put `flatten` behind `{place.text}` at line {place.span.line}")
    for place in places:
        yield from _other_window(place)
    for place in places:
        yield from _other_bias(place)
    yield from resumed(scene, places)
    for place in places:
        if name_of(place) in ("linear", "gap"):
            yield from inserted(place, "flatten")
    yield from _near_inputs(scene)
    for place in places:
        following = behind(place)
        if following is not None and following.layer is not None and place.text != following.text:
            yield from swapped(place, following)
    for place in places:
        if name_of(place) in (*POOLINGS, "conv") and place.step.label is None:
            yield from without(place, "without")


def _pooled_first(scene: Scene) -> Iterator[Fix]:
    """`gap` before the first fully connected layer behind an image."""
    for place in scene.places:
        if name_of(place) not in ("fc", "linear", "flatten") or place.block:
            continue
        node = next((n for n in scene.nodes.get(place.step.term.span, ()) if n.inputs), None)
        kind = scene.graph.nodes[node.inputs[0]].type if node is not None else None
        if node is not None and kind is not None and kind.layout == "vector":
            before_flat = scene.graph.nodes[node.inputs[0]]
            kind = scene.graph.nodes[before_flat.inputs[0]].type if before_flat.kind == "flatten" else kind
        if kind is not None and kind.layout == "map" and max(kind.spatial) > 1:
            previous = before(place)
            if previous is not None and name_of(previous) in ("dropout", "dropout2d"):
                yield from inserted(previous, "gap")
            yield from inserted(place, "gap")
            return


def _narrower(scene: Scene) -> Iterator[Fix]:
    """The widest that the layer with the most parameters may be."""
    layers = sorted((p for p in scene.places if p.layer and not p.block), key=lambda p: -_weight(scene, p))
    for place in layers[:3]:
        width = place.layer.width.span if place.layer and place.layer.width is not None else None
        if width is None or not width.text.isdigit() or behind(place) is None:
            continue
        units = int(width.text)
        for text in dict.fromkeys(str(units * part // 16) for part in (14, 12, 10, 8, 6, 5, 4, 3, 2, 1)):
            if text != "0":
                yield replaced_in(place, width, text)


def _weight(scene: Scene, place: StepRef) -> int:
    return sum(node.n_params for node in scene.nodes.get(place.step.term.span, ()))


def _blocks_shared(scene: Scene) -> Iterator[Fix]:
    """A block without parameters that is called more than once, with one set of weights."""
    for item in scene.file.items:
        if isinstance(item, t.Block) and not item.parameters:
            calls = [p for p in scene.places if p.layer is not None and p.layer.head == item.name]
            if len(calls) > 1 or any(p.step.times is not None for p in calls):
                word = Span(item.span.source, item.span.start, item.span.start + len("block"))
                yield Fix.replace(
                    word, "shared", f"share its weights: `shared {item.name} {{ … }}` in place of `block {item.name}`"
                )


_PAIRS = {
    227: (224,),
    224: (227, 299),
    28: (32,),
    32: (28, 64),
    64: (32,),
    299: (224,),
    256: (224,),
    572: (512,),
    512: (572,),
}
"""Sizes of images that are taken for each other."""


def _usual_inputs(scene: Scene) -> Iterator[Fix]:
    yield from _other_inputs(scene, lambda n: _PAIRS.get(n, ()))


def _near_inputs(scene: Scene) -> Iterator[Fix]:
    yield from _other_inputs(scene, lambda n: [m for d in (1, 2, 3, 4) for m in (n + d, n - d) if m > 0])


def _other_inputs(scene: Scene, sizes_for: Callable[[int], Iterable[int]]) -> Iterator[Fix]:
    inputs = [item for item in scene.file.items if isinstance(item, t.Input)]
    sizes = inputs[0].size.split("x") if len(inputs) == 1 else []
    if len(sizes) >= 2 and sizes[-1] == sizes[-2] and sizes[-1].isdigit():
        for other in sizes_for(int(sizes[-1])):
            size = "x".join([*sizes[:-2], str(other), str(other)])
            shown = inputs[0].span.text.replace(inputs[0].size, size)
            yield Fix.replace(inputs[0].size_span, size, f"with `{shown}` it holds")


def _strided(place: StepRef) -> Iterator[Fix]:
    layer, kernel = place.layer, kernel_of(place)
    if layer is not None and kernel > 1 and layer.stride is None and layer.width is not None:
        end = layer.width.span.end
        end += place.step.term.span.source.text[end : end + 1] == ")" != place.step.term.span.source.text[end - 1 : end]
        yield replaced_in(place, Span(place.span.source, end, end), f"/{kernel}")


def _arguments_swapped(file: t.File, place: StepRef) -> Iterator[Fix]:
    call = place.layer
    if call is None or len(call.arguments or ()) != 2 or name_of(place):
        return
    assert call.arguments is not None
    one, two = (a.span for a in call.arguments)
    text = place.text.replace(f"{one.text}, {two.text}", f"{two.text}, {one.text}")
    if text != place.text:
        yield rewritten(place, text)
    block = next((b for b in file.items if isinstance(b, t.Block) and b.name == call.head), None)
    for parameter in block.parameters[2:] if block is not None else ():
        yield rewritten(place, place.text.replace(f", {two.text}", f", {parameter.name}={two.text}"))


def _all_alike(scene: Scene, places: list[StepRef]) -> Iterator[Fix]:
    """One option for all convolutions of a kind: `output_pad=1` behind all strided convT, padding by half the kernel."""
    turned = [p for p in places if name_of(p) == "convt" and "/" in p.text and "output_pad" not in p.text]
    bare = [p for p in places if name_of(p) == "conv" and "pad=" not in p.text and kernel_of(p) > 2]
    for found, option in ((turned, "output_pad=1"), (bare, "pad=same"), (bare, "bias=no")):
        ends = [Span(p.span.source, p.step.term.span.end, p.step.term.span.end) for p in found]
        if len(found) > 1:
            edits = tuple(Edit(end, f" {option}") for end in ends)
            yield Fix(f"`{option}` on every {'convT' if found is turned else 'convolution'} makes it hold", edits)


def _defaults(scene: Scene) -> Iterator[Fix]:
    """One option more for all layers of a `default`."""
    for item in scene.file.items:
        if isinstance(item, t.Default):
            names = {word.text.lower() for word in item.layers}
            given = {option.name for option in item.options}
            options = (
                (("bias", "no"), ("pad", "same"), ("output_pad", "1"))
                if names & {"conv", "convt"}
                else (("bias", "no"),)
            )
            for name, value in options:
                if name not in given:
                    end = Span(item.span.source, item.span.end, item.span.end)
                    shown = f"{' '.join(item.span.text.split())} {name}={value}"
                    yield Fix.replace(end, f" {name}={value}", f"with `{shown}` at line {item.span.line} it holds")


def _turned(place: StepRef) -> Iterator[Fix]:
    """`reshape 64x7x7` for `reshape 7x7x64`: the channels come first."""
    sizes = re.fullmatch(r"reshape (\d+)x(\d+)x(\d+)", place.text)
    if sizes is not None and sizes[1] != sizes[3]:
        yield rewritten(place, f"reshape {sizes[3]}x{sizes[1]}x{sizes[2]}")


def _dilated(place: StepRef) -> Iterator[Fix]:
    """Another dilation, where the net has some."""
    if name_of(place) != "conv" or "dilation" not in place.span.source.text:
        return
    given = re.search(r"\bdilation=(\d+)", place.text)
    for n in (2, 4, 8, 16, 1):
        if given is None and n > 1:
            yield rewritten(place, f"{place.text} dilation={n}")
        elif given is not None and str(n) != given[1]:
            yield rewritten(place, place.text[: given.start(1)] + str(n) + place.text[given.end(1) :])


def _other_bias(place: StepRef) -> Iterator[Fix]:
    """With or without a bias."""
    if name_of(place) not in ("conv", "fc", "linear", "convt", "dwconv"):
        return
    given = re.search(r"\bbias=(yes|no)\b", place.text)
    if given is not None:
        other = "no" if given[1] == "yes" else "yes"
        yield rewritten(place, place.text[: given.start(1)] + other + place.text[given.end(1) :])
        return
    for value in ("no", "yes"):
        yield rewritten(place, f"{place.text} bias={value}")


def _other_window(place: StepRef) -> Iterator[Fix]:
    """A convolution or pooling with or without padding, with another stride."""
    if name_of(place) not in ("conv", "convt", "dwconv", *POOLINGS):
        return
    text, half = place.text, kernel_of(place) // 2
    pad = re.search(r"\s+pad=(\d+)", text)
    if pad is not None:
        for other in dict.fromkeys(("0", str(half), str(int(pad[1]) - 1), str(int(pad[1]) + 1))):
            if other not in (pad[1], "-1"):
                yield rewritten(place, text[: pad.start()] + f" pad={other}" + text[pad.end() :])
    elif "pad=" not in text:
        if re.search(r"^[ \t]*default\b.*\bpad=", place.span.source.text, re.MULTILINE):
            yield rewritten(place, f"{text} pad=0")
        for amount in dict.fromkeys((half, 1, 2)):
            if amount:
                yield rewritten(place, f"{text} pad={amount}")
    stride = re.search(r"/(\d+)", text)
    if stride is not None:
        yield rewritten(place, text[: stride.start()] + text[stride.end() :])
    elif (head := re.match(r"\S+", text)) is not None:
        yield rewritten(place, f"{head.group()}/2{text[head.end() :]}")
    if name_of(place) == "convt" and "output_pad" not in text:
        yield rewritten(place, f"{text} output_pad=1")


def _copies_changed(scene: Scene) -> Iterator[Fix]:
    """One copy less or more, of all that are counted alike."""
    counted: dict[str, list[StepRef]] = {}
    for place in scene.places:
        if place.step.times is not None:
            counted.setdefault(place.step.times.span.text.strip("x× ()"), []).append(place)
    for text, places in counted.items():
        for new in (f"{int(text) - 1}", f"{int(text) + 1}") if text.isdigit() else (f"({text} - 1)", f"({text} + 1)"):
            if new == "0":
                continue
            edits = [edit for place in places for edit in _times_edit(place, new)]
            shown = f"x{new}"
            yield Fix(f"with `{shown}` in place of `x{text if text.isdigit() else f'({text})'}` it holds", tuple(edits))


def _times_edit(place: StepRef, new: str) -> Iterator[Edit]:
    assert place.step.times is not None
    start, end = place.step.term.span.end, place.step.span.end
    source = place.span.source
    old = source.text[start:end]
    sign = re.match(r"\s*[x×]", old)
    if sign is not None:
        yield Edit(Span(source, start + sign.end(), end), new)


def which_output(scene: Scene) -> Iterator[Fix]:
    """`shape(age)` for `output`, where there are several."""
    span = span_of(scene)
    word = re.search(r"\boutput\b", scene.file.source.text[span.start :])
    for item in scene.file.items if word is not None else ():
        if isinstance(item, t.Output) and word is not None:
            where = Span(span.source, span.start + word.start(), span.start + word.end())
            yield Fix.replace(where, f"shape({item.name})", f"write `shape({item.name})`")
