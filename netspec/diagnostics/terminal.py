"""Diagnostics as text: the source line, an underline, then notes and helps."""

from __future__ import annotations

from collections.abc import Iterable

from netspec.diagnostics import SEVERITIES, Diagnostic, Label

__all__ = ["render", "render_plain", "summary"]

_RESET = "\x1b[0m"
_STYLES = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "note": "\x1b[1;36m",
    "bold": "\x1b[1m",
    "frame": "\x1b[1;34m",
    "help": "\x1b[1;36m",
    "old": "\x1b[31m",
    "new": "\x1b[32m",
}
_FEWEST_COLUMNS = 40


def render(diagnostic: Diagnostic, *, color: bool, columns: int) -> str:
    """One diagnostic for a terminal of `columns` columns."""
    from netspec.diagnostics.display import printable, wrapped
    from netspec.diagnostics.snippet import draw_snippets
    from netspec.diagnostics.suggestion import draw_change

    def paint(text: str, style: str) -> str:
        return f"{_STYLES[style]}{text}{_RESET}" if color and style and text.strip() else text

    columns = max(columns, _FEWEST_COLUMNS)
    head = f"{diagnostic.severity}[{diagnostic.code}]"
    lines = wrapped(printable(diagnostic.message), columns, f"{head}: ", hang=4)
    lines[0] = paint(head, diagnostic.severity) + paint(lines[0][len(head) :], "bold")
    labels = ([Label(diagnostic.span, diagnostic.label)] if diagnostic.span else []) + list(diagnostic.secondary)
    gutter = max((len(str(_last_line(label))) for label in labels), default=1)
    lines += draw_snippets(labels, diagnostic.severity, columns, gutter, paint)

    def said(title: str, text: str) -> list[str]:
        lead = f"{' ' * gutter} = {title}: "
        found = wrapped(printable(text), columns, lead, hang=len(lead))
        found[0] = f"{' ' * gutter} {paint('=', 'frame')} {paint(title, 'help')}{found[0][len(lead) - 2 :]}"
        return found

    for note in diagnostic.notes:
        lines += said("note", note)
    fixes = {fix.title: fix for fix in reversed(diagnostic.fixes)}
    for title in dict.fromkeys((*diagnostic.helps, *(fix.title for fix in diagnostic.fixes))):
        lines += said("help", title)
        if title in fixes:
            lines += draw_change(fixes[title], columns, gutter, paint)
    return "\n".join(lines) + "\n"


def _last_line(label: Label) -> int:
    return label.span.source.position(max(label.span.start, label.span.end - 1))[0]


def render_plain(diagnostic: Diagnostic) -> str:
    """One diagnostic as plain text of 100 columns."""
    return render(diagnostic, color=False, columns=100)


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`, or an empty string where there is nothing."""
    found = [d.severity for d in diagnostics]
    counts = ((found.count(severity), severity) for severity in SEVERITIES)
    return ", ".join(f"{n} {word}{'s' if n > 1 else ''}" for n, word in counts if n)
