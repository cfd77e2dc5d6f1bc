"""An image that maximizes the score of a class or a unit, by gradient ascent on its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.inside.opened import Opened
from netspec.inside.pixels import image_pixels
from netspec.inside.unit_field import parse_unit
from netspec.inside.view import View
from netspec.inside.view_pictures import Band, Tile, sheet

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["maximize"]

RATE = 0.05
_FEWEST, _MOST, _MACS = 24, 256, 4 * 10**10
"""Steps by default: as many as cost so many multiplications and additions forward, within bounds."""
_BLURRED = 0.75
"""The share of the steps after which the image is smoothed; the last ones sharpen it."""


def maximize(opened: Opened, target: str, *, steps: int | None = None) -> View:
    """Gradient ascent from noise around gray (Erhan et al. 2009; Simonyan et al. 2014) with Adam, on pixels that stay between 0
    and 1; the image is shifted by random amounts (jitter) and smoothed now and then (Yosinski et al. 2015), so that it does not
    end as noise. `target` is a class, or a unit such as `conv3[5]`; there are 256 steps by
    default, down to 24 for large networks. Raises SpecError (NS503).
    """
    import torch

    kind = opened.graph.nodes[opened.graph.inputs[0][1]].type
    if len(opened.graph.inputs) != 1 or kind.layout == "ids":
        raise SpecError.of("NS503", "an image can be found for a network with a single input of numbers")
    wanted, name = _objective(opened, target)
    if steps is None:
        macs = sum(node.macs for node in opened.graph.nodes if not node.aux)
        steps = max(_FEWEST, min(_MOST, _MACS // max(1, macs)))
    stream = torch.Generator().manual_seed(opened.seed)
    pixels = 0.5 + 0.05 * torch.randn((1, *kind.shape), generator=stream)
    pixels.requires_grad_()
    optimizer = torch.optim.Adam([pixels], lr=RATE)
    scores = [_score(opened, wanted, pixels.detach())]
    for step in range(steps):
        optimizer.zero_grad()
        given = _shifted(pixels, kind.rank if kind.layout == "map" else 0, stream)
        tensors = opened.forward.run({opened.graph.inputs[0][0]: given})
        (-wanted(tensors).sum()).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            if kind.layout == "map" and kind.rank == 2 and step % 8 == 7 and step < _BLURRED * steps:
                pixels.copy_(_smoothed(pixels))
            pixels.clamp_(0, 1)
    image = pixels.detach()
    scores.append(_score(opened, wanted, image))
    text = f"{name}: {scores[0]:.4g} for noise, {scores[1]:.4g} after {steps} steps"
    lines = [text, *opened.notes]
    data = {"target": name, "steps": steps, "before": scores[0], "score": scores[1]}
    return View(
        "maximize", "\n".join(lines), data, {"image": image.numpy()},
        lambda: sheet(f"{opened.graph.name}: image that maximizes {name}", lines, [Band("", [Tile(image_pixels(image[0].numpy()))], 260.0)]),
    )  # fmt: skip


def _objective(opened: Opened, target: str) -> tuple[Callable[[Any], Tensor], str]:
    """From the tensors to the value of each example, and what it is called."""
    layer = target.partition("[")[0].strip()
    if target not in opened.classes and any(
        n.name == layer or n.name.startswith(f"{layer}.") for n in opened.graph.nodes
    ):
        unit = parse_unit(opened, target)
        return (lambda tensors: unit.value(tensors[unit.node.name])), unit.text
    index = opened.class_index(target)
    return (lambda tensors: opened.score(tensors, index)), f"class {opened.classes[index]}"


def _score(opened: Opened, wanted: Callable[[Any], Tensor], image: Tensor) -> float:
    _, tensors = opened.run(image.numpy())
    return float(wanted(tensors)[0])


def _shifted(pixels: Tensor, rank: int, stream: Any) -> Tensor:
    """Moved by up to a sixteenth of its size along each axis, at least by one position where it has 8; what leaves comes back."""
    import torch

    shifts = []
    for size in pixels.shape[2 : 2 + rank]:
        most = max(size // 16, int(size >= 8))
        shifts.append(int(torch.randint(-most, most + 1, (), generator=stream)))
    return pixels.roll(shifts, list(range(2, 2 + rank))) if shifts else pixels


def _smoothed(pixels: Tensor) -> Tensor:
    """Each channel with the kernel 1 2 1 by 1 2 1, a little Gaussian."""
    import torch
    from torch.nn import functional as F

    line = torch.tensor([0.25, 0.5, 0.25])
    kernel = (line[:, None] * line).expand(pixels.shape[1], 1, 3, 3)
    padded = F.pad(pixels, (1, 1, 1, 1), mode="replicate")
    return 0.7 * pixels + 0.3 * F.conv2d(padded, kernel, groups=pixels.shape[1])
