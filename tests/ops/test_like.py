"""Layers that take the size of another tensor: `resize like=x` and `crop like=x` fit whatever size comes in."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from agreement import largest_difference, random_state

import netspec
from netspec.analysis.fields import fields

HEAD = "input image 3x{size}\nconv3-8/2 pad=1 -> relu\ndeep: conv3-8/2 pad=1\n{layer}\nconv1-2"
LAYERS = [
    "resize like=image",
    "resize like=image mode=bilinear",
    "resize like=image mode=bilinear align_corners=yes",
    "from image -> crop like=deep",
    "from image -> crop like=deep offset=(2, 1)",
]


@pytest.mark.parametrize("layer", LAYERS)
def test_one_module_and_one_onnx_model_for_all_sizes(layer: str) -> None:
    """Built with open sizes, against the network that is built for the size that comes in."""
    spec = netspec.loads(HEAD.format(size="HxW", layer=layer))
    module = spec.to_torch(seed=0).eval()
    proto = spec.to_onnx(weights=module.state_dict(), dynamic={"batch", "height", "width"})
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for height, width in ((32, 48), (33, 45), (19, 8)):
        fixed = netspec.loads(HEAD.format(size=f"{height}x{width}", layer=layer)).to_torch(seed=0).eval()
        fixed.load_state_dict(module.state_dict())
        x = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            mine, theirs = module(x), fixed(x)
        (found,) = session.run(None, {"image": x.numpy()})
        assert torch.equal(mine, theirs)
        np.testing.assert_allclose(found, theirs.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("text", ["input 8x33\n", "input 8x12x14\n", "input 4x7x6x9\n", "input 9x8 sequence\n"])
@pytest.mark.parametrize("layer", ["resize like=a", "resize like=a mode=bilinear", "pad 2 -> crop like=a"])
def test_every_kind_of_tensor(text: str, layer: str) -> None:
    model = netspec.loads(
        f"{text}a: conv3-5 pad=1\nmaxpool\n{layer}" if "resize" in layer else f"{text}a: conv3-5\n{layer}"
    )
    assert largest_difference(model, state=random_state(model)) <= 1e-5
    assert next(iter(model.outputs.values())).spatial == model.graph.nodes[1].type.spatial


def test_the_form_of_the_size_is_that_of_the_other_tensor() -> None:
    model = netspec.loads("input x 3xHxW\nconv3-8/4\nresize like=x mode=bilinear")
    assert str(model.graph.shown(len(model.graph.nodes) - 1)) == "8xHxW"


def test_a_label_may_come_from_a_loop() -> None:
    text = (
        "input 3x64x64\na: conv3-8/2 pad=1\nb: conv3-8/2 pad=1\nc: conv3-8/2 pad=1\n"
        "for skip in [b, a] { add [ resize like=skip; from skip ] }"
    )
    assert netspec.loads(text).outputs["output"].shape == (8, 32, 32)


def test_only_the_size_of_the_other_tensor_counts_for_the_field() -> None:
    model = netspec.loads("input x 3x64x64\nwide: conv9-4 pad=4 x4\nfrom x\nconv3-4/2 pad=1\nresize like=wide")
    field = fields(model.graph)[-1]
    assert field is not None
    assert [axis.size for axis in field] == [3, 3]


@pytest.mark.parametrize(
    ("layer", "code", "message"),
    [
        ("resize like=imag", "NS208", "there is no label `imag` here"),
        ("resize", "NS206", "`resize` is missing its size"),
        ("crop", "NS206", "`crop` is missing its size"),
        ("resize 8x8 like=image", "NS207", "`resize` has a size, and `like=image` gives it another"),
        ("crop like=big", "NS307", "16x16 cannot be cropped to 32x32"),
        ("gap -> flatten -> resize like=image", "NS303", "resize needs an image or a signal"),
        ("mean width -> tokens -> resize like=image", "NS307", "cannot have the sizes of an image of 3x16x16"),
        ("resize like=image align_corners=yes", "NS207", "align_corners is for mode=bilinear"),
    ],
)
def test_what_does_not_fit(layer: str, code: str, message: str) -> None:
    text = f"input image 3x16x16\nbig: upsample 2\nfrom image\n{layer}"
    (found,) = (d for d in netspec.check(text).diagnostics if d.is_error)
    assert found.code == code
    assert message in found.message


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("roll 20", "a shift by 20 along a height of 12"),
        ("roll (1, 2, 3)", "3 shifts for 2 axes: height, width"),
        ("pixel_unshuffle 5", "a height of 12 cannot be divided into blocks of 5"),
        ("slice(14, axis=width)", "the range 14 to the end is not within a width of 14"),
        ("slice(0, 9)", "the range 0 to 9 is not within 8 channels"),
        ("pad 13 mode=circular", "the padding of mode=circular must be at most as large as the input, 12x14"),
        ("pad 12 mode=reflect", "the padding of mode=reflect must be smaller than the input, 12x14"),
    ],
)
def test_messages_have_the_sizes(layer: str, message: str) -> None:
    (found,) = (d for d in netspec.check(f"input 8x12x14\n{layer}").diagnostics if d.is_error)
    assert message in found.message
