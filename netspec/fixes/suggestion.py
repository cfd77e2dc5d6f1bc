"""Fixes for the diagnostics of a spec: rules propose them, each is tried on the whole file, and those that work are shown,
in the order of (outcome, priority, id)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from netspec.diagnostics import Diagnostic, Diagnostics, Fix
from netspec.fixes.fix_context import FixContext
from netspec.fixes.rule import SemanticRule
from netspec.fixes.rules import semantic_rules
from netspec.fixes.validation import Budget, Outcome, Trial, Validator, gist
from netspec.graph import Graph, Node
from netspec.source import SourceFile, Span
from netspec.syntax import tree as t
from netspec.syntax.steps import StepRef, steps_in

__all__ = ["suggest_fixes"]

_MOST_DIAGNOSTICS = 100
_ENOUGH = 3
_FIT = ("NS301", "NS302", "NS303", "NS304", "NS305", "NS306", "NS307", "NS308", "NS309", "NS310", "NS401")
"""Where nothing fixes everything, fixes of these are shown with the error that follows."""
_MANY_WAYS = ("NS301", "NS303", "NS304", "NS306", "NS308", "NS401")
"""Guesses are tried even where something that was computed fixes these."""
_ALTERNATIVES = ("NS202", "NS205", "NS306", "NS308", "NS402")
"""Several texts at one place are each a way out of these; of others the first is enough."""
_DROPPING = ("NS302", "NS305")
_LONGEST = 90
_WITHOUT_RULE = 60
"""The priority of fixes that no rule of this phase made, such as another size of the input."""


def suggest_fixes(
    source: SourceFile, tree: t.File, graph: Graph, diagnostics: Diagnostics, work: int, trial: Trial
) -> None:
    """Replaces each diagnostic by one with its helps and fixes. `work` is what one trial costs, about.

    What input is dropped at a border (NS305) is no error of its own where it is gone with the first fix of an error.
    """
    if len(diagnostics) > _MOST_DIAGNOSTICS:
        return
    proposals = _Proposals(tree, graph, diagnostics, Budget(work))
    validator = Validator(source, list(diagnostics), trial, proposals.budget)
    gone: set[Span] = set()
    for i, diagnostic in enumerate(validator.before):
        if diagnostic.is_error:
            ranked = _ranked(diagnostic, proposals, validator)
            diagnostics.items[i] = ranked.diagnostic
            gone |= next((each.gone for each in ranked.outcomes if each.fixes), frozenset())
    for i, diagnostic in enumerate(validator.before):
        if not diagnostic.is_error:
            diagnostics.items[i] = _of_warning(diagnostic, proposals, validator)
    diagnostics.items[:] = [d for d in diagnostics.items if d.code not in _DROPPING or d.span not in gone]


class _Proposals:
    """What the rules say of a diagnostic."""

    def __init__(self, tree: t.File, graph: Graph, diagnostics: Diagnostics, budget: Budget) -> None:
        self.tree, self.graph, self.diagnostics, self.budget = tree, graph, diagnostics, budget
        self.steps = steps_in(tree)
        self.nodes: dict[Span, list[Node]] = {}
        for node in graph.nodes:
            self.nodes.setdefault(node.span, []).append(node)
        self.rules: dict[str, list[SemanticRule]] = {}
        for rule in semantic_rules().values():
            self.rules.setdefault(rule.code, []).append(rule)

    def of(self, diagnostic: Diagnostic, *, guesses: bool) -> Iterator[Fix | str]:
        if diagnostic.facts is None or diagnostic.span is None:
            return
        context = self.context(diagnostic, diagnostic.span)
        for rule in self.rules.get(diagnostic.code, ()):
            if rule.guess == guesses and isinstance(diagnostic.facts, rule.facts):
                yield from (found for found in rule(context) if isinstance(found, str) or self.diagnostics.fits(found))

    def context(self, diagnostic: Diagnostic, span: Span) -> FixContext:
        around: list[StepRef] = []
        if span.source is self.tree.source:
            around = [s for s in self.steps if s.span.start <= span.start and span.end <= s.span.end] or self.steps[-1:]
        here = min(around, key=lambda s: s.span.end - s.span.start, default=None)
        return FixContext(self.tree, self.graph, self.nodes, diagnostic, self.steps, here, self.budget)


@dataclass(frozen=True, slots=True)
class _Ranked:
    diagnostic: Diagnostic
    outcomes: Sequence[Outcome] = ()


def _ranked(diagnostic: Diagnostic, proposals: _Proposals, validator: Validator) -> _Ranked:
    found = list(proposals.of(diagnostic, guesses=False))
    near = [*diagnostic.fixes, *(each for each in found if isinstance(each, Fix))]
    outcomes: list[Outcome] = []
    seen: set[str] = set()
    for fix in near:
        if (text := gist(validator.source, fix)) not in seen:
            seen.add(text)
            outcomes.append(validator.outcome(diagnostic, fix) if validator.can_try(fix) else Outcome(fix))
    outcomes += _guessed(diagnostic, proposals, validator, outcomes, seen)
    outcomes.sort(key=lambda each: _rank(diagnostic, each))
    return _Ranked(_shown(diagnostic, found, outcomes), outcomes)


def _guessed(
    diagnostic: Diagnostic, proposals: _Proposals, validator: Validator, outcomes: Sequence[Outcome], seen: set[str]
) -> list[Outcome]:
    """The guesses that fix everything, up to a few."""
    good = sum(each.fixes and not each.fix.fallback for each in outcomes)
    wanted = max(_ENOUGH, good + 2) if diagnostic.code in _MANY_WAYS else 0 if good else _ENOUGH
    places: set[frozenset[tuple[int, int]]] = set()
    found: list[Outcome] = []
    for fix in proposals.of(diagnostic, guesses=True) if wanted > good else ():
        if validator.budget.spent or good >= wanted:
            break
        if isinstance(fix, str) or (text := gist(validator.source, fix)) in seen or not validator.can_try(fix):
            continue
        place = frozenset((edit.span.start, edit.span.end) for edit in fix.edits)
        if place in places and diagnostic.code not in _ALTERNATIVES:
            continue
        if fix.fallback and any(each.fixes for each in (*outcomes, *found)):
            continue
        seen.add(text)
        outcome = validator.outcome(diagnostic, fix, guess=True)
        if outcome.fixes:
            places.add(place)
            good += 1
            found.append(outcome)
    return found


def _rank(diagnostic: Diagnostic, each: Outcome) -> tuple[int, ...]:
    """Where a fix is shown: those that fix everything first, then by the priority of their rule."""
    level = (1 if each.fix.fallback else 0) if each.fixes else 2
    effect = 0
    if each.fixes and diagnostic.code == "NS306":
        effect = each.dropped  # it drops the least of the input
    if each.fixes and diagnostic.code == "NS302":
        effect = -len(each.gone)  # the size of the input may be what is wrong with all of them
    rule = semantic_rules().get(each.fix.rule)
    return level, effect, rule.priority if rule is not None else _WITHOUT_RULE


def _shown(diagnostic: Diagnostic, found: Sequence[Fix | str], outcomes: Sequence[Outcome]) -> Diagnostic:
    good = [each.fix for each in outcomes if each.fixes]
    good = [fix for fix in good if not fix.fallback] or good
    helps = diagnostic.helps
    if good:
        kept = good[:_ENOUGH] if diagnostic.code == "NS306" else good
        helps = () if diagnostic.code == "NS303" else helps
    elif diagnostic.code in _FIT:
        kept = [
            replace(each.fix, title=f"{each.fix.title}; then {_words(each.new[0])}") for each in outcomes if each.new
        ]
        kept = [replace(fix, applicability="unsure") for fix in kept]
    else:
        kept = [_reviewed(each) for each in outcomes if each.new is not None]
    dropped = {each.fix.title for each in outcomes} - {fix.title for fix in kept}
    said = [help_ for help_ in (*_in_order(found, kept), *helps) if help_ not in dropped]
    rule = diagnostic.rule or next((fix.rule for fix in kept if fix.rule), "")
    return replace(diagnostic, helps=tuple(dict.fromkeys(said)), fixes=tuple(kept), rule=rule)


def _in_order(found: Sequence[Fix | str], kept: Sequence[Fix]) -> list[str]:
    """The titles of the fixes that are kept, and each help without a fix after the one that was proposed before it."""
    said = [fix.title for fix in kept]
    at = 0
    for each in found:
        if isinstance(each, str):
            said.insert(at, each)
            at += 1
        elif each.title in said:
            at = said.index(each.title) + 1
    return said


def _reviewed(each: Outcome) -> Fix:
    """A fix with which errors remain; it is not safe where the text that it puts in cannot be parsed."""
    broken = any(d.code.startswith("NS1") for d in each.new or ()) and any(edit.text for edit in each.fix.edits)
    return replace(each.fix, applicability="review") if broken and each.fix.safe else each.fix


def _words(diagnostic: Diagnostic) -> str:
    message = diagnostic.message if len(diagnostic.message) <= _LONGEST else diagnostic.message[: _LONGEST - 1] + "…"
    return f"line {diagnostic.span.line}: {message}" if diagnostic.span else message


def _of_warning(diagnostic: Diagnostic, proposals: _Proposals, validator: Validator) -> Diagnostic:
    """Warnings keep every fix; of what drops input, those that fix everything come first."""
    found = list(proposals.of(diagnostic, guesses=False))
    fixes = [*(each for each in found if isinstance(each, Fix)), *diagnostic.fixes]
    if diagnostic.code == "NS305" and any(d.is_error for d in validator.before):
        tried = [validator.outcome(diagnostic, fix) for fix in fixes if validator.can_try(fix)]
        fixes = [each.fix for each in tried if each.fixes] or fixes
    said = dict.fromkeys((*_in_order(found, fixes), *diagnostic.helps))
    rule = diagnostic.rule or next((fix.rule for fix in fixes if fix.rule), "")
    return replace(diagnostic, helps=tuple(said), fixes=tuple(fixes), rule=rule)
