"""Edits are tried on the whole file before they are shown: one that leaves its finding as it is is dropped, and one
that only moves the error stands behind those that mend it."""

from __future__ import annotations

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
_SHOWN = 90

Trial = Callable[[SourceFile], Diagnostics]


def keep_what_mends(
    source: SourceFile,
    diagnostics: Diagnostics,
    work: int,
    trial: Trial,
    guesses: Callable[[Diagnostic], Iterator[Fix]],
) -> None:
    """Tries the edits of every error, and where too few of them mend it, the `guesses` for it.

    `work` is what one trial costs, in layers and lines.
    """
    tries = min(_MOST_TRIALS, _MOST_WORK // max(1, work))
    before = list(diagnostics)
    for i, finding in enumerate(before):
        if not finding.is_error:
            continue
        results: list[tuple[Fix, list[Diagnostic] | None]] = []
        for fix in finding.fixes:
            new: list[Diagnostic] | None = []
            if tries > 0 and all(edit.span.source is source for edit in fix.edits):
                tries -= 1
                new = _brings(source, before, finding, fix, trial)
            results.append((fix, new))
        good = sum(new == [] for _, new in results)
        tried = {fix.edits for fix, _ in results}
        for fix in guesses(finding) if good < _ENOUGH else ():
            if tries <= 0 or good >= _ENOUGH:
                break
            if fix.edits in tried or not diagnostics.fits(fix):
                continue
            tries -= 1
            if _brings(source, before, finding, fix, trial) == []:
                good += 1
                results.append((fix, []))
        if results:
            diagnostics.items[i] = _with_those_that_mend(finding, results)


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


def _with_those_that_mend(finding: Diagnostic, results: list[tuple[Fix, list[Diagnostic] | None]]) -> Diagnostic:
    work = [(fix, new) for fix, new in results if new is not None]
    good = [fix for fix, new in work if not new]
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
