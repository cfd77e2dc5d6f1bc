"""The way of a spec through the house: parse, elaborate, lint, fix, each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspec.diagnostics import SEVERITIES, Diagnostic, Diagnostics, DiagnosticsUntil, SpecError, Stopped, is_allowed
from netspec.elaborate import Elaborated, elaborate, is_library
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.limits import Limits
from netspec.elaborate.open_inputs import misplaced, open_names
from netspec.fixes.explain import explain_syntax
from netspec.fixes.validation import Decides
from netspec.graph import Graph
from netspec.lints import lint
from netspec.source import SourceFile, Span
from netspec.syntax import parse
from netspec.syntax import tree as t

__all__ = ["Compiled", "Variants", "compile_source", "read_condition"]


@dataclass(frozen=True, slots=True)
class Compiled:
    """What became of a source. `graph` and `tree` are None where it cannot be parsed; `graph` is what is known of the
    network where there are errors."""

    tree: t.File | None
    graph: Graph | None
    diagnostics: tuple[Diagnostic, ...]


_OPEN_SIZE = 224
"""An open size where one has to be taken without a survey."""
_STEPS = 20
"""Expressions and statements that cost about as much as one layer."""


def compile_source(
    source: SourceFile, parameters: Mapping[str, Any], limits: Limits, contracts: Sequence[t.Expect] = ()
) -> Compiled:
    """`contracts` are expectations beside those of the spec. Raises UnknownParameter for a parameter that the net does
    not have."""
    diagnostics = Diagnostics()
    tree = parse(source, diagnostics, recover=True, explain=explain_syntax, most_tokens=limits.tokens)
    if tree is None:
        return Compiled(None, None, tuple(diagnostics))
    check = _Check(parameters, _class_name(source), contracts)
    graph, work = _open_or_not(check, tree, limits, diagnostics)
    if len(diagnostics):
        _fix(source, tree, graph, diagnostics, check, limits, work)
    found = [d for d in diagnostics if d.is_error or not is_allowed(d)]
    return Compiled(tree, graph, tuple(sorted(found, key=lambda d: SEVERITIES.index(d.severity))))


def _open_or_not(check: _Check, tree: t.File, limits: Limits, diagnostics: Diagnostics) -> tuple[Graph, int]:
    """The graph of a tree; one with open sizes is built at one of those that it takes."""
    sizes = [name for name in open_names(tree) if name not in check.parameters]
    for name in misplaced(tree) if sizes else ():
        message = f"`{name.text}` cannot be left open: it is the number of channels or features"
        helps = ["channels come first, and are a number: `input 3xHxW`"]
        diagnostics.error("NS307", message, name.span, helps=helps)
    if not sizes or diagnostics.has_errors:
        check.parameters = {**check.parameters, **dict.fromkeys(sizes, _OPEN_SIZE)}
        return check(tree, limits, diagnostics)
    from netspec.open_spec import check_open, sample_of, settle
    from netspec.survey import survey

    given = check.parameters
    found = survey(tree, given, dict.fromkeys(sizes), limits, check.used)
    sample = sample_of(found)
    check.parameters = {**given, **sample}
    graph, work = check(tree, limits, diagnostics)

    def expected(others: Mapping[str, int]) -> Diagnostics:
        at = Diagnostics()
        elaborate(tree, {**given, **others}, at, limits, trees=check.used, contracts=check.contracts)
        return at

    check_open(tree, found, sample, diagnostics, expected)
    settle(graph, found, sample)
    return graph, work


class _Check:
    """Elaborates and lints trees; the files that they use are parsed once."""

    def __init__(self, parameters: Mapping[str, Any], name: str, contracts: Sequence[t.Expect]) -> None:
        self.parameters, self.name, self.contracts = parameters, name, contracts
        self.used: dict[Path, t.File | None] = {}

    def __call__(self, tree: t.File, limits: Limits, diagnostics: Diagnostics) -> tuple[Graph, int]:
        """The graph with its recipe, and the work that it took, in layers; where the diagnostics end it (Stopped), what
        is there by then."""
        runs: list[Elaborator] = []

        def builder(*inner: Any) -> Elaborator:
            runs.append(Elaborator(*inner))
            return runs[-1]

        try:
            found = elaborate(
                tree, self.parameters, diagnostics, limits, name=self.name, trees=self.used, explain=explain_syntax,
                contracts=self.contracts, builder=builder,
            )  # fmt: skip
        except Stopped:
            graph = runs[0].graph
            return graph, len(graph.nodes) + runs[0].evaluator.steps // _STEPS
        graph, work = found.graph, len(found.graph.nodes) + found.steps // _STEPS
        if found.whole and graph.layers and not is_library(tree):
            lint(tree, graph, diagnostics)
        return graph, work


def _fix(
    source: SourceFile, tree: t.File, graph: Graph, diagnostics: Diagnostics, check: _Check, limits: Limits, work: int
) -> None:
    """Adds helps and fixes to the diagnostics. What is tried is bounded by the work that is left for it."""
    from netspec.fixes.input_size import suggest_input_size
    from netspec.fixes.late_brace import blame_the_brace
    from netspec.fixes.suggestion import suggest_fixes

    def bounded(left: int) -> Limits:
        return limits.raised(layers=min(limits.layers, left), steps=min(limits.steps, left * _STEPS))

    def trial_of_tree(tree: t.File, left: int, decides: Decides) -> tuple[list[Diagnostic], int]:
        found = DiagnosticsUntil(decides)
        spent = check(tree, bounded(left), found)[1]
        return list(found), spent

    def trial(edited: SourceFile, left: int, decides: Decides) -> tuple[list[Diagnostic], int]:
        found, spent = DiagnosticsUntil(decides), 0
        with suppress(Stopped):
            tree = parse(edited, found, recover=True, explain=explain_syntax)
            spent = check(tree, bounded(left), found)[1] if tree is not None else 0
        return list(found), spent + _parsed(edited, found)

    suggest_input_size(tree, diagnostics, work, trial_of_tree)
    blame_the_brace(source, diagnostics, frozenset(("NS211", "NS212")))
    suggest_fixes(source, tree, graph, diagnostics, work + _parsed(source, diagnostics), trial)


def _parsed(source: SourceFile, diagnostics: Diagnostics) -> int:
    """The work of parsing, in lines: after every syntax error the text is parsed anew."""
    return source.text.count("\n") * (1 + sum(d.code.startswith("NS1") for d in diagnostics))


def read_condition(text: str, name: str) -> t.Expect:
    """A condition as `expect` has it (`params < 5M and macs < 600M`), from outside a spec; `name` is where it is from.

    Raises SpecError where it is not one.
    """
    source = SourceFile(f"expect {text}", name)
    diagnostics = Diagnostics()
    tree = parse(source, diagnostics, explain=explain_syntax)
    if tree is not None and len(tree.items) == 1 and isinstance(tree.items[0], t.Expect):
        return tree.items[0]
    if not len(diagnostics):
        diagnostics.error("NS402", "this is not one condition", Span(source, 0, len(source.text)), helps=[
            "write one comparison, or several with `and`: `params <= 5M and macs <= 600M`",
        ])  # fmt: skip
    raise SpecError(tuple(diagnostics))


class Variants:
    """A spec under various values of its parameters: parsed once, and for each only elaborated.

    The `expect` lines of the spec are not checked: they are about the values that the spec itself has. Sizes that the spec
    leaves open are 224 unless they are given.
    """

    def __init__(self, source: SourceFile, limits: Limits) -> None:
        """Raises SpecError where the spec cannot be parsed."""
        diagnostics = Diagnostics()
        tree = parse(source, diagnostics, recover=True, explain=explain_syntax, most_tokens=limits.tokens)
        if tree is None or diagnostics.has_errors:
            raise SpecError(compile_source(source, {}, limits).diagnostics)
        self.source, self.limits, self._tree = source, limits, tree
        self._used: dict[Path, t.File | None] = {}
        self._name = _class_name(source)
        self._open = dict.fromkeys(open_names(tree), _OPEN_SIZE)

    def of(self, parameters: Mapping[str, Any]) -> Elaborated | Diagnostic:
        """The network, or the first error. Raises UnknownParameter."""
        diagnostics = Diagnostics()
        found = elaborate(
            self._tree, {**self._open, **parameters}, diagnostics, self.limits, name=self._name, trees=self._used, explain=explain_syntax,
            contracts=None,
        )  # fmt: skip
        return next((d for d in diagnostics if d.is_error), found)


def _class_name(source: SourceFile) -> str:
    """A name for a net without a header: the file's, in capitals."""
    stem = source.path.stem if source.path is not None else "Net"
    words = [w for w in "".join(c if c.isascii() and c.isalnum() else " " for c in stem).split() if w]
    name = "".join(w[:1].upper() + w[1:] for w in words)
    return name if name and not name[0].isdigit() else f"Net{name}"
