"""Diagnostics as text: the source line, an underline, then notes and helps."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from netspec.diagnostics import Diagnostic, Label
from netspec.source import Span

__all__ = ["render", "render_plain", "summary"]

_RESET = "\x1b[0m"
_STYLES = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "bold": "\x1b[1m",
    "frame": "\x1b[1;34m",
    "help": "\x1b[1;36m",
}
_TAB = 4


def _char_width(char: str) -> int:
    if char == "\t":
        return _TAB
    if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Me", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _printable(text: str) -> str:
    """Tabs expanded and control characters replaced, so that text from a file cannot drive the terminal."""
    out = []
    for char in text:
        if char == "\t":
            out.append(" " * _TAB)
        elif unicodedata.category(char) in ("Cc", "Cs", "Cn", "Co"):
            out.append("\N{REPLACEMENT CHARACTER}")
        else:
            out.append(char)
    return "".join(out)


def _width(text: str) -> int:
    return sum(_char_width(c) for c in text)


class _Renderer:
    def __init__(self, colour: bool, columns: int) -> None:
        self.colour = colour
        self.columns = max(columns, 40)

    def style(self, text: str, name: str) -> str:
        return f"{_STYLES[name]}{text}{_RESET}" if self.colour and text else text

    def wrap(self, lead: str, text: str, hang: int) -> list[str]:
        """Words of `text` after `lead`, continued lines indented by `hang` columns."""
        lines: list[str] = []
        room = self.columns
        for paragraph in text.split("\n"):
            current, used = lead, _width(lead)
            empty = True
            for word in paragraph.split(" "):
                gap = 0 if empty else 1
                if not empty and used + gap + _width(word) > room:
                    lines.append(current)
                    current, used, gap = " " * hang, hang, 0
                current += " " * gap + word
                used += gap + _width(word)
                empty = False
            lines.append(current)
            lead = " " * hang
        return lines

    def source_line(self, label: Label, gutter: int, severity: str) -> list[str]:
        span = label.span
        line, column = span.source.position(span.start)
        text = span.source.line_text(line)
        start = min(column - 1, len(text))
        stop = min(max(span.end - span.start, 1) + start, max(len(text), start + 1))
        before, marked = text[:start], text[start:stop]
        room = self.columns - gutter - 4
        shown, cut = text, ""
        if _width(_printable(text)) > room:  # cut around the span
            first = max(0, start - max(0, (room - min(_width(marked), room - 8)) // 2))
            cut = "…" if first else ""
            shown = cut + text[first : first + room - 2] + ("…" if first + room - 2 < len(text) else "")
            before = cut + text[first:start]
            marked = marked[: max(1, room - _width(before) - 1)]
        pad = " " * _width(before)
        carets = "^" * max(1, _width(marked))
        bar = self.style("|", "frame")
        number = self.style(str(line).rjust(gutter), "frame")
        return [
            f"{number} {bar} {_printable(shown)}".rstrip(),
            *self.underline(f"{' ' * gutter} {bar} ", pad, carets, label.text, severity, gutter),
        ]

    def underline(self, lead: str, pad: str, carets: str, text: str, severity: str, gutter: int) -> list[str]:
        drawn = f"{lead}{pad}{self.style(carets, severity)}"
        if not text:
            return [drawn]
        if gutter + 3 + len(pad) + len(carets) + 1 + _width(text) <= self.columns:
            return [f"{drawn} {self.style(text, severity)}"]
        hang = min(len(pad), self.columns // 3)
        room = _Renderer(False, self.columns - gutter - 3)
        return [drawn, *(lead + self.style(t, severity) for t in room.wrap(" " * hang, text, hang))]

    def render(self, diagnostic: Diagnostic) -> str:
        head = self.style(f"{diagnostic.severity}[{diagnostic.code}]", diagnostic.severity)
        plain_head = f"{diagnostic.severity}[{diagnostic.code}]: "
        lines = self.wrap(plain_head, _printable_lines(diagnostic.message), 4)
        lines[0] = f"{head}{self.style(lines[0][len(plain_head) - 2 :], 'bold')}"
        labels = ([Label(diagnostic.span, diagnostic.label)] if diagnostic.span else []) + list(diagnostic.secondary)
        gutter = max((len(str(label.span.line)) for label in labels), default=1)
        for i, label in enumerate(labels):
            lines += self.place(label.span, gutter, first=i == 0)
            lines += self.source_line(label, gutter, diagnostic.severity if i == 0 else "frame")
        equals = self.style("=", "frame")
        helps = dict.fromkeys((*diagnostic.helps, *(fix.title for fix in diagnostic.fixes)))
        for title, texts in (("note", diagnostic.notes), ("help", helps)):
            for text in texts:
                lead = f"{' ' * gutter} = {title}: "
                wrapped = self.wrap(lead, _printable_lines(text), len(lead))
                wrapped[0] = f"{' ' * gutter} {equals} {self.style(title, 'help')}{wrapped[0][len(lead) - 2 :]}"
                lines += wrapped
        return "\n".join(lines) + "\n"

    def place(self, span: Span, gutter: int, first: bool) -> list[str]:
        line, column = span.source.position(span.start)
        arrow = self.style("-->" if first else ":::", "frame")
        bar = self.style("|", "frame")
        return [f"{' ' * gutter}{arrow} {_printable(span.source.name)}:{line}:{column}", f"{' ' * gutter} {bar}"]


def _printable_lines(text: str) -> str:
    return "\n".join(_printable(line) for line in text.split("\n"))


def render(diagnostic: Diagnostic, *, colour: bool, columns: int) -> str:
    """One diagnostic for a terminal of `columns` columns."""
    return _Renderer(colour, columns).render(diagnostic)


def render_plain(diagnostic: Diagnostic) -> str:
    """One diagnostic as plain text of 100 columns."""
    return render(diagnostic, colour=False, columns=100)


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`, or an empty string where there is nothing."""
    found = list(diagnostics)
    counts = ((sum(d.is_error for d in found), "error"), (sum(not d.is_error for d in found), "warning"))
    return ", ".join(f"{n} {word}{'s' if n > 1 else ''}" for n, word in counts if n)
