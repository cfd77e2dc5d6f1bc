"""transform: an image read through an affine map, by hand, with the network of PyTorch's tutorial, in ONNX, and mistakes."""

from __future__ import annotations

import itertools

import numpy as np
import onnxruntime
import pytest
import torch
from agreement import largest_difference, random_state
from conftest import ROOT
from torch import Tensor, nn
from torch.nn import functional as F

import netspec

TEXT = "input image 2x5x7\ninput theta 6\nfrom image\ntransform {how} by=theta"


def transformed(how: str, image: Tensor, *theta: float) -> Tensor:
    module = netspec.loads(TEXT.format(how=how)).to_torch()
    with torch.no_grad():
        return module(image, torch.tensor([theta], dtype=torch.float32).expand(len(image), 6))  # type: ignore[no-any-return]


@pytest.fixture
def image() -> Tensor:
    return torch.randn(3, 2, 5, 7, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("how", ["", "mode=nearest", "align_corners=yes", "mode=nearest padding=border"])
def test_maps_that_need_no_interpolation(how: str, image: Tensor) -> None:
    """The map that changes nothing, and mirrors of the axes."""
    for right, down in itertools.product((1, -1), repeat=2):
        expected = image.flip([axis for axis, sign in ((3, right), (2, down)) if sign < 0])
        assert torch.allclose(transformed(how, image, right, 0, 0, 0, down, 0), expected, atol=1e-5)


def test_a_shift_by_a_pixel_reads_what_padding_says(image: Tensor) -> None:
    """With align_corners=no a pixel is 2/7 wide, with yes 2/6."""
    inner = image[..., 1:]
    for how, step, last in (
        ("", 2 / 7, torch.zeros_like(image[..., :1])),
        ("padding=border", 2 / 7, image[..., -1:]),
        ("padding=reflection align_corners=yes", 2 / 6, image[..., -2:-1]),
    ):
        found = transformed(how, image, 1, 0, step, 0, 1, 0)
        assert torch.allclose(found, torch.cat([inner, last], dim=3), atol=1e-5), how


def test_another_size_is_sampled_evenly(image: Tensor) -> None:
    found = transformed("10x14 padding=border", image, 1, 0, 0, 0, 1, 0)
    assert torch.allclose(found, F.interpolate(image, size=(10, 14), mode="bilinear"), atol=1e-5)


class Tutorial(nn.Module):
    """The network of PyTorch's tutorial on spatial transformer networks."""

    def __init__(self) -> None:
        super().__init__()
        self.localization = nn.Sequential(
            nn.Conv2d(1, 8, kernel_size=7), nn.MaxPool2d(2, stride=2), nn.ReLU(),
            nn.Conv2d(8, 10, kernel_size=5), nn.MaxPool2d(2, stride=2), nn.ReLU(),
        )  # fmt: skip
        self.fc_loc = nn.Sequential(nn.Linear(90, 32), nn.ReLU(), nn.Linear(32, 6))
        nn.init.zeros_(self.fc_loc[2].weight)
        self.fc_loc[2].bias.data = torch.tensor([1.0, 0, 0, 0, 1, 0])
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x: Tensor) -> Tensor:
        theta = self.fc_loc(self.localization(x).view(-1, 90)).view(-1, 2, 3)
        x = F.grid_sample(x, F.affine_grid(theta, list(x.size()), align_corners=False), align_corners=False)
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = F.relu(self.fc1(x.view(-1, 320)))
        return F.log_softmax(self.fc2(x), dim=1)


def test_the_example_is_the_network_of_the_tutorial() -> None:
    model = netspec.load(ROOT / "examples" / "spatial_transformer.net")
    mine, theirs = model.to_torch(seed=0).eval(), Tutorial().eval()
    start = [model.to_torch(seed=0).state_dict()[f"theta.fc2.{name}"] for name in ("weight", "bias")]
    assert all(map(torch.equal, start, theirs.fc_loc[2].parameters()))
    with torch.no_grad():
        for name, parameter in theirs.fc_loc.named_parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(name)))
    mine.load_state_dict(dict(zip(mine.state_dict(), theirs.state_dict().values(), strict=True)))
    x = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.allclose(mine(x), theirs(x), atol=1e-5)


@pytest.mark.parametrize("opset", [16, 19, 20, 22])
def test_every_opset_that_has_it(opset: int) -> None:
    for how in ("padding=border", "9x2 mode=nearest align_corners=yes", "windows"):
        text = TEXT.format(how=how)
        if how == "windows":
            text = "input 2x8x12\nwindows 4x6 { theta: { flatten -> FC-6 }; from in; transform by=theta }"
        model = netspec.loads(text)
        assert largest_difference(model, state=random_state(model), opset=opset) <= 1e-4, text


def test_an_opset_without_it_is_named() -> None:
    with pytest.raises(netspec.SpecError, match="transform1 cannot be written at opset 15") as error:
        netspec.loads(TEXT.format(how="")).to_onnx(opset=15)
    assert "opset 16 or a later one" in str(error.value)


def test_a_stated_size_takes_images_of_any_size() -> None:
    text = "input 2x{}x{}\ntheta: {{ gap -> FC-6 }}\nfrom in\ntransform {} by=theta\nconv3-4"
    with pytest.raises(netspec.SpecError, match="give it the size of its result"):
        netspec.loads(text.format(5, 7, "")).to_onnx(dynamic=("batch", "height", "width"))
    model = netspec.loads(text.format(5, 7, "6x4"))
    module = model.to_torch(seed=0).eval()
    proto = model.to_onnx(weights=module.state_dict(), dynamic=("batch", "height", "width"))
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for height, width in ((5, 7), (12, 9)):
        x = torch.randn(2, 2, height, width, generator=torch.Generator().manual_seed(height))
        with torch.no_grad():
            np.testing.assert_allclose(session.run(None, {"input": x.numpy()})[0], module(x).numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("layers", "code", "message"),
    [
        ("transform", "NS206", "missing the label of what gives its map"),
        ("transform by=tehta", "NS208", "there is no label `tehta` here"),
        ("transform by=wide", "NS307", "an affine map is a vector of 6 numbers, `wide` is a vector of 9"),
        ("mean width -> tokens -> transform by=theta", "NS307", "transform is for images"),
        ("flatten -> transform by=theta", "NS303", "transform needs an image"),
        ("transform 1000000x1000000 by=theta", "NS005", "too large"),
    ],
)
def test_what_does_not_fit(layers: str, code: str, message: str) -> None:
    text = f"input image 3x16x16\ntheta: FC-6\nfrom image\nwide: FC-9\nfrom image\n{layers}"
    (found,) = (d for d in netspec.check(text).diagnostics if d.is_error)
    assert found.code == code
    assert message in found.message
