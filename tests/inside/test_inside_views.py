"""`model.inside`: what the views say of a network, against the same computed by hand on the compiled module."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import netspec
from netspec.inside.canvas import Canvas
from netspec.inside.kernels import smoothness
from netspec.inside.look import Inside
from netspec.inside.pixels import image_pixels, png

pytestmark = pytest.mark.slow

SPEC = "input 3x12x12; conv3-6 pad=1; relu; maxpool2; conv3-8 pad=1; relu; FC-4; softmax"


@pytest.fixture(scope="module")
def look() -> Inside:
    return netspec.loads(SPEC).inside(seed=3, classes=("cat", "car", "frog", "ship"))


@pytest.fixture(scope="module")
def image() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).random((1, 3, 12, 12), dtype=np.float32)


def by_hand(
    image: np.ndarray[Any, Any], *, guided: bool = False
) -> tuple[torch.Tensor, list[torch.Tensor], torch.Tensor]:
    """The input, what each layer gives, and the scores before the softmax, with the layers of the compiled module."""
    module = netspec.loads(SPEC).to_torch(seed=3).eval()
    x = torch.from_numpy(image.copy()).requires_grad_()
    given, value = [], x
    for name, layer in module.named_children():
        if name == "softmax1":
            break
        value = layer(value.clone())  # relu writes over its input
        value.retain_grad()
        if guided and name.startswith("relu"):
            value.register_hook(lambda gradient: gradient.clamp(min=0))
        given.append(value)
    return x, given, value


def test_smoothness_tells_noise_from_edges() -> None:
    noise = np.random.default_rng(1).standard_normal((64, 7, 7))
    y, x = np.mgrid[-3:4, -3:4]
    gabor = np.stack(
        [np.exp(-(x**2 + y**2) / 8) * np.cos(0.7 * (x * np.cos(a) + y * np.sin(a))) for a in np.linspace(0, 3, 16)]
    )
    assert abs(smoothness(noise)[0]) < 0.1 < 0.7 < smoothness(gabor)[0]
    assert smoothness(np.ones((2, 3, 3))) == (1.0, 24)
    checkers = np.indices((4, 4)).sum(0) % 2 * 2.0 - 1
    assert smoothness(checkers[None])[0] == -1


def test_filters_are_the_weights(look: Inside) -> None:
    view = look.filters()
    weight = netspec.loads(SPEC).to_torch(seed=3).get_parameter("conv1.weight").detach().numpy()
    np.testing.assert_array_equal(view.arrays["conv1.weight"], weight)
    assert (view.data["verdict"], view.data["size"]) == ("noisy", [3, 3])
    assert "untrained" in view.text
    deeper = look.filters("conv2")
    assert deeper.arrays["conv2.weight"].shape == (8, 6, 3, 3)
    assert len([item for item in deeper.drawn().items if type(item).__name__ == "Raster"]) == 8 * 6


def test_smooth_kernels_are_called_clean() -> None:
    y, x = np.mgrid[-3:4, -3:4]
    kernels = np.stack([np.exp(-(x**2 + y**2) / 6.0) * sign for sign in (1, -1)])[:, None].astype(np.float32)
    view = netspec.loads("input 1x9x9; conv7-2 bias=no").inside({"conv1.weight": kernels}).filters()
    assert view.data["verdict"] == "clean"


def test_the_weights_of_a_linear_classifier_are_templates() -> None:
    view = netspec.loads("input 3x4x5; flatten; FC-10").inside().filters()
    assert view.arrays["fc1.weight"].shape == (10, 3, 4, 5)


def test_activations_are_those_of_the_module(look: Inside, image: np.ndarray[Any, Any], tmp_path: Path) -> None:
    _, given, _ = by_hand(image)
    view = look.activations(image)
    for name, wanted in zip(("conv1", "relu1", "maxpool1", "conv2", "relu2"), given, strict=False):
        np.testing.assert_allclose(view.arrays[name], wanted.detach().numpy(), rtol=1e-5, atol=1e-6)
    one = look.activations(image, "conv2")
    one.save(tmp_path / "maps.npy")
    assert np.load(tmp_path / "maps.npy").shape == (1, 8, 6, 6)


@pytest.mark.parametrize("guided", [False, True])
def test_saliency_is_the_gradient_of_the_score(look: Inside, image: np.ndarray[Any, Any], guided: bool) -> None:
    x, _, scores = by_hand(image, guided=guided)
    scores[0, 2].backward()
    view = look.saliency(image, "frog", guided=guided)
    assert x.grad is not None
    np.testing.assert_allclose(view.arrays["gradient"], x.grad[0].numpy(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(view.arrays["saliency"], x.grad[0].abs().amax(0).numpy(), rtol=1e-4, atol=1e-6)
    assert view.data["score"] == pytest.approx(float(scores[0, 2].detach()), rel=1e-4)
    assert view.data["predicted"] == ("cat", "car", "frog", "ship")[int(scores[0].argmax())]


def test_gradcam_is_that_of_the_paper(look: Inside, image: np.ndarray[Any, Any]) -> None:
    _, given, scores = by_hand(image)
    scores[0, 1].backward()
    maps = given[4]
    assert maps.grad is not None
    alpha = maps.grad[0].mean((1, 2))
    wanted = sum(a * m for a, m in zip(alpha, maps.detach()[0], strict=True)).clamp(min=0)
    view = look.gradcam(image, 1)
    assert view.data["layer"] == "relu2"
    np.testing.assert_allclose(view.arrays["cam"], wanted.numpy(), rtol=1e-4, atol=1e-6)
    large = F.interpolate(wanted[None, None], size=(12, 12), mode="bilinear", align_corners=False)[0, 0]
    np.testing.assert_allclose(view.arrays["gradcam"], large.numpy(), rtol=1e-4, atol=1e-6)


def test_occlusion_covers_squares(look: Inside, image: np.ndarray[Any, Any]) -> None:
    before = by_hand(image)[2][0, 0]
    color = image.mean((2, 3), keepdims=True)
    total, counted = np.zeros((12, 12)), np.zeros((12, 12))
    for y in (0, 3, 6, 7):  # the last square ends at the edge
        for x in (0, 3, 6, 7):
            covered = image.copy()
            covered[:, :, y : y + 5, x : x + 5] = color
            total[y : y + 5, x : x + 5] += float((before - by_hand(covered)[2][0, 0]).detach())
            counted[y : y + 5, x : x + 5] += 1
    view = look.occlusion(image, "cat", patch=5, stride=3)
    np.testing.assert_allclose(view.arrays["fall"], total / counted, rtol=1e-3, atol=1e-5)


def test_the_receptive_field_holds_every_gradient(look: Inside, image: np.ndarray[Any, Any]) -> None:
    """conv2 at row 2, column 3 sees 3x3 pools, so 6x6 positions of conv1 and 8x8 of the input: rows 1 to 8, columns 3 to 10."""
    view = look.receptive("conv2[1, 2, 3]", image)
    assert view.data["theoretical"] == [[1, 8], [3, 10]]
    (top, bottom), (left, right) = view.data["theoretical"]
    outside = view.arrays["effective"].copy()
    outside[top : bottom + 1, left : right + 1] = 0
    assert not outside.any()
    several = look.receptive("conv2[1, 2, 3]").data  # random inputs: every relu and pool lets something through
    assert several["gradient_extent"] == [[1, 8], [3, 10]]
    assert 0 < several["effective_positions"] <= 64


def test_regions_of_stated_weights() -> None:
    """x + y > 1, by its weights."""
    look = netspec.loads("input 2; FC-1; sigmoid").inside(
        {"fc1.weight": np.array([[4.0, 4.0]], np.float32), "fc1.bias": np.array([-4.0], np.float32)}
    )
    points = np.array([[0, 0], [0, 1], [1, 0], [2, 2]])
    view = look.boundary(points, [0, 0, 1, 1])
    x, y = np.meshgrid(view.arrays["x"], view.arrays["y"])
    sure = abs(x + y - 1) > 1e-6
    np.testing.assert_array_equal(view.arrays["classes"][sure], (x + y > 1)[sure])
    assert view.data["correct"] == 3  # the net says 0.5 of the two in the middle: class 0, right for one of them
    assert list(view.data["extent"]) == pytest.approx([-0.3, 2.3, -0.3, 2.3])


def test_errors_name_what_is_near(look: Inside, image: np.ndarray[Any, Any]) -> None:
    for call, message, help_ in (
        (lambda: look.activations(image, "conv3"), "there is no layer `conv3`", "conv"),
        (lambda: look.saliency(image, "shi"), "there is no class `shi`", "did you mean `ship`?"),
        (lambda: look.gradcam(image, layer="fc1"), "Grad-CAM needs feature maps", "`relu2`"),
        (lambda: look.filters("relu1"), "no kernels", ""),
        (lambda: look.receptive("conv2[9]"), "has no unit", "from 0"),
        (lambda: look.boundary(), "two inputs", ""),
        (lambda: look.saliency("nowhere.png"), "no such file", ""),
    ):  # fmt: skip
        with pytest.raises(netspec.SpecError) as error:
            call()
        assert message in error.value.diagnostics[0].message
        assert help_ in " ".join(error.value.diagnostics[0].helps)


def test_a_picture_is_written_in_every_format(look: Inside, image: np.ndarray[Any, Any], tmp_path: Path) -> None:
    view = look.gradcam(image)
    for form in ("svg", "png", "pdf", "npz", "json"):
        view.save(tmp_path / f"x.{form}")
    assert (tmp_path / "x.svg").read_text().count("<image ") == 3
    assert json.loads((tmp_path / "x.json").read_text())["index"] == view.data["index"]
    with pytest.raises(netspec.SpecError, match=r"\.tex"):
        view.save(tmp_path / "x.tex")


def test_pixels_survive_as_png() -> None:
    from io import BytesIO

    from PIL import Image

    pixels = np.random.default_rng(2).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(png(pixels)))), pixels)


def test_the_image_that_maximizes_a_class_beats_every_other(look: Inside) -> None:
    others = np.random.default_rng(5).random((64, 3, 12, 12), dtype=np.float32)
    view = look.maximize("car", steps=80)
    scores = by_hand(np.concatenate([view.arrays["image"], others]))[2][:, 1].detach()
    assert scores[0] > scores[1:].max()
    assert view.data["score"] == pytest.approx(float(scores[0]), rel=1e-4)
    assert 0 <= view.arrays["image"].min() <= view.arrays["image"].max() <= 1
    np.testing.assert_array_equal(look.maximize("car", steps=80).arrays["image"], view.arrays["image"])
    unit = look.maximize("conv2[3]", steps=20).data
    assert unit["score"] > unit["before"]


def test_decorrelated_colors_vary_as_in_photographs() -> None:
    """Independent values of a canvas give colors that are correlated: the covariance is that of the matrix."""
    canvas = Canvas(netspec.loads("input 3x64x64; conv3-2").inputs["input"], torch.Generator().manual_seed(1))
    pixels = canvas.pixels().detach()[0].logit().reshape(3, -1)
    red_green, red_blue = torch.corrcoef(pixels)[0, 1:].tolist()
    assert red_green > 0.8 > 0.5 < red_blue
    gray = Canvas(netspec.loads("input 1x64x64; conv3-2").inputs["input"], torch.Generator().manual_seed(1))
    spectrum = torch.fft.rfft2(gray.pixels().detach()[0, 0].logit()).abs()
    assert spectrum[1, 1:4].mean() > 5 * spectrum[1, 20:30].mean()  # natural images have little at high frequencies
    before = spectrum[20:40, 20:].mean()
    gray.smooth()
    after = torch.fft.rfft2(gray.pixels().detach()[0, 0].logit()).abs()
    assert after[20:40, 20:].mean() < 0.9 * before


def test_a_dream_makes_a_layer_stronger(look: Inside, image: np.ndarray[Any, Any]) -> None:
    def norm(batch: np.ndarray[Any, Any]) -> float:
        return float(by_hand(batch)[1][3].detach().norm())  # conv2

    view = look.dream(image, "conv2", steps=6)
    assert view.data["sizes"] == [[4, 4], [6, 6], [9, 9], [12, 12]]
    assert view.data["before"] == pytest.approx(norm(image), rel=1e-4)
    assert norm(view.arrays["image"]) == pytest.approx(view.data["norm"], rel=1e-4)
    assert view.data["norm"] > 1.1 * view.data["before"]
    np.testing.assert_array_equal(look.dream(image, "conv2", steps=6).arrays["image"], view.arrays["image"])
    assert look.dream(image, "fc1[2]").data["sizes"] == [[12, 12]]  # a fully connected layer takes one size
    channel = look.dream(image, "conv2[1]", octaves=1, steps=3).data
    assert channel["norm"] > channel["before"]


def test_what_a_view_says_fits_the_network() -> None:
    """An output that is a value is no class; Grad-CAM looks before the scores of pixels; a signal has positions."""
    image = np.random.default_rng(0).random((1, 1, 8, 8), dtype=np.float32)
    pixels = netspec.loads("input 1x8x8; conv3-4 pad=1; relu; conv1-3; softmax").inside(seed=1)
    assert pixels.gradcam(image, 1).data["layer"] == "relu1"
    values = netspec.loads("input 1x8x8; gap; FC-2; train { loss mse }").inside(seed=1)
    assert values.saliency(image).text.startswith("saliency of output ")
    assert "predicted" not in values.saliency(image).text
    with pytest.raises(netspec.SpecError, match="there is no output `7`"):
        values.saliency(image, 7)
    two = netspec.loads("input 1x8x8; conv3-2; output maps; gap; FC-2; output scores").inside(seed=1)
    assert two.maximize("conv1[1]", steps=1).data["target"].startswith("conv1, channel 1")
    with pytest.raises(netspec.SpecError, match="a single output, and there are maps, scores"):
        two.maximize(1)
    volume = netspec.loads("input 1x4x8x8; conv3-2; gap; FC-2").inside(seed=1)
    assert "strongest at depth " in volume.saliency(np.tile(image[:, :, None], (1, 1, 4, 1, 1))).text
    tokens = netspec.loads("input 8x8 sequence; lstm-4; take -1; FC-1; sigmoid").inside(seed=1).saliency(image[0])
    assert tokens.text.startswith("saliency of output 0 ")
    assert "strongest at token " in tokens.text
    signal = netspec.loads("input 2x16; conv3-4; relu; gap; FC-2").inside(seed=1)
    assert "strongest at channel " in signal.saliency(image.reshape(1, 2, -1)[..., :16]).text
    assert signal.receptive("conv1[2]").text.startswith("conv1, channel 2, position 7\n")
    bands = [
        item
        for item in signal.activations(image.reshape(1, 2, -1)[..., :16]).drawn().items
        if type(item).__name__ == "Raster"
    ]
    assert len(bands) == 1 + 4 + 4 + 1, "the channels of a single position are one strip"


def test_a_short_vector_is_a_row() -> None:
    assert image_pixels(np.arange(16.0)).shape == (1, 16, 3)
    assert image_pixels(np.arange(64.0)).shape == (8, 8, 3)
