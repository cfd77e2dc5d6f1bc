"""ONNX with open height and width: one model, against PyTorch's module for each of several sizes."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from conftest import ROOT

import netspec
from netspec.backends.onnx import ExportOptions, build

SIZES = ((16, 16), (17, 22), (23, 19), (30, 41))
ANY_SIZE = (
    "conv3-8/2 pad=same_upper; conv2-8 pad=same_lower; conv1-8/2 pad=same_upper; conv4-4/3 pad=same_lower; avgpool1/2 pad=same_lower",
    "maxpool3/2 round=ceil; maxpool3/2 pad=1 round=ceil; maxpool2 round=ceil",
    "maxpool3/2 pad=same_upper; lppool3/2 pad=same_upper; avgpool2/2 pad=same_upper count_pad=no",
    "avgpool3/2 pad=same_lower; avgpool3/2 round=ceil",
    "avgpool3/2 pad=1 round=ceil; avgpool3/2 pad=1 round=ceil count_pad=no",
    "channel_shuffle 2; gn 2; conv3-8; crop 1; gn 4; channel_shuffle 4; gn 8",
    "convT3-4/2 pad=same_upper; convT4-4/3 pad=same_lower; gn 4",
    "conv3-4; aux weight=0.3 { FC-3 }; relu",
)


@pytest.mark.parametrize("layers", ANY_SIZE)
def test_one_model_is_that_of_every_size(layers: str) -> None:
    state, session = None, None
    for height, width in SIZES:
        model = netspec.loads(f"input 8x{height}x{width}; {layers}")
        module = model.to_torch(seed=0).eval()
        state = state or module.state_dict()
        if session is None:
            proto = model.to_onnx(weights=state, dynamic=("batch", "height", "width"))
            assert proto is not None
            session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
        aux = {name: value for name, value in module.state_dict().items() if name.startswith("aux")}
        module.load_state_dict({**state, **aux})
        x = torch.randn(2, 8, height, width, generator=torch.Generator().manual_seed(height))
        with torch.no_grad():
            np.testing.assert_allclose(session.run(None, {"input": x.numpy()})[0], module(x).numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        ("conv3-8/2 pad=same_upper dilation=2", "`pad=same_upper` depends on the size"),
        ("conv2-8/3 pad=same_upper", "`pad=same_upper` depends on the size"),
        ("maxpool2/2 pad=1 round=ceil", "`round=ceil` depends on the size"),
        ("crop 8x8", "it reads an image of 8x16x16"),
    ],
)
def test_what_no_attribute_says_is_an_error(layers: str, why: str) -> None:
    model = netspec.loads(f"input 8x16x16; {layers}")
    with pytest.raises(netspec.SpecError) as error:
        model.to_onnx(dynamic=("batch", "height", "width"))
    assert why in str(error.value)


@pytest.mark.parametrize(
    "name", ["fcn8s", "unet", "nfnet_f0", "squeezenet1_1", "network_in_network", "bifpn_efficientnet_b0"]
)
def test_fully_convolutional_examples_have_a_model_of_every_size(name: str) -> None:
    model = netspec.load(ROOT / "examples" / f"{name}.net")
    built = build(model.graph, ExportOptions(dynamic=frozenset({"batch", "height", "width"})))
    (image,) = built.proto.graph.input
    assert [d.dim_param for d in image.type.tensor_type.shape.dim] == ["batch", "", "height", "width"]
