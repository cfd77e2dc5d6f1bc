"""Which sizes of the input a spec takes: its network is built with open sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspec.analysis.sizes.search import Refusal, Survey, Walk, search
from netspec.diagnostics import Diagnostics
from netspec.elaborate import elaborate
from netspec.elaborate.limits import Limits
from netspec.elaborate.open_inputs import opened
from netspec.elaborate.sized import FirstError, Refused, SizedElaborator
from netspec.ops.open_size import OpenSize, deciding
from netspec.ops.size_forms import open_name
from netspec.source import SourceFile
from netspec.syntax import parse
from netspec.syntax import tree as t

__all__ = ["Surveyed", "survey", "survey_of"]

_FIRST = 224


@dataclass(frozen=True, slots=True)
class Surveyed:
    """The sizes of a spec, and those that it declares: None for those that it leaves open."""

    survey: Survey
    declared: Mapping[str, int | None]


def survey_of(source: SourceFile, parameters: Mapping[str, Any], limits: Limits) -> Surveyed | None:
    """Which sizes a spec takes, with the sizes of its inputs left open; None where it cannot be parsed."""
    diagnostics = Diagnostics()
    tree = parse(source, diagnostics, most_tokens=limits.tokens)
    if tree is None or diagnostics.has_errors:
        return None
    found = opened(tree, parameters)
    return Surveyed(survey(found.file, parameters, found.sizes, limits, {}), found.sizes)


def survey(
    file: t.File,
    parameters: Mapping[str, Any],
    sizes: Mapping[str, int | None],
    limits: Limits,
    used: dict[Path, t.File | None],
) -> Survey:
    """Which of the open `sizes` a tree takes; a value that is given is the first to be tried."""

    def walk(sample: Mapping[str, int]) -> Walk:
        return _walk(file, parameters, sample, limits, used)

    first = {name: value or _FIRST for name, value in sizes.items()}
    return search(walk, tuple(sizes), first)


def _walk(
    file: t.File,
    parameters: Mapping[str, Any],
    sample: Mapping[str, int],
    limits: Limits,
    used: dict[Path, t.File | None],
) -> Walk:
    values = {**parameters, **{name: OpenSize(value, open_name(name)) for name, value in sample.items()}}
    builders: list[SizedElaborator] = []
    with deciding() as decided:

        def builder(*inner: Any) -> SizedElaborator:
            builders.append(SizedElaborator(*inner, sample=sample, decided=decided))
            return builders[-1]

        error: Refused | None = None
        graph = None
        try:
            graph = elaborate(file, values, FirstError(), limits, trees=used, builder=builder).graph
        except Refused as refused:
            error = refused
    run = builders[0]
    found = run.walk
    found.layers = len(run.graph.nodes)
    if error is None:
        run.catch_up()
        found.graph = graph
    elif found.boxes:  # refused by what is not the rule of an op
        run.catch_up()
        d = error.diagnostic
        head = d.span.text.split("(")[0].split("{")[0].strip() if d.span else ""
        found.refusals.append(Refusal(tuple(found.boxes), d.code, d.message, d.label, d.span, head))
        found.boxes = []
    return found
