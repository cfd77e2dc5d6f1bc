"""What is left out of a text behind a syntax error, so that the rest can be parsed in the same run."""

from __future__ import annotations

import re

__all__ = ["PLACEHOLDER", "blanked", "masked", "statement_around"]

PLACEHOLDER = "_"
"""Stands where a statement was left out: a layer by its look, taken as unknown by the elaborator."""

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_NO_NAME = re.compile(r'"[^"\n]*"|#[^\n]*')
_OPENS_JOIN = re.compile(r"\b(?:add|concat|mul)\b[^\n;\[\]{}]*$")


def masked(text: str) -> str:
    """The text with comments and strings blanked, so that brackets in them do not count."""
    return _NO_NAME.sub(lambda m: " " * len(m.group()), text)


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
            elif char == "{" or (char == "[" and _OPENS_JOIN.search(plain, max(0, i - 80), i)):
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
        elif char == "[" and _OPENS_JOIN.search(plain, max(start, i - 80), i):
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


def blanked(text: str, start: int, stop: int) -> str:
    """The text with a range left out, and a placeholder in it where there is room for one."""
    inside = text[start:stop]
    room = len(inside) - len(inside.lstrip(" \t\n"))
    kept = "".join("\n" if c == "\n" else " " for c in inside)
    if room < len(inside) and inside.strip() not in _PAIRS.values():
        kept = kept[:room] + PLACEHOLDER + kept[room + 1 :]
    return text[:start] + kept + text[stop:]
