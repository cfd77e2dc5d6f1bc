"""Pictures of a run for its report: the curves of its epochs, and the confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from netspec.diagnostics.display import printable
from netspec.scene.axis import round_steps, round_ticks
from netspec.scene.figure import Figure, Path, Rect, Text
from netspec.scene.lettering import text_width
from netspec.scene.theme import THEMES, Theme
from netspec.training.rows import Row
from netspec.training.scores import Score

__all__ = ["confusion_chart", "curves_chart"]

_TRAINING, _VALIDATION, _RATE = "#4477aa", "#ee6677", "#228833"
_WIDE, _TALL, _LEFT, _TOP, _BOTTOM, _GAP = 250.0, 170.0, 52.0, 44.0, 42.0, 14.0
_LEARNING_RATE = "learning rate"
_CELL, _LONGEST = 30.0, 24


@dataclass(frozen=True)
class _Line:
    """A curve: a value for each epoch, None where there is none."""

    name: str
    color: str
    values: Sequence[float | None]


def curves_chart(rows: Sequence[Row], theme: str = "light") -> Figure:
    """Loss, accuracy or R2, and learning rate over the epochs. A circle marks the best epoch, whose weights are kept."""
    panels = [("loss", _lines(rows, lambda score: score.loss))]
    if any(row.train.accuracy is not None for row in rows):
        panels.append(("accuracy, %", _lines(rows, lambda s: None if s.accuracy is None else 100 * s.accuracy)))
    elif any(row.train.r2 is not None for row in rows):
        panels.append(("R2", _lines(rows, lambda score: score.r2)))
    panels.append((_LEARNING_RATE, [_Line(_LEARNING_RATE, _RATE, [row.lr for row in rows])]))
    width = (_LEFT + _WIDE + _GAP) * len(panels)
    best = max(range(len(rows)), key=lambda i: (rows[i].score.rank, -i))
    said = f"{', '.join(name for name, _ in panels)} over {rows[-1].epoch:g} epochs; the best is epoch {rows[best].epoch:g}"
    colors = THEMES[theme]
    figure = Figure(width, _TOP + _TALL + _BOTTOM, "training curves", said, colors.background)
    for number, (name, lines) in enumerate(panels):
        panel = _Panel(
            figure,
            colors,
            number * (_LEFT + _WIDE + _GAP) + _LEFT,
            [row.epoch for row in rows],
            lines,
            from_0=name == _LEARNING_RATE,
        )
        panel.draw(name)
        if number < len(panels) - 1:
            panel.mark(lines[-1], best)
    return figure


def _lines(rows: Sequence[Row], value: Callable[[Score], float | None]) -> list[_Line]:
    found = [_Line("training", _TRAINING, [value(row.train) for row in rows])]
    if any(row.validation is not None for row in rows):
        held_out = [None if row.validation is None else value(row.validation) for row in rows]
        found.append(_Line("validation", _VALIDATION, held_out))
    return found


class _Panel:
    """A chart of curves over epochs, with round numbers on its axes."""

    def __init__(
        self,
        figure: Figure,
        colors: Theme,
        left: float,
        epochs: Sequence[float],
        lines: Sequence[_Line],
        *,
        from_0: bool,
    ) -> None:
        self.items, self.colors, self.left, self.epochs, self.lines = figure.items, colors, left, epochs, lines
        values = [v for line in lines for v in line.values if v is not None and math.isfinite(v)] or [0.0]
        self.ticks = round_steps(0.0 if from_0 else min(values), max(values), 5)
        self.low, self.high = self.ticks[0], self.ticks[-1]

    def draw(self, name: str) -> None:
        faint, frame = self.colors.faint, self.colors.frame
        self.items.append(Text(self.left, 14, name, 12, self.colors.ink, bold=True))
        for tick in self.ticks:
            y = self.y(tick)
            self.items.append(Path((self.left, y), (((self.left + _WIDE, y),),), stroke=frame, line=0.5))
            self.items.append(Text(self.left - 6, y + 4, f"{tick:.6g}", 10, faint, anchor="end"))
        for epoch in round_ticks(self.epochs[0], self.epochs[-1], 6):
            if epoch == int(epoch):
                self.items.append(Text(self.x(epoch), _TOP + _TALL + 16, f"{epoch:g}", 10, faint, anchor="middle"))
        self.items.append(Text(self.left + _WIDE / 2, _TOP + _TALL + 34, "epoch", 11, faint, anchor="middle"))
        x = self.left
        for line in self.lines:
            self._curve(line)
            if len(self.lines) > 1:
                self.items.append(Path((x, 28), (((x + 16, 28),),), stroke=line.color, line=2))
                self.items.append(Text(x + 21, 32, line.name, 10, self.colors.ink))
                x += 34 + text_width(line.name, 10)

    def _curve(self, line: _Line) -> None:
        """Interrupted where a value is missing or not finite; a single point is a dot."""
        piece: list[tuple[float, float]] = []
        for epoch, value in [*zip(self.epochs, line.values, strict=True), (0, None)]:
            if value is not None and math.isfinite(value):
                piece.append((self.x(epoch), self.y(value)))
                continue
            if len(piece) == 1:
                self._circle(piece[0], 2.0, line.color, line.color)
            elif piece:
                self.items.append(Path(piece[0], tuple((p,) for p in piece[1:]), stroke=line.color, line=1.8))
            piece = []

    def mark(self, line: _Line, place: int) -> None:
        value = line.values[place]
        if value is not None and math.isfinite(value):
            self._circle((self.x(self.epochs[place]), self.y(value)), 4.5, line.color, "none")

    def _circle(self, at: tuple[float, float], radius: float, stroke: str, fill: str) -> None:
        x, y = at
        tip = "the best epoch" if fill == "none" else ""
        self.items.append(Rect(x - radius, y - radius, 2 * radius, 2 * radius, fill, stroke, radius, 1.6, tip=tip))

    def x(self, epoch: float) -> float:
        span = max(1, self.epochs[-1] - self.epochs[0])
        return self.left + (epoch - self.epochs[0]) / span * _WIDE

    def y(self, value: float) -> float:
        return _TOP + _TALL * (self.high - value) / (self.high - self.low)


def confusion_chart(matrix: Sequence[Sequence[int]], classes: Sequence[str], theme: str = "light") -> Figure:
    """Counts of true labels (rows) and predicted labels (columns); the shade is the share of the row."""
    colors = THEMES[theme]
    names = [name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…" for name in map(printable, classes)]
    longest = max(text_width(name, 11) for name in names)
    left, top, side = longest + 40, longest + 34, _CELL * len(names)
    figure = Figure(left + side + 12, top + side + 12, "confusion matrix", "rows: true labels; columns: predicted labels", colors.background)  # fmt: skip
    items = figure.items
    items.append(Text(left + side / 2, 14, "predicted label", 11, colors.faint, anchor="middle"))
    items.append(Text(14, top + side / 2, "true label", 11, colors.faint, anchor="middle", turn=-90))
    for i, (name, row) in enumerate(zip(names, matrix, strict=True)):
        middle = (i + 0.5) * _CELL + 4
        items.append(Text(left - 6, top + middle, name, 11, colors.ink, anchor="end"))
        items.append(Text(left + middle, top - 6, name, 11, colors.ink, turn=-90))
        for j, count in enumerate(row):
            fill = _mixed(colors.background, "#2166ac", count / max(1, sum(row)))
            tip = f"{count} of {sum(row)} examples of {name} are predicted as {names[j]}"
            x, y = left + j * _CELL, top + i * _CELL
            items.append(Rect(x, y, _CELL, _CELL, fill, colors.frame, line=0.5, tip=tip))
            if count:
                items.append(Text(x + _CELL / 2, y + _CELL / 2 + 4, f"{count}", 10 if count < 10_000 else 8, colors.ink_on(fill), anchor="middle"))  # fmt: skip
    return figure


def _mixed(first: str, second: str, share: float) -> str:
    pairs = [(int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
