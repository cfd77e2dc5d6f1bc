"""Repairs by the form of the text: layers put in, taken out or moved, labels moved, other numbers.

They are guesses; only those are shown with which the whole file checks (`trials`). The likeliest come first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.elaborate import rewrites
from netspec.elaborate.places import Place, before, behind, insert_before, label_moved, places_in, remove, swap
from netspec.graph import Failed, Graph, TensorType
from netspec.ops import CATALOGUE
from netspec.source import Span
from netspec.syntax import tree as t

__all__ = ["repairs"]

_POOLINGS = ("maxpool", "avgpool", "lppool")
_ARROW_WIDE = 60


@dataclass(frozen=True, slots=True)
class _Scene:
    """What is known where a finding stands."""

    file: t.File
    graph: Graph
    finding: Diagnostic
    places: list[Place]
    here: Place
    came_in: TensorType | None

    @property
    def earlier(self) -> list[Place]:
        """The steps before this one that are written in the same statements or around them, the nearest first."""
        around = {id(place.statements) for place in self.here.out}
        return [p for p in reversed(self.places) if p.span.end <= self.here.span.start and id(p.statements) in around]


def repairs(file: t.File, graph: Graph, finding: Diagnostic) -> Iterator[Fix]:
    """Edits that may mend a finding."""
    rule = _RULES.get(finding.code)
    if rule is None or finding.span is None or finding.span.source is not file.source:
        return
    places = places_in(file)
    around = [p for p in places if p.span.start <= finding.span.start and finding.span.end <= p.span.end]
    if not around and not places:
        return
    here = min(around, key=lambda p: p.span.end - p.span.start) if around else places[-1]
    yield from rule(_Scene(file, graph, finding, places, here, _came_in(graph, finding)))


def _came_in(graph: Graph, finding: Diagnostic) -> TensorType | None:
    span = finding.span
    rows: Iterable[Failed] = graph.failed if span is not None else ()
    row = next((f for f in rows if span and f.span.start <= span.start and span.end <= f.span.end), None)
    return row.inputs[0] if row is not None and row.inputs else None


def _name(place: Place) -> str:
    """The layer that a step names, as the catalogue calls it; empty for anything else."""
    head = place.layer.head.lower() if place.layer is not None else ""
    op = CATALOGUE.get(head) or CATALOGUE.get(re.sub(r"[\dx×]+$", "", head))
    return op.name.lower() if op is not None else ""


def _line(place: Place) -> str:
    return f"line {place.span.line}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _ARROW_WIDE else text[: _ARROW_WIDE - 1] + "…"


# Edits of one kind, each with its title


def _without(place: Place, why: str = "take out") -> Iterator[Fix]:
    edit = remove(place)
    if edit is not None:
        yield Fix(f"{why} `{_short(place.span.text)}` at {_line(place)}", (edit,))


def _swapped(one: Place | None, other: Place | None) -> Iterator[Fix]:
    if one is not None and other is not None:
        first, second = _short(one.span.text), _short(other.span.text)
        yield Fix(f"put `{second}` before `{first}`", swap(one, other))


def _inserted(place: Place, layer: str) -> Iterator[Fix]:
    yield Fix(f"put `{layer}` before `{_short(place.span.text)}` at {_line(place)}", (insert_before(place, layer),))


def _rewritten(place: Place, text: str) -> Fix:
    title = f"with `{_short(text)}` in place of `{_short(place.text)}` at {_line(place)} it fits"
    return Fix.replace(place.step.term.span, text, title)


# A tensor of another kind than the layer takes


def _kinds(scene: _Scene) -> Iterator[Fix]:
    here, kind = scene.here, scene.came_in
    previous, following = before(here), behind(here)
    if kind is not None and kind.layout == "map":
        if following is not None and _name(following) == "tokens":
            yield from _swapped(here, following)
        for place in here.out:
            yield from _inserted(place, "tokens")
    yield from _input_of_a_kind(scene)
    if kind is not None and kind.layout == "ids":
        layer = f"embed-64 vocab={_vocabulary(scene.file)}"
        for place in here.out:
            yield Fix(f"turn ids into vectors first: `{layer}`", (insert_before(place, layer),))
    if previous is not None and _name(previous) in ("flatten", "take", "gap", "gmp", "mean", "tokens", "fc"):
        yield from _swapped(previous, here)
        if _name(previous) != "fc":
            yield from _without(previous)
    for place in scene.earlier[:8]:
        if _name(place) in ("flatten", "take", "gap", "gmp") and place.span != getattr(previous, "span", None):
            yield from _without(place)
    yield from _resumed(scene, [here])
    if kind is not None and kind.layout == "vector":
        yield from _reshaped(here, kind.features)
    yield from (replace(fix, fallback=True) for fix in _without(here))


def _vocabulary(file: t.File) -> str:
    names = [i.name for i in file.items if isinstance(i, t.Let)]
    names += [p.name for i in file.items if isinstance(i, t.Net) for p in i.parameters]
    return next((name for name in names if name.lower().startswith("vocab")), "10000")


def _input_of_a_kind(scene: _Scene) -> Iterator[Fix]:
    inputs = [item for item in scene.file.items if isinstance(item, t.Input)]
    if len(inputs) != 1 or inputs[0].words or not scene.places or scene.came_in is None:
        return
    statement, size = inputs[0], inputs[0].size
    name = statement.name or ("ids" if _name(scene.here) == "embed" else "")
    forms = {
        "vector": (f"{name} {size} int" if _name(scene.here) == "embed" else f"{statement.name or ''} 1x{size}",),
        "map": (f"{statement.name or ''} {size} sequence",) if size.count("x") == 1 else (),
    }
    for form in forms.get(scene.came_in.layout, ()) if "x" not in size or scene.came_in.layout == "map" else ():
        text = f"input {form.strip()}"
        integers = "as integers: " if text.endswith("int") else "as "
        yield Fix.replace(statement.span, text, f"declare the input {integers}`{text}`")


def _reshaped(here: Place, features: int) -> Iterator[Fix]:
    for side in (4, 7, 8, 6, 5, 16, 3, 2):
        if features % side**2 == 0 and features > side**2:
            yield from _inserted(here, f"reshape {features // side**2}x{side}x{side}")


# Windows that do not fit: one layer too many, or no padding further up


def _windows(scene: _Scene) -> Iterator[Fix]:
    here = scene.here
    alone = not here.block and here.parent is None and here.step.times is None
    if _name(here) in _POOLINGS and alone:
        yield from _without(here, "one too many: take out")
    calls = [p for p in scene.places if here.block and p.layer is not None and p.layer.head == here.block]
    for place in (*here.out, *reversed(calls)):
        times = place.step.times
        if isinstance(times, t.Literal_) and times.text.isdigit():
            for copies in range(int(times.text) - 1, max(0, int(times.text) - 5), -1):
                yield _fewer(place, times.span, copies)
        if isinstance(place.step.term, t.Repeat) and place.step.term.count.span.text.isdigit():
            count = place.step.term.count.span
            for rounds in range(int(count.text) - 1, max(0, int(count.text) - 5), -1):
                yield Fix.replace(count, str(rounds), f"with `repeat {rounds}` every layer fits")
    if _name(here) in _POOLINGS and not alone:
        yield from _without(here, "one too many: take out")
    for place in reversed(scene.earlier):
        if _name(place) == "conv" and "pad" not in place.text and (k := _kernel(place)) > 2:
            yield _padded(place, k // 2)
    for place in scene.earlier:
        if _name(place) in _POOLINGS and place.step.times is None:
            yield from _per_axis(scene, place)
            yield from _without(place)


def _fewer(place: Place, span: Span, n: int) -> Fix:
    text = span.source.text
    start = span.start - (text[span.start - 1] in "x×") if not re.match(r"[x×]", span.text) else span.start
    return Fix.replace(Span(span.source, start, span.end), f"x{n}", f"with {n} copies, `x{n}`, every layer fits")


def _kernel(place: Place) -> int:
    found = re.match(r"[A-Za-z]+(\d+)", place.text)
    return int(found[1]) if found else 0


def _padded(place: Place, pad: int) -> Fix:
    head = re.match(r"\S+", place.text)
    assert head is not None
    return _rewritten(place, f"{place.text} pad={pad}")


def _per_axis(scene: _Scene, place: Place) -> Iterator[Fix]:
    """`maxpool1x2x2` in place of `maxpool` on a volume."""
    kind = scene.came_in
    if kind is None or kind.rank != 3 or not re.fullmatch(r"[A-Za-z]+2?", place.text):
        return
    yield _rewritten(place, f"{place.text.removesuffix('2')}1x2x2")


# Branches: another label, or the label at another layer


def _joins(scene: _Scene) -> Iterator[Fix]:
    if "shared block" in scene.finding.message:
        yield from _channels_of_inputs(scene)
        return
    join = next((p for p in scene.here.out if isinstance(p.step.term, t.Join)), scene.here)
    froms = [
        p for p in scene.places
        if isinstance(p.step.term, t.From) and join.span.start <= p.span.start and p.span.end <= join.span.end
    ]  # fmt: skip
    around = {id(place.statements) for place in join.out}
    labelled = [
        p for p in scene.places
        if p.step.label is not None and p.span.end <= join.span.start and id(p.statements) in around
    ]  # fmt: skip
    joined = {place.step.term.label for place in froms if isinstance(place.step.term, t.From)}
    for place in froms:
        term = place.step.term
        assert isinstance(term, t.From)
        for other in reversed(labelled):
            assert other.step.label is not None
            if other.step.label.text not in joined:
                title = f"`from {other.step.label.text}` in place of `from {term.label}`"
                yield Fix.replace(term.label_span, other.step.label.text, title)
        at = next((p for p in reversed(labelled) if p.step.label and p.step.label.text == term.label), None)
        previous = before(at) if at is not None else None
        if at is not None and previous is not None and (edits := label_moved(at, previous)) is not None:
            shown = f"{term.label}: {_short(previous.span.text)}"
            yield Fix(f"put the label on the layer before `{_short(at.text)}`: `{shown}`", edits)
    yield from _widths_around(scene)
    residual = next((p for p in scene.here.out if isinstance(p.step.term, t.Residual)), None)
    if residual is not None and isinstance(residual.step.term, t.Residual) and residual.step.term.body.statements:
        yield from _turned_back(scene, residual.step.term.body)
    if isinstance(join.step.term, t.Join):
        for fix in _as_vectors(join.step.term):
            yield replace(fix, fallback=True)


def _turned_back(scene: _Scene, body: t.Body) -> Iterator[Fix]:
    """`permute(1, 0)` at the end of a body that has one already: what is turned is turned back."""
    last = body.statements[-1]
    if "permute" not in body.span.text or not isinstance(last, t.Chain):
        return
    text = "permute(1, 0)"
    source, start = last.span.source, last.span.start
    lead = source.text[source.text.rfind("\n", 0, start) + 1 : start]
    new = f" -> {text}" if lead.strip() else f"\n{lead}{text}"
    yield Fix(
        f"turn it back: `{text}` at the end of the body", (Edit(Span(source, last.span.end, last.span.end), new),)
    )


def _as_vectors(join: t.Join) -> Iterator[Fix]:
    """`flatten` behind every branch, as the heads of a detector are joined."""
    spans = [branch.span for branch in join.branches]
    if join.kind == "concat" and len(spans) > 1:
        edits = tuple(Edit(Span(span.source, span.end, span.end), " -> flatten") for span in spans)
        yield Fix("to join them as vectors, put ` -> flatten` behind each branch", edits)


# A label that stands where it is not seen


def _labels(scene: _Scene) -> Iterator[Fix]:
    finding = scene.finding
    assert finding.span is not None
    label, use = finding.span.text, finding.span.start
    outside = {id(place.statements) for place in scene.here.out}
    for place in scene.places:
        if place.step.label is None or place.step.label.text != label:
            continue
        for around in list(place.out)[1:]:
            if id(around.statements) in outside and around.span.end <= use:
                yield from _relabelled(place, around)
        calls = [p for p in scene.places if p.layer and p.layer.head == place.block and p.span.end <= use]
        for call in reversed(calls if place.block else []):
            yield from _relabelled(place, call)


def _relabelled(place: Place, to: Place) -> Iterator[Fix]:
    if (edits := label_moved(place, to)) is not None:
        yield Fix(f"put the label there: `{edits[1].text}{_short(to.span.text)}`", edits)


# Several inputs


def _inputs(scene: _Scene) -> Iterator[Fix]:
    inputs = [item.name for item in scene.file.items if isinstance(item, t.Input) and item.name]
    for name in inputs if len(inputs) > 1 else ():
        yield from (Fix(f"write `from {name}` before it", fix.edits) for fix in _inserted(scene.here, f"from {name}"))


# Channels that do not divide


def _channels(scene: _Scene) -> Iterator[Fix]:
    here, previous = scene.here, before(scene.here)
    if _name(here) == "pixel_shuffle" and previous is not None and previous.layer and previous.layer.width is not None:
        factor = here.layer.values[0].span.text if here.layer and here.layer.values else ""
        width = previous.layer.width.span
        for text in (f"({factor}*{factor})", f"(3*{factor}*{factor})", f"({width.text.strip('()')} * {factor}**2)"):
            yield _replaced_in(previous, width, text)
        if factor.isdigit() and width.text.isdigit():
            step = int(factor) ** 2
            for n in (int(width.text) // step, int(width.text) // step + 1):
                if n:
                    yield _replaced_in(previous, width, str(n * step))
    if _name(here) == "dwconv" and here.layer and here.layer.width is not None:
        width = here.layer.width.span
        yield _replaced_in(here, Span(width.source, width.start - 1, width.end), "")
    yield from _multiples(scene)
    yield from _widths_around(scene)


def _widths_around(scene: _Scene) -> Iterator[Fix]:
    """Other widths for the layers before this one, in the same block or the same join, the nearest first."""
    block = [p for p in scene.places if p.block == scene.here.block and p.layer is not None]
    near = sorted(block, key=lambda p: abs(p.span.start - scene.here.span.start))
    for place in near[:8] if scene.here.block else ():
        yield from _width_written_otherwise(scene, place)


def _multiples(scene: _Scene) -> Iterator[Fix]:
    """For a number of channels that does not divide: the nearest multiples, wherever the number is written."""
    numbers = [int(n) for n in re.findall(r"\d+", scene.finding.message)]
    source = scene.file.source
    if len(numbers) < 2 or min(numbers) < 1:
        return
    n, parts = numbers[0], numbers[-1]
    near = sorted({n - n % parts, n - n % parts + parts} - {0}, key=lambda m: abs(m - n))
    for found in re.finditer(rf"(?<![\w.#]){n}(?![\w.])", source.text):
        span = Span(source, *found.span())
        row = source.line_text(span.line).split("#")[0]
        if (
            re.match(r"\s*(expect|input)\b", row)
            or "#" in source.text[source.text.rfind("\n", 0, span.start) + 1 : span.start]
        ):
            continue
        for m in near:
            shown = row[: span.column - 1] + str(m) + row[span.column - 1 + len(found.group()) :]
            yield Fix.replace(span, str(m), f"a multiple of {parts}: `{_short(shown)}` at line {span.line}")


def _replaced_in(place: Place, part: Span, text: str) -> Fix:
    whole = place.step.term.span
    old = whole.source.text
    return _rewritten(place, old[whole.start : part.start] + text + old[part.end : whole.end])


# A network that fits, and is not the one that was expected

_BUDGETS = re.compile(r"<")


def _figures(scene: _Scene) -> Iterator[Fix]:
    """Edits of one place with which every expectation holds, the likeliest first."""
    places = [p for p in scene.places if p.layer is not None]
    yield from _pooled_first(scene)
    if _BUDGETS.search(_span(scene).text):
        yield from _narrower(scene)
        return
    for place in places:
        if (following := behind(place)) is not None and _name(place) == "conv" and _name(following) == "tokens":
            yield from _strided(place)
        yield from _arguments_swapped(place)
    yield from _copies_changed(scene)
    yield from _blocks_shared(scene)
    yield from _usual_inputs(scene)
    for place in places:
        kind = _input_of(scene, place) if _name(place) in ("fc", "linear") else None
        if kind is not None and kind.layout == "sequence":
            yield from _inserted(place, "take -1")
            yield from _inserted(place, "take 0")
    for place in places:
        yield from _halved(place)
        yield from _width_written_otherwise(scene, place)
    for place in places:
        yield from _other_window(place)
    yield from _resumed(scene, places)
    for place in places:
        if _name(place) in ("linear", "gap"):
            yield from _inserted(place, "flatten")
    yield from _near_inputs(scene)
    for place in places:
        if _name(place) in (*_POOLINGS, "conv") and place.step.label is None:
            yield from _without(place, "without")


def _pooled_first(scene: _Scene) -> Iterator[Fix]:
    """`gap` before the first fully connected layer behind an image."""
    for place in scene.places:
        if _name(place) not in ("fc", "linear", "flatten") or place.block:
            continue
        node = next((n for n in scene.graph.nodes if n.span == place.step.term.span and n.inputs), None)
        kind = scene.graph.nodes[node.inputs[0]].type if node is not None else None
        if node is not None and kind is not None and kind.layout == "vector":
            before_flat = scene.graph.nodes[node.inputs[0]]
            kind = scene.graph.nodes[before_flat.inputs[0]].type if before_flat.kind == "flatten" else kind
        if kind is not None and kind.layout == "map" and max(kind.spatial) > 1:
            previous = before(place)
            if previous is not None and _name(previous) in ("dropout", "dropout2d"):
                yield from _inserted(previous, "gap")
            yield from _inserted(place, "gap")
            return


def _narrower(scene: _Scene) -> Iterator[Fix]:
    """The widest that the layer with the most parameters may be."""
    layers = sorted((p for p in scene.places if p.layer and not p.block), key=lambda p: -_weight(scene.graph, p))
    for place in layers[:3]:
        width = place.layer.width.span if place.layer and place.layer.width is not None else None
        if width is None or not width.text.isdigit() or behind(place) is None:
            continue
        units = int(width.text)
        for text in dict.fromkeys(str(units * part // 16) for part in (14, 12, 10, 8, 6, 5, 4, 3, 2, 1)):
            if text != "0":
                yield _replaced_in(place, width, text)


def _weight(graph: Graph, place: Place) -> int:
    return sum(node.n_params for node in graph.nodes if node.span == place.step.term.span)


def _input_of(scene: _Scene, place: Place) -> TensorType | None:
    """What comes into the layer of a step, at its first instance."""
    node = next((n for n in scene.graph.nodes if n.span == place.step.term.span and n.inputs), None)
    if node is None:
        return None
    before_it = scene.graph.nodes[node.inputs[0]]
    return (
        scene.graph.nodes[before_it.inputs[0]].type
        if before_it.kind == "flatten" and before_it.inputs
        else before_it.type
    )


def _blocks_shared(scene: _Scene) -> Iterator[Fix]:
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


def _usual_inputs(scene: _Scene) -> Iterator[Fix]:
    yield from _other_inputs(scene, lambda n: _PAIRS.get(n, ()))


def _near_inputs(scene: _Scene) -> Iterator[Fix]:
    yield from _other_inputs(scene, lambda n: [m for d in (1, 2, 3, 4) for m in (n + d, n - d) if m > 0])


def _other_inputs(scene: _Scene, sizes_for: Callable[[int], Iterable[int]]) -> Iterator[Fix]:
    inputs = [item for item in scene.file.items if isinstance(item, t.Input)]
    sizes = inputs[0].size.split("x") if len(inputs) == 1 else []
    if len(sizes) >= 2 and sizes[-1] == sizes[-2] and sizes[-1].isdigit():
        for other in sizes_for(int(sizes[-1])):
            size = "x".join([*sizes[:-2], str(other), str(other)])
            shown = inputs[0].span.text.replace(inputs[0].size, size)
            yield Fix.replace(inputs[0].size_span, size, f"with `{shown}` it holds")


def _resumed(scene: _Scene, places: Iterable[Place]) -> Iterator[Fix]:
    """`from label` before a step, where a branch was left and not gone back from."""
    labels = [p.step.label.text for p in scene.places if p.step.label is not None and p.parent is None and not p.block]
    inputs = [item.name for item in scene.file.items if isinstance(item, t.Input) and item.name]
    for place in places:
        if place.index == 0 and place.parent is None and not place.block and place.at > 0:
            for label in (*reversed(labels[-6:]), *(inputs if len(inputs) > 1 else ())):
                yield from _inserted(place, f"from {label}")


def _width_written_otherwise(scene: _Scene, place: Place) -> Iterator[Fix]:
    """The width of a layer in a block as another of its layers writes it, in part, halved or doubled."""
    layer = place.layer
    if layer is None or layer.width is None:
        return
    now = layer.width.span
    wrapped = now.source.text[now.start - 1 : now.start] == "("
    whole = Span(now.source, now.start - 1, now.end + 1) if wrapped else now
    bare = now.text.strip("() ")
    found: list[str] = []
    if not bare.isdigit():
        found += [
            part.strip("() ") for part in re.split(r"\s*(?://|\*\*|[*/+-])\s*", bare) if not part.strip("() ").isdigit()
        ]
    if place.block:
        others = [p.layer.width.span.text for p in scene.places if p.block == place.block and p.layer and p.layer.width]
        found += [text.strip("() ") if re.fullmatch(r"\(?[\w.]+\)?", text) else text for text in others]
    if not bare.isdigit():
        found += [f"{bare} // 2", f"2 * {bare}"] if re.fullmatch(r"[\w.]+", bare) else []
    else:
        found += [str(int(bare) * 2), *([str(int(bare) // 2)] if int(bare) % 2 == 0 else [])]
    for text in dict.fromkeys(found):
        new = (
            text
            if re.fullmatch(r"\w+", text)
            else f"({text.removeprefix('(').removesuffix(')')})"
            if text.count("(") <= 1
            else text
        )
        if text and text != bare:
            yield _replaced_in(place, whole, new)


def _halved(place: Place) -> Iterator[Fix]:
    """`conv3-(w//2)` where `conv3-w/2` was written, which is a stride."""
    slots = re.match(r"([A-Za-z]+[\dx×]*)-([A-Za-z_]\w*)/(\d+)(?!\w)", place.text)
    if slots is not None:
        yield _rewritten(place, f"{slots[1]}-({slots[2]}//{slots[3]}){place.text[slots.end() :]}")


def _strided(place: Place) -> Iterator[Fix]:
    layer, kernel = place.layer, _kernel(place)
    if layer is not None and kernel > 1 and layer.stride is None and layer.width is not None:
        end = layer.width.span.end
        end += place.step.term.span.source.text[end : end + 1] == ")" != place.step.term.span.source.text[end - 1 : end]
        yield _replaced_in(place, Span(place.span.source, end, end), f"/{kernel}")


def _arguments_swapped(place: Place) -> Iterator[Fix]:
    call = place.layer
    if call is None or len(call.arguments or ()) != 2 or _name(place):
        return
    assert call.arguments is not None
    one, two = (a.span for a in call.arguments)
    text = place.text.replace(f"{one.text}, {two.text}", f"{two.text}, {one.text}")
    if text != place.text:
        yield _rewritten(place, text)


def _other_window(place: Place) -> Iterator[Fix]:
    """A convolution or pooling with or without padding, with another stride."""
    if _name(place) not in ("conv", "convt", "dwconv", *_POOLINGS):
        return
    text, half = place.text, _kernel(place) // 2
    pad = re.search(r"\s+pad=(\d+)", text)
    if pad is not None:
        for other in dict.fromkeys(("0", str(half), str(int(pad[1]) - 1), str(int(pad[1]) + 1))):
            if other not in (pad[1], "-1"):
                yield _rewritten(place, text[: pad.start()] + f" pad={other}" + text[pad.end() :])
    elif "pad=" not in text:
        if re.search(r"^[ \t]*default\b.*\bpad=", place.span.source.text, re.MULTILINE):
            yield _rewritten(place, f"{text} pad=0")
        for amount in dict.fromkeys((half, 1, 2)):
            if amount:
                yield _rewritten(place, f"{text} pad={amount}")
    stride = re.search(r"/(\d+)", text)
    if stride is not None:
        yield _rewritten(place, text[: stride.start()] + text[stride.end() :])
    elif (head := re.match(r"\S+", text)) is not None:
        yield _rewritten(place, f"{head.group()}/2{text[head.end() :]}")
    if _name(place) == "convt" and "output_pad" not in text:
        yield _rewritten(place, f"{text} output_pad=1")


def _copies_changed(scene: _Scene) -> Iterator[Fix]:
    """One copy less or more, of all that are counted alike."""
    counted: dict[str, list[Place]] = {}
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


def _times_edit(place: Place, new: str) -> Iterator[Edit]:
    assert place.step.times is not None
    start, end = place.step.term.span.end, place.step.span.end
    source = place.span.source
    old = source.text[start:end]
    sign = re.match(r"\s*[x×]", old)
    if sign is not None:
        yield Edit(Span(source, start + sign.end(), end), new)


# Weights that are used twice


def _tied(scene: _Scene) -> Iterator[Fix]:
    """The layer that a tied one misses before it; the labels of two tied layers exchanged; axes counted with the batch."""
    here = scene.here
    axes = re.fullmatch(r"permute\(0((?:,[ \t]*[1-9])+)\)", here.text)
    if axes is not None:
        order = ", ".join(str(int(n) - 1) for n in re.findall(r"\d", axes[1]))
        yield Fix.replace(here.step.term.span, f"permute({order})", f"the batch is not counted: `permute({order})`")
    tie = re.search(r"\btie=(\w+)", here.text)
    takes = next((re.search(r"take ([\d,]+) values", note) for note in scene.finding.notes if "take " in note), None)
    if tie is None:
        return
    for other in scene.places:
        second = re.search(r"\btie=(\w+)", other.text) if other.layer is not None else None
        if second is not None and second[1] != tie[1]:
            one = Span(
                here.span.source, here.step.term.span.start + tie.start(1), here.step.term.span.start + tie.end(1)
            )
            at = other.step.term.span.start
            two = Span(here.span.source, at + second.start(1), at + second.end(1))
            yield Fix(f"exchange the labels: `tie={second[1]}` here, `tie={tie[1]}` at {_line(other)}",
                      (Edit(one, second[1]), Edit(two, tie[1])))  # fmt: skip
    start = here.step.term.span.start
    for label in dict.fromkeys(p.step.label.text for p in scene.places if p.step.label is not None):
        if label != tie[1]:
            one = Span(here.span.source, start + tie.start(1), start + tie.end(1))
            yield Fix.replace(one, label, f"with `tie={label}` it fits")
    if takes is not None:
        yield from _inserted(here, f"FC-{takes[1].replace(',', '')}")


def _channels_of_inputs(scene: _Scene) -> Iterator[Fix]:
    """For a shared block that is called on other channels: an input with those of another one."""
    inputs = [item for item in scene.file.items if isinstance(item, t.Input) and "x" in item.size]
    for item in inputs:
        rest = item.size.split("x", 1)[1]
        sizes = [f"{i.size.split('x', 1)[0]}x{rest}" for i in inputs] + [i.size for i in inputs]
        for size in dict.fromkeys(sizes):
            if size != item.size:
                shown = item.span.text.replace(item.size, size)
                yield Fix.replace(item.size_span, size, f"declare the input as `{shown}`")


# Names and values


def _outputs(scene: _Scene) -> Iterator[Fix]:
    """`shape(age)` for `output`, where there are several."""
    span = _span(scene)
    word = re.search(r"\boutput\b", scene.file.source.text[span.start :])
    for item in scene.file.items if word is not None else ():
        if isinstance(item, t.Output) and word is not None:
            where = Span(span.source, span.start + word.start(), span.start + word.end())
            yield Fix.replace(where, f"shape({item.name})", f"write `shape({item.name})`")


def _names(scene: _Scene) -> Iterator[Fix]:
    yield from rewrites.names(scene.file, scene.here, _span(scene))
    yield from _labels(scene)


def _options(scene: _Scene) -> Iterator[Fix]:
    yield from rewrites.unknown_options(scene.file, scene.here, _span(scene))


def _values(scene: _Scene) -> Iterator[Fix]:
    yield from rewrites.numbers(scene.finding.message, _span(scene))
    yield from rewrites.choices(scene.finding.message, _span(scene))


def _arguments(scene: _Scene) -> Iterator[Fix]:
    if scene.finding.code == "NS206":
        yield from rewrites.missing_arguments(scene.file, scene.here, _span(scene))
    elif scene.finding.code == "NS203":
        yield from rewrites.one_of_two(scene.here, _span(scene))
    else:
        yield from rewrites.surplus_arguments(scene.file, scene.here, _span(scene))


def _span(scene: _Scene) -> Span:
    assert scene.finding.span is not None
    return scene.finding.span


_RULES: dict[str, Callable[[_Scene], Iterator[Fix]]] = {
    "NS202": _options,
    "NS203": _arguments,
    "NS204": _values,
    "NS205": _values,
    "NS206": _arguments,
    "NS207": _arguments,
    "NS208": _names,
    "NS301": _windows,
    "NS302": _windows,
    "NS303": _kinds,
    "NS304": _channels,
    "NS306": _joins,
    "NS307": _tied,
    "NS308": _inputs,
    "NS401": _figures,
    "NS402": _outputs,
}
