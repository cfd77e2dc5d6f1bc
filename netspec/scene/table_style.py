"""The style `table`: networks as columns of the configuration table of papers, as a picture."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.diagnostics.display import printable
from netspec.report.configuration import Band, Bracket, Cell, Configuration
from netspec.scene.figure import Figure, Item, Path, Text
from netspec.scene.lettering import text_width, written_out
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


def drawn_as_table(table: Configuration, theme: str = "light") -> Figure:
    return _Painter(table, theme).figure()


def _lines(cell: Cell) -> int:
    return sum(len(line.lines) if isinstance(line, Bracket) else 1 for line in cell)


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
        width = self.label + self._whole() + 2 * _MARGIN
        y = self._rule(_MARGIN, 1.4)
        for texts, bold in ((self.table.names, True), (self.table.heads, False)):
            for i, text in enumerate(texts):
                colour = self.theme.ink if bold else self.theme.faint
                self.items.append(Text(self._middle(i), y + _SIZE, printable(text), _SIZE, colour, bold, "middle"))
            y += _LINE
        y = self._rule(y + _PAD, 1.0)
        for number, band in enumerate(self.table.bands):
            y = self._band(band, y) + _PAD
            y = self._rule(y, 1.4 if number == len(self.table.bands) - 1 else 0.5)
        title = ", ".join(map(printable, self.table.names))
        return Figure(
            width, y - _PAD + _MARGIN, title, f"The layers of {title} side by side.", self.theme.background, self.items
        )

    def _middle(self, i: int) -> float:
        return _MARGIN + self.label + sum(self.widths[:i]) + _GAP * i + self.widths[i] / 2

    def _rule(self, y: float, line: float) -> float:
        end = _MARGIN + self.label + self._whole()
        self.items.append(Path((_MARGIN, y), (((end, y),),), self.theme.ink, line=line))
        return y + _PAD

    def _band(self, band: Band, y: float) -> float:
        if self.table.labeled:
            self.items.append(Text(_MARGIN, y + _SIZE, written_out(printable(band.label)), _SIZE, self.theme.faint))
        middles: Sequence[float] = [self._middle(i) for i in range(len(self.widths))]
        if band.spans:
            middles = [_MARGIN + self.label + self._whole() / 2]
        for middle, cell in zip(middles, band.cells, strict=True):
            self._cell(cell, middle, y)
        return y + _LINE * max(map(_lines, band.cells))

    def _cell(self, cell: Cell, middle: float, y: float) -> None:
        for line in cell:
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
