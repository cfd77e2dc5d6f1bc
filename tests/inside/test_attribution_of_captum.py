"""Saliency, guided backpropagation, Grad-CAM and occlusion are those of captum, on the same module."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import GuidedBackprop, LayerAttribution, LayerGradCam, Occlusion, Saliency
from torch import nn

import netspec
from netspec.inside.look import Inside

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning")]

PLAIN = "input 3x12x12; conv3-6 pad=1; relu; maxpool2; conv3-8 pad=1; bn; relu; FC-16; relu; FC-4; softmax"
RESIDUAL = """input 3x16x16
conv3-8 pad=1 -> bn -> relu
residual { conv3-8 pad=1 -> bn -> relu -> conv3-8 pad=1 -> bn }
relu
maxpool
conv3-12 pad=1 -> relu
gap
FC-5"""


class Scores(nn.Module):
    """The compiled module without its softmax, and without activations in place, which hooks of captum cannot take."""

    def __init__(self, model: netspec.Model) -> None:
        super().__init__()
        self.module = model.to_torch(seed=3).eval()
        for name, part in list(self.module.named_modules()):
            if isinstance(part, nn.Softmax):
                self.module.set_submodule(name, nn.Identity())
            elif isinstance(part, nn.ReLU):
                part.inplace = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.module(x)
        return found


@pytest.fixture(params=[PLAIN, RESIDUAL], ids=["plain", "residual"])
def both(request: pytest.FixtureRequest) -> tuple[Inside, Scores, np.ndarray[Any, Any]]:
    model = netspec.loads(request.param)
    image = np.random.default_rng(0).random((1, *model.inputs["input"].shape), dtype=np.float32)
    return model.inside(seed=3), Scores(model), image


def same(ours: np.ndarray[Any, Any], theirs: torch.Tensor) -> None:
    wanted = theirs.detach().numpy()
    np.testing.assert_allclose(ours, wanted, rtol=1e-3, atol=1e-5 * max(1e-3, float(abs(wanted).max())))


def test_saliency(both: tuple[Inside, Scores, np.ndarray[Any, Any]]) -> None:
    look, module, image = both
    theirs = Saliency(module).attribute(torch.from_numpy(image), target=2, abs=False)
    view = look.saliency(image, 2)
    same(view.arrays["gradient"], theirs[0])
    same(view.arrays["saliency"], theirs[0].abs().amax(0))


def test_guided_backpropagation(both: tuple[Inside, Scores, np.ndarray[Any, Any]]) -> None:
    look, module, image = both
    theirs = GuidedBackprop(module).attribute(torch.from_numpy(image), target=1)
    same(look.saliency(image, 1, guided=True).arrays["gradient"], theirs[0])


def test_grad_cam(both: tuple[Inside, Scores, np.ndarray[Any, Any]]) -> None:
    look, module, image = both
    view = look.gradcam(image, 1)
    layer = module.module.get_submodule(view.data["layer"])
    theirs = LayerGradCam(module, layer).attribute(torch.from_numpy(image), target=1, relu_attributions=True)
    same(view.arrays["cam"], theirs[0, 0])
    size = image.shape[2:]
    same(view.arrays["gradcam"], LayerAttribution.interpolate(theirs, size, "bilinear")[0, 0])


@pytest.mark.parametrize(("patch", "stride"), [(4, 4), (4, 2)])
def test_occlusion(both: tuple[Inside, Scores, np.ndarray[Any, Any]], patch: int, stride: int) -> None:
    """Captum sums over squares that overlap and divides by how many there are, as we do, and by its own choice sums over channels."""
    look, module, image = both
    color = torch.from_numpy(image).mean((2, 3), keepdim=True).expand(image.shape)
    theirs = Occlusion(module).attribute(
        torch.from_numpy(image), (image.shape[1], patch, patch), (image.shape[1], stride, stride), baselines=color, target=0
    )  # fmt: skip
    same(look.occlusion(image, 0, patch=patch, stride=stride).arrays["fall"], theirs[0, 0])
