"""The drawing of a part and of the open parts in it, from the inside out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from netspec.scene.level_geometry import Frame, Geometry, Outline, Point, Spacing, geometry
from netspec.scene.order import Edge, Ordered
from netspec.scene.orders import Orders, numbered
from netspec.scene.parts import Level, Part, Parts

__all__ = ["Box", "Inside", "Measure", "Route", "laid_out"]


@dataclass(frozen=True, slots=True)
class Measure:
    """How large things are: a closed part, the title of an open one, and the label of a tensor, each (across, along); at
    which share of its side lines meet a closed part, if not at that of all; how long along the flow an open one is at least."""

    part: Callable[[Part], Point]
    head: Callable[[Part], float]
    label: Callable[[int], Point]
    ports: Callable[[Part], float | None] = lambda _: None
    least: Callable[[Part], float] = lambda _: 0.0


@dataclass(frozen=True, slots=True)
class Route:
    """The line of the tensor that `node` gives, through points (across, along), from one box to another; None is the border.
    `shape`: smooth along the flow, at right angles, or curves of three points each, then the tip of the arrow if it has one."""

    source: Box | None
    target: Box | None
    node: int
    points: tuple[Point, ...]
    arrow: bool
    shape: Literal["flow", "square", "spline"] = "flow"


@dataclass(slots=True)
class Inside:
    """What stands in an open part; its own corner is (0, 0). `entries` and `exits` say where tensors cross its border."""

    size: Point
    boxes: list[Box] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    labels: list[tuple[int, Point]] = field(default_factory=list)
    entries: dict[int, float] = field(default_factory=dict)
    exits: dict[int, float] = field(default_factory=dict)


@dataclass(slots=True)
class Box:
    """A part with its corner in the part around it."""

    part: Part
    corner: Point
    size: Point
    inside: Inside | None = None


def laid_out(
    parts: Parts,
    is_open: Callable[[Part], bool],
    measure: Measure,
    spacing: Spacing,
    *,
    skips_first: bool = False,
    solve: Callable[[Outline, Ordered], Geometry] | None = None,
) -> Inside:
    """The drawing of the whole network. Levels of the same outline are laid out once. `skips_first`: what runs beside the main
    way stands before it, across the flow, and not after it. `solve` places what is in a level, if not netspec itself."""
    inside = _Layout(parts, is_open, measure, spacing, skips_first, solve).inside(parts.root, framed=False)
    return _mirrored(inside) if skips_first else inside


def _mirrored(inside: Inside) -> Inside:
    """The same with what stands after another across the flow before it."""
    across = inside.size[0]
    for box in inside.boxes:
        box.corner = (across - box.corner[0] - box.size[0], box.corner[1])
        if box.inside is not None:
            _mirrored(box.inside)
    inside.routes = [replace(r, points=tuple((across - a, b) for a, b in r.points)) for r in inside.routes]
    inside.entries = {node: across - a for node, a in inside.entries.items()}
    inside.exits = {node: across - a for node, a in inside.exits.items()}
    return inside


def _at(boxes: list[Box], place: int) -> Box | None:
    return boxes[place] if place < len(boxes) else None


class _Layout:
    def __init__(
        self,
        parts: Parts,
        is_open: Callable[[Part], bool],
        measure: Measure,
        spacing: Spacing,
        backwards: bool,
        solve: Callable[[Outline, Ordered], Geometry] | None,
    ) -> None:
        self._parts, self._is_open, self._measure = parts, is_open, measure
        self._orders = Orders(parts, backwards=backwards)
        self._solver = solve or partial(geometry, spacing=spacing)
        self._solved: dict[tuple[Outline, Ordered], Geometry] = {}

    def inside(self, part: Part, *, framed: bool) -> Inside:
        level = self._parts.level(part)
        inner = [self.inside(m, framed=True) if m.members and self._is_open(m) else None for m in level.members]
        tensors, edges = numbered(level)
        solved = self._solve(self._outline(part, level, inner, (tensors, edges), framed), part)
        boxes = [
            Box(m, corner, i.size if i else self._measure.part(m), i)
            for m, i, corner in zip(level.members, inner, solved.corners, strict=True)
        ]
        return Inside(
            solved.size,
            boxes,
            [
                Route(
                    _at(boxes, line.source),
                    _at(boxes, line.target),
                    tensors[line.tensor],
                    line.points,
                    line.arrow,
                    "spline" if line.curved else "flow",
                )
                for line in solved.lines
            ],
            [(tensors[tensor], corner) for tensor, corner in solved.labels],
            {tensors[tensor]: x for tensor, x in solved.entries},
            {tensors[tensor]: x for tensor, x in solved.exits},
        )

    def _outline(
        self,
        part: Part,
        level: Level,
        inner: list[Inside | None],
        wires: tuple[list[int], tuple[Edge, ...]],
        framed: bool,
    ) -> Outline:
        tensors, edges = wires
        number = {node: i for i, node in enumerate(tensors)}
        leaving: dict[int, list[int]] = {}
        for wire in level.wires:
            if wire.source >= 0:
                leaving.setdefault(wire.source, []).append(wire.node)
        frames = [
            self._frame(m, i, number, leaving.get(k, ()))
            for k, (m, i) in enumerate(zip(level.members, inner, strict=True))
        ]
        return Outline(
            tuple(frames), edges,
            tuple(number[n] for n in level.entries), tuple(number[n] for n in level.exits),
            tuple(self._measure.label(node) for node in tensors),
            self._measure.head(part) if framed else None,
            self._measure.least(part) if framed else 0.0,
        )  # fmt: skip

    def _frame(self, part: Part, inside: Inside | None, number: dict[int, int], leaving: Iterable[int]) -> Frame:
        if inside is None:
            return Frame(self._measure.part(part), ports=self._measure.ports(part))
        entries = tuple((number[node], x) for node, x in inside.entries.items())
        exits = {number[node]: inside.exits[part.drawn(node)] for node in leaving if part.drawn(node) in inside.exits}
        return Frame(inside.size, entries, tuple(exits.items()))

    def _solve(self, outline: Outline, part: Part) -> Geometry:
        order = self._orders.of(part)
        if (outline, order) not in self._solved:
            self._solved[outline, order] = self._solver(outline, order)
        return self._solved[outline, order]
