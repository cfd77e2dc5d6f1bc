"""What the layers compute for an image, as images: the feature maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.graph import Node
from netspec.inside.opened import Opened
from netspec.inside.pixels import from_lowest, image_pixels
from netspec.inside.view import View
from netspec.inside.view_pictures import Band, Tile, sheet
from netspec.scene.figure import Figure

if TYPE_CHECKING:
    import numpy as np

__all__ = ["activations"]

_MOST_LAYERS, _PER_LAYER, _MOST_MAPS = 24, 12, 256


def activations(opened: Opened, image: Any, layer: str | None = None) -> View:
    """The feature maps of every layer, or all those of one layer or label, for the first example of `image`.

    The arrays hold all channels of all layers (N x shape), by their names. Raises SpecError (NS001, NS503).
    """
    batch = opened.example(image)
    _, tensors = opened.run(batch)
    if layer is not None:
        nodes = [opened.layer(layer)]
    else:
        nodes = [n for n in opened.graph.nodes if not n.aux and n.inputs and n.kind != "identity"]
    arrays = {node.name: tensors[node.name].numpy() for node in nodes}
    data = {"layers": [_summary(node, arrays[node.name][0]) for node in nodes]}
    lines = [_line(one) for one in data["layers"]] if layer is not None else [f"{len(nodes)} layers"]
    lines += [*_more(batch), *opened.notes]
    return View(
        "activations", "\n".join(lines), data, arrays,
        lambda: _drawn(opened, batch[0], nodes, arrays, lines, whole=layer is not None),
    )  # fmt: skip


def _more(batch: np.ndarray[Any, Any]) -> list[str]:
    return [f"the picture shows the first of {len(batch)} examples"] if len(batch) > 1 else []


def _summary(node: Node, values: np.ndarray[Any, Any]) -> dict[str, Any]:
    dead = 0
    if node.type.layout == "map":
        dead = int((values.reshape(len(values), -1) == 0).all(1).sum())
    return {
        "name": node.name, "op": node.kind, "shape": list(values.shape), "mean": float(values.mean()),
        "std": float(values.std()), "min": float(values.min()), "max": float(values.max()), "silent_channels": dead,
    }  # fmt: skip


def _line(one: dict[str, Any]) -> str:
    shape = "x".join(map(str, one["shape"]))
    silent = f", {one['silent_channels']} channels are all 0" if one["silent_channels"] else ""
    return f"{one['name']} {shape}: {one['min']:.4g} to {one['max']:.4g}, mean {one['mean']:.4g}{silent}"


def _drawn(
    opened: Opened, example: np.ndarray[Any, Any], nodes: list[Node], arrays: dict[str, np.ndarray[Any, Any]],
    lines: list[str], *, whole: bool,
) -> Figure:  # fmt: skip
    shown = nodes
    bands = [Band("input", [Tile(image_pixels(example))], 96.0)]
    if not whole:
        shown = [n for n in nodes if n.type.layout == "map"] or nodes
        if len(shown) > _MOST_LAYERS:
            step = len(shown) / _MOST_LAYERS
            shown = [shown[int(i * step)] for i in range(_MOST_LAYERS)]
            lines = [*lines, f"{len(shown)} of them, evenly spaced"]
    for node in shown:
        values = arrays[node.name][0]
        most = _MOST_MAPS if whole else _PER_LAYER
        maps = values.reshape(len(values), -1, values.shape[-1]) if values.ndim > 1 else values[None, None]
        if node.type.layout == "sequence":
            maps = values[None]
        elif values.size == len(values):  # a single position: the channels side by side
            maps = values.reshape(1, 1, -1)
        of = f", the first {most} of {len(maps)} channels" if len(maps) > most else ""
        tiles = [Tile(from_lowest(m), tip=f"{node.name}, channel {c}") for c, m in enumerate(maps[:most])]
        side = 64.0 if maps.shape[-1] <= 4 * 64 and len(maps) > 1 else 320.0
        bands.append(Band(f"{node.name}  {'x'.join(map(str, values.shape))}{of}", tiles, side))
    return sheet(
        f"{opened.graph.name}: feature maps",
        ["each map from its lowest value (black) to its highest (white)", *lines],
        bands,
    )
