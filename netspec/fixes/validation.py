"""Fixes are tried on the whole file before they are shown, within a budget that is counted and not timed: the same file
gives the same output on any machine and at any load."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from netspec.diagnostics import Diagnostic, Fix
from netspec.fixes.edits import apply_edits
from netspec.source import SourceFile, Span

__all__ = ["Budget", "Decides", "Outcome", "Trial", "Validator", "gist"]

_MOST_TRIALS = 90
_MOST_WORK = 4_000
_MOST_INFERENCES = 20_000
_TILING = ("NS302", "NS305")


class Budget:
    """What may still be spent on fixes: trials, and the layers elaborated and lines parsed in them; layers inferred by
    themselves."""

    def __init__(self, work: int) -> None:
        """`work` is what one trial costs about: those that could not be finished are not begun."""
        self.trials, self.left, self.work = _MOST_TRIALS, _MOST_WORK, work
        self.inferences = _MOST_INFERENCES

    @property
    def spent(self) -> bool:
        return self.trials <= 0 or self.left < self.work

    def spend(self, work: int) -> None:
        self.trials -= 1
        self.left -= max(1, work)

    def spend_inference(self) -> bool:
        self.inferences -= 1
        return self.inferences >= 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A fix, and what is found with it: the new errors (None where the error stays), how often input is dropped, and which
    of the warnings of that are gone."""

    fix: Fix
    new: tuple[Diagnostic, ...] | None = ()
    dropped: int = 0
    gone: frozenset[Span] = frozenset()

    @property
    def fixes(self) -> bool:
        return self.new == ()


Decides = Callable[[Diagnostic], bool]
"""Whether a diagnostic is enough to know that what is tried is no good: nothing after it is asked for."""
Trial = Callable[[SourceFile, int, Decides], tuple[list[Diagnostic], int]]
"""Checks an edited text within so much work; gives what is found, and the work that it took."""


class Validator:
    """Tries fixes on a file, as long as the budget lasts."""

    def __init__(self, source: SourceFile, before: Sequence[Diagnostic], trial: Trial, budget: Budget) -> None:
        self.source, self.before, self.trial, self.budget = source, before, trial, budget

    def can_try(self, fix: Fix) -> bool:
        return not self.budget.spent and all(edit.span.source is self.source for edit in fix.edits)

    def outcome(self, diagnostic: Diagnostic, fix: Fix, *, guess: bool = False) -> Outcome:
        """What comes with a fix. The error stays too where the same one is now beside it. Of a guess nothing is known but
        whether it fixes everything: it is tried up to the first error that it leaves or makes."""
        source = self.source
        edited = source.edited(apply_edits(source.text, fix.edits))
        shifts = sorted((edit.span.start, edit.span.end, len(edit.text)) for edit in fix.edits)
        place = _moved(diagnostic.span, source, shifts)
        known = [(d, _moved(d.span, source, shifts)) for d in self.before if d is not diagnostic]

        def stays(d: Diagnostic) -> bool:
            return _same(d, diagnostic, place) and d.message == diagnostic.message

        def is_new(d: Diagnostic) -> bool:
            return d.is_error and not any(_same(d, old, where) for old, where in known)

        after, work = self.trial(edited, self.budget.left, lambda d: guess and (stays(d) or is_new(d)))
        self.budget.spend(work)
        if any(map(stays, after)):
            return Outcome(fix, None)
        new = tuple(filter(is_new, after))
        codes = _TILING if diagnostic.code == "NS302" else ("NS305",)
        still = [d for d in after if d.code in codes]
        gone = {
            d.span
            for d, where in known
            if d.code in codes and d.span is not None and not any(_same(other, d, where) for other in still)
        }
        return Outcome(fix, new, len(still), frozenset(gone))


def gist(source: SourceFile, fix: Fix) -> str:
    """The text with a fix, its line ends as arrows: two fixes that write the same are one."""
    if any(edit.span.source is not source for edit in fix.edits):
        return fix.title
    return re.sub(r"\s*(?:->|\n)\s*", "\n", apply_edits(source.text, fix.edits))


def _same(new: Diagnostic, old: Diagnostic, where: tuple[int, int] | None) -> bool:
    if new.code != old.code or (new.span is None) != (where is None):
        return False
    if new.span is not None and old.span is not None and new.span.source.name != old.span.source.name:
        return False
    return new.span is None or where is None or where[0] <= new.span.start <= where[1]


def _moved(span: Span | None, source: SourceFile, shifts: Iterable[tuple[int, int, int]]) -> tuple[int, int] | None:
    """Where the start of a span may be after the edits (start, end, length of the new text)."""
    if span is None:
        return None
    low = high = span.start
    if span.source is not source:
        return low, high
    for start, end, length in shifts:
        if end < span.start:
            low, high = low + length - (end - start), high + length - (end - start)
        elif start <= span.start:
            low, high = low - (span.start - start), high - (span.start - start) + max(length, span.start - start)
    return low, high
