"""Which parts of an image the score of a class depends on: saliency, guided backpropagation, Grad-CAM, occlusion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.announcing import announce
from netspec.diagnostics import SpecError
from netspec.inside.opened import Opened
from netspec.inside.pixels import around_zero, heat, image_pixels, overlaid, plane_of
from netspec.inside.view import View
from netspec.inside.view_pictures import Band, Tile, sheet

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = ["gradcam", "occlusion", "saliency"]

_BATCH = 16
_SIDE = 224.0


def saliency(opened: Opened, image: Any, cls: str | None = None, *, guided: bool = False) -> View:
    """The absolute gradient of the score of a class with respect to the pixels, the largest over the channels (Simonyan et al.
    2014); the class is the predicted one by default.

    With `guided`, the gradient itself, where every relu passes only positive gradients back (Springenberg et al. 2015).
    Raises SpecError (NS001, NS503).
    """
    batch = opened.example(image)[:1]
    given, tensors = opened.run(batch, gradients=True)
    index = opened.class_index(cls) if cls is not None else opened.predicted(tensors)
    if guided:
        rectified = [node.name for node in opened.graph.nodes if node.kind == "relu" and not node.aux]
        for name in rectified:
            tensors[name].register_hook(lambda gradient: gradient.clamp(min=0))  # type: ignore[no-untyped-call]
    opened.score(tensors, index).sum().backward()  # type: ignore[no-untyped-call]
    assert given.grad is not None
    gradient = given.grad[0].numpy()
    strongest = abs(gradient).max(0) if gradient.ndim > 2 else abs(gradient)
    what = "guided backpropagation" if guided else "saliency"
    signed = guided and gradient.ndim == 3 and len(gradient) in (1, 3)
    second = around_zero(gradient) if signed else heat(_scaled(image_plane(strongest)))
    scale = "gray is 0" if signed else _scale(strongest)
    return _view(
        opened, what, batch[0], tensors, index, {"gradient": gradient, "saliency": strongest},
        [Tile(second, (what, scale)), Tile(overlaid(image_pixels(batch[0]), _scaled(image_plane(strongest))), ("on the image",))],
    )  # fmt: skip


def gradcam(opened: Opened, image: Any, cls: str | None = None, layer: str | None = None) -> View:
    """Grad-CAM (Selvaraju et al. 2017): the channels of a layer, weighted by the mean of their gradients, summed, and rectified.

    The layer is the last one with feature maps of more than one position by default, before a pooling. Raises SpecError (NS001, NS503).
    """
    from torch.nn import functional as F

    batch = opened.example(image)[:1]
    planes = [node for node in opened.maps if node.type.rank == 2 and node.index < opened.logits.index]
    maps = [node for node in planes if not node.op.pools] or planes
    if not maps or batch.ndim != 4:
        raise SpecError.of("NS503", "Grad-CAM needs a network with feature maps of an image, and this one has none")
    node = opened.layer(layer) if layer is not None else maps[-1]
    if node.type.layout != "map" or node.type.rank != 2:
        raise SpecError.of(
            "NS503", f"`{node.name}` computes {node.type.noun}, and Grad-CAM needs feature maps", helps=[f"the last layer with feature maps is `{maps[-1].name}`"]
        )  # fmt: skip
    _, tensors = opened.run(batch, gradients=True)
    index = opened.class_index(cls) if cls is not None else opened.predicted(tensors)
    opened.score(tensors, index).sum().backward()  # type: ignore[no-untyped-call]
    values = tensors[node.name]
    if values.grad is None:
        raise SpecError.of("NS503", f"the score of the class does not depend on `{node.name}`")
    weights = values.grad.mean((2, 3), keepdim=True)
    cam = (weights * values.detach()).sum(1, keepdim=True).relu()
    large = F.interpolate(cam, size=batch.shape[2:], mode="bilinear", align_corners=False)[0, 0].numpy()
    shown = _scaled(large)
    return _view(
        opened, f"Grad-CAM at {node.name}", batch[0], tensors, index, {"cam": cam[0, 0].numpy(), "gradcam": large},
        [Tile(heat(shown), (f"Grad-CAM at {node.name}", _scale(large))), Tile(overlaid(image_pixels(batch[0]), shown), ("on the image",))],
        name="gradcam", extra={"layer": node.name},
    )  # fmt: skip


def occlusion(
    opened: Opened, image: Any, cls: str | None = None, patch: int | None = None, stride: int | None = None
) -> View:
    """How much the score of a class falls where a square of the image is covered by the mean color (Zeiler & Fergus 2014).

    `patch` is the side of the square in pixels (default: an eighth of the image), `stride` the step (default: the same).
    Where squares overlap, a pixel has their mean. Raises SpecError (NS001, NS503).
    """
    import torch

    batch = opened.example(image)[:1]
    if batch.ndim != 4:
        raise SpecError.of("NS503", "occlusion covers parts of an image, and the network does not take an image")
    height, width = batch.shape[2:]
    patch = min(patch or max(1, min(height, width) // 8), height, width)
    stride = stride or patch
    given, tensors = opened.run(batch)
    index = opened.class_index(cls) if cls is not None else opened.predicted(tensors)
    before = float(opened.score(tensors, index)[0])
    color = given.mean((2, 3), keepdim=True)[0]
    places = [(y, x) for y in _starts(height, patch, stride) for x in _starts(width, patch, stride)]
    total, counted = torch.zeros(height, width), torch.zeros(height, width)
    for start in range(0, len(places), _BATCH):
        announce(f"square {start:,} of {len(places):,}")
        some = places[start : start + _BATCH]
        covered = given.repeat(len(some), 1, 1, 1)
        for row, (y, x) in enumerate(some):
            covered[row, :, y : y + patch, x : x + patch] = color
        _, found = opened.run(covered.numpy())
        for (y, x), after in zip(some, opened.score(found, index).tolist(), strict=True):
            total[y : y + patch, x : x + patch] += before - after
            counted[y : y + patch, x : x + patch] += 1
    fall = (total / counted).numpy()
    shown = _scaled(fall.clip(min=0))
    return _view(
        opened, "occlusion", batch[0], tensors, index, {"fall": fall},
        [Tile(heat(shown), (f"fall of the score, {patch}x{patch} covered", _scale(fall))), Tile(overlaid(image_pixels(batch[0]), shown), ("on the image",))],
        extra={"patch": patch, "stride": stride, "largest_fall": float(fall.max()), "score": before},
    )  # fmt: skip


def _starts(size: int, patch: int, stride: int) -> list[int]:
    """Where squares begin; the last one ends at the edge."""
    starts = list(range(0, size - patch + 1, stride))
    return starts if starts[-1] == size - patch else [*starts, size - patch]


def image_plane(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The values of an example in the form that `image_pixels` gives it; of a volume, the largest over its depth."""
    while values.ndim > 2:
        values = values.max(0)
    if values.ndim == 1:
        shape = plane_of(len(values))
        plane: np.ndarray[Any, Any] = values[None] if shape is None else values.reshape(shape).max(0)
        return plane
    return values


def _scaled(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """From 0 to 1: divided by the largest."""
    result: np.ndarray[Any, Any] = values / max(float(values.max()), 1e-30)
    return result


def _scale(values: np.ndarray[Any, Any]) -> str:
    """What the colors of a map mean."""
    return f"0 or less (black) to {max(float(values.max()), 0.0):.3g} (yellow)"


def _axes(opened: Opened, count: int) -> tuple[str, ...]:
    """What the axes of a map of the input are called."""
    kind = opened.graph.nodes[opened.graph.inputs[0][1]].type
    if kind.layout == "sequence":
        return ("token", "feature")
    return (
        ("channel", "position")
        if kind.rank == 1 and count == 2
        else ("depth", "row", "column")[-count:]
        if count > 1
        else ("value",)
    )


def _view(
    opened: Opened, what: str, example: np.ndarray[Any, Any], tensors: Any, index: int,
    arrays: dict[str, np.ndarray[Any, Any]], tiles: list[Tile], *, name: str = "", extra: dict[str, Any] | None = None,
) -> View:  # fmt: skip
    import numpy as np

    scores: Tensor = tensors[opened.logits.name][0]
    predicted = opened.predicted(tensors)
    cls, best = opened.classes[index], opened.classes[predicted]
    score = float(opened.score(tensors, index)[0].detach())
    is_class = opened.noun == "class"
    text = f"{what} of {opened.noun} {cls} (score {score:.4g})" + (f"; predicted: {best}" if is_class else "")
    flat = next(value for key, value in arrays.items() if key in ("saliency", "gradcam", "fall"))
    place = [int(i) for i in np.unravel_index(int(flat.argmax()), flat.shape)]
    data = {
        "class": cls, "index": index, "score": score, "predicted": best if is_class else None,
        "scores": [float(v) for v in scores.detach().flatten()] if scores.ndim == 1 else None, "strongest": place, **(extra or {}),
    }  # fmt: skip
    where = ", ".join(f"{axis} {i}" for axis, i in zip(_axes(opened, len(place)), place, strict=True))
    lines = [f"{text}; strongest at {where}", *opened.notes]
    first = Tile(image_pixels(example), ("input",))
    return View(
        name or what.split()[0], "\n".join(lines), data, arrays,
        lambda: sheet(f"{opened.graph.name}: {what}", lines, [Band("", [first, *tiles], _SIDE)]),
    )  # fmt: skip
