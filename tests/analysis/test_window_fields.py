"""Receptive fields of windows against gradients: what each output position really depends on."""

from __future__ import annotations

import pytest
import torch

import netspec
from netspec.analysis.fields import fields

TRIED = (
    "windows 4x4 { attention heads=2 }",
    "conv3-4 pad=1; windows 4x4 { attention heads=2 }; conv3-4 pad=1",
    "windows 4x4 shift=2 { attention heads=2 }",
    "conv2-4/2; windows 3x3 shift=1 { attention heads=2 }",
    "windows 4x4 { conv3-4 pad=1 -> conv3-4 pad=1 }",
    "windows 4x4 { flatten -> FC-5 }; conv2-6",
    "windows 4x4 { avgpool -> conv1-3 }",
    "windows 8 stride=4 pad=2 { attend heads=1 [ crop 2; identity; identity ] }",
    "windows 3 stride=2 pad=1 fold=yes { conv1-6 }",
    "windows 4 stride=4 pad=2 fold=yes { attention heads=2 }",
    "windows 5 stride=3 pad=1 fold=yes { conv3-6 pad=1 }",
    "windows 4x4 grid=yes { conv1-6 }",
    "windows 6x6 { windows 3x3 { attention heads=2 } -> conv3-4 pad=1 }",
    "each height { conv3-6 pad=1 }",
    "each width { conv3-6 }; conv3-4 pad=1",
)


@pytest.mark.parametrize("text", TRIED)
def test_a_position_depends_on_what_the_gradient_says(text: str) -> None:
    model = netspec.loads(f"input 4x12x12; {text}")
    torch.manual_seed(0)
    module = model.to_torch(seed=0).double().eval()
    x = torch.randn(1, 4, 12, 12, dtype=torch.float64, requires_grad=True)
    y = module(x).abs().sum(1)[0]
    field = fields(model.graph)[-1]
    assert field is not None
    largest = [0, 0]
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            (gradient,) = torch.autograd.grad(y[i, j], x, retain_graph=True)
            seen = gradient[0].abs().sum(0).nonzero()
            for axis, position in enumerate((i, j)):
                first, last = field[axis].sees(position)
                assert (max(first, 0), min(last, 11)) == (seen[:, axis].min(), seen[:, axis].max()), (axis, position)
                largest[axis] = max(largest[axis], last - first + 1)
    assert tuple(min(size, 12) for size in largest) == model.figure("receptive_field")


def test_inside_of_a_window_a_layer_sees_the_first_window() -> None:
    model = netspec.loads(
        "input 4x12x12; conv3-4 pad=1; windows 4x4 { a: conv3-4 pad=1; b: conv3-4 pad=1; c: attention heads=1 }"
    )
    found = {layer.name: layer.figure("receptive_field") for layer in model.layers if layer.name in "abc"}
    assert found == {"a": (5, 5), "b": (6, 6), "c": (6, 6)}


def test_windows_spread_over_the_input_see_all_of_it() -> None:
    model = netspec.loads("input 4x12x12; windows 4x4 grid=yes { attention heads=2 }")
    assert model.figure("receptive_field") == (12, 12)
