"""Tensors of another kind than a layer takes: layers put in, taken out or exchanged, the input declared otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from netspec.diagnostics import Fix
from netspec.elaborate.places import StepRef, before, behind, insert_before
from netspec.elaborate.repairs.scene import Scene, inserted, name_of, resumed, short, swapped, without
from netspec.source import Span
from netspec.syntax import tree as t

__all__ = ["as_image", "other_kinds", "which_input"]


def other_kinds(scene: Scene) -> Iterator[Fix]:
    here, kind = scene.here, scene.came_in
    previous, following = before(here), behind(here)
    if kind is not None and kind.layout == "map":
        if following is not None and name_of(following) == "tokens":
            yield from swapped(here, following)
        for place in here.out:
            yield from inserted(place, "tokens")
    yield from as_image(scene)
    yield from _input_of_a_kind(scene)
    if kind is not None and kind.layout == "ids":
        layer = f"embed-64 vocab={_vocabulary(scene.file)}"
        for place in here.out:
            yield Fix(f"turn ids into vectors first: `{layer}`", (insert_before(place, layer),))
    if previous is not None and name_of(previous) in ("flatten", "take", "gap", "gmp", "mean", "tokens", "fc"):
        yield from swapped(previous, here)
        if name_of(previous) != "fc":
            yield from without(previous)
    for place in scene.earlier[:8]:
        if name_of(place) in ("flatten", "take", "gap", "gmp") and place.span != getattr(previous, "span", None):
            yield from without(place)
    yield from resumed(scene, [here])
    if kind is not None and kind.layout == "vector":
        yield from _reshaped(here, kind.features)
    yield from (replace(fix, fallback=True) for fix in without(here))


def _vocabulary(file: t.File) -> str:
    names = [i.name for i in file.items if isinstance(i, t.Let)]
    names += [p.name for i in file.items if isinstance(i, t.Net) for p in i.parameters]
    return next((name for name in names if name.lower().startswith("vocab")), "10000")


def _input_of_a_kind(scene: Scene) -> Iterator[Fix]:
    inputs = [item for item in scene.file.items if isinstance(item, t.Input)]
    if len(inputs) != 1 or inputs[0].words or not scene.places or scene.came_in is None:
        return
    statement, size = inputs[0], inputs[0].size
    name = statement.name or ("ids" if name_of(scene.here) == "embed" else "")
    forms = {
        "vector": (f"{name} {size} int" if name_of(scene.here) == "embed" else f"{statement.name or ''} 1x{size}",),
        "map": (f"{statement.name or ''} {size} sequence",)
        if str(scene.came_in) == size and size.count("x") == 1
        else (),
    }
    for form in forms.get(scene.came_in.layout, ()) if "x" not in size or scene.came_in.layout == "map" else ():
        text = f"input {form.strip()}"
        integers = "as integers: " if text.endswith("int") else "as "
        yield Fix.replace(statement.span, text, f"declare the input {integers}`{text}`")


def as_image(scene: Scene) -> Iterator[Fix]:
    """`input 28x28`, two sizes, where an image is meant."""
    inputs = [item for item in scene.file.items if isinstance(item, t.Input)]
    if len(inputs) == 1 and not inputs[0].words and re.fullmatch(r"\d+x\d+", inputs[0].size):
        size = f"1x{inputs[0].size}"
        shown = inputs[0].span.text.replace(inputs[0].size, size)
        title = f"an image has its channels before its sizes: `{shown}`"
        yield Fix.replace(inputs[0].size_span, size, title)


def _reshaped(here: StepRef, features: int) -> Iterator[Fix]:
    for side in (4, 7, 8, 6, 5, 16, 3, 2):
        if features % side**2 == 0 and features > side**2:
            yield from inserted(here, f"reshape {features // side**2}x{side}x{side}")


def which_input(scene: Scene) -> Iterator[Fix]:
    inputs = [item.name for item in scene.file.items if isinstance(item, t.Input) and item.name]
    join = scene.here.step.term
    for branch in join.branches if isinstance(join, t.Join) else ():
        if not isinstance(branch.steps[0].term, t.From):
            at = Span(branch.span.source, branch.span.start, branch.span.start)
            for name in inputs if len(inputs) > 1 else ():
                yield Fix.replace(at, f"from {name} -> ", f"write `from {name} -> {short(branch.span.text)}`")
    for name in inputs if len(inputs) > 1 else ():
        yield from (Fix(f"write `from {name}` before it", fix.edits) for fix in inserted(scene.here, f"from {name}"))
