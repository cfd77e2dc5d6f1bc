"""Edits are tried on the whole file before they are shown: one that leaves its finding as it is is dropped, and one
that only moves the error stands behind those that mend it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import monotonic

from netspec.diagnostics import Diagnostic, Diagnostics, Fix
from netspec.diagnostics.mending import apply_fixes
from netspec.source import SourceFile, Span

__all__ = ["keep_what_mends"]

_MOST_TRIALS = 90
_MOST_WORK = 6_000
"""Layers that are inferred again at most, over all edits that are tried, and as many lines parsed."""
_MOST_FINDINGS = 100
_SECONDS = 2.0
"""After so long nothing more is tried: an edit may let layers in that the error kept out."""
_ENOUGH = 3
_FIT = ("NS30", "NS401")
_MANY_WAYS = ("NS301", "NS303", "NS304", "NS306", "NS308", "NS401")
"""Findings for which the text is searched for more, even where something that was computed mends them."""
_ONE_WAY = ("NS206",)
_IN_ORDER = ("NS306",)
"""Findings whose edits stand in the order in which they were tried, behind the other helps."""
_TOLD_BY_FIXES = ("NS303",)
"""Findings whose helps are for where nothing better is found."""
_ALTERNATIVES = ("NS202", "NS205", "NS306", "NS308", "NS402")
"""Findings for which several texts at one place are ways out of their own."""
_TILING = ("NS302", "NS305")
_SHOWN = 90

Trial = Callable[[SourceFile], Diagnostics]


@dataclass(frozen=True, slots=True)
class _Tried:
    """A fix, and what comes with it: the new errors (None where the finding stays), how often input is dropped (NS305)
    with it, and which of these warnings are gone."""

    fix: Fix
    new: tuple[Diagnostic, ...] | None = ()
    noise: int = 0
    gone: frozenset[Span] = frozenset()

    @property
    def mends(self) -> bool:
        return self.new == ()


def keep_what_mends(
    source: SourceFile, diagnostics: Diagnostics, work: int, trial: Trial, guesses: Callable[[Diagnostic], Iterator[Fix]]
) -> None:  # fmt: skip
    """Tries the edits of every error, and where they do not mend it, the `guesses` for it, up to a few that do.

    `work` is what one trial costs, in layers and lines. What input is dropped at a border (NS305) is no finding of its own
    where it is gone with the first edit that mends an error.
    """
    if len(diagnostics) > _MOST_FINDINGS:
        return
    bench = _Bench(source, list(diagnostics), trial, min(_MOST_TRIALS, _MOST_WORK // max(1, work)))
    gone: set[Span] = set()
    figures = 0
    for i, finding in enumerate(bench.before):
        if not finding.is_error:
            continue
        figures += finding.code == "NS401"
        tried = bench.results(finding)
        if finding.code != "NS401" or figures == 1:  # one edit is to mend all expectations
            tried = bench.guess(finding, tried, (fix for fix in guesses(finding) if diagnostics.fits(fix)))
        if tried:
            if finding.code == "NS306":
                tried = sorted(tried, key=lambda each: each.noise if each.mends else 0)
            if finding.code == "NS302":  # the size of the input may be what is wrong with all of them
                tried = sorted(tried, key=lambda each: -len(each.gone) if each.mends else 0)
            diagnostics.items[i] = _with_those_that_mend(finding, tried)
            gone |= next((each.gone for each in tried if each.mends and not _is_figure(each.fix)), frozenset())
    for i, finding in enumerate(bench.before):
        if finding.code == "NS305" and not finding.is_error and finding.fixes:
            tried = [each for each in bench.results(finding) if each.mends]
            diagnostics.items[i] = _with_those_that_mend(
                finding, [*tried, *(_Tried(fix, None) for fix in finding.fixes)]
            )
    diagnostics.items[:] = [d for d in diagnostics.items if d.code not in _TILING or d.span not in gone]


def _is_figure(fix: Fix) -> bool:
    """Whether a fix changes what is expected of the net."""
    return fix.title.startswith(("if the network is right", "or raise"))


class _Bench:
    """Where edits are tried on the file, as long as there is time."""

    def __init__(self, source: SourceFile, before: list[Diagnostic], trial: Trial, tries: int) -> None:
        self.source, self.before, self.trial, self.tries = source, before, trial, tries
        self.deadline = monotonic() + _SECONDS

    def results(self, finding: Diagnostic) -> list[_Tried]:
        """What comes with each fix of a finding; those that cannot be tried count as good."""
        return [
            self.brings(finding, fix)
            if self.tries > 0 and all(edit.span.source is self.source for edit in fix.edits)
            else _Tried(fix)
            for fix in (_distinct(self.source, finding.fixes) if self.tries > 0 else finding.fixes)
        ]

    def guess(self, finding: Diagnostic, results: list[_Tried], guesses: Iterator[Fix]) -> list[_Tried]:
        """The results with guesses that mend a finding among them, before the fallbacks."""
        if self.tries <= 0:
            return results
        good = sum(each.mends and not each.fix.fallback for each in results)
        wanted = max(_ENOUGH, good + 2) if finding.code in _MANY_WAYS else _ENOUGH if good == 0 else 0
        wanted = min(wanted, 1) if finding.code in _ONE_WAY else wanted
        tried = {_gist(self.source, each.fix) for each in results if each.fix.edits[0].span.source is self.source}
        mended: set[frozenset[tuple[int, int]]] = set()
        found: list[_Tried] = []
        for fix in guesses if good < wanted else ():
            if self.tries <= 0 or good >= wanted:
                break
            where = frozenset((edit.span.start, edit.span.end) for edit in fix.edits)
            if _gist(self.source, fix) in tried or (where in mended and finding.code not in _ALTERNATIVES):
                continue  # of several numbers at one place the nearest is enough
            if fix.fallback and any(each.mends for each in (*results, *found)):
                continue
            tried.add(_gist(self.source, fix))
            each = self.brings(finding, fix)
            if each.mends:
                mended.add(where)
                good += 1
                found.append(each)
        labels = [each for each in found if finding.code == "NS306" and each.fix.title.startswith("`from")]
        found = [each for each in found if each not in labels]
        near = [each for each in results if not each.fix.fallback]
        return [*labels, *near, *found, *(each for each in results if each.fix.fallback)]

    def brings(self, finding: Diagnostic, fix: Fix) -> _Tried:
        """What comes with an edit; the finding stays too where an expectation beside it does."""
        self.tries = self.tries - 1 if monotonic() < self.deadline else 0
        source = self.source
        shifts = sorted((edit.span.start, edit.span.end, len(edit.text)) for edit in fix.edits)
        after = list(self.trial(SourceFile(apply_fixes(source.text, [fix]), source.name, source.path)))
        errors = [d for d in after if d.is_error]
        place = _moved(finding.span, source, shifts)
        if any(_same(d, finding, place) and d.message == finding.message for d in after):
            return _Tried(fix, None)
        known = [(d, _moved(d.span, source, shifts)) for d in self.before if d is not finding]
        if finding.code == "NS401" and not _is_figure(fix):
            known = [(d, where) for d, where in known if d.code != "NS401"]
        new = tuple(d for d in errors if not any(_same(d, old, where) for old, where in known))
        codes = _TILING if finding.code == "NS302" else ("NS305",)
        dropped = [(d, where) for d, where in known if d.code in codes]
        still = [d for d in after if d.code in codes]
        gone = {
            d.span for d, where in dropped if d.span is not None and not any(_same(other, d, where) for other in still)
        }
        return _Tried(fix, new, len(still), frozenset(gone))


def _distinct(source: SourceFile, fixes: Iterable[Fix]) -> Iterator[Fix]:
    """Of fixes that write the same the first."""
    seen: set[str] = set()
    for fix in fixes:
        here = all(edit.span.source is source for edit in fix.edits)
        gist = _gist(source, fix) if here else fix.title
        if gist not in seen:
            seen.add(gist)
            yield fix


def _gist(source: SourceFile, fix: Fix) -> str:
    """The text with a fix, its line ends as arrows: two edits that write the same are one."""
    return re.sub(r"\s*(?:->|\n)\s*", "\n", apply_fixes(source.text, [fix]))


def _same(new: Diagnostic, old: Diagnostic, where: tuple[int, int] | None) -> bool:
    if new.code != old.code or (new.span is None) != (where is None):
        return False
    if new.span is not None and old.span is not None and new.span.source.name != old.span.source.name:
        return False
    return new.span is None or where is None or where[0] <= new.span.start <= where[1]


def _moved(span: Span | None, source: SourceFile, shifts: Iterable[tuple[int, int, int]]) -> tuple[int, int] | None:
    """Where the start of a span may stand behind the edits (start, end, length of the new text)."""
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


def _with_those_that_mend(finding: Diagnostic, results: list[_Tried]) -> Diagnostic:
    work = [(each.fix, each.new) for each in results if each.new is not None]
    good = [each.fix for each in results if each.mends]
    good = [fix for fix in good if not fix.fallback] or good
    titles: dict[str, str] = {}
    if good:
        kept = good
    elif finding.code.startswith(_FIT):
        kept = []
        for fix, new in work:
            title = f"{fix.title}; then {_told(new[0])}" if new else fix.title
            titles[fix.title] = title
            kept.append(replace(fix, title=title, applicability="review"))
    else:
        kept = [replace(fix, applicability="review") if _breaks(fix, new) else fix for fix, new in work]
    if finding.code == "NS306":
        kept = kept[:_ENOUGH]
    shown = {fix.title for fix in kept}
    gone = {each.fix.title for each in results} - shown - set(titles)
    said = finding.helps if not (good and finding.code in _TOLD_BY_FIXES) else ()
    helps = [titles.get(h, h) for h in said if h not in gone]
    helps = [h for h in helps if h in shown or h not in titles.values()]
    if finding.code in _IN_ORDER:
        helps = [h for h in helps if h not in shown]
    helps += [fix.title for fix in kept if fix.title not in helps]
    return replace(finding, helps=tuple(helps), fixes=tuple(kept))


def _breaks(fix: Fix, new: Sequence[Diagnostic]) -> bool:
    """Whether text that was put in cannot be parsed."""
    return any(d.code.startswith("NS1") for d in new) and any(edit.text for edit in fix.edits)


def _told(finding: Diagnostic) -> str:
    message = finding.message if len(finding.message) <= _SHOWN else finding.message[: _SHOWN - 1] + "…"
    return f"line {finding.span.line}: {message}" if finding.span else message
