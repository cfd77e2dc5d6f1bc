"""Fixes for the diagnostics of a spec: proposed, tried on the whole file, ranked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from netspec.diagnostics import Diagnostics
from netspec.elaborate.limits import Limits
from netspec.fixes.explain import explain_syntax
from netspec.graph import Graph
from netspec.source import SourceFile
from netspec.syntax import parse
from netspec.syntax import tree as t

__all__ = ["suggest_fixes"]

_SIZED = frozenset(("NS301", "NS302", "NS305", "NS306"))
"""Findings that another size of the input may mend."""


_NESTED = frozenset(("NS211", "NS212"))
"""Findings that a brace in the wrong place may have brought about."""

Check = Callable[[t.File, Limits, Diagnostics], Graph]


def suggest_fixes(
    source: SourceFile,
    tree: t.File,
    graph: Graph,
    diagnostics: Diagnostics,
    limits: Limits,
    check: Check,
    used: dict[Path, t.File | None],
) -> None:
    def again(tree: t.File) -> Diagnostics:
        found = Diagnostics(brief=True)
        check(tree, limits, found)
        return found

    def tried(edited: SourceFile) -> Diagnostics:
        found = Diagnostics(brief=True)
        tree = parse(edited, found, recover=True, explain=explain_syntax)
        if tree is not None:
            check(tree, limits, found)
        return found

    if any(d.code in _SIZED for d in diagnostics):
        from netspec.elaborate.input_size import suggest_input_size

        suggest_input_size(tree, graph, diagnostics, _SIZED, again)
    if any(d.code in _NESTED for d in diagnostics):
        from netspec.fixes.late_brace import blame_the_brace

        blame_the_brace(source, diagnostics, _NESTED)
    if diagnostics.has_errors:
        from netspec.elaborate.repairs import Repairs
        from netspec.elaborate.trials import keep_what_mends

        lines = sum(other.source.text.count("\n") for other in used.values() if other is not None)
        work = len(graph.nodes) + source.text.count("\n") + lines
        keep_what_mends(source, diagnostics, work, tried, Repairs(tree, graph))
