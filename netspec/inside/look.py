"""`model.inside(…)`: a network and its weights, and what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.inside.attribution import gradcam, occlusion, saliency
from netspec.inside.decision_regions import boundary
from netspec.inside.dreamed import OCTAVES, STEPS, dream
from netspec.inside.feature_maps import activations
from netspec.inside.kernels import filters
from netspec.inside.maximized import maximize
from netspec.inside.opened import Opened
from netspec.inside.unit_field import receptive

if TYPE_CHECKING:
    from netspec.inside.view import View

__all__ = ["Inside"]


class Inside(Opened):
    """Every method gives a `View`: `.data` and `.arrays` are its numbers, `.save("x.svg")` writes it, and a notebook shows it.

    An image is a path, an array of one example or of a batch (its first is shown), or an array as numbers; a class is its name
    or number, by default the predicted one. All raise SpecError (NS001, NS503) for what does not fit the network.
    """

    def filters(self, layer: str | None = None) -> View:
        """The kernels of a layer, by default the first, and whether they look smooth or noisy."""
        return filters(self, layer)

    def activations(self, image: Any, layer: str | None = None) -> View:
        """The feature maps of every layer, or of one."""
        return activations(self, image, layer)

    def saliency(self, image: Any, cls: str | int | None = None, *, guided: bool = False) -> View:
        """The gradient of the score of a class with respect to the pixels; `guided`: guided backpropagation."""
        return saliency(self, image, _name(cls), guided=guided)

    def gradcam(self, image: Any, cls: str | int | None = None, layer: str | None = None) -> View:
        """Grad-CAM at a layer, by default the last one with feature maps."""
        return gradcam(self, image, _name(cls), layer)

    def occlusion(
        self, image: Any, cls: str | int | None = None, patch: int | None = None, stride: int | None = None
    ) -> View:
        """The fall of the score where a square of the image is covered."""
        return occlusion(self, image, _name(cls), patch, stride)

    def receptive(self, unit: str, image: Any = None) -> View:
        """The theoretical and the effective receptive field of a unit: `conv3`, `conv3[5]`, `conv3[5, 2, 2]`."""
        return receptive(self, unit, image)

    def maximize(self, target: str | int, *, steps: int | None = None) -> View:
        """An image that maximizes the score of a class, or a unit (`conv3[5]`), by gradient ascent from noise."""
        return maximize(self, str(target), steps=steps)

    def dream(self, image: Any, layer: str, *, octaves: int = OCTAVES, steps: int = STEPS) -> View:
        """DeepDream: an image in which a layer, or a channel of it (`conv3[5]`), is made stronger by gradient ascent."""
        return dream(self, image, layer, octaves=octaves, steps=steps)

    def boundary(self, points: Any = None, labels: Any = None) -> View:
        """The decision regions of a network with two inputs, and points (N x 2) with their classes on them."""
        return boundary(self, points, labels)


def _name(cls: str | int | None) -> str | None:
    return None if cls is None else str(cls)
