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
_MOST_WORK = 5_000
"""Layers that are inferred again at most, over all edits that are tried, and as many lines parsed."""
_ENOUGH = 3
_FIT = ("NS30", "NS401")
_MANY_WAYS = ("NS301", "NS303", "NS308", "NS401")
"""Findings for which the text is searched for more, even where something that was computed mends them."""
_ONE_WAY = ("NS206",)
_ALTERNATIVES = ("NS202", "NS205", "NS306", "NS308")
"""Findings for which several texts at one place are ways out of their own."""
_SHOWN = 90

Trial = Callable[[SourceFile], Diagnostics]
Result = tuple[Fix, list[Diagnostic] | None]
"""A fix, and the errors that come with it; None where the finding stays."""


def keep_what_mends(
    source: SourceFile,
    diagnostics: Diagnostics,
    work: int,
    trial: Trial,
    guesses: Callable[[Diagnostic], Iterator[Fix]],
) -> None:
    """Tries the edits of every error, and where they do not mend it, the `guesses` for it, up to a few that do.

    `work` is what one trial costs, in layers and lines.
    """
    tries = min(_MOST_TRIALS, _MOST_WORK // max(1, work))
    before = list(diagnostics)
    for i, finding in enumerate(before):
        if not finding.is_error:
            continue
        results: list[Result] = []
        for fix in _distinct(source, finding.fixes):
            new: list[Diagnostic] | None = []
            if tries > 0 and all(edit.span.source is source for edit in fix.edits):
                tries -= 1
                new = _brings(source, before, finding, fix, trial)
            results.append((fix, new))
        good = sum(new == [] and not fix.fallback for fix, new in results)
        wanted = _ENOUGH if finding.code in _MANY_WAYS else _ENOUGH if good == 0 else 0
        if finding.code in _ONE_WAY:
            wanted = min(wanted, 1)
        tried = {_gist(source, fix) for fix, _ in results if fix.edits[0].span.source is source}
        mended: set[frozenset[tuple[int, int]]] = set()
        place = next((n for n, (fix, _) in enumerate(results) if fix.fallback), len(results))
        for fix in guesses(finding) if good < wanted else ():
            if tries <= 0 or good >= wanted:
                break
            if _gist(source, fix) in tried or not diagnostics.fits(fix):
                continue
            where = frozenset((edit.span.start, edit.span.end) for edit in fix.edits)
            if where in mended and finding.code not in _ALTERNATIVES:
                continue  # the nearest number of copies is enough
            if fix.fallback and any(new == [] for _, new in results):
                continue
            tries -= 1
            tried.add(_gist(source, fix))
            if _brings(source, before, finding, fix, trial) == []:
                mended.add(where)
                good += 1
                results.insert(place, (fix, []))
                place += 1
        if results:
            diagnostics.items[i] = _with_those_that_mend(finding, results)


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


def _brings(
    source: SourceFile, before: Sequence[Diagnostic], finding: Diagnostic, fix: Fix, trial: Trial
) -> list[Diagnostic] | None:
    """The errors that come with an edit; None where the finding is still there."""
    shifts = sorted((edit.span.start, edit.span.end, len(edit.text)) for edit in fix.edits)
    after = [d for d in trial(SourceFile(apply_fixes(source.text, [fix]), source.name, source.path)) if d.is_error]
    place = _moved(finding.span, source, shifts)
    if any(_same(d, finding, place) and d.message == finding.message for d in after):
        return None
    known = [(d, _moved(d.span, source, shifts)) for d in before if d is not finding]
    return [d for d in after if not any(_same(d, old, where) for old, where in known)]


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
