"""The style `table`: networks as columns of the configuration table of papers, as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from netspec.diagnostics.display import printable
from netspec.report.configuration import Band, Bracket, Cell, Configuration
from netspec.scene.figure import Figure, Item, Path, Text
from netspec.scene.lettering import text_width, written_out
from netspec.scene.rows import page_scale
from netspec.scene.theme import THEMES

__all__ = ["drawn_as_table"]

_SIZE = 11.0
_LINE = 15.0
_PAD = 5.0
_GAP = 26.0
_MARGIN = 16.0
_BRACKET = 5.0
"""How long the ends of the brackets of a block are."""
_CLEAR = 3.0
"""How far these ends are from its layers."""
_SPACE = 5.0
"""Between brackets and what stands above and below them."""
_BESIDE = 44.0
"""Between the columns of a page into which a long table is broken."""
_READABLE = 0.85
_MOST = 12


def drawn_as_table(table: Configuration, theme: str = "light") -> Figure:
    return _Painter(table, theme).figure()


def _height(cell: Cell) -> float:
    lines = sum(len(line.lines) if isinstance(line, Bracket) else 1 for line in cell)
    return lines * _LINE + _SPACE * sum(_spaced(a, b) for a, b in pairwise(cell))


def _spaced(one: str | Bracket, other: str | Bracket) -> bool:
    return isinstance(one, Bracket) or isinstance(other, Bracket)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What stays together where a table is broken: a row, or of one network a line of it. `begins`: a rule is above it."""

    band: Band
    begins: bool = True
    spaced: bool = False

    @property
    def height(self) -> float:
        above = 2 * _PAD if self.begins else _SPACE * self.spaced
        return above + max(map(_height, self.band.cells))


def _pieces(table: Configuration) -> Iterator[_Piece]:
    for band in table.bands:
        if len(table.names) > 1:
            yield _Piece(band)
            continue
        cell, start = band.cells[0], 0
        for i, line in enumerate(cell):
            if str(line).endswith(":") and i + 1 < len(cell):
                continue
            spaced = start > 0 and _spaced(cell[start - 1], cell[start])
            yield _Piece(Band((cell[start : i + 1],), band.label), start == 0, spaced)
            start = i + 1


def _filled(pieces: Sequence[_Piece], head: float, limit: float) -> list[list[_Piece]]:
    columns: list[list[_Piece]] = [[]]
    used = head
    for piece in pieces:
        if columns[-1] and used + piece.height > limit:
            columns.append([])
            used = 2 * _PAD
        columns[-1].append(piece)
        used += piece.height
    return columns


def _balanced(pieces: Sequence[_Piece], head: float, whole: float, count: int) -> list[list[_Piece]]:
    """At most so many columns, as low as can be."""
    low, high = whole / count, whole
    for _ in range(20):
        middle = (low + high) / 2
        fits = len(_filled(pieces, head, middle)) <= count
        low, high = (low, middle) if fits else (middle, high)
    return _filled(pieces, head, high)


def _width(line: str | Bracket) -> float:
    if isinstance(line, str):
        return text_width(printable(line), _SIZE)
    return _inner(line) + 4 * _BRACKET + (2 * text_width(f" ×{line.times}", _SIZE) if line.times > 1 else 0.0)


def _inner(block: Bracket) -> float:
    return max(text_width(printable(text), _SIZE) for text in block.lines)


class _Painter:
    def __init__(self, table: Configuration, theme: str) -> None:
        self.table, self.theme = table, THEMES[theme]
        self.items: list[Item] = []
        self.left = _MARGIN
        self.label = (
            max((text_width(written_out(b.label), _SIZE) for b in table.bands), default=0.0) + _GAP
            if table.labeled
            else 0.0
        )
        self.widths = [self._column(i) for i in range(len(table.names))]
        spans = [_width(line) for band in table.bands if band.spans for line in band.cells[0]]
        missing = max(spans, default=0.0) - self._whole()
        self.widths = [width + max(0.0, missing) / len(self.widths) for width in self.widths]

    def _column(self, i: int) -> float:
        names = [text_width(self.table.names[i], _SIZE, bold=True), text_width(self.table.heads[i], _SIZE)]
        return max([*names, *(_width(line) for band in self.table.bands if not band.spans for line in band.cells[i])])

    def _whole(self) -> float:
        return sum(self.widths) + _GAP * (len(self.widths) - 1)

    def figure(self) -> Figure:
        across, bottom = self.label + self._whole(), 0.0
        for number, pieces in enumerate(self._columns(across)):
            self.left = _MARGIN + number * (across + _BESIDE)
            bottom = max(bottom, self._pieces(pieces, head=number == 0))
        title = ", ".join(map(printable, self.table.names))
        return Figure(
            self.left + across + _MARGIN, bottom + _MARGIN, title, f"The layers of {title} side by side.",
            self.theme.background, self.items,
        )  # fmt: skip

    def _columns(self, across: float) -> list[list[_Piece]]:
        """The columns of a page into which the table is broken: as few as make it readable."""
        pieces = list(_pieces(self.table))
        head = 2 * _LINE + 2 * _PAD
        whole = head + sum(piece.height for piece in pieces)
        best, found = 0.0, [pieces]
        for count in range(1, _MOST):
            columns = _balanced(pieces, head, whole, count)
            high = max(sum(piece.height for piece in column) for column in columns)
            scale = page_scale(len(columns) * (across + _BESIDE), high + head + 2 * _MARGIN)
            if scale > best:
                best, found = scale, columns
            if best > _READABLE:
                break
        return found

    def _middle(self, i: int) -> float:
        return self.left + self.label + sum(self.widths[:i]) + _GAP * i + self.widths[i] / 2

    def _rule(self, y: float, line: float) -> float:
        end = self.left + self.label + self._whole()
        self.items.append(Path((self.left, y), (((end, y),),), self.theme.ink, line=line))
        return y + _PAD

    def _pieces(self, pieces: Sequence[_Piece], *, head: bool) -> float:
        """Draws a column of the page, and returns where it ends."""
        y = self._rule(_MARGIN, 1.4)
        if head:
            y = self._rule(self._head(y) + _PAD, 1.0)
        for number, piece in enumerate(pieces):
            if piece.begins and number:
                y = self._rule(y + _PAD, 0.5)
            elif piece.spaced and number:
                y += _SPACE
            y = self._band(piece.band, y, labeled=piece.begins or number == 0)
        return self._rule(y + _PAD, 1.4) - _PAD

    def _head(self, y: float) -> float:
        for texts, bold in ((self.table.names, True), (self.table.heads, False)):
            for i, text in enumerate(texts):
                colour = self.theme.ink if bold else self.theme.faint
                self.items.append(Text(self._middle(i), y + _SIZE, printable(text), _SIZE, colour, bold, "middle"))
            y += _LINE
        return y

    def _band(self, band: Band, y: float, *, labeled: bool) -> float:
        if self.table.labeled and labeled:
            self.items.append(Text(self.left, y + _SIZE, written_out(printable(band.label)), _SIZE, self.theme.faint))
        middles: Sequence[float] = [self._middle(i) for i in range(len(self.widths))]
        if band.spans:
            middles = [self.left + self.label + self._whole() / 2]
        for middle, cell in zip(middles, band.cells, strict=True):
            self._cell(cell, middle, y)
        return y + max(map(_height, band.cells))

    def _cell(self, cell: Cell, middle: float, y: float) -> None:
        for i, line in enumerate(cell):
            y += _SPACE if i and _spaced(cell[i - 1], line) else 0.0
            texts = line.lines if isinstance(line, Bracket) else (line,)
            if isinstance(line, Bracket):
                self._bracket(line, middle, y)
            for text in texts:
                self.items.append(Text(middle, y + _SIZE, printable(text), _SIZE, self.theme.ink, anchor="middle"))
                y += _LINE

    def _bracket(self, block: Bracket, middle: float, y: float) -> None:
        half, top, bottom = _inner(block) / 2 + _BRACKET + _CLEAR, y + 1, y + _LINE * len(block.lines) - 1
        for side in (-1, 1):
            x = middle + side * half
            corners = ((x, top), (x, bottom), (x - side * _BRACKET, bottom))
            self.items.append(Path((x - side * _BRACKET, top), tuple((c,) for c in corners), self.theme.ink))
        if block.times == 1:
            return
        base = (top + bottom) / 2 + 0.36 * _SIZE
        self.items.append(Text(middle + half + 4, base, f"×{block.times}", _SIZE, self.theme.ink))
