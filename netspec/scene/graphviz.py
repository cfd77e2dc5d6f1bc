"""The layout of Graphviz: boxes and labels go to `dot` as numbers and sizes, without a word of the spec, and come back with
places and curves."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netspec.diagnostics import SpecError
from netspec.scene.connections import Connection, connections
from netspec.scene.faces import SIZE, head_text
from netspec.scene.layout import Box, Inside, Measure, Route
from netspec.scene.lettering import text_width
from netspec.scene.level_geometry import Point
from netspec.scene.parts import Part, Parts
from netspec.scene.titles import TITLE

__all__ = ["MOST", "box_count", "laid_out_by_dot", "reason_against_dot"]

_DOT = "dot"
_PATIENCE = 300.0
"""Seconds after which dot is given up."""
MOST = 300
"""Boxes for which dot needs a second; its time grows faster than their number."""
_INCH = 72.0
_HEAD = 16.0
"""The height of the title of a frame."""
_HELPS = ("draw with --engine netspec",)


def reason_against_dot(boxes: int) -> str:
    """Why dot cannot draw so many boxes, in words; empty where it can."""
    if shutil.which(_DOT) is None:
        return "Graphviz is not installed (there is no program dot)"
    return f"{boxes:,} boxes are too many for dot (at most {MOST})" if boxes > MOST else ""


def box_count(parts: Parts, is_open: Callable[[Part], bool]) -> int:
    """How many boxes are drawn closed."""
    boxes, within = 0, [parts.root]
    while within:
        for member in parts.level(within.pop()).members:
            if member.members and is_open(member):
                within.append(member)
            else:
                boxes += 1
    return boxes


def laid_out_by_dot(
    parts: Parts,
    is_open: Callable[[Part], bool],
    measure: Measure,
    rooms: Mapping[int, float],
    air: float,
    *,
    across: bool,
) -> Inside:
    """The drawing of the whole network on one level: frames, from the outermost in, then what stands in them. `rooms` are widths
    of titles, by the number of their frame, which need more than they are wide; `air` are pixels to be added between things; `across`: from left to right.

    Raises SpecError: NS502 where dot cannot be started, NS501 where it fails.
    """
    request = _Request(parts, is_open, measure, rooms, air, across)
    return _Answer(request, _answer_to("\n".join(request.lines()))).inside()


def _answer_to(text: str) -> Mapping[str, Any]:
    """What dot prints."""
    try:
        done = subprocess.run([_DOT, "-Tjson0"], input=text.encode(), capture_output=True, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        raise SpecError.of("NS501", f"dot did not finish within {_PATIENCE:.0f} seconds", helps=_HELPS) from None
    except OSError as error:
        raise SpecError.of("NS502", f"dot cannot be started: {error.strerror}", helps=_HELPS) from None
    try:
        found: dict[str, Any] = json.loads(done.stdout)
        return found
    except ValueError:
        notes = done.stderr.decode(errors="replace").strip().splitlines()[:3]
        raise SpecError.of("NS501", "dot failed", notes=notes, helps=_HELPS) from None


@dataclass(slots=True)
class _Request:
    """A digraph whose nodes are the closed parts by number, and whose clusters are the open ones."""

    parts: Parts
    is_open: Callable[[Part], bool]
    measure: Measure
    rooms: Mapping[int, float]
    air: float
    across: bool
    closed: list[Part] = field(default_factory=list)
    frames: list[Part] = field(default_factory=list)
    wires: list[Connection] = field(default_factory=list)
    labelled: list[bool] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        yield "digraph {"
        yield f"rankdir={'LR' if self.across else 'TB'} nodesep={(22 + self.air) / _INCH:.4f} ranksep={16 / _INCH:.4f}"
        yield f"graph [margin={8 + self.air:g}]"
        yield 'node [shape=box fixedsize=true label=""]'
        yield "edge [arrowsize=0.6]"
        yield from self._inside(self.parts.root)
        self.wires = connections(self.parts, self.is_open)
        number = {id(part): i for i, part in enumerate(self.closed)}
        labelled: set[tuple[int, int]] = set()
        for wire in self.wires:
            ends = f"n{number[id(wire.source)]} -> n{number[id(wire.target)]}"
            tensor = (id(wire.source), wire.node)
            self.labelled.append(tensor not in labelled)
            labelled.add(tensor)
            room = f" label={_room(self.turned(self.measure.label(wire.node)))}" if self.labelled[-1] else ""
            yield f"{ends} [id={len(self.labelled) - 1}{room}]"
        yield "}"

    def _inside(self, part: Part) -> Iterator[str]:
        for member in self.parts.level(part).members:
            if member.members and self.is_open(member):
                yield f"subgraph cluster_{len(self.frames)} {{"
                wide = text_width(head_text(member), SIZE, bold=True) + 2 * TITLE
                yield f"label={_room((self.rooms.get(len(self.frames), wide), _HEAD))} labeljust=l"
                self.frames.append(member)
                yield from self._inside(member)
                yield "}"
            else:
                width, height = self.turned(self.measure.part(member))
                yield f"n{len(self.closed)} [width={width / _INCH:.5f} height={height / _INCH:.5f}]"
                self.closed.append(member)

    def turned(self, point: Point) -> Point:
        return (point[1], point[0]) if self.across else point


def _room(size: Point) -> str:
    """An empty label of a width and height."""
    width, height = (max(1, round(side)) for side in size)
    room = f'FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height}"'
    return f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="0" {room}><TR><TD {room}></TD></TR></TABLE>>'


class _Answer:
    def __init__(self, request: _Request, found: Mapping[str, Any]) -> None:
        self._request, self._found = request, found
        self._left, _, self._right, self._top = _numbers(found["bb"])
        self._bottom = _numbers(found["bb"])[1]

    def inside(self) -> Inside:
        request = self._request
        by_name = {item["name"]: item for item in self._found.get("objects", ())}
        frames = [self._frame(part, by_name[f"cluster_{i}"]["bb"]) for i, part in enumerate(request.frames)]
        boxes = [self._box(part, by_name[f"n{i}"]["pos"]) for i, part in enumerate(request.closed)]
        box_of = {id(box.part): box for box in boxes}
        routes, labels = [], []
        edges = sorted(self._found.get("edges", ()), key=lambda edge: int(edge["id"]))
        for wire, labelled, edge in zip(request.wires, request.labelled, edges, strict=True):
            points = self._points(edge["pos"])
            routes.append(Route(box_of[id(wire.source)], box_of[id(wire.target)], wire.node, points, True, "spline"))
            if labelled:
                labels.append((wire.node, self._label(wire.node, edge["lp"])))
        size = request.turned((self._right - self._left, self._top - self._bottom))
        return Inside(size, [*frames, *boxes], routes, labels)

    def _place(self, x: float, y: float) -> Point:
        """(across, along); dot counts upwards."""
        return self._request.turned((x - self._left, self._top - y))

    def _frame(self, part: Part, box: str) -> Box:
        left, bottom, right, top = _numbers(box)
        corner, end = self._place(left, top), self._place(right, bottom)
        size = (end[0] - corner[0], end[1] - corner[1])
        return Box(part, corner, size, Inside(size))

    def _box(self, part: Part, centre: str) -> Box:
        (x, y), size = self._place(*_numbers(centre)), self._request.measure.part(part)
        return Box(part, (x - size[0] / 2, y - size[1] / 2), size)

    def _label(self, node: int, centre: str) -> Point:
        """Its first corner; from left to right, where its line would be below it."""
        (across, along), (deep, long) = self._place(*_numbers(centre)), self._request.measure.label(node)
        return across + deep / 2 + 1.0 if self._request.across else across - deep / 2, along - long / 2

    def _points(self, text: str) -> tuple[Point, ...]:
        """`e,END START CURVES`: the start, three points for each curve, and the tip of the arrow."""
        tip, *curve = (self._place(*_numbers(point)) for point in text.removeprefix("e,").split())
        return (*curve, tip)


def _numbers(text: str) -> Sequence[float]:
    return [float(number) for number in text.split(",")]
