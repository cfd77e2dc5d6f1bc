"""What is wrong with a picture: texts that meet, that are cut, or that a line runs through; lines through boxes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator

from netspec.scene.figure import Figure, Path, Rect, Text
from netspec.scene.lettering import text_width

Box = tuple[float, float, float, float]
Point = tuple[float, float]
_CELL = 64.0


def text_box(item: Text) -> Box:
    wide = text_width(item.text, item.size, item.bold)
    left = item.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[item.anchor] * wide
    return left, item.y - 0.72 * item.size, left + wide, item.y + 0.05 * item.size


def text_boxes(item: Text) -> list[Box]:
    """Of a turned text one for each character, with room for the turn."""
    if not item.turn:
        return [text_box(item)]
    wide = text_width(item.text, item.size, item.bold)
    at = -{"start": 0.0, "middle": 0.5, "end": 1.0}[item.anchor] * wide
    cos, sin = math.cos(math.radians(item.turn)), math.sin(math.radians(item.turn))
    found = []
    for character in item.text:
        step = text_width(character, item.size, item.bold)
        corners = [(at + a, b) for a in (0.0, step) for b in (-0.72 * item.size, 0.0)]
        turned = [(item.x + a * cos - b * sin, item.y + a * sin + b * cos) for a, b in corners]
        xs, ys = [x for x, _ in turned], [y for _, y in turned]
        found.append((min(xs) + 0.7, min(ys) + 0.7, max(xs) - 0.7, max(ys) - 0.7))
        at += step
    return found


def points(path: Path) -> Iterator[tuple[float, float]]:
    """Points along a path, at most 2 pixels apart."""
    x, y = path.start
    for piece in path.pieces:
        end = piece[-1]
        steps = max(2, int((abs(end[0] - x) + abs(end[1] - y)) / 2))
        for k in range(steps + 1):
            t = k / steps
            if len(piece) == 1:
                yield x + (end[0] - x) * t, y + (end[1] - y) * t
            else:
                (ax, ay), (bx, by), (cx, cy) = piece
                u = 1 - t
                yield (
                    u**3 * x + 3 * u * u * t * ax + 3 * u * t * t * bx + t**3 * cx,
                    u**3 * y + 3 * u * u * t * ay + 3 * u * t * t * by + t**3 * cy,
                )
        x, y = end


class _Places:
    """Rectangles by the cells that they touch."""

    def __init__(self, boxes: list[tuple[Box, str]]) -> None:
        self.boxes = boxes
        self.cells: dict[tuple[int, int], list[int]] = defaultdict(list)
        for i, ((a, b, c, d), _) in enumerate(boxes):
            for cx in range(int(a // _CELL), int(c // _CELL) + 1):
                for cy in range(int(b // _CELL), int(d // _CELL) + 1):
                    self.cells[cx, cy].append(i)

    def at(self, x: float, y: float) -> Iterator[tuple[Box, str]]:
        for i in self.cells.get((int(x // _CELL), int(y // _CELL)), ()):
            (a, b, c, d), _ = self.boxes[i]
            if a < x < c and b < y < d:
                yield self.boxes[i]

    def pairs(self) -> Iterator[tuple[int, int]]:
        met = set()
        for members in self.cells.values():
            for k, i in enumerate(members):
                for j in members[k + 1 :]:
                    (a, b, c, d), (e, f, g, h) = self.boxes[i][0], self.boxes[j][0]
                    if (i, j) not in met and min(c, g) - max(a, e) > 0.5 and min(d, h) - max(b, f) > 0.5:
                        met.add((i, j))
                        yield i, j


def flaws(figure: Figure, frames: frozenset[str] = frozenset()) -> list[str]:
    """Every flaw, in words. `frames` are fills of rectangles that lines may enter."""
    found = []
    written = [item for item in figure.items if isinstance(item, Text) and item.text]
    texts = [(box, item.text) for item in written for box in text_boxes(item)]
    owner = [i for i, item in enumerate(written) for _ in text_boxes(item)]
    solid = [
        ((r.x, r.y, r.x + r.width, r.y + r.height), r.tip or "a box")
        for r in figure.items
        if isinstance(r, Rect) and r.fill not in frames and r.stroke != "none"
    ]
    for (a, b, c, d), name in texts + solid:
        if a < -0.5 or b < -0.5 or c > figure.width + 0.5 or d > figure.height + 0.5:
            found.append(f"{name!r} is cut by the edge")
    found += [f"{texts[i][1]!r} meets {texts[j][1]!r}" for i, j in _Places(texts).pairs() if owner[i] != owner[j]]
    lettering = _Places([((a + 0.5, b + 0.5, c - 0.5, d - 0.5), t) for (a, b, c, d), t in texts])
    circles = _circles(figure)
    boxes = _Places([((a + 1.5, b + 1.5, c - 1.5, d - 1.5), t) for (a, b, c, d), t in solid])
    for item in figure.items:
        if isinstance(item, Path) and not item.closed:
            through = {name for x, y in points(item) for _, name in (*lettering.at(x, y), *boxes.at(x, y))}
            found += [f"a line runs through {name!r}" for name in sorted(through | _circles_crossed(item, circles))]
    return found


def loose_ends(figure: Figure, frames: frozenset[str]) -> list[Point]:
    """Ends of lines, those of arrows included, that meet neither a box nor another line."""
    lines = [item for item in figure.items if isinstance(item, Path) and not item.closed]
    ways = [list(points(line)) for line in lines]
    solid = [item for item in figure.items if isinstance(item, Rect) and item.tip and item.fill not in frames]

    def met(point: Point, own: int) -> bool:
        x, y = point
        if any(r.x - 7.5 < x < r.x + r.width + 7.5 and r.y - 7.5 < y < r.y + r.height + 7.5 for r in solid):
            return True
        return any(math.dist(point, place) < 2.5 for i, way in enumerate(ways) if i != own for place in way)

    return [end for i, way in enumerate(ways) for end in (way[0], way[-1]) if not met(end, i)]


def _circles(figure: Figure) -> _Places:
    """The middles of the circles of sums and products."""
    found = []
    for item in figure.items:
        if isinstance(item, Path) and item.closed and item.tip and len(item.pieces) == 4 and len(item.pieces[0]) == 3:
            xs, ys = [piece[-1][0] for piece in item.pieces], [piece[-1][1] for piece in item.pieces]
            found.append(((min(xs) + 3, min(ys) + 3, max(xs) - 3, max(ys) - 3), item.tip))
    return _Places(found)


def _circles_crossed(line: Path, circles: _Places) -> set[str]:
    """The signs drawn in a circle are lines too: they begin and end in it."""
    way = list(points(line))
    inside = [{name for _, name in circles.at(x, y)} for x, y in way]
    return set[str]().union(*inside) - inside[0] - inside[-1]
