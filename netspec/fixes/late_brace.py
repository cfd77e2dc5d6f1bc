"""A brace that is closed too late: another statement ends up inside of it, and a closing one further down is too many."""

from __future__ import annotations

from netspec.diagnostics import Diagnostic, Diagnostics, Edit, Fix, Label
from netspec.fixes.edits import apply_edits, line_of_its_own
from netspec.source import SourceFile, Span
from netspec.syntax.brackets import missing_or_extra
from netspec.syntax.tokens import CLOSERS, Tokens

__all__ = ["blame_the_brace"]

_IN_ITS_WAKE = ("NS103", "NS308")
"""No layers, no input: they are within the brace."""


def blame_the_brace(source: SourceFile, diagnostics: Diagnostics, codes: frozenset[str]) -> None:
    """Where a text has as many closing braces as opening ones, but the indentation shows one to be missing and another,
    further down, to be too many: puts that error (NS102) in place of those with the codes, which it brought about."""
    missing = missing_or_extra(Tokens(source))
    if missing is None or missing.place is None or missing.below is None:
        return
    closing = Edit(Span(source, missing.place, missing.place), missing.text)
    extra = missing_or_extra(Tokens(SourceFile(apply_edits(source.text, [closing]))))
    if extra is None or extra.place is not None or extra.bracket.start <= missing.place:
        return
    stray = extra.bracket.start - len(missing.text)
    bracket, over = missing.bracket, Span(source, stray, stray + 1)
    caused = [d for d in diagnostics if d.code in codes and d.span and bracket.start < d.span.start < stray]
    if not caused:
        return
    closer, below = CLOSERS[bracket.text], Span(source, missing.below.start, missing.below.start + 1)
    help_ = f"add `{closer}` before line {below.line}, and remove the one at line {over.line}"
    edits = (closing, Edit(line_of_its_own(over) or over, ""))
    found = Diagnostic(
        "NS102", "error", f"this `{bracket.text}` is closed too late", Span(source, bracket.start, bracket.end),
        secondary=(Label(over, "closed here"), Label(below, f"`{closer}` expected before this")),
        notes=("the indentation shows that it should end above",), helps=(help_,), fixes=(Fix(help_, edits),),
    )  # fmt: skip
    diagnostics.items[:] = [d for d in diagnostics.items if d not in caused and d.code not in _IN_ITS_WAKE] + [found]
