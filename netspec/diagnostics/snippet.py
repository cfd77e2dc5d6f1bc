"""Lines of source with the labels of a diagnostic drawn beneath them: each line once, however many labels it has.

3 | / residual {
4 | |   conv3-8/2 -> conv3-8
  | |   ---------    ------- 16x16 becomes 14x14 here
  | |   |
  | |   32x32 becomes 16x16 here
5 | | }
  | |_^ the body changes the shape
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate

from netspec.diagnostics import Label
from netspec.diagnostics.display import glyph, printable, width, wrapped
from netspec.source import SourceFile

__all__ = ["draw_snippets"]

Paint = Callable[[str, str], str]
"""A text in one of the styles of the terminal."""

_WHOLE = 6
"""A span of more lines than this is shown by its first and its last."""
_ENDS = (3, 2)


@dataclass(frozen=True, slots=True)
class _Mark:
    """What is underlined in one line: columns from `start` up to, not including, `stop`, and the words for it."""

    start: int
    stop: int
    text: str
    style: str
    sign: str


@dataclass(frozen=True, slots=True)
class _Bar:
    """A span of several lines, drawn as a bar in the margin from its first line to its last."""

    first: int
    last: int
    start: int
    stop: int
    text: str
    style: str
    sign: str
    leads: bool
    """Whether the span begins with the first word of its line."""


class _Line:
    """A line of source: what is printed for each of its characters, and on which column that begins."""

    def __init__(self, text: str) -> None:
        self.glyphs = [glyph(char) for char in text]
        self.starts = [0, *accumulate(wide for _, wide in self.glyphs)]
        self.width = self.starts[-1]

    def columns_of(self, start: int, stop: int) -> tuple[int, int]:
        """The columns of the characters from `start` to `stop`; at least one, for what combines that of its letter."""
        first, last = (self.starts[min(i, len(self.glyphs))] for i in (start, stop))
        if start < len(self.glyphs) and self.glyphs[start][1] == 0:
            first = max(0, first - 1)
        return first, max(last, first + 1)

    def part(self, low: int, high: int) -> str:
        """The text in columns from `low` up to `high`, with an ellipsis where it is cut."""
        inside_low, inside_high = low + (low > 0), high - (high < self.width)
        shown = ""
        for i in range(max(0, bisect_left(self.starts, inside_low) - 1), len(self.glyphs)):
            at, (text, wide) = self.starts[i], self.glyphs[i]
            if at >= inside_high and wide:
                break
            if inside_low <= at and at + wide <= inside_high:
                shown += text
            elif at + wide > inside_low:
                shown += " " * (min(at + wide, inside_high) - max(at, inside_low))
        return "…" * (low > 0) + shown + "…" * (high < self.width)


@lru_cache(maxsize=8)
def _line(file: SourceFile, number: int) -> _Line:
    """A line, kept for the next diagnostic in it."""
    return _Line(file.line_text(number))


class _Drawn:
    """A line below the source: characters on columns, each in a style."""

    def __init__(self) -> None:
        self.cells: dict[int, tuple[str, str]] = {}

    def put(self, column: int, text: str, style: str) -> None:
        for i, char in enumerate(text):
            self.cells[column + i] = (char, style)

    def text(self, paint: Paint) -> str:
        out, run, style = "", "", ""
        for column in range(max(self.cells, default=-1) + 1):
            char, wanted = self.cells.get(column, (" ", ""))
            if wanted != style:
                out, run, style = out + paint(run, style), "", wanted
            run += char
        return out + paint(run, style)


def draw_snippets(labels: Sequence[Label], severity: str, columns: int, gutter: int, paint: Paint) -> list[str]:
    """The snippets of a diagnostic, one for each file; the first label is the primary one, the others explain it."""
    lines: list[str] = []
    files = list({id(label.span.source): label.span.source for label in labels}.values())
    for file in files:
        marked = [(label, i == 0) for i, label in enumerate(labels) if label.span.source is file]
        line, column = file.position(marked[0][0].span.start)
        arrow = paint("-->" if file is files[0] else ":::", "frame")
        lines += [
            f"{' ' * gutter}{arrow} {printable(file.name)}:{line}:{column}",
            f"{' ' * gutter} {paint('|', 'frame')}",
        ]
        lines += _Snippet(file, marked, severity, columns - gutter - 3, gutter, paint).lines()
    return lines


class _Snippet:
    """The lines of one file."""

    def __init__(
        self, file: SourceFile, labels: list[tuple[Label, bool]], severity: str, room: int, gutter: int, paint: Paint
    ) -> None:
        self.file, self.gutter, self.paint = file, gutter, paint
        self.marks: dict[int, list[_Mark]] = {}
        self.bars: list[_Bar] = []
        for label, primary in labels:
            self.enter(label, severity if primary else "frame", "^" if primary else "-")
        self.bars.sort(key=lambda bar: (bar.first, -bar.last))
        self.room = max(room - 2 * len(self.bars), 20)

    def enter(self, label: Label, style: str, sign: str) -> None:
        span = label.span
        text = span.source.text
        end = span.start + len(text[span.start : span.end].rstrip())
        first, column = self.file.position(span.start)
        last, past = self.file.position(max(end, span.start))
        if first == last:
            start, stop = _line(self.file, first).columns_of(column - 1, past - 1)
            self.marks.setdefault(first, []).append(_Mark(start, stop, printable(label.text), style, sign))
            return
        start, _ = _line(self.file, first).columns_of(column - 1, column)
        stop = _line(self.file, last).columns_of(past - 2, past - 1)[1]
        leads = not self.file.line_text(first)[: column - 1].strip()
        self.bars.append(_Bar(first, last, start, stop, printable(label.text), style, sign, leads))

    # Rows

    def lines(self) -> list[str]:
        shown = sorted(self.numbers())
        out: list[str] = []
        for i, number in enumerate(shown):
            gap = number - shown[i - 1] if i else 1
            if gap == 2:
                out += self.row(number - 1)
            elif gap > 2:
                out.append(f"{self.paint('...'.ljust(self.gutter + 2), 'frame')} {self.margin(number, ' ')}".rstrip())
            out += self.row(number)
        return out

    def numbers(self) -> set[int]:
        """The lines that are shown."""
        found = set(self.marks)
        for bar in self.bars:
            whole = range(bar.first, bar.last + 1)
            head, tail = _ENDS
            found.update(whole if len(whole) <= _WHOLE else (*whole[:head], *whole[-tail:]))
        return found

    def margin(self, number: int, first: str) -> str:
        """The bars at a line; `first` is drawn for one that begins there."""
        out = ""
        for bar in self.bars:
            sign = "|" if bar.first < number <= bar.last else first if bar.first == number and bar.leads else " "
            out += self.paint(sign, bar.style) + " "
        return out

    def row(self, number: int) -> Iterator[str]:
        """A line of source, and what is drawn below it."""
        line = _line(self.file, number)
        rule = self.paint("|", "frame")
        shown = f"{self.paint(str(number).rjust(self.gutter), 'frame')} {rule} {self.margin(number, '/')}"
        below = f"{' ' * self.gutter} {rule} "
        for low, high, group in self.windows(line, self.marks.get(number, [])):
            yield f"{shown}{line.part(low, high)}".rstrip()
            for drawn in self.underlines([_inside(mark, low, high) for mark in group]):
                yield f"{below}{self.margin(number, '|')}{drawn.text(self.paint)}".rstrip()
        for i, bar in reversed(list(enumerate(self.bars))):
            if bar.first == number and not bar.leads:
                yield below + self.corner(i, number, min(bar.start, self.room - 1), "")
            if bar.last == number:
                yield from (below + text for text in self.end(i, number))

    def windows(self, line: _Line, marks: list[_Mark]) -> list[tuple[int, int, list[_Mark]]]:
        """The parts of a line that are shown, with what is underlined in each: one part where the line fits."""
        whole = max(line.width, *(mark.stop for mark in marks), 0)  # a mark may be after the last character
        if whole <= self.room:
            return [(0, whole, marks)]
        groups: list[list[_Mark]] = []
        for mark in sorted(marks, key=lambda mark: mark.start):
            if groups and mark.stop - groups[-1][0].start <= self.room - 2:
                groups[-1].append(mark)
            else:
                groups.append([mark])
        found = []
        for group in groups or [[]]:
            start = min((mark.start for mark in group), default=0)
            stop = max((mark.stop for mark in group), default=0)
            low = start - max(2, (self.room - (stop - start)) // 2)
            low = max(0, min(low, whole - self.room))
            found.append((low, low + self.room, group))
        return found

    def underlines(self, marks: list[_Mark]) -> Iterator[_Drawn]:
        """The underlines of one line, then the words that did not fit beside them, each on the column of its own."""
        if not marks:
            return
        drawn = _Drawn()
        for mark in sorted(marks, key=lambda mark: (mark.start - mark.stop, mark.sign == "^")):
            drawn.put(mark.start, mark.sign * (mark.stop - mark.start), mark.style)
        worded = sorted((mark for mark in marks if mark.text), key=lambda mark: (mark.start, mark.sign == "^"))
        if worded and self.fits_beside(worded[-1], marks):
            mark = worded.pop()
            drawn.put(mark.stop + 1, mark.text, mark.style)
        yield drawn
        if worded and len(marks) > 1:
            yield _connected(worded)
        while worded:
            mark = worded.pop()
            fits = mark.start + width(mark.text) <= self.room
            hang = mark.start if fits else min(mark.start, self.room // 3)
            for text in wrapped(mark.text, self.room - hang):
                drawn = _connected([other for other in worded if other.start < hang])
                drawn.put(hang, text, mark.style)
                yield drawn

    def fits_beside(self, mark: _Mark, marks: list[_Mark]) -> bool:
        last = max(other.stop for other in marks)
        return mark.stop == last and mark.stop + 1 + width(mark.text) <= self.room

    def corner(self, which: int, number: int, column: int, text: str) -> str:
        """The line that leads from the margin to the first or the last character of a span."""
        drawn = _Drawn()
        for i, other in enumerate(self.bars[:which]):
            if other.first < number <= other.last or (other.first == number and other.leads):
                drawn.put(2 * i, "|", other.style)
        bar = self.bars[which]
        at = 2 * len(self.bars) + column
        drawn.put(2 * which, "|" if bar.last == number else " ", bar.style)
        drawn.put(2 * which + 1, "_" * (at - 2 * which - 1), bar.style)
        drawn.put(at, bar.sign, bar.style)
        drawn.put(at + 2, text, bar.style)
        return drawn.text(self.paint)

    def end(self, which: int, number: int) -> Iterator[str]:
        bar = self.bars[which]
        column = min(bar.stop, self.room) - 1
        beside = column + 2 + width(bar.text) <= self.room
        yield self.corner(which, number, column, bar.text if beside else "").rstrip()
        if not beside:
            hang = min(column, self.room // 3)
            lead = " " * (2 * len(self.bars) + hang)
            yield from (lead + self.paint(text, bar.style) for text in wrapped(bar.text, self.room - hang))


def _inside(mark: _Mark, low: int, high: int) -> _Mark:
    """A mark on the columns of a window."""
    start = min(max(mark.start, low), high - 1) - low
    return replace(mark, start=start, stop=max(start + 1, min(mark.stop, high) - low))


def _connected(marks: Sequence[_Mark]) -> _Drawn:
    drawn = _Drawn()
    for mark in marks:
        drawn.put(mark.start, "|", mark.style)
    return drawn
