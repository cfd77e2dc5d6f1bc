"""Specs with open sizes, `input 3xHxW`: one network stands for all sizes, built at one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from netspec.analysis.sizes import answers
from netspec.analysis.sizes.boxes import Box, narrowed
from netspec.analysis.sizes.search import Survey
from netspec.analysis.sizes.wording import boxes_text, joined, place
from netspec.diagnostics import Diagnostic, Diagnostics, SpecError
from netspec.graph import Graph
from netspec.ops.open_size import deciding
from netspec.syntax import tree as t

__all__ = ["check_open", "require_any_size", "sample_of", "settle"]

_USUAL = 224
_MOST_NOTES = 4


def sample_of(survey: Survey) -> dict[str, int]:
    """The sizes at which an open spec is built: 224 where that is taken and tiles, else others like it."""
    usual = dict.fromkeys(survey.names, _USUAL)
    network = next(iter(survey.networks), None)
    if network is None:
        return usual
    for boxes in (answers.tiled(network), network.boxes):
        if any(usual in box for box in boxes):
            return usual
        found = next((sample for box in boxes if (sample := box.sample()) is not None), None)
        if found is not None:
            return found
    return usual


def settle(graph: Graph, survey: Survey, sizes: Mapping[str, int]) -> None:
    """Keeps in a graph that was built at some sizes what it is for all others."""
    network = answers.network_of(survey, sizes)
    if network is None or len(network.graph.nodes) != len(graph.nodes):
        return
    graph.sizes = dict(sizes)
    graph.taken = tuple(network.boxes)
    graph.forms = network.graph
    needs = [f"{place(r)} needs {boxes_text(r.allowed)}" for r in answers.binding(survey) if r.allowed]
    graph.sizes_notes = (f"takes {boxes_text(survey.boxes)}", *needs[:_MOST_NOTES])


def check_open(
    file: t.File,
    survey: Survey,
    sizes: Mapping[str, int],
    diagnostics: Diagnostics,
    expected: Callable[[Mapping[str, int]], Iterable[Diagnostic]],
) -> None:
    """Reports what keeps a spec from being one network for all its sizes; `expected` checks its expectations at others."""
    place = next(item.size_span for item in file.items if isinstance(item, t.Input))
    network = answers.network_of(survey, sizes)
    at = ", ".join(f"{name} = {size}" for name, size in sizes.items())
    if network is None:
        items = diagnostics.items
        note = f"with {at}; no size fits"
        items[:] = [_with_note(d, note) if d.is_error else d for d in items]
        return
    for node in answers.fixed_layers(network.graph)[:1]:
        names = joined(survey.names)
        diagnostics.error(
            "NS307", f"{node.name} needs a fixed size, so {names} cannot be left open", node.span,
            label=f"it reads {answers.reads(network.graph, node)}",
            notes=["the shape of its weights depends on the size"],
            helps=["pool globally before it (`gap`)", f"or give the sizes: {_given(sizes)}"],
        )  # fmt: skip
    if survey.undecided or len(survey.networks) > 1:
        diagnostics.error(
            "NS307", "the network is not the same for all sizes", place, notes=[f"it is built for {boxes_text(network.boxes)}"],
            helps=[f"give the sizes: {_given(sizes)}"],
        )  # fmt: skip
    if not diagnostics.has_errors:
        _check_expectations(survey, sizes, diagnostics, expected)


def _check_expectations(
    survey: Survey,
    sizes: Mapping[str, int],
    diagnostics: Diagnostics,
    expected: Callable[[Mapping[str, int]], Iterable[Diagnostic]],
) -> None:
    """Expectations hold for all sizes: the smallest is tried, and one that is not that of the table."""
    least = answers.smallest(survey.boxes)
    known = {(d.code, d.span) for d in diagnostics}
    for other in (least, _larger(survey.boxes, sizes)):
        if other is None or other == sizes:
            continue
        at = ", ".join(f"{name} = {size}" for name, size in other.items())
        for diagnostic in expected(other):
            if diagnostic.code in ("NS401", "NS402") and (diagnostic.code, diagnostic.span) not in known:
                known.add((diagnostic.code, diagnostic.span))
                note = f"that is with {at}: an expectation of open sizes holds for all of them"
                help_ = f"expect what does not depend on the size, or give the sizes: {_given(sizes)}"
                diagnostics.add(replace(diagnostic, notes=(note,), helps=(help_,), facts=None))


def _larger(boxes: Iterable[Box], sizes: Mapping[str, int]) -> dict[str, int] | None:
    wanted = [{name: size * k for name, size in sizes.items()} for k in (2, 3, 4)]
    return next((point for point in wanted if any(point in box for box in boxes)), None)


def _with_note(diagnostic: Diagnostic, note: str) -> Diagnostic:
    return replace(diagnostic, notes=(*diagnostic.notes, note))


def _given(sizes: Mapping[str, int]) -> str:
    return "`" + " ".join(f"-D {name}={size}" for name, size in sizes.items()) + "`"


def require_any_size(graph: Graph, boxes: Sequence[Box]) -> None:
    """Raises SpecError (NS506) naming the first layer whose PyTorch depends on the open sizes, which are in `boxes`."""
    forms = graph.forms
    assert forms is not None
    for node, form in zip(graph.nodes, forms.nodes, strict=True):
        if not node.inputs:
            continue
        with deciding() as decisions:
            code = form.op.torch(*forms.input_types(form))
        same = code == node.op.torch(*graph.input_types(node))
        if not same or any(narrowed(box, decisions) != box for box in boxes):
            raise SpecError.of(
                "NS506",
                f"{node.name} needs a fixed size, so {joined(list(graph.sizes))} cannot be left open",
                span=node.span,
                notes=[f"it reads {answers.reads(forms, form)}, and its PyTorch code depends on the size"],
                helps=[f"give the sizes: {_given(graph.sizes)}"],
            )
