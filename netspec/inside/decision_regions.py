"""The regions of the plane in which a network with two inputs predicts each class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from netspec.analysis.in_place import source
from netspec.diagnostics import SpecError
from netspec.inside.opened import Opened
from netspec.inside.view import View
from netspec.inside.view_pictures import Points, class_color, plane

if TYPE_CHECKING:
    import numpy as np

__all__ = ["boundary"]

_GRID = 201
_MARGIN = 0.15
"""How far the picture reaches beyond the points, as a share of their extent."""


def boundary(opened: Opened, points: Any = None, labels: Any = None, when: str = "") -> View:
    """The predicted class on a grid of 201 x 201, and how sure it is, with points (N x 2) of classes `labels` drawn on it.

    `when` is written after the title. The picture reaches a little beyond the points, or from -2 to 2 without them. Raises SpecError (NS503).
    """
    import numpy as np

    kind = opened.graph.nodes[opened.graph.inputs[0][1]].type
    if len(opened.graph.inputs) != 1 or kind.size != 2 or kind.layout == "ids":
        raise SpecError.of(
            "NS503", "decision regions need a network with two inputs",
            notes=["this one takes " + " and ".join(str(opened.graph.nodes[i].type) for _, i in opened.graph.inputs)],
        )  # fmt: skip
    places = np.zeros((0, 2)) if points is None else np.asarray(points, dtype=np.float64).reshape(-1, 2)
    marks = [-1] * len(places) if labels is None else np.asarray(labels).astype(int).reshape(-1).tolist()
    extent = _extent(places)
    left, right, low, high = extent
    x, y = np.meshgrid(np.linspace(left, right, _GRID), np.linspace(high, low, _GRID))
    grid = np.stack([x, y], -1).reshape(-1, *kind.shape).astype(np.float32)
    classes, sure = (values.reshape(_GRID, _GRID) for values in _predicted(opened, grid))
    count = max(2, opened.logits.type.features)
    names = opened.region_names
    shares = {names[c]: float((classes == c).mean()) for c in range(count)}
    data: dict[str, Any] = {"extent": list(extent), "classes": list(names), "area": shares, "points": len(places)}
    text = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
    lines = [f"predicted classes by area: {text}"]
    if labels is not None and len(places):
        hit, _ = _predicted(opened, places.reshape(-1, *kind.shape).astype(np.float32))
        data["correct"] = int((hit == np.asarray(marks)).sum())
        lines.append(f"{data['correct']} of {len(places)} points are in the region of their class")
    lines += opened.notes
    arrays = {
        "classes": classes,
        "confidence": sure,
        "x": x[0],
        "y": y[:, 0],
        "points": places,
        "labels": np.asarray(marks),
    }
    return View(
        "boundary", "\n".join(lines), data, arrays,
        lambda: plane(
            f"{opened.graph.name}: decision regions{when}", lines, extent, Points(places, marks), names,
            _colored(classes, sure), ("first input", "second input"),
        ),
    )  # fmt: skip


def _extent(places: np.ndarray[Any, Any]) -> tuple[float, float, float, float]:
    if not len(places):
        return -2.0, 2.0, -2.0, 2.0
    low, high = places.min(0), places.max(0)
    wide = max(float((high - low).max()) * (0.5 + _MARGIN), 0.5)
    unit = 10 ** (math.floor(math.log10(wide)) - 1)  # round numbers on the axes
    wide = math.ceil(wide / unit) * unit
    x, y = (round(middle / unit) * unit for middle in ((low + high) / 2).tolist())
    return x - wide, x + wide, y - wide, y + wide


def _predicted(opened: Opened, batch: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The class of each example, and how sure it is: 0.5 (or 1 / classes) is a guess, 1 is certain."""
    _, tensors = opened.run(batch)
    end = opened.graph.nodes[source(opened.graph, opened.graph.outputs[0][1])]
    values = tensors[end.name].reshape(len(batch), -1).double()
    if values.shape[1] == 1:
        chance = values[:, 0] if opened.is_between_0_and_1 else values[:, 0].sigmoid()
        chance = chance.clamp(0, 1)
        classes = (chance > 0.5).long()
        return classes.numpy(), chance.where(classes == 1, 1 - chance).numpy()
    chances = values if end.kind == "softmax" else values.exp() if end.kind == "log_softmax" else values.softmax(1)
    best, classes = chances.max(1)
    return classes.numpy(), best.numpy()


def _colored(classes: np.ndarray[Any, Any], sure: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The color of the class, paler where it is less sure."""
    import numpy as np

    colors = np.array([[int(class_color(c)[i : i + 2], 16) for i in (1, 3, 5)] for c in range(int(classes.max()) + 1)])
    weight = (0.15 + 0.45 * np.clip(2 * sure - 1, 0, 1))[..., None]
    mixed = 255 * (1 - weight) + colors[classes] * weight
    return np.ascontiguousarray(mixed.round().astype(np.uint8))
