"""The style `graph` laid out by netspec and by dot: every example, folded as by default, or with every block open (`--open`).

python benchmarks/draw_engines.py [--open]

Prints for each engine, summed over all pictures: crossings of lines, texts and boxes that a line runs through, turns of lines
(in right angles), how large A4 shows a picture (the mean), and the time.
"""

from __future__ import annotations

import itertools
import math
import sys
import time
from pathlib import Path

import netspec
from netspec.graph import Graph
from netspec.scene.drawing import picture
from netspec.scene.figure import Figure
from netspec.scene.figure import Path as Line
from netspec.scene.options import ENGINES, DrawOptions
from netspec.scene.rows import page_scale
from netspec.scene.theme import THEMES

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "scene"))
from overlaps import flaws, points  # noqa: E402

FRAMES = frozenset(theme.frame_fill for theme in THEMES.values())
HEAVY = ("resnet1202_cifar",)
COLUMNS = ("crossings", "run through", "turns", "size on A4", "seconds")
Place = tuple[float, float]


def ways(figure: Figure) -> list[list[Place]]:
    """The lines as points about 6 pixels apart."""
    found = []
    for item in figure.items:
        if isinstance(item, Line) and not item.closed:
            way = list(points(item))
            way = [*way[::3], way[-1]]
            found.append([way[0], *(b for a, b in itertools.pairwise(way) if math.dist(a, b) > 0.5)])
    return found


def side(a: Place, b: Place, c: Place) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def cross(one: list[Place], other: list[Place]) -> bool:
    for k in (0, 1):
        if min(p[k] for p in one) > max(p[k] for p in other) or min(p[k] for p in other) > max(p[k] for p in one):
            return False
    return any(
        side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
        for a, b in itertools.pairwise(one)
        for c, d in itertools.pairwise(other)
    )


def turns(way: list[Place]) -> float:
    angles = [math.atan2(b[1] - a[1], b[0] - a[0]) for a, b in itertools.pairwise(way)]
    return sum(abs((b - a + math.pi) % (2 * math.pi) - math.pi) for a, b in itertools.pairwise(angles)) / (math.pi / 2)


def measured(graph: Graph, options: DrawOptions) -> list[float]:
    start = time.perf_counter()
    figure = picture(graph, "graph", options)
    took = time.perf_counter() - start
    lines = ways(figure)
    crossings = sum(cross(a, b) for a, b in itertools.combinations(lines, 2))
    through = sum("runs through" in flaw for flaw in flaws(figure, FRAMES))
    return [crossings, through, sum(map(turns, lines)), page_scale(figure.width, figure.height), took]


def main(arguments: list[str]) -> None:
    depth = 9 if arguments == ["--open"] else None
    totals = {engine: [0.0] * len(COLUMNS) for engine in ENGINES}
    count = 0
    for path in sorted((ROOT / "examples").glob("*.net")):
        checked = netspec.check(path)
        if checked.library or (depth and path.stem in HEAVY):
            continue
        count += 1
        graph = checked.model().graph
        for engine, total in totals.items():
            row = measured(graph, DrawOptions(engine=engine, depth=depth))
            total[:] = [a + b for a, b in zip(total, row, strict=True)]
            print(f"{path.stem:24}{engine:9}" + "".join(f"{value:14.2f}" for value in row))
    print(f"{f'{count} pictures':33}" + "".join(f"{name:>14}" for name in COLUMNS))
    for engine, total in totals.items():
        total[3] /= count
        print(f"{'':24}{engine:9}" + "".join(f"{value:14.2f}" for value in total))


if __name__ == "__main__":
    main(sys.argv[1:])
