"""How the feature maps of the style `volumes` look: their sizes, what is written at them, and the faces of a box."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal, TypeAlias

from netspec.graph import Graph, TensorType
from netspec.scene.faces import SMALL
from netspec.scene.figure import Item, Path, Rect, Text
from netspec.scene.lettering import text_width
from netspec.scene.level_geometry import Point
from netspec.scene.theme import Theme

__all__ = ["CAPTION", "STACK", "Ink", "Scale", "Sketch", "Volume", "dot", "painted", "round_sign"]

_SIDE = (10.0, 104.0)
"""The smallest and largest height of a box."""
_THICK = (4.0, 42.0)
"""The thickness of a single map, and that of the most channels."""
_VECTOR = 9.0
_SLANT = (0.34, -0.26)
"""Where the width of a feature map runs: to the right and up, as shares of its length."""
CAPTION = 12.0
"""From line to line of what is written above and below."""
STACK = 3.0
"""How far the second box of a repeated part looks out."""
_CIRCLE = 8.5
_GAP = 10.0
"""What a size beside its slanted edge has of the room between a box and the next."""

Form: TypeAlias = Literal["volume", "circle", "text"]
Ink: TypeAlias = "tuple[str, str]"
"""Fill and border."""


@dataclass(frozen=True, slots=True)
class Volume:
    """The box of a tensor: thickness, height and length of the slanted side, in pixels."""

    thick: float
    high: float
    deep: float

    @property
    def slant(self) -> Point:
        return self.deep * _SLANT[0], self.deep * _SLANT[1]

    @property
    def width(self) -> float:
        return self.thick + self.slant[0]

    @property
    def height(self) -> float:
        return self.high - self.slant[1]


class Scale:
    """Sizes in pixels: the root of the share in the largest of the network. Sequences that are longer than any map is high,
    such as the 25,088 tokens of a film, do not make maps small."""

    def __init__(self, graph: Graph) -> None:
        types = [node.type for node in graph.nodes]
        self.side = max((s for t in types if len(t.spatial) > 1 for s in t.spatial), default=1)
        self.steps = max((s for t in types for s in t.spatial), default=1)
        self.channels = max((t.features for t in types if t.spatial), default=1)
        self.units = max((t.size for t in types if not t.spatial), default=1)

    def volume(self, kind: TensorType) -> Volume:
        if kind.layout in ("vector", "ids"):
            return Volume(_VECTOR, _rooted(kind.size, self.units, (16.0, _SIDE[1])), 0.0)
        thick = _rooted(kind.features, self.channels, _THICK) if kind.features > 1 else _THICK[0]
        if len(kind.spatial) == 1:
            return Volume(thick, _rooted(kind.spatial[0], self.steps, _SIDE), 0.0)
        high, deep = (_rooted(side, self.side, _SIDE) for side in kind.spatial[-2:])
        return Volume(thick, high, deep)


def _rooted(value: int, largest: int, bounds: tuple[float, float]) -> float:
    return bounds[0] + (bounds[1] - bounds[0]) * sqrt(value / max(1, largest))


@dataclass(frozen=True, slots=True)
class Sketch:
    """What stands in the room of a closed part, in its middle: a volume, the circle of a sum, or the name of an output.
    `above` and `below` are lines of text, `side` is written at the slanted edge and `left` at the height."""

    volume: Volume
    above: tuple[str, ...]
    below: tuple[str, ...] = ()
    side: str = ""
    left: str = ""
    form: Form = "volume"
    beside: bool = False
    """Whether the captions stand left of the line that comes in from above, or what is below right of one from there."""

    @property
    def caption(self) -> float:
        """How wide the widest line above is."""
        return max((text_width(line, SMALL, bold=i == 0) for i, line in enumerate(self.above)), default=0.0)

    @property
    def is_short(self) -> bool:
        """Whether its size does not fit along its slanted edge."""
        return bool(self.side) and self.form == "volume" and _is_short(self.side, self.volume.slant)

    @property
    def room(self) -> Point:
        """(across, along): as much above the middle as below it, so that lines meet the box in its middle."""
        if self.form == "text":
            return CAPTION, self.caption + 4.0
        lines = max(len(self.above), len(self.below), 1 if self.side else 0)
        wide = max([self.caption, *(text_width(line, SMALL) + self.volume.slant[0] for line in self.below)])
        left = 2 * (text_width(self.left, SMALL) + 4.0) if self.left else 0.0
        right = 2 * (text_width(self.side, SMALL) + 3.0 - self.volume.slant[0] / 2 - _GAP) if self.is_short else 0.0
        return self.volume.height + 2 * (lines * CAPTION + 4.0), max(
            self.volume.width + max(8.0 + left, right), wide + 4.0
        )

    def front(self, room: Point) -> Point:
        """The upper left corner of the front (x, y), from the corner of the room."""
        across, along = room
        return (along - self.volume.width) / 2, (across - self.volume.height) / 2 - self.volume.slant[1]

    def port(self, room: Point, side: str) -> Point:
        """Where a line meets its top, bottom, left or right (x, y), from the corner of the room."""
        x, y = self.front(room)
        (dx, dy), t = self.volume.slant, self.volume.thick
        if side == "left":
            return x, room[0] / 2
        if side == "right":
            return x + t + dx / 2, room[0] / 2
        if side == "top":
            return x + dx + t / 2, y + dy
        if self.form == "circle" and self.below:
            return x + t, y + self.volume.high  # below it stands what is applied to the sum
        if self.form == "volume" and not dx:  # right of what is written below, from the line that goes on
            below = max((text_width(line, SMALL) for line in self.below), default=0.0)
            return x + t / 2 + max(t, below) / 2 + 5.0, room[0] / 2
        return (x + t + 0.75 * dx, y + self.volume.high + 0.75 * dy) if dx else (x + t / 2, y + self.volume.high)

    def reach(self, room: Point) -> tuple[float, float]:
        """From where to where it stands in its room along the flow, captions beside a line included."""
        if not self.beside:
            return 0.0, room[1]
        x, _ = self.front(room)
        left = text_width(self.left, SMALL) + 4.0 if self.left else 4.0
        below = max((text_width(line, SMALL) for line in self.below), default=0.0)
        return x - left, x + max(self.volume.width, (self.volume.thick + below) / 2) + 4.0


def round_sign() -> Volume:
    """The room of the circle that stands for a sum or a product."""
    return Volume(2 * _CIRCLE, 2 * _CIRCLE, 0.0)


def dot(centre: Point, colour: str) -> Path:
    """A small disc."""
    return _disc(centre, 1.7, ("none", colour), 1.0)


def _disc(centre: Point, r: float, ink: Ink, line: float, tip: str = "") -> Path:
    """Four cubic curves; without a border where that is none."""
    cx, cy = centre
    k = 0.5523 * r
    turns = ((1, 0), (0, 1), (-1, 0), (0, -1), (1, 0))
    pieces = []
    for (ax, ay), (bx, by) in itertools.pairwise(turns):
        leave, arrive = (cx + ax * r + bx * k, cy + ay * r + by * k), (cx + bx * r + ax * k, cy + by * r + ay * k)
        pieces.append((leave, arrive, (cx + bx * r, cy + by * r)))
    border, fill = ink
    return Path((cx + r, cy), tuple(pieces), border, fill, line=line, closed=True, tip=tip)


def painted(
    sketch: Sketch, x: float, y: float, pieces: Sequence[tuple[float, Ink]], theme: Theme, tip: str, *, stacked: bool
) -> list[Item]:
    """A volume with the corner of its front at (x, y), in pieces (share of the thickness, colours), and its lettering."""
    volume = sketch.volume
    if sketch.form == "circle":
        return [*_joined(sketch, x, y, pieces[0][1], tip), *_lettered(sketch, x, y, theme, 0.0)]
    items: list[Item] = []
    if stacked:
        fill, border = pieces[0][1]
        items.append(Rect(x - STACK, y + STACK, volume.thick, volume.high, fill, border))
    at = x
    for i, (share, ink) in enumerate(pieces):
        thick = share * volume.thick
        items += _box(at, y, Volume(thick, volume.high, volume.deep), ink, theme, tip, last=i == len(pieces) - 1)
        at += thick
    return [*items, *_lettered(sketch, x, y, theme, STACK if stacked else 0.0)]


def _box(x: float, y: float, volume: Volume, ink: Ink, theme: Theme, tip: str, *, last: bool) -> list[Item]:
    (dx, dy), t, h = volume.slant, volume.thick, volume.high
    fill, border = ink
    line = min(1.0, t / 4)  # thinner around a sheet
    items: list[Item] = []
    if dx:
        if last:
            right = ((x + t + dx, y + dy), (x + t + dx, y + dy + h), (x + t, y + h))
            items.append(_face((x + t, y), right, _mixed(fill, border, 0.25), border, tip, line))
        top = ((x + dx, y + dy), (x + t + dx, y + dy), (x + t, y))
        items.append(_face((x, y), top, _mixed(fill, theme.background, 0.4), border, tip, line))
    return [*items, Rect(x, y, t, h, fill, border, line=line, tip=tip)]


def _joined(sketch: Sketch, x: float, y: float, ink: Ink, tip: str) -> list[Item]:
    """The circle with a plus, or turned into a times sign."""
    r = sketch.volume.thick / 2
    cx, cy = x + r, y + r
    fill, border = ink
    arm = 0.55 * r
    arms: tuple[tuple[float, float], ...] = ((arm, 0.0), (0.0, arm))
    if sketch.side == "mul":
        arms = ((arm * 0.75, arm * 0.75), (arm * 0.75, -arm * 0.75))
    sign = [Path((cx - a, cy - b), (((cx + a, cy + b),),), border, line=1.4) for a, b in arms]
    return [_disc((cx, cy), r, (border, fill), 1.2, tip), *sign]


def _lettered(sketch: Sketch, x: float, y: float, theme: Theme, stack: float) -> list[Item]:
    volume = sketch.volume
    (dx, dy), middle = volume.slant, x + volume.width / 2
    items: list[Item] = []
    over = y + dy - 5
    port = x + dx + volume.thick / 2 - 5
    for i, line in enumerate(reversed(sketch.above)):
        bold = i == len(sketch.above) - 1
        place = (port, "end") if sketch.beside else (middle, "middle")
        items.append(_line(place, over - i * CAPTION - (4 if sketch.beside else 0), line, theme.ink, bold=bold))
    under = y + volume.high + CAPTION
    if sketch.form == "circle" and sketch.beside:
        return [*items, *(_line((middle + 4, "start"), under, line, theme.faint) for line in sketch.below)]
    for i, line in enumerate(sketch.below):
        place = (x + volume.thick / 2, "middle")
        if not i and sketch.side and text_width(line, SMALL) / 2 > volume.thick / 2 + 3:
            place = (x + volume.thick + 3, "end")
        items.append(_line(place, under + i * CAPTION, line, theme.faint if i else theme.ink))
    if sketch.left:
        under = max(0.8 * volume.high, volume.high / 2 + 11)  # the lines into its middle
        items.append(_line((x - 4 - stack, "end"), y + under, sketch.left, theme.ink))
    if sketch.side and sketch.form == "volume":
        items.append(_slanted(sketch.side, x + volume.thick, y + volume.high, (dx, dy), theme))
    return items


def _line(place: tuple[float, str], y: float, text: str, colour: str, *, bold: bool = False) -> Text:
    x, anchor = place
    where: Literal["start", "middle", "end"] = "start" if anchor == "start" else "end" if anchor == "end" else "middle"
    return Text(x, y, text, SMALL, colour, bold, where)


def _slanted(text: str, x: float, y: float, slant: Point, theme: Theme) -> Text:
    """Along the lower edge of the slanted face, which starts at (x, y), or upright where that is short."""
    dx, dy = slant
    length = math.hypot(dx, dy)
    if _is_short(text, slant):
        return Text(x + dx / 2 + 3, y + dy / 2 + 0.8 * SMALL, text, SMALL, theme.ink)
    away = 0.92 * SMALL
    place = (x + dx / 2 - dy / length * away, y + dy / 2 + dx / length * away)
    return Text(*place, text, SMALL, theme.ink, anchor="middle", turn=math.degrees(math.atan2(dy, dx)))


def _is_short(text: str, slant: Point) -> bool:
    return text_width(text, SMALL) + 8 > math.hypot(*slant)


def _face(start: Point, corners: tuple[Point, ...], fill: str, border: str, tip: str, line: float) -> Path:
    return Path(start, tuple((c,) for c in corners), border, fill, line, closed=True, tip=tip)


def _mixed(colour: str, other: str, share: float) -> str:
    pairs = ((int(colour[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
