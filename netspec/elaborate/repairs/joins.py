"""Branches that do not fit: another label, the label at another layer; weights that are used twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from netspec.diagnostics import Edit, Fix
from netspec.elaborate.places import StepRef, before, label_moved
from netspec.elaborate.repairs.kinds import as_image
from netspec.elaborate.repairs.scene import POOLINGS, Scene, inserted, line_of, name_of, short, without
from netspec.elaborate.repairs.widths import widths_around
from netspec.source import Span
from netspec.syntax import tree as t

__all__ = ["fitting_joins", "fitting_ties"]


def fitting_joins(scene: Scene) -> Iterator[Fix]:
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
        nearest = list(reversed(labelled))
        for other in sorted(nearest, key=lambda p: -_alike(p, term.label)):
            assert other.step.label is not None
            if other.step.label.text not in joined:
                again = len(re.findall(rf"\bfrom[ \t]+{other.step.label.text}\b", scene.file.source.text)) > 0
                title = f"`from {other.step.label.text}` in place of `from {term.label}`"
                yield replace(Fix.replace(term.label_span, other.step.label.text, title), fallback=again)
        at = next((p for p in reversed(labelled) if p.step.label and p.step.label.text == term.label), None)
        previous = before(at) if at is not None else None
        if at is None or previous is None or name_of(at) not in (*POOLINGS, "conv", ""):
            continue
        if (edits := label_moved(at, previous)) is not None:
            shown = f"{term.label}: {short(previous.span.text)}"
            yield Fix(f"put the label on the layer before `{short(at.text)}`: `{shown}`", edits)
    yield from widths_around(scene)
    residual = next((p for p in scene.here.out if isinstance(p.step.term, t.Residual)), None)
    if residual is not None and isinstance(residual.step.term, t.Residual) and residual.step.term.body.statements:
        yield from _turned_back(scene, residual.step.term.body)
    if isinstance(join.step.term, t.Join):
        yield from _as_the_others(join.step.term)
        for fix in _as_vectors(join.step.term):
            yield replace(fix, fallback=True)


def _alike(place: StepRef, label: str) -> int:
    """How much of its beginning a label shares with another."""
    name = place.step.label.text if place.step.label is not None else ""
    return next((i for i, (a, b) in enumerate(zip(name, label, strict=False)) if a != b), min(len(name), len(label)))


def _turned_back(scene: Scene, body: t.Body) -> Iterator[Fix]:
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


def _as_the_others(join: t.Join) -> Iterator[Fix]:
    """The last layer of a branch's siblings, where it alone lacks it."""
    lasts = [branch.steps[-1].term.span.text for branch in join.branches]
    for i, branch in enumerate(join.branches):
        others = {last for j, last in enumerate(lasts) if j != i}
        if len(lasts) > 2 and len(others) == 1 and (last := others.pop()) != lasts[i] and "\n" not in last:
            end = Span(branch.span.source, branch.span.end, branch.span.end)
            yield Fix.replace(end, f" -> {last}", f"put `{last}` behind it, as behind the other branches")


def _as_vectors(join: t.Join) -> Iterator[Fix]:
    """`flatten` behind every branch, as the heads of a detector are joined."""
    spans = [branch.span for branch in join.branches]
    if join.kind == "concat" and len(spans) > 1:
        edits = tuple(Edit(Span(span.source, span.end, span.end), " -> flatten") for span in spans)
        yield Fix("to join them as vectors, put ` -> flatten` behind each branch", edits)


def fitting_ties(scene: Scene) -> Iterator[Fix]:
    """The layer that a tied one misses before it; the labels of two tied layers exchanged; axes counted with the batch."""
    here = scene.here
    axes = re.fullmatch(r"permute\(0((?:,[ \t]*[1-9])+)\)", here.text)
    if axes is not None:
        order = ", ".join(str(int(n) - 1) for n in re.findall(r"\d", axes[1]))
        yield Fix.replace(here.step.term.span, f"permute({order})", f"the batch is not counted: `permute({order})`")
    if "spatial ax" in scene.finding.message:
        yield from as_image(scene)
    if "tokens do not make" in scene.finding.message:
        for place in scene.earlier:
            if name_of(place) == "cls_token":
                yield from without(place)
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
            yield Fix(f"exchange the labels: `tie={second[1]}` here, `tie={tie[1]}` at {line_of(other)}",
                      (Edit(one, second[1]), Edit(two, tie[1])))  # fmt: skip
    start = here.step.term.span.start
    for label in dict.fromkeys(p.step.label.text for p in scene.places if p.step.label is not None):
        if label != tie[1]:
            one = Span(here.span.source, start + tie.start(1), start + tie.end(1))
            yield Fix.replace(one, label, f"with `tie={label}` it fits")
    if takes is not None:
        yield from inserted(here, f"FC-{takes[1].replace(',', '')}")


def _channels_of_inputs(scene: Scene) -> Iterator[Fix]:
    """For a shared block that is called on other channels: an input with those of another one."""
    inputs = [item for item in scene.file.items if isinstance(item, t.Input) and "x" in item.size]
    for item in inputs:
        rest = item.size.split("x", 1)[1]
        sizes = [f"{i.size.split('x', 1)[0]}x{rest}" for i in inputs] + [i.size for i in inputs]
        for size in dict.fromkeys(sizes):
            if size != item.size:
                shown = item.span.text.replace(item.size, size)
                yield Fix.replace(item.size_span, size, f"declare the input as `{shown}`")
