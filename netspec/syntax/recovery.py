"""How parsing goes on behind a syntax error: the text is repaired where it is clear what was meant, or the statement
left out, so that the rest is checked in the same run."""

from __future__ import annotations

import re

from netspec.diagnostics import Skipped
from netspec.source import SourceFile, Span

__all__ = ["PLACEHOLDER", "Change", "Draft", "joins_at", "masked", "statement_around"]

PLACEHOLDER = "_"
"""Stands where a statement was left out: a layer by its look, taken as unknown by the elaborator."""

Change = tuple[int, int, str]
"""A range of the draft, and what takes its place."""

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_NO_NAME = re.compile(r'"[^"\n]*"|#[^\n]*')
_OPENS_JOIN = re.compile(r"\b(?:add|concat|mul)\b[^\n;\[\]{}]*$")


class Draft:
    """The text that is parsed: the source with repairs in it, and where in the source each of its characters stands."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.text = source.text
        self.skipped: list[Skipped] = []
        self.repaired: list[tuple[int, int]] = []
        """The ranges of the latest repair: an error right there is one of the repair, not of the author."""
        self.mended: list[tuple[int, int]] = []
        """The statements of the source that were repaired, as offsets."""
        self._origin: list[int] | None = None

    def place(self, offset: int) -> int:
        """The offset in the source of an offset in the draft."""
        return offset if self._origin is None else self._origin[min(offset, len(self.text))]

    def span(self, start: int, stop: int) -> Span:
        return Span(self.source, self.place(start), self.place(stop))

    def repair(self, changes: tuple[Change, ...]) -> None:
        """Puts changes, which do not overlap, into the text."""
        for start, stop, _ in changes:
            low, high = self.place(start), self.place(stop)
            text = self.source.text
            self.mended.append((text.rfind("\n", 0, low) + 1, (text + "\n").index("\n", high)))
        for start, stop, new in sorted(changes, reverse=True):
            if len(new) != stop - start:
                origin = self._origin or list(range(len(self.text) + 1))
                origin[start:stop] = [origin[start]] * len(new)
                self._origin = origin
            self.text = self.text[:start] + new + self.text[stop:]
        self.repaired, grown = [], 0
        for start, stop, new in sorted(changes):
            self.repaired.append((start + grown, start + grown + max(1, len(new))))
            grown += len(new) - (stop - start)

    def in_repair(self, at: int) -> bool:
        return any(start <= at < stop for start, stop in self.repaired)

    def leave_out(self, start: int, stop: int) -> bool:
        """Blanks a range, with a placeholder in it where a statement stood; whether that changes anything."""
        inside = self.text[start:stop]
        kept = "".join("\n" if c == "\n" else " " for c in inside)
        room = len(inside) - len(inside.lstrip(" \t\n"))
        if room < len(inside) and inside.strip() not in _PAIRS.values():
            kept = kept[:room] + PLACEHOLDER + kept[room + 1 :]
        whole = self.span(start, stop)
        place = self.place(start + room)
        end = max(place, self.place(start + len(inside.rstrip())))
        self.skipped = [s for s in self.skipped if not (whole.start <= s.span.start and s.span.end <= whole.end)]
        self.skipped.append(Skipped(Span(self.source, place, end)))
        self.text = self.text[:start] + kept + self.text[stop:]
        return stop > start and kept != inside


def masked(text: str) -> str:
    """The text with comments and strings blanked, so that brackets in them do not count."""
    return _NO_NAME.sub(lambda m: " " * len(m.group()), text)


def joins_at(plain: str, bracket: int) -> bool:
    """Whether the `[` at an offset opens the branches of a join."""
    return _OPENS_JOIN.search(plain, max(0, bracket - 80), bracket) is not None


def statement_around(text: str, at: int) -> tuple[int, int]:
    """The range of the innermost statement at an offset: with the braces that it opens, without those around it."""
    plain = masked(text)
    start = _start(plain, min(at, len(plain)))
    return start, _stop(plain, start, at)


def _start(plain: str, at: int) -> int:
    """Behind the newline, `;` or opening brace before an offset; a join's `[` opens statements too."""
    depth = 0
    for i in range(at - 1, -1, -1):
        char = plain[i]
        if char in ")]}":
            depth += 1
        elif char in "([{":
            if depth:
                depth -= 1
            elif char == "{" or (char == "[" and joins_at(plain, i)):
                return i + 1
        elif (char == ";" and depth == 0) or (char == "\n" and not _goes_on(plain, i)):
            return i + 1
    return 0


def _goes_on(plain: str, newline: int) -> bool:
    """Whether a newline stands around an arrow, which goes on with the statement."""
    return plain[:newline].rstrip(" \t").endswith("->") or plain[newline:].lstrip().startswith("->")


def _stop(plain: str, start: int, at: int) -> int:
    """Where the statement ends: at a newline or `;` outside of the braces it opens, or before a brace it does not."""
    stack: list[str] = []
    for i in range(start, len(plain)):
        char = plain[i]
        if char == "{":
            stack = [c for c in stack if c == "}"] + ["}"]
        elif char == "[" and joins_at(plain, i):
            stack.append("]")
        elif char in "}]":
            if char in stack:
                while stack.pop() != char:
                    pass
            elif char == "}" and i >= at:
                return max(i, at + 1) if i > start else i + 1
        elif char in "\n;" and not stack and i >= at and not (char == "\n" and _goes_on(plain, i)):
            return i
    return len(plain)
