"""The way of a spec through the house: parse, elaborate, lint, fix, each once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspec.diagnostics import Diagnostic, Diagnostics, is_allowed
from netspec.elaborate import elaborate, is_library
from netspec.elaborate.limits import Limits
from netspec.fixes.explain import explain_syntax
from netspec.graph import Graph
from netspec.lints import lint
from netspec.source import SourceFile
from netspec.syntax import parse
from netspec.syntax import tree as t

__all__ = ["Compiled", "compile_source"]


@dataclass(frozen=True, slots=True)
class Compiled:
    """What became of a source. `graph` and `tree` are None where it cannot be parsed; `graph` is what is known of the
    network where there are errors."""

    tree: t.File | None
    graph: Graph | None
    diagnostics: tuple[Diagnostic, ...]


def compile_source(source: SourceFile, parameters: Mapping[str, Any], limits: Limits) -> Compiled:
    """Raises UnknownParameter for a parameter that the net does not have."""
    diagnostics = Diagnostics()
    tree = parse(source, diagnostics, recover=True, explain=explain_syntax)
    if tree is None:
        return Compiled(None, None, tuple(diagnostics))
    used: dict[Path, t.File | None] = {}

    def checked(tree: t.File, limits: Limits, diagnostics: Diagnostics) -> Graph:
        return _checked(tree, parameters, limits, diagnostics, used, _class_name(source))

    graph = checked(tree, limits, diagnostics)
    if len(diagnostics):
        from netspec.fixes.suggestion import suggest_fixes

        suggest_fixes(source, tree, graph, diagnostics, limits, checked, used)
    found = [d for d in diagnostics if d.is_error or not is_allowed(d)]
    return Compiled(tree, graph, tuple(sorted(found, key=lambda d: not d.is_error)))


def _checked(
    tree: t.File,
    parameters: Mapping[str, Any],
    limits: Limits,
    diagnostics: Diagnostics,
    used: dict[Path, t.File | None],
    name: str,
) -> Graph:
    """The graph of a tree with its recipe, elaborated and linted."""
    found = elaborate(tree, parameters, diagnostics, limits, name=name, trees=used, explain=explain_syntax)
    graph, train = found.graph, found.train
    if found.whole and graph.layers and not is_library(tree):
        lint(tree, graph, diagnostics)
    if train is not None:
        from netspec.training.recipe import read_recipe
        from netspec.training.recipe_lints import lint_recipe

        with found.bounded(train.span):
            graph.recipe = read_recipe(found.run, train, found.frame)
            if graph.recipe is not None:
                lint_recipe(found.run, graph.recipe, train)
    return graph


def _class_name(source: SourceFile) -> str:
    """A name for a net without a header: the file's, in capitals."""
    stem = source.path.stem if source.path is not None else "Net"
    words = [w for w in "".join(c if c.isascii() and c.isalnum() else " " for c in stem).split() if w]
    name = "".join(w[:1].upper() + w[1:] for w in words)
    return name if name and not name[0].isdigit() else f"Net{name}"
