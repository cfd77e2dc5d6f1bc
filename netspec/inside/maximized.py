"""An image that maximizes the score of a class or a unit, by gradient ascent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.announcing import announce
from netspec.diagnostics import SpecError
from netspec.graph import Node
from netspec.inside.canvas import Canvas, shifted
from netspec.inside.opened import Opened
from netspec.inside.pixels import image_pixels
from netspec.inside.unit_field import parse_unit
from netspec.inside.view import View
from netspec.inside.view_pictures import Band, Tile, sheet

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["maximize"]

RATE = 0.2
_FEWEST, _MOST, _MACS = 24, 512, 4 * 10**10
"""Steps by default: as many as cost so many multiplications and additions forward, within bounds."""
_BLURRED = 0.75
"""The share of the steps after which the image is no longer smoothed; the last ones sharpen it."""
_EACH = 8


def maximize(opened: Opened, target: str, *, steps: int | None = None) -> View:
    """Gradient ascent from noise around gray (Erhan et al. 2009; Simonyan et al. 2014) with Adam on the Fourier coefficients of
    decorrelated colors (Olah et al. 2017); the image is shifted by random amounts (jitter) and smoothed every eighth step
    (Yosinski et al. 2015), so that it does not end as noise. Its pixels are from 0 to 1.

    `target` is a class, or a unit such as `conv3[5]`; there are 512 steps by default, down to 24 for large networks. Raises
    SpecError (NS503).
    """
    import torch

    kind = opened.graph.nodes[opened.graph.inputs[0][1]].type
    if len(opened.graph.inputs) != 1 or kind.layout == "ids":
        held = "ids" if kind.layout == "ids" else f"{len(opened.graph.inputs)} inputs"
        raise SpecError.of(
            "NS503", f"gradient ascent needs a network with a single input of numbers, and this one takes {held}"
        )
    wanted, name, node = _objective(opened, target)
    steps = steps if steps is not None else _steps(opened)
    stream = torch.Generator().manual_seed(opened.seed)
    canvas = Canvas(kind, stream)
    optimizer = torch.optim.Adam([canvas.values], lr=RATE)
    scores = [_score(opened, wanted, canvas.pixels().detach())]
    for step in range(steps):
        announce(f"step {step + 1} of {steps}")
        optimizer.zero_grad()
        given, _ = shifted(canvas.pixels(), kind.rank if kind.layout == "map" else 0, stream)
        tensors = opened.forward.run({opened.graph.inputs[0][0]: given}, until=node)
        (-wanted(tensors).sum()).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step % _EACH == _EACH - 1 and step < _BLURRED * steps:
            canvas.smooth()
    image = canvas.pixels().detach()
    scores.append(_score(opened, wanted, image))
    lines = [f"{name}: {scores[0]:.4g} for noise, {scores[1]:.4g} after {steps} steps", *opened.notes]
    data = {"target": name, "steps": steps, "before": scores[0], "score": scores[1]}
    return View(
        "maximize", "\n".join(lines), data, {"image": image.numpy()},
        lambda: sheet(f"{opened.graph.name}: image that maximizes {name}", lines, [Band("", [Tile(image_pixels(image[0].numpy()))], 260.0)]),
    )  # fmt: skip


def _steps(opened: Opened) -> int:
    macs = sum(node.macs for node in opened.graph.nodes if not node.aux)
    return max(_FEWEST, min(_MOST, _MACS // max(1, macs)))


def _objective(opened: Opened, target: str) -> tuple[Callable[[Any], Tensor], str, Node]:
    """From the tensors to the value of each example, what it is called, and the layer that has it."""
    layer = target.partition("[")[0].strip()
    is_layer = any(n.name == layer or n.name.startswith(f"{layer}.") for n in opened.graph.nodes)
    if is_layer and (len(opened.graph.outputs) != 1 or target not in opened.classes):
        unit = parse_unit(opened, target)
        return (lambda tensors: unit.value(tensors[unit.node.name])), unit.text, unit.node
    index = opened.class_index(target)
    return (lambda tensors: opened.score(tensors, index)), f"{opened.noun} {opened.classes[index]}", opened.logits


def _score(opened: Opened, wanted: Callable[[Any], Tensor], image: Tensor) -> float:
    _, tensors = opened.run(image.numpy())
    return float(wanted(tensors)[0])
