"""DeepDream: what a layer sees in an image, made stronger in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netspec.announcing import announce
from netspec.diagnostics import SpecError
from netspec.inside.canvas import shifted
from netspec.inside.opened import Opened
from netspec.inside.pixels import image_pixels
from netspec.inside.unit_field import parse_unit
from netspec.inside.view import View
from netspec.inside.view_pictures import Band, Tile, sheet

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["OCTAVES", "STEPS", "dream"]

OCTAVES, STEPS = 4, 12
_SMALLER = 1.4
_RATE = 0.006
"""How far a pixel moves in a step, where its gradient is as large as the mean."""
_SMALLEST = 4


def dream(opened: Opened, image: Any, layer: str, *, octaves: int = OCTAVES, steps: int = STEPS) -> View:
    """Gradient ascent on the norm of the activations of a layer, or of one of its channels (`conv3[5]`), from an image
    (Mordvintsev et al. 2015): first on a small version of it, then on ones larger by a factor of 1.4 (octaves), to which what
    has been added is carried over. In every step, the image is shifted by a random amount (jitter), from the seed.

    Sizes that the layers before it do not take are left out. Raises SpecError (NS001, NS503).
    """
    import torch

    batch = opened.example(image)[:1]
    if batch.ndim != 4:
        raise SpecError.of("NS503", "a dream begins with an image, and the network does not take one")
    unit = parse_unit(opened, layer)
    axis = unit.node.type.feature_axis

    def norm(pixels: Tensor) -> Tensor:
        values = opened.forward.run({opened.graph.inputs[0][0]: pixels}, until=unit.node)[unit.node.name]
        found: Tensor = torch.linalg.vector_norm(values if unit.channel is None else values.select(axis, unit.channel))
        return found

    given = torch.from_numpy(batch.copy())
    sizes = _sizes(given, norm, octaves)
    stream = torch.Generator().manual_seed(opened.seed)
    dreamt = given
    detail = torch.zeros_like(given)
    for size in sizes:
        announce(f"{steps} steps at {size[0]}x{size[1]}")
        begun = _scaled(given, size)
        dreamt = _ascended(begun + _scaled(detail, size), norm, steps, stream, given)
        detail = dreamt - begun
    with torch.no_grad():
        before, after = float(norm(given)), float(norm(dreamt))
    name = unit.node.name if unit.channel is None else f"{unit.node.name}, channel {unit.channel}"
    shown = ", ".join(f"{height}x{width}" for height, width in sizes)
    lines = [f"{name}: norm of the activations {before:.4g} of the image, {after:.4g} of the dream"]
    lines += [f"{steps} steps at {'each of the sizes ' if len(sizes) > 1 else ''}{shown}", *opened.notes]
    data = {
        "layer": unit.node.name, "channel": unit.channel, "steps": steps, "sizes": [list(size) for size in sizes],
        "before": before, "norm": after,
    }  # fmt: skip
    tiles = [Tile(image_pixels(given[0].numpy()), ("image",)), Tile(image_pixels(dreamt[0].numpy()), ("dream",))]
    return View(
        "dream", "\n".join(lines), data, {"image": dreamt.numpy()},
        lambda: sheet(f"{opened.graph.name}: dream of {name}", lines, [Band("", tiles, 260.0)]),
    )  # fmt: skip


def _sizes(given: Tensor, norm: Callable[[Tensor], Tensor], octaves: int) -> list[tuple[int, int]]:
    """From the smallest to that of the image; those for which the layers can be computed."""
    import torch

    height, width = given.shape[2:]
    found = []
    for octave in reversed(range(octaves)):
        size = round(height / _SMALLER**octave), round(width / _SMALLER**octave)
        if octave and (min(size) < _SMALLEST or size in found):
            continue
        try:
            with torch.no_grad():
                norm(_scaled(given, size))
        except RuntimeError:  # a layer, such as a fully connected one, takes only images of the spec's size
            if not octave:
                raise
            continue
        found.append(size)
    return found


def _ascended(
    start: Tensor, norm: Callable[[Tensor], Tensor], steps: int, stream: torch.Generator, given: Tensor
) -> Tensor:
    """The gradient is divided by its mean size, and values stay within 0 to 1, or the range of the image."""
    low, high = min(0.0, float(given.min())), max(1.0, float(given.max()))
    pixels = start.clamp(low, high)
    for _ in range(steps):
        moved, shifts = shifted(pixels, 2, stream)
        moved = moved.detach().requires_grad_()
        norm(moved).backward()  # type: ignore[no-untyped-call]
        gradient = moved.grad
        assert gradient is not None
        step = _RATE * (high - low) * gradient / gradient.abs().mean().clamp(min=1e-12)
        pixels = (moved.detach() + step).clamp(low, high).roll([-shift for shift in shifts], [2, 3])
    return pixels


def _scaled(image: Tensor, size: tuple[int, int]) -> Tensor:
    from torch.nn import functional as F

    if tuple(image.shape[2:]) == size:
        return image
    return F.interpolate(image, size=size, mode="bilinear", align_corners=False, antialias=True)
