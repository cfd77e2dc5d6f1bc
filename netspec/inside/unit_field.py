"""The receptive field of a unit: the part of the input that it depends on by its geometry, and how much by gradients."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from netspec.analysis.fields import fields
from netspec.analysis.samples import sample_inputs
from netspec.diagnostics import SpecError
from netspec.graph import Node
from netspec.inside.opened import Opened
from netspec.inside.pixels import heat, image_pixels, overlaid
from netspec.inside.view import View
from netspec.inside.view_pictures import Band, Box, Tile, sheet

if TYPE_CHECKING:
    import numpy as np

__all__ = ["SHARE", "Unit", "box_of", "parse_unit", "receptive"]

SHARE = 0.0455
"""A pixel belongs to the effective field if its gradient is at least this share of the largest (Luo et al. 2016: 1 - 95.45%)."""
_EXAMPLES = 16
_UNIT = re.compile(r"(?P<layer>[^\[\]]+)(?:\[(?P<place>\d+(?:\s*,\s*\d+)*)\])?")


class Unit:
    """A unit: a layer, a channel (None: all of them), and a position, by default the one in the middle."""

    def __init__(self, node: Node, channel: int | None, position: tuple[int, ...]) -> None:
        self.node, self.channel, self.position = node, channel, position

    @property
    def text(self) -> str:
        channel = "all channels" if self.channel is None else f"channel {self.channel}"
        place = str(self.position) if len(self.position) > 1 else "".join(map(str, self.position))
        return f"{self.node.name}, {channel}" + (f", position {place}" if self.position else "")

    def value(self, tensor: Any) -> Any:
        """Of every example; over all channels the sum."""
        axis = self.node.type.feature_axis
        moved = tensor.movedim(axis, -1)[(slice(None), *self.position)]
        return moved.sum(-1) if self.channel is None else moved[..., self.channel]


def parse_unit(opened: Opened, text: str) -> Unit:
    """`conv3`, `conv3[5]` (channel 5) or `conv3[5, 2, 2]` (at row 2, column 2). Raises SpecError (NS503)."""
    found = _UNIT.fullmatch(text.strip())
    if found is None:
        raise SpecError.of("NS503", f"`{text}` is not a unit", helps=["write conv3, conv3[5] for channel 5, or conv3[5,2,2] for a position, too"])  # fmt: skip
    node = opened.layer(found["layer"].strip())
    numbers = [int(n) for n in found["place"].split(",")] if found["place"] else []
    sizes = (node.type.features, *node.type.spatial)
    shown = "x".join(map(str, sizes))
    if len(numbers) not in (0, 1, len(sizes)):
        raise SpecError.of("NS503", f"`{text}` is not a unit of `{node.name}`, which is {shown}", helps=[f"write {node.name}[{','.join(['0'] * len(sizes))}]"])  # fmt: skip
    for number, size in zip(numbers, sizes, strict=False):
        if number >= size:
            raise SpecError.of("NS503", f"`{node.name}` is {shown} and has no unit {numbers}", helps=["units are numbered from 0"])  # fmt: skip
    position = tuple(numbers[1:]) or tuple(n // 2 for n in sizes[1:])
    return Unit(node, numbers[0] if numbers else None, position)


def box_of(opened: Opened, unit: Unit) -> list[tuple[int, int]]:
    """For each spatial axis of the input the first and the last position that the unit depends on, within the input."""
    kind = opened.graph.nodes[opened.graph.inputs[0][1]].type
    field = fields(opened.graph)[unit.node.index]
    if field is None or len(field) != kind.rank or len(unit.position) != kind.rank:
        return [(0, size - 1) for size in kind.spatial]
    sees = [axis.sees(p) for axis, p in zip(field, unit.position, strict=True)]
    return [(max(0, low), min(size - 1, high)) for (low, high), size in zip(sees, kind.spatial, strict=True)]


def receptive(opened: Opened, unit: str, image: Any = None) -> View:
    """The theoretical receptive field of a unit, a box, and the effective one: the absolute gradient of the unit with respect to
    the input, summed over the channels, on `image` or averaged over 16 random inputs. Raises SpecError (NS001, NS503)."""
    chosen = parse_unit(opened, unit)
    kind = opened.graph.nodes[opened.graph.inputs[0][1]].type
    if len(opened.graph.inputs) != 1 or kind.layout != "map" or kind.rank > 2:
        raise SpecError.of(
            "NS503", "a receptive field needs a network with a single input that is an image or a signal"
        )
    batch = (
        opened.example(image)[:1]
        if image is not None
        else sample_inputs(opened.graph, _EXAMPLES, opened.seed)[opened.graph.inputs[0][0]]
    )
    given, tensors = opened.run(batch, gradients=True)
    chosen.value(tensors[chosen.node.name]).sum().backward()
    gradient = given.grad
    assert gradient is not None
    effective = gradient.abs().sum(1).mean(0).numpy()
    box = box_of(opened, chosen)
    data = _data(chosen, box, effective)
    lines = [*_lines(chosen, data), *opened.notes]
    return View(
        "receptive",
        "\n".join(lines),
        data,
        {"effective": effective},
        lambda: _drawn(opened, batch, effective, box, lines),
    )


def _data(unit: Unit, box: list[tuple[int, int]], effective: np.ndarray[Any, Any]) -> dict[str, Any]:
    import numpy as np

    largest = float(effective.max())
    counted = int((effective >= SHARE * largest).sum()) if largest else 0
    places = np.argwhere(effective > 0)
    seen = (
        [[int(low), int(high)] for low, high in zip(places.min(0), places.max(0), strict=True)] if len(places) else None
    )
    return {
        "unit": unit.text, "theoretical": [list(axis) for axis in box], "theoretical_size": [b - a + 1 for a, b in box],
        "gradient_extent": seen, "effective_positions": counted, "effective_side": counted ** (1 / effective.ndim),
    }  # fmt: skip


def _lines(unit: Unit, data: dict[str, Any]) -> list[str]:
    size = "x".join(map(str, data["theoretical_size"]))
    where = ", ".join(
        f"{name} {a} to {b}" for name, (a, b) in zip(_names(len(data["theoretical"])), data["theoretical"], strict=True)
    )
    lines = [f"{unit.text}", f"theoretical field within the input: {size} ({where})"]
    if data["gradient_extent"] is None:
        return [*lines, "effective field: none, all gradients are 0 (a relu is off, or the unit depends on nothing)"]
    total = math.prod(data["theoretical_size"])
    share = data["effective_positions"] / total
    return [
        *lines,
        f"effective field: {data['effective_positions']} positions ({share:.0%} of the theoretical field) with at least {SHARE:.2%} of the largest gradient",
    ]


def _names(rank: int) -> tuple[str, ...]:
    return ("rows", "columns") if rank == 2 else ("positions",)


def _drawn(opened: Opened, batch: Any, effective: Any, box: list[tuple[int, int]], lines: list[str]) -> Any:
    rows = box if len(box) == 2 else [(0, 0), *box]
    (top, bottom), (left, right) = rows
    frame = (Box(left, top, right + 1, bottom + 1),)
    plane = effective if effective.ndim == 2 else effective[None]
    shown = plane / max(float(plane.max()), 1e-30)
    image = image_pixels(batch[0])
    tiles = [
        Tile(image, ("theoretical field",), boxes=frame),
        Tile(overlaid(image, shown), ("effective field on it",), boxes=frame),
        Tile(heat(shown), ("effective field",), boxes=frame),
    ]
    return sheet(f"{opened.graph.name}: receptive field", lines, [Band("", tiles, 260.0)])
