"""Comments of a source, and lines that carry them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Comment", "Line", "aligned", "comments_of"]


@dataclass(slots=True)
class Comment:
    """`alone`: on a line of its own. `used`: already printed."""

    start: int
    end: int
    text: str
    alone: bool
    used: bool = False


@dataclass(slots=True)
class Line:
    text: str
    comment: str = ""


def comments_of(source: str) -> Iterable[Comment]:
    for match in re.finditer(r'"[^"\n]*"|#[^\n]*', source):
        if match.group().startswith("#"):
            line = source.rfind("\n", 0, match.start()) + 1
            alone = not source[line : match.start()].strip()
            yield Comment(match.start(), match.end(), match.group().rstrip(), alone)


def aligned(lines: Sequence[Line]) -> Iterable[str]:
    """Trailing comments of neighbouring lines at one depth in one column."""
    i = 0
    while i < len(lines):
        j = i
        while j < len(lines) and lines[j].comment and _depth(lines[j]) == _depth(lines[i]):
            j += 1
        if j == i:
            yield lines[i].text
            i += 1
            continue
        width = max(len(line.text) for line in lines[i:j])
        for line in lines[i:j]:
            yield f"{line.text:<{width}}  {line.comment}"
        i = j


def _depth(line: Line) -> int:
    return len(line.text) - len(line.text.lstrip())
