"""Source text and positions in it."""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path
from typing import Protocol

__all__ = ["CONDITION", "FileTree", "SourceFile", "Span"]

CONDITION = "<expect>"
"""The name of a condition that is given beside a spec (`--expect`), not in it."""


class FileTree(Protocol):
    """Files that are not those on disk, such as those of a revision."""

    def located(self, path: Path) -> Path:
        """The path without `..`. Raises ValueError for one outside."""
        ...

    def read(self, path: Path, most: int) -> bytes:
        """The first `most` + 1 bytes of a file. Raises OSError."""
        ...


class SourceFile:
    """The text of one `.net` file (or of `-e`, or of standard input) with its line index.

    `name` is what diagnostics print; `path` is None where the text has no file. `files` is where the files that it uses
    are, if not on disk. No fix changes a text that is `read_only`.
    A byte-order mark is dropped; CRLF is read as LF, so that columns agree with what editors show.
    """

    __slots__ = ("_starts", "files", "name", "path", "read_only", "text")

    def __init__(
        self,
        text: str,
        name: str = "<text>",
        path: Path | None = None,
        files: FileTree | None = None,
        *,
        read_only: bool = False,
    ) -> None:
        self.text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        self.name = name
        self.path = path
        self.files = files
        self.read_only = read_only
        self._starts: list[int] | None = None

    def edited(self, text: str) -> SourceFile:
        """Another text in its place."""
        return SourceFile(text, self.name, self.path, self.files)

    def located(self, path: Path) -> Path:
        """The path of a file among which this one is, without `..` and links. Raises OSError, ValueError."""
        return self.files.located(path) if self.files is not None else path.resolve()

    def _line_starts(self) -> list[int]:
        if self._starts is None:
            self._starts = [0, *(i + 1 for i, c in enumerate(self.text) if c == "\n")]
        return self._starts

    def position(self, offset: int) -> tuple[int, int]:
        """The 1-based line and column (in code points) of an offset into the text."""
        starts = self._line_starts()
        line = bisect_right(starts, min(max(offset, 0), len(self.text)))
        return line, offset - starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """The text of a 1-based line, without its newline; empty past the end."""
        starts = self._line_starts()
        if not 1 <= line <= len(starts):
            return ""
        end = starts[line] - 1 if line < len(starts) else len(self.text)
        return self.text[starts[line - 1] : end]

    def span(self, start: int, end: int) -> Span:
        return Span(self, start, end)


class Span:
    """A half-open range of offsets in one source file."""

    __slots__ = ("end", "source", "start")

    def __init__(self, source: SourceFile, start: int, end: int) -> None:
        self.source = source
        self.start = start
        self.end = max(start, end)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Span)
            and (self.start, self.end) == (other.start, other.end)
            and self.source is other.source
        )

    def __hash__(self) -> int:
        return hash((self.start, self.end))

    def in_string(self, within: tuple[int, int] | None) -> Span:
        """A part of a string that is written here in quotes; the whole where it is not (a variable has it)."""
        quotes = self.text.find('"')
        if within is None or quotes < 0:
            return self
        start = self.start + quotes + 1
        return Span(self.source, start + within[0], start + max(within[0] + 1, within[1]))

    def __repr__(self) -> str:
        line, column = self.source.position(self.start)
        return f"Span({self.source.name}:{line}:{column})"

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of another in the same file."""
        return Span(self.source, self.start, other.end)

    def with_parentheses(self, end: int) -> Span:
        """The span with the parentheses that follow it, which close before `end`; itself where there are none."""
        text, depth, stop = self.source.text, 0, end
        for i in range(self.end, end):
            depth += (text[i] == "(") - (text[i] == ")")
            if depth == 0:
                stop = i + 1 if text[i] == ")" else self.end
                break
        return Span(self.source, self.start, stop)
