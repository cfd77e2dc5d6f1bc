"""Edits are tried on the whole file before they are shown: one that leaves its finding as it is is dropped, and one
that only moves the error stands behind those that mend it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from netspec.diagnostics import Diagnostic, Diagnostics, Fix
from netspec.diagnostics.mending import apply_fixes
from netspec.source import SourceFile, Span

__all__ = ["keep_what_mends"]

_MOST_TRIALS = 90
_MOST_WORK = 6_000
"""Layers that are inferred again at most, over all edits that are tried, and as many lines parsed."""
_ENOUGH = 3
_FIT = ("NS30", "NS401")
_MANY_WAYS = ("NS301", "NS303", "NS308", "NS401")
"""Findings for which the text is searched for more, even where something that was computed mends them."""
_ONE_WAY = ("NS206",)
_ALTERNATIVES = ("NS202", "NS205", "NS306", "NS308", "NS402")
"""Findings for which several texts at one place are ways out of their own."""
_OTHER_FIGURE = ("if the network is right", "or raise")
_SHOWN = 90

Trial = Callable[[SourceFile], Diagnostics]
Result = tuple[Fix, list[Diagnostic] | None]
"""A fix, and the errors that come with it; None where the finding stays."""


def keep_what_mends(
    source: SourceFile, diagnostics: Diagnostics, work: int, trial: Trial, guesses: Callable[[Diagnostic], Iterator[Fix]]
) -> None:  # fmt: skip
    """Tries the edits of every error, and where they do not mend it, the `guesses` for it, up to a few that do.

    `work` is what one trial costs, in layers and lines. What input is dropped at a border (NS305) is no finding of its own
    where it is gone with an error.
    """
    bench = _Bench(source, list(diagnostics), trial, min(_MOST_TRIALS, _MOST_WORK // max(1, work)))
    figures = 0
    for i, finding in enumerate(bench.before):
        if finding.is_error:
            figures += finding.code == "NS401"
            results = bench.results(finding)
            if finding.code != "NS401" or figures == 1:  # one edit is to mend all expectations
                bench.guess(finding, results, (fix for fix in guesses(finding) if diagnostics.fits(fix)))
            if results:
                diagnostics.items[i] = _with_those_that_mend(finding, results)
    for i, finding in enumerate(bench.before):
        if finding.code == "NS305" and not finding.is_error and finding.fixes:
            work_ = [(fix, new) for fix, new in bench.results(finding) if new == []]
            diagnostics.items[i] = _with_those_that_mend(finding, [*work_, *((f, None) for f in finding.fixes)])
    diagnostics.items[:] = [d for d in diagnostics.items if d.code != "NS305" or d.is_error or d.span not in bench.gone]


class _Bench:
    """Where edits are tried on the file, as long as there is time."""

    def __init__(self, source: SourceFile, before: list[Diagnostic], trial: Trial, tries: int) -> None:
        self.source, self.before, self.trial, self.tries = source, before, trial, tries
        self.gone: set[Span | None] = set()
        """Where a warning of dropped input is gone with an edit that mends an error."""

    def results(self, finding: Diagnostic) -> list[Result]:
        """What comes with each fix of a finding; those that cannot be tried count as good."""
        results: list[Result] = []
        for fix in _distinct(self.source, finding.fixes):
            new: list[Diagnostic] | None = []
            if self.tries > 0 and all(edit.span.source is self.source for edit in fix.edits):
                new = self.brings(finding, fix)
            results.append((fix, new))
        return results

    def guess(self, finding: Diagnostic, results: list[Result], guesses: Iterator[Fix]) -> None:
        """Adds guesses that mend a finding, before the fallbacks."""
        good = sum(new == [] and not fix.fallback for fix, new in results)
        wanted = max(_ENOUGH, good + 2) if finding.code in _MANY_WAYS else _ENOUGH if good == 0 else 0
        wanted = min(wanted, 1) if finding.code in _ONE_WAY else wanted
        tried = {_gist(self.source, fix) for fix, _ in results if fix.edits[0].span.source is self.source}
        mended: set[frozenset[tuple[int, int]]] = set()
        place = next((n for n, (fix, _) in enumerate(results) if fix.fallback), len(results))
        for fix in guesses if good < wanted else ():
            if self.tries <= 0 or good >= wanted:
                break
            where = frozenset((edit.span.start, edit.span.end) for edit in fix.edits)
            if _gist(self.source, fix) in tried or (where in mended and finding.code not in _ALTERNATIVES):
                continue  # of several numbers at one place the nearest is enough
            if fix.fallback and any(new == [] for _, new in results):
                continue
            tried.add(_gist(self.source, fix))
            if self.brings(finding, fix) == []:
                mended.add(where)
                good += 1
                results.insert(place, (fix, []))
                place += 1

    def brings(self, finding: Diagnostic, fix: Fix) -> list[Diagnostic] | None:
        """The errors that come with an edit; None where the finding, or an expectation beside it, is still there."""
        self.tries -= 1
        source = self.source
        shifts = sorted((edit.span.start, edit.span.end, len(edit.text)) for edit in fix.edits)
        after = list(self.trial(SourceFile(apply_fixes(source.text, [fix]), source.name, source.path)))
        errors = [d for d in after if d.is_error]
        place = _moved(finding.span, source, shifts)
        if any(_same(d, finding, place) and d.message == finding.message for d in errors):
            return None
        known = [(d, _moved(d.span, source, shifts)) for d in self.before if d is not finding]
        if finding.code == "NS401" and not fix.title.startswith(_OTHER_FIGURE):
            known = [(d, where) for d, where in known if d.code != "NS401"]
        new = [d for d in errors if not any(_same(d, old, where) for old, where in known)]
        if finding.is_error and not new:
            dropped = [(d, where) for d, where in known if d.code == "NS305" and not d.is_error]
            self.gone |= {d.span for d, where in dropped if not any(_same(other, d, where) for other in after)}
        return new


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


def _with_those_that_mend(finding: Diagnostic, results: list[Result]) -> Diagnostic:
    work = [(fix, new) for fix, new in results if new is not None]
    good = [fix for fix, new in work if not new]
    good = [fix for fix in good if not fix.fallback] or good
    titles: dict[str, str] = {}
    if good:
        kept = good
    elif finding.code.startswith(_FIT):
        kept = []
        for fix, new in work:
            title = f"{fix.title}; then {_told(new[0])}" if new else fix.title
            titles[fix.title] = title
            kept.append(replace(fix, title=title, safe=False))
    else:
        kept = [replace(fix, safe=fix.safe and not _breaks(fix, new)) for fix, new in work]
    if finding.code == "NS306":
        kept = kept[:_ENOUGH]
    shown = {fix.title for fix in kept}
    gone = {fix.title for fix, _ in results} - shown - set(titles)
    helps = [titles.get(h, h) for h in finding.helps if h not in gone]
    helps = [h for h in helps if h in shown or h not in titles.values()]
    helps += [fix.title for fix in kept if fix.title not in helps]
    return replace(finding, helps=tuple(helps), fixes=tuple(kept))


def _breaks(fix: Fix, new: Sequence[Diagnostic]) -> bool:
    """Whether text that was put in cannot be parsed."""
    return any(d.code.startswith("NS1") for d in new) and any(edit.text for edit in fix.edits)


def _told(finding: Diagnostic) -> str:
    message = finding.message if len(finding.message) <= _SHOWN else finding.message[: _SHOWN - 1] + "…"
    return f"line {finding.span.line}: {message}" if finding.span else message
