"""Braces that are missing or too many: where they should stand, by the indentation and the shape of the lines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from netspec.diagnostics import Diagnostic, Diagnostics, Edit, Fix, Label
from netspec.source import SourceFile, Span
from netspec.syntax.recovery import joins_at, masked

__all__ = ["Flaw", "blame_the_brace", "body_below", "first_flaw"]

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_TOP_LEVEL = re.compile(r"(?:net|block|use|fn)\b")
_OUTERMOST = re.compile(r"(?:net|block|use|fn|input|default|expect|train|fit)\b")
"""Statements that stand inside braces seldom; the first of them ends a body whose lines are not indented."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A bracket without its other half; for one that is not closed, where the other half should stand."""

    bracket: int
    place: int | None = None
    """Where the closing one belongs; None where this is a closing one too many."""
    text: str = ""
    below: int | None = None
    """The first statement behind it, if there is one."""


@dataclass(slots=True)
class _Open:
    at: int
    sign: str
    indent: int
    ends_line: bool
    """Whether nothing follows on its line, so that its body is below."""
    deeper: bool = field(default=False)
    """Whether a line of the body is indented."""


def first_flaw(text: str) -> Flaw | None:
    """The first brace (or bracket of a join) without its other half; None where every one has it."""
    plain = masked(text)
    stack: list[_Open] = []
    odd: list[int] = []
    """Closing braces that do not stand below the line of their opening ones."""
    start = 0
    for line in plain.split("\n"):
        indent = len(line) - len(line.lstrip(" \t"))
        words = line.strip()
        if words and words[0] not in ")]}" and not words.startswith(("->", "else")):
            flaw = _outdented(plain, stack, start, indent, words)
            if flaw is not None:
                return flaw
        for i in range(start + indent, start + len(line)):
            char = plain[i]
            if char == "{" or (char == "[" and joins_at(plain, i)):
                stack.append(_Open(i, char, indent, not plain[i + 1 : start + len(line)].strip()))
            elif char == "}" or (char == "]" and any(o.sign == "[" for o in stack[-1:])):
                leads = i == start + indent
                early = leads and bool(stack) and stack[-1].ends_line and indent < stack[-1].indent
                if early and any(o.indent == indent for o in stack[:-1]):
                    return _unclosed(plain, stack[-1], start)
                if not stack:
                    return Flaw(odd[0] if odd else i)
                if _PAIRS[stack[-1].sign] != char:
                    return _unclosed(plain, stack[-1], i if not leads else start)
                if leads and stack[-1].ends_line and indent != stack[-1].indent:
                    odd.append(i)
                stack.pop()
        start += len(line) + 1
    return _open_at_end(plain, stack)


def _outdented(plain: str, stack: list[_Open], start: int, indent: int, words: str) -> Flaw | None:
    """The brace that a line shows to be unclosed, because it is not indented as the body is."""
    for opened in stack:
        opened.deeper = opened.deeper or indent > opened.indent
    if not stack:
        return None
    last = stack[-1]
    single = not last.ends_line and not last.deeper
    if indent <= last.indent and (last.deeper or single or _TOP_LEVEL.match(words)):
        return _unclosed(plain, last, start)
    return None


def _open_at_end(plain: str, stack: list[_Open]) -> Flaw | None:
    if not stack:
        return None
    last = stack[-1]
    if not last.deeper:
        position = plain.find("\n", last.at)
        while position >= 0:
            if _OUTERMOST.match(plain, position + 1):
                return _unclosed(plain, last, position + 1)
            position = plain.find("\n", position + 1)
    return _unclosed(plain, last, len(plain))


def _unclosed(plain: str, opened: _Open, before: int) -> Flaw:
    """The flaw of a brace that should be closed behind the last statement that stands before an offset."""
    place = len(plain[:before].rstrip())
    line = plain.rfind("\n", 0, opened.at) + 1
    blank = plain[line : line + opened.indent]
    closer = _PAIRS[opened.sign]
    text = f" {closer}"
    if "\n" in plain[opened.at : place]:
        place, text = (plain + "\n").index("\n", place), f"\n{blank}{closer}"
    rest = plain[before:]
    below = before + len(rest) - len(rest.lstrip())
    return Flaw(opened.at, place, text, below if rest.strip() else None)


def body_below(text: str, head: int) -> int:
    """The end of the lines below a head that are indented more than its own line; the end of that line if none is."""
    plain = masked(text)
    line = plain.rfind("\n", 0, head) + 1
    indent = len(plain[line:]) - len(plain[line:].lstrip(" \t"))
    stop = (plain + "\n").index("\n", head)
    end = stop
    while stop < len(plain):
        following = (plain + "\n").index("\n", stop + 1)
        row = plain[stop + 1 : following]
        if row.strip():
            if len(row) - len(row.lstrip(" \t")) <= indent:
                break
            end = stop + 1 + len(row.rstrip())
        stop = following
    return end


_IN_ITS_WAKE = ("NS103", "NS308")
"""No layers, no input: they stand within the brace."""


def blame_the_brace(source: SourceFile, diagnostics: Diagnostics, codes: frozenset[str]) -> None:
    """Where the braces of a text are as many as they should be, but one is missing and another, further down, too many:
    puts that finding (NS102) in place of those with the codes, which it brought about."""
    text = source.text
    missing = first_flaw(text)
    if missing is None or missing.place is None or missing.below is None:
        return
    grown = text[: missing.place] + missing.text + text[missing.place :]
    surplus = first_flaw(grown)
    if surplus is None or surplus.place is not None or surplus.bracket <= missing.place:
        return
    stray = surplus.bracket - len(missing.text)
    caused = [
        d for d in diagnostics if d.code in codes and d.span is not None and missing.bracket < d.span.start < stray
    ]
    if not caused:
        return
    line, end = text.rfind("\n", 0, stray) + 1, (text + "\n").index("\n", stray)
    alone = text[line:end].strip() == text[stray]
    rest = Span(source, line, min(end + 1, len(text))) if alone else Span(source, stray, stray + 1)
    below, over = Span(source, missing.below, missing.below + 1), Span(source, stray, stray + 1)
    bracket = text[missing.bracket]
    help_ = f"add `{_PAIRS[bracket]}` before line {below.line}, and take the one at line {over.line} out"
    edits = (Edit(Span(source, missing.place, missing.place), missing.text), Edit(rest, ""))
    found = Diagnostic(
        "NS102", "error", f"this `{bracket}` is closed too late", Span(source, missing.bracket, missing.bracket + 1),
        secondary=(Label(over, "closed here"), Label(below, f"`{_PAIRS[bracket]}` expected before this")),
        notes=("the lines are indented as if it ended above",), helps=(help_,), fixes=(Fix(help_, edits),),
    )  # fmt: skip
    kept = [d for d in diagnostics.items if d not in caused and d.code not in _IN_ITS_WAKE]
    diagnostics.items[:] = [*kept, found]
