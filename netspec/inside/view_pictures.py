"""The pictures of what a network has learnt: sheets of small images, bars of classes beside images, points in a plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netspec.diagnostics.display import printable
from netspec.inside.pixels import enlarged, png
from netspec.scene.axis import round_ticks
from netspec.scene.figure import Figure, Path, Raster, Rect, Text
from netspec.scene.lettering import text_width

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "PALETTE",
    "Band",
    "Box",
    "Points",
    "Ranked",
    "Tile",
    "bars",
    "class_color",
    "class_pixels",
    "plane",
    "sheet",
]

PALETTE = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#ee7733", "#009988", "#332288")
"""For classes: the bright scheme of Paul Tol, which color-blind readers can tell apart, and three more of his."""
_INK, _FAINT, _RIGHT, _WRONG = "#1a1a1a", "#666666", "#228833", "#cc3311"
_FRAME = "#bbbbbb"
_LONGEST = 20
"""Classes of the longest legend; of more, too many have the same color."""
_MARGIN, _GAP, _WIDTH = 16.0, 6.0, 960.0


@dataclass(frozen=True, slots=True)
class Box:
    """A frame on a tile, in pixels of its image: from (left, top) up to (right, bottom), without these."""

    left: float
    top: float
    right: float
    bottom: float
    color: str = "#00ccff"


@dataclass(frozen=True, slots=True)
class Tile:
    """An image (H x W x 3 bytes), or none, and the lines below it."""

    pixels: np.ndarray[Any, Any] | None
    lines: tuple[str, ...] = ()
    tip: str = ""
    boxes: tuple[Box, ...] = ()
    color: str = _INK


@dataclass(frozen=True, slots=True)
class Band:
    """Tiles in rows, below a heading; `columns` tiles in each row, or as many as fit."""

    heading: str
    tiles: Sequence[Tile] = field(repr=False)
    side: float = 56.0
    columns: int | None = None


def class_color(index: int) -> str:
    return PALETTE[index % len(PALETTE)]


def class_pixels(classes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A map of classes (H x W) as an image; black is none."""
    import numpy as np

    colors = np.array([tuple(bytes.fromhex(color[1:])) for color in PALETTE], dtype=np.uint8)
    result: np.ndarray[Any, Any] = colors[classes % len(PALETTE)] * (classes >= 0)[..., None].astype(np.uint8)
    return result


def sheet(title: str, notes: Sequence[str], bands: Sequence[Band]) -> Figure:
    """Bands below each other. Each tile is as large as its band says, on its longer side."""
    figure = Figure(_WIDTH, 0.0, title, "; ".join(notes))
    y, right = _head(figure, title, notes), 0.0
    for band in bands:
        if band.heading:
            figure.items.append(
                Text(_MARGIN, y + 12, _cut(band.heading, _WIDTH - 2 * _MARGIN, 12, True), 12, _INK, bold=True)
            )
            y += 20
        y, far = _band(figure, band, y)
        right = max(right, far)
    heads = [
        text_width(item.text, item.size, item.bold)
        for item in figure.items
        if isinstance(item, Text) and item.x == _MARGIN
    ]
    figure.width = max(right, max(heads, default=0.0) + _MARGIN) + _MARGIN
    figure.height = y + _MARGIN - _GAP
    return figure


def _head(figure: Figure, title: str, notes: Sequence[str]) -> float:
    figure.items.append(Text(_MARGIN, _MARGIN + 12, printable(title), 15, _INK, bold=True))
    for i, note in enumerate(notes):
        figure.items.append(Text(_MARGIN, _MARGIN + 30 + 15 * i, _cut(note, _WIDTH - 2 * _MARGIN, 11), 11, _FAINT))
    return _MARGIN + 24 + 15 * len(notes) + 6


def _band(figure: Figure, band: Band, y: float) -> tuple[float, float]:
    """Draws the tiles; where the next band begins, and the right edge."""
    columns = band.columns or max(1, int((_WIDTH - 2 * _MARGIN + _GAP) // (band.side + _GAP)))
    right = 0.0
    for start in range(0, len(band.tiles), columns):
        row = band.tiles[start : start + columns]
        tall = max(_size(tile, band.side)[1] for tile in row)
        for place, tile in enumerate(row):
            x = _MARGIN + place * (band.side + _GAP)
            _tile(figure, tile, x, y, band.side, tall)
            right = max(right, x + band.side)
        y += tall + 13 * max(len(tile.lines) for tile in row) + _GAP
    return y + _GAP, right


def _size(tile: Tile, side: float) -> tuple[float, float]:
    """With the proportions of the image; a signal of a single row is high enough to be seen."""
    if tile.pixels is None:
        return side, 0.0
    height, width = tile.pixels.shape[:2]
    scale = side / max(height, width)
    return max(width * scale, 8.0), max(height * scale, 8.0)


def _tile(figure: Figure, tile: Tile, x: float, y: float, side: float, tall: float) -> None:
    width, height = _size(tile, side)
    if tile.pixels is not None:
        figure.items.append(Raster(x, y, width, height, png(enlarged(tile.pixels, 2 * side)), printable(tile.tip)))
        figure.items.append(Rect(x, y, width, height, stroke=_FRAME, line=0.5))
        across, down = width / tile.pixels.shape[1], height / tile.pixels.shape[0]
        for box in tile.boxes:
            size = (box.right - box.left) * across, (box.bottom - box.top) * down
            figure.items.append(Rect(x + box.left * across, y + box.top * down, *size, stroke=box.color, line=1.5))
    for i, line in enumerate(tile.lines):
        shown = _cut(line, side + _GAP - 2, 10)
        figure.items.append(Text(x, y + tall + 11 + 13 * i, shown, 10, tile.color if not i else _FAINT))


def _cut(text: str, width: float, size: float, bold: bool = False) -> str:
    text = printable(text).replace("\n", "\\n")
    if text_width(text, size, bold) <= width:
        return text
    while text and text_width(f"{text}…", size, bold) > width:
        text = text[:-1]
    return f"{text}…"


@dataclass(frozen=True, slots=True)
class Ranked:
    """An image beside the values of its likeliest classes: (name, value, share of the bar, whether it is the true one)."""

    pixels: np.ndarray[Any, Any]
    heading: str
    right: bool | None
    ranked: Sequence[tuple[str, str, float, bool]]


def bars(title: str, notes: Sequence[str], examples: Sequence[Ranked], columns: int = 4) -> Figure:
    """Images in columns, each with bars; the true class is green, and a heading red where the prediction is wrong."""
    figure = Figure(0.0, 0.0, title, "; ".join(notes))
    top = _head(figure, title, notes)
    wide, tall, side = 262.0, 22 + 17.0 * max([5, *(len(e.ranked) for e in examples)]), 84.0
    for number, example in enumerate(examples):
        x, y = _MARGIN + number % columns * wide, top + number // columns * (tall + 10)
        color = {True: _RIGHT, False: _WRONG, None: _INK}[example.right]
        figure.items.append(Text(x, y + 11, _cut(example.heading, wide - 16, 11, True), 11, color, bold=True))
        _tile(figure, Tile(example.pixels, tip=example.heading), x, y + 18, side, side)
        for i, (name, value, share, is_true) in enumerate(example.ranked):
            at = y + 18 + 17 * i
            figure.items.append(
                Rect(
                    x + side + 8,
                    at,
                    max(0.5, 112 * min(1.0, max(0.0, share))),
                    14,
                    fill="#a6dba0" if is_true else "#c9d5e8",
                )
            )
            figure.items.append(Text(x + side + 12, at + 11, _cut(name, 100, 10, is_true), 10, _INK, bold=is_true))
            figure.items.append(Text(x + side + 156, at + 11, value, 10, _FAINT, anchor="end"))
    rows = -(-len(examples) // columns)
    figure.width = max(_MARGIN + min(columns, max(1, len(examples))) * wide, text_width(title, 15, True) + 2 * _MARGIN)
    figure.width = max([figure.width, *(text_width(note, 11) + 2 * _MARGIN for note in notes)])
    figure.height = top + rows * (tall + 10) + _MARGIN
    return figure


@dataclass(frozen=True, slots=True)
class Points:
    """Points in a plane, their classes (-1: none), and what the pointer shows of each."""

    places: np.ndarray[Any, Any]
    classes: Sequence[int]
    tips: Sequence[str] = ()


def plane(
    title: str,
    notes: Sequence[str],
    extent: tuple[float, float, float, float],
    points: Points,
    names: Sequence[str],
    background: np.ndarray[Any, Any] | None = None,
    axes: tuple[str, str] = ("", ""),
) -> Figure:
    """Points over colored regions (H x W x 3, its first row at the top), with axes and a legend of up to 20 classes. `extent`
    is x from, x to, y from, y to."""
    if len(names) > _LONGEST:
        notes = [*notes, f"{len(names):,} classes share {len(PALETTE)} colors; the pointer on a point shows its class"]
        names = ()
    left, right, low, high = extent
    side, x0 = 460.0, _MARGIN + 58
    figure = Figure(0.0, 0.0, title, "; ".join(notes))
    y0 = _head(figure, title, notes)
    if background is not None:
        figure.items.append(Raster(x0, y0, side, side, png(background)))
    figure.items.append(Rect(x0, y0, side, side, stroke=_FAINT))
    for x in round_ticks(left, right, 6):
        at = x0 + (x - left) / (right - left) * side
        figure.items.append(Text(at, y0 + side + 15, f"{x:.6g}", 10, _FAINT, anchor="middle"))
    for y in round_ticks(low, high, 6):
        figure.items.append(
            Text(x0 - 6, y0 + (high - y) / (high - low) * side + 4, f"{y:.6g}", 10, _FAINT, anchor="end")
        )
    figure.items.append(Text(x0 + side / 2, y0 + side + 32, axes[0], 11, _INK, anchor="middle"))
    figure.items.append(Text(_MARGIN + 8, y0 + side / 2, axes[1], 11, _INK, anchor="middle", turn=-90))
    nameless = class_color(0) if background is None else "#ffffff"
    for i, (x, y) in enumerate(points.places.tolist()):
        place = x0 + (x - left) / (right - left) * side, y0 + (high - y) / (high - low) * side
        color = class_color(points.classes[i]) if points.classes[i] >= 0 else nameless
        figure.items.append(_dot(place, 3.2, color, points.tips[i] if i < len(points.tips) else ""))
    for i, name in enumerate(names):
        figure.items.append(_dot((x0 + side + 20, y0 + 8 + 17 * i), 4.5, class_color(i), ""))
        figure.items.append(Text(x0 + side + 30, y0 + 12 + 17 * i, _cut(name, 150, 11), 11, _INK))
    legend = 44 + max((text_width(_cut(name, 150, 11), 11) for name in names), default=0.0)
    heads = [text_width(title, 15, True), *(text_width(note, 11) for note in notes)]
    figure.width = max(x0 + side + legend, max(heads) + 2 * _MARGIN)
    figure.height = y0 + max(side + 40, 17 * len(names)) + _MARGIN
    return figure


def _dot(at: tuple[float, float], radius: float, color: str, tip: str) -> Path:
    """A circle of four cubic curves."""
    x, y = at
    k = 0.5523 * radius
    pieces = (
        ((x + radius, y + k), (x + k, y + radius), (x, y + radius)),
        ((x - k, y + radius), (x - radius, y + k), (x - radius, y)),
        ((x - radius, y - k), (x - k, y - radius), (x, y - radius)),
        ((x + k, y - radius), (x + radius, y - k), (x + radius, y)),
    )
    return Path((x + radius, y), pieces, stroke="#ffffff", fill=color, line=0.8, closed=True, tip=printable(tip))
