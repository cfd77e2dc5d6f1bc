"""The points of a sweep as a picture: two figures against each other, the Pareto front as a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import ceil, floor, log10

from netspec.analysis.figures import FIGURES
from netspec.analysis.sweep import Goal, Point
from netspec.diagnostics.display import printable
from netspec.report.exploration_tables import values_text

__all__ = ["scatter"]

_WIDTH, _HEIGHT = 720, 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 24, 24, 56
_LABELS = 24
_FRONT, _OTHER, _INK, _LINE = "#0b62a8", "#a3adb8", "#24292f", "#e3e7eb"


class _Axis:
    """Numbers along one side, in powers of ten where they span two of them."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = min(values, default=0.0), max(values, default=1.0)
        self.log = low > 0 and high / low >= 100
        margin = 0.04 * (self._scaled(high) - self._scaled(low)) or 0.5
        self.low, self.high = self._scaled(low) - margin, self._scaled(high) + margin
        self.start, self.end = start, end

    def _scaled(self, value: float) -> float:
        return log10(value) if self.log else value

    def at(self, value: float) -> float:
        """The place of a value in the picture."""
        share = (self._scaled(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round numbers along the axis."""
        if self.log:
            return [10.0**k for k in range(ceil(self.low), floor(self.high) + 1)]
        rough = (self.high - self.low) / 5
        unit = 10.0 ** floor(log10(rough))
        step = next(unit * k for k in (1, 2, 5, 10) if unit * k >= rough)
        return [step * k for k in range(ceil(self.low / step), floor(self.high / step) + 1)]


def scatter(points: Sequence[Point], goals: Sequence[Goal]) -> str:
    """An SVG of the points that have both figures: the last goal that minimizes (or the second) to the right, another
    upwards. Raises ValueError for fewer than two goals."""
    if len(goals) < 2:
        raise ValueError("a plot needs two goals")
    across = next((goal for goal in reversed(goals) if goal.direction == "minimize"), goals[1])
    upward = next(goal for goal in goals if goal is not across)
    placed = []
    for point in points:
        x, y = (goal.score(point.outcome) if point.outcome.kept else None for goal in (across, upward))
        if x is not None and y is not None:
            placed.append((abs(x), abs(y), point))
    x_axis = _Axis([x for x, _, _ in placed], _LEFT, _WIDTH - _RIGHT)
    y_axis = _Axis([y for _, y, _ in placed], _HEIGHT - _BOTTOM, _TOP)
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="Helvetica, Arial, sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        *_frame(x_axis, y_axis, across.figure, upward.figure), *_marks(x_axis, y_axis, placed), "</svg>",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _frame(x_axis: _Axis, y_axis: _Axis, across: str, upward: str) -> Iterator[str]:
    for tick in x_axis.ticks():
        x = x_axis.at(tick)
        yield f'<path d="M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="{_LINE}"/>'
        yield f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle" fill="{_INK}">{_short(tick)}</text>'
    for tick in y_axis.ticks():
        y = y_axis.at(tick)
        yield f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="{_LINE}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="{_INK}">{_short(tick)}</text>'
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    yield f'<text x="{middle:.1f}" y="{_HEIGHT - 14}" text-anchor="middle" fill="{_INK}">{_title(across)}</text>'
    half = (_TOP + _HEIGHT - _BOTTOM) / 2
    yield (
        f'<text transform="translate(18 {half:.1f}) rotate(-90)" text-anchor="middle" fill="{_INK}">{_title(upward)}</text>'
    )


def _title(figure: str) -> str:
    unit = FIGURES[figure].unit
    return escape(FIGURES[figure].title + (f" ({unit})" if unit else ""))


def _marks(x_axis: _Axis, y_axis: _Axis, placed: Sequence[tuple[float, float, Point]]) -> Iterator[str]:
    front = sorted(((x, y, point) for x, y, point in placed if point.best), key=lambda mark: mark[:2])
    path = " ".join(f"{x_axis.at(x):.1f},{y_axis.at(y):.1f}" for x, y, _ in front)
    yield f'<polyline points="{path}" fill="none" stroke="{_FRONT}" stroke-opacity="0.5"/>'
    for x, y, point in sorted(placed, key=lambda mark: mark[2].best):
        text = escape(printable(values_text(point.values)))
        color, radius = (_FRONT, 4) if point.best else (_OTHER, 3)
        yield (
            f'<circle cx="{x_axis.at(x):.1f}" cy="{y_axis.at(y):.1f}" r="{radius}" fill="{color}"><title>{text}</title></circle>'
        )
    taken: list[tuple[float, float]] = []
    for x, y, point in front:
        across, down = x_axis.at(x), y_axis.at(y)
        text = escape(printable(values_text(point.values)))
        room = 6.5 * len(text)
        if len(taken) >= _LABELS or any(abs(down - v) < 14 and abs(across - u) < room + 8 for u, v in taken):
            continue
        taken.append((across, down))
        before = across - room - 8 > _LEFT
        yield (
            f'<text x="{across + (-8 if before else 8):.1f}" y="{down - 6:.1f}" '
            f'text-anchor="{"end" if before else "start"}" fill="{_INK}" font-size="11">{text}</text>'
        )


def _short(value: float) -> str:
    """`2.5M`, `10k`."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
