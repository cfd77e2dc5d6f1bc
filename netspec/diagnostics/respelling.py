"""The fix of a misspelt name: the word that the message quotes, replaced by the one that a help asks about."""

from __future__ import annotations

import re
from dataclasses import replace

from netspec.diagnostics import Diagnostic, Fix
from netspec.source import Span

__all__ = ["with_respelling"]

_QUOTED = re.compile(r"`([^`]+)`")
_ASKED = re.compile(r"did you mean `\.?([^`]+)`\?|write `(yes|no)`")


def with_respelling(diagnostic: Diagnostic) -> Diagnostic:
    """The diagnostic with a fix to review, where the misspelt word stands once in its span."""
    help_ = next((h for h in diagnostic.helps if _ASKED.fullmatch(h)), None)
    found = _ASKED.fullmatch(help_) if help_ else None
    span = diagnostic.span
    if help_ is None or found is None or span is None:
        return diagnostic
    words = _QUOTED.findall(diagnostic.message) or [diagnostic.message.rsplit(" ", 1)[-1]]
    for word in sorted(words, key=lambda word: not word.startswith(".")):
        places = [m.start() for m in re.finditer(rf"(?<!\w){re.escape(word.lstrip('.'))}(?!\w)", span.text)]
        if len(places) == 1:
            start = span.start + places[0]
            where = Span(span.source, start, start + len(word.lstrip(".")))
            return replace(
                diagnostic, fixes=(Fix.replace(where, found[1] or found[2], help_, "safe" if found[2] else "review"),)
            )
    return diagnostic
