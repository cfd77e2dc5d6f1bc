"""The kernels of a layer as images, and whether they look smooth or noisy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.graph import Node
from netspec.inside.opened import Opened
from netspec.inside.pixels import around_zero
from netspec.inside.view import View
from netspec.inside.view_pictures import Band, Tile, sheet
from netspec.scene.figure import Figure

if TYPE_CHECKING:
    import numpy as np

__all__ = ["CLEAN", "NOISY", "filters", "smoothness"]

CLEAN, NOISY = 0.5, 0.2
"""From this smoothness kernels look clean, below this one noisy."""
_SURE = 4
"""Standard deviations from 0 below which a correlation may be chance, where there are few pairs."""
_MOST_IN_COLOR, _MOST_ROWS, _MOST_CHANNELS = 256, 16, 16


def smoothness(kernels: np.ndarray[Any, Any]) -> tuple[float, int]:
    """The correlation of weights that are neighbors in a kernel (lag-1 spatial autocorrelation, Moran's I about 0), over all
    kernels and axes, and the number of pairs: near 0 for independent random weights, 1 for constant kernels, below 0 where
    signs alternate. `kernels` are N x positions; nan without neighbors.
    """
    squares = float((kernels**2).mean()) if kernels.size else 0.0
    total, count = 0.0, 0
    for axis in range(1, kernels.ndim):
        size = kernels.shape[axis]
        if size > 1:
            products = kernels.take(range(size - 1), axis) * kernels.take(range(1, size), axis)
            total, count = total + float(products.sum()), count + products.size
    return (total / count / squares if count and squares else math.nan), count


def filters(opened: Opened, layer: str | None = None) -> View:
    """The kernels of a layer, by default of the first that has any. Gray is 0, and each kernel is scaled by its largest weight.

    Kernels of one or three channels are images; of others each channel is, a row for each kernel. The weights of a fully
    connected layer on an image are images too, the templates of a linear classifier. Raises SpecError (NS503).
    """
    node = opened.layer(layer) if layer is not None else _first(opened)
    weights = _kernels(opened, node)
    if weights is None:
        raise SpecError.of(
            "NS503", f"`{node.name}` has no kernels that can be shown",
            notes=["kernels are the weights of convolutions, and of fully connected layers on the input image"],
        )  # fmt: skip
    smooth, pairs = smoothness(weights.reshape(-1, *weights.shape[2:]).astype("float64"))
    verdict, words = _judged(smooth, pairs)
    size = "x".join(map(str, weights.shape[2:]))
    text = f"{node.name}: {weights.shape[0]} kernels of {weights.shape[1]} x {size}"
    data = {
        "layer": node.name, "kernels": weights.shape[0], "channels": weights.shape[1], "size": list(weights.shape[2:]),
        "smoothness": None if math.isnan(smooth) else smooth, "verdict": verdict,
        "norms": [float(math.sqrt(float((kernel.astype("float64") ** 2).sum()))) for kernel in weights],
    }  # fmt: skip
    lines = [text, words, *opened.notes]
    return View(
        "filters", "\n".join(lines), data, {f"{node.name}.weight": weights},
        lambda: _drawn(opened, node, weights, lines),
    )  # fmt: skip


def _judged(smooth: float, pairs: int) -> tuple[str, str]:
    measure = "correlation of neighboring weights"
    if math.isnan(smooth):
        return "unknown", f"{measure}: none, a kernel has a single position"
    # independent weights give a correlation of 0 with a standard deviation of about 1 / sqrt(pairs)
    verdict = (
        "noisy"
        if smooth < NOISY or smooth * math.sqrt(pairs) < _SURE
        else "clean"
        if smooth >= CLEAN
        else "partly smooth"
    )
    why = {
        "noisy": "they look noisy ("
        + (
            f"below {NOISY:g}; independent random weights have 0)"
            if smooth < NOISY
            else f"of {pairs} pairs, this may be chance)"
        ),
        "clean": f"they look clean and smooth (at least {CLEAN:g})",
        "partly smooth": f"between noisy (below {NOISY:g}) and clean (at least {CLEAN:g})",
    }
    return verdict, f"{measure}: {smooth:.2f}; {why[verdict]}"


def _first(opened: Opened) -> Node:
    """Raises SpecError (NS503)."""
    for node in opened.graph.nodes:
        kernels = _kernels(opened, node) if not node.aux else None
        if kernels is not None and math.prod(kernels.shape[2:]) > 1:
            return node
    raise SpecError.of(
        "NS503", "the network has no kernels", notes=["kernels are the weights of convolutions, and of fully connected layers on the input image"]
    )  # fmt: skip


def _kernels(opened: Opened, node: Node) -> np.ndarray[Any, Any] | None:
    """out x in x positions; None where a layer has none."""
    param = next((p for p in node.params if p.name == "weight"), None)
    if param is None or node.shares is not None:
        return None
    held = opened.forward.module.get_parameter(f"{node.name}.weight").detach().numpy()
    if len(param.shape) == node.type.rank + 2 and node.type.rank:
        weights = held.swapaxes(0, 1) if "transpose" in node.kind or node.kind == "deconv" else held
        return weights.reshape(*weights.shape[:2], *weights.shape[2:])
    kind = opened.graph.nodes[opened.graph.inputs[0][1]].type
    if len(param.shape) == 2 and len(opened.graph.inputs) == 1 and param.shape[1] == kind.size and kind.layout == "map":
        return held.reshape(param.shape[0], *kind.shape)
    side = math.isqrt(kind.size)
    if len(param.shape) == 2 and kind.layout == "vector" and side > 2 and side**2 == kind.size == param.shape[1]:
        return held.reshape(-1, 1, side, side)
    return None


def _drawn(opened: Opened, node: Node, weights: np.ndarray[Any, Any], lines: list[str]) -> Figure:
    count, channels = weights.shape[:2]
    flat = weights.reshape(count, channels, -1, weights.shape[-1])  # the slices of a volume below each other
    side = 48.0 if weights.shape[-1] <= 11 else 72.0
    title = f"{opened.graph.name}: kernels of {node.name}"
    if channels in (1, 3):
        shown = flat[:_MOST_IN_COLOR]
        tiles = [Tile(around_zero(kernel), tip=f"kernel {i}") for i, kernel in enumerate(shown)]
        notes = [*lines, *([f"the first {len(shown)} of {count} kernels"] if len(shown) < count else [])]
        return sheet(title, notes, [Band("", tiles, side, min(16, math.ceil(math.sqrt(2 * len(tiles)))))])
    rows, columns = min(count, _MOST_ROWS), min(channels, _MOST_CHANNELS)
    tiles = [
        Tile(around_zero(flat[i, c], float(abs(flat[i]).max())), tip=f"kernel {i}, channel {c}")
        for i in range(rows)
        for c in range(columns)
    ]
    shown_words = f"rows: kernels 0 to {rows - 1} of {count}; columns: channels 0 to {columns - 1} of {channels}"
    return sheet(title, [*lines, shown_words], [Band("", tiles, 36.0, columns)])
