"""windows and each: against PyTorch's own functions, in PyTorch and ONNX Runtime; what they count; mistakes."""

from __future__ import annotations

import pytest
import torch
from agreement import assert_agreement, largest_difference
from saved_tensors import kept_for_backward
from torch.nn import functional as F

import netspec
from netspec.analysis.conditions import Conditions

IMAGE = "input 8x12x14; scale"
TRIED = [
    f"{IMAGE}; windows 5x4 shift=2 {{ conv3-8 pad=1 -> ln }}",
    f"{IMAGE}; windows 6x7 {{ conv3-8 pad=1; bn; relu }}",
    f"{IMAGE}; windows 4x4 grid=yes {{ conv3-8 pad=1 -> ln }}",
    f"{IMAGE}; windows 6 stride=2 pad=2 {{ crop 2 -> conv1-5 }}",
    f"{IMAGE}; windows 3 stride=2 pad=1 fold=yes {{ conv3-5 pad=1 }}",
    f"{IMAGE}; windows 5x4 stride=(2, 4) pad=(2, 1) fold=yes {{ mul [ identity; mean spatial ] }}",
    "input 12x16 sequence; scale; windows 5 stride=3 pad=1 fold=yes { linear-6 }",
    f"{IMAGE}; windows 4x7 {{ flatten -> FC-6 }}; conv1-4",
    f"{IMAGE}; windows 6x7 {{ mul [ identity; tensor 8x6x7 ] -> dropout 0.1 }}",
    f"{IMAGE}; windows 6x14 {{ windows 3x7 shift=1 {{ conv3-8 pad=1 }} -> conv3-8 pad=1 }}",
    f"{IMAGE}; windows 12x14 {{ conv3-8 pad=1 }}",
    "input 8x20; scale; windows 6 shift=2 { conv3-5 pad=1 }",
    "input 8x8x6x6; scale; windows 4x3x3 shift=(2, 1, 0) { conv3-5 pad=1 }",
    "input 12x16 sequence; scale; windows 4 { ln -> windows 2 { linear-16 } -> attention heads=4 }",
    "input 12x16 sequence; scale; windows 4 { lstm-6 }",
    "input 8x8x6x6; scale; each depth { conv3-6 -> gap -> FC-4 }; tokens; lstm-5",
    f"{IMAGE}; each width {{ conv3-6 -> each length {{ FC-2 }} }}",
]


@pytest.mark.parametrize("text", TRIED)
def test_they_agree_with_pytorch_and_onnx_runtime(text: str) -> None:
    model = netspec.loads(text)
    assert_agreement(model)
    assert largest_difference(model, batch=3) <= 1e-4
    kept = model.figure("activation_memory", Conditions(batch=2))
    assert kept == kept_for_backward(model, 2)


@pytest.mark.parametrize("opset", [13, 15, 18, 22])
def test_every_opset(opset: int) -> None:
    for text in (TRIED[0], TRIED[3], TRIED[4], TRIED[11]):
        assert largest_difference(netspec.loads(text), opset=opset) <= 1e-4


def run(text: str, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return netspec.loads(text).to_torch(seed=0).eval()(x)


def test_a_window_is_a_patch_as_unfold_cuts_it() -> None:
    x = torch.randn(2, 3, 8, 12)
    y = run("input 3x8x12; windows 4x3 { mean (height, width) }", x)
    expected = F.avg_pool2d(x, (4, 3))
    assert torch.allclose(y, expected, atol=1e-6)


@pytest.mark.parametrize(("size", "stride", "pad"), [(3, 2, 1), (3, 1, 1), (4, 2, 0), (5, 3, 2)])
def test_what_is_added_up_is_what_fold_adds(size: int, stride: int, pad: int) -> None:
    """Also where zeros at the end are left over, as those of VOLO's 28 positions are."""
    x = torch.randn(2, 3, 8, 12)
    y = run(f"input 3x8x12; windows {size} stride={stride} pad={pad} fold=yes {{ square }}", x)
    expected = F.fold(F.unfold(x, size, 1, pad, stride).square(), (8, 12), size, 1, pad, stride)
    assert torch.allclose(y, expected, atol=1e-5)


def test_what_changes_no_window_changes_nothing() -> None:
    x = torch.randn(2, 3, 7, 9)
    for options in ("4x4", "4x4 shift=2", "3x5 shift=(0, 4)", "4x4 grid=yes", "7x9", "16x16"):
        assert torch.equal(run(f"input 3x7x9; windows {options} {{ identity }}", x), x), options


def test_a_grid_takes_every_nth_position() -> None:
    x = torch.randn(1, 1, 6, 6)
    y = run("input 1x6x6; windows 2x2 grid=yes { mean spatial }", x)
    expected = torch.stack([torch.stack([x[0, 0, i::3, j::3].mean() for j in range(3)]) for i in range(3)])
    assert torch.allclose(y[0, 0], expected, atol=1e-6)


def test_a_shift_rolls_there_and_back() -> None:
    """As torchvision does: the roll, the windows, and the roll back."""
    x = torch.randn(1, 2, 8, 8)
    y = run("input 2x8x8; windows 4x4 shift=(1, 3) { sub [ identity; mean spatial ] }", x)
    rolled = x.roll((-1, -3), (2, 3))
    expected = (rolled - F.interpolate(F.avg_pool2d(rolled, 4), scale_factor=4)).roll((1, 3), (2, 3))
    assert torch.allclose(y, expected, atol=1e-6)


def test_each_runs_on_every_slice() -> None:
    x = torch.randn(2, 3, 5, 6)
    model = netspec.loads("input 3x5x6; each height { conv3-4 pad=1 }")
    module = model.to_torch(seed=0).eval()
    conv = module.conv1
    assert torch.allclose(module(x), torch.stack([conv(row) for row in x.unbind(2)], 2), atol=1e-6)


def test_figures_count_every_window() -> None:
    model = netspec.loads("input 8x12x14; windows 5x7 { a: conv3-6 pad=1; b: FC-10 }")
    cut, conv, _, dense, merged = model.layers
    assert (cut.output, conv.output, merged.output) == ((8, 5, 7), (6, 5, 7), (10, 3, 2))
    assert conv.params == 6 * 8 * 9 + 6
    assert conv.macs == 3 * 2 * (5 * 7 * 6 * 8 * 9)
    assert dense.figure("neurons") == 3 * 2 * 10
    assert dense.figure("connections") == 3 * 2 * (6 * 5 * 7 * 10 + 10)
    assert cut.figure("activations") == 8 * 15 * 14
    assert model.figure("activations") == 8 * 12 * 14 + 8 * 15 * 14 + 2 * 6 * 15 * 14 + 60 + 60


def test_open_sizes() -> None:
    model = netspec.loads("input 8xHxW; windows 7x7 shift=3 { attention heads=2 positions=relative }; gap; FC-3")
    assert str(model.graph.forms.nodes[3].type) == "8xHxW"
    assert (
        netspec.loads(model.graph.source.text, {"H": 56, "W": 63}).macs
        == 72 * netspec.loads("input 8x7x7; attention heads=2").macs + 24
    )


MISTAKES = [
    ("input 10; windows 4 { FC-3 }", "NS303", "needs a feature map or a sequence"),
    (f"{IMAGE}; windows 4x4x4 {{ conv1-3 }}", "NS307", "3 sizes for 2 spatial axes"),
    (f"{IMAGE}; windows 4x4 shift=4 {{ conv1-3 }}", "NS205", "a shift of 4 is too large: windows have a height of 4"),
    (f"{IMAGE}; windows 4x4 stride=3 {{ conv1-3 }}", "NS307", "windows of 4 every 3 do not cover a height of 12"),
    (f"{IMAGE}; windows 3x3 fold=yes {{ conv1-3 }}", "NS207", "fold adds up windows that overlap"),
    (f"{IMAGE}; windows 4x4 stride=2 fold=yes {{ conv2-3 }}", "NS307", "must keep their size, 4x4"),
    (f"{IMAGE}; windows 4x4 stride=2 shift=1 {{ conv1-3 }}", "NS207", "have no shift"),
    (f"{IMAGE}; windows 4x4 grid=yes shift=1 {{ conv1-3 }}", "NS207", "windows of a grid have no shift"),
    (f"{IMAGE}; windows 4x7 {{ tokens }}", "NS303", "cannot be put together"),
    (f"{IMAGE}; windows 4x7 shift=1 {{ maxpool }}", "NS307", "must keep their size, 4x7"),
    (f"{IMAGE}; windows {{ conv1-3 }}", "NS101", ""),
    (f"{IMAGE}; windows 4 size=3 {{ conv1-3 }}", "NS203", "given twice"),
    (f"{IMAGE}; windows 4 step=3 {{ conv1-3 }}", "NS202", "no option `step`"),
    (f"{IMAGE}; stem: conv1-8; windows 4x7 {{ add [ identity; from stem ] }}", "NS306", "of a window and not"),
    (f"{IMAGE}; each depth {{ conv1-3 }}", "NS307", "no slices along depth"),
    ("input 12x16 sequence; each tokens { reshape 4x4 }", "NS303", "cannot be put together"),
]


@pytest.mark.parametrize(("text", "code", "words"), MISTAKES)
def test_a_mistake_names_axes_and_sizes(text: str, code: str, words: str) -> None:
    with pytest.raises(netspec.SpecError) as raised:
        netspec.loads(text)
    assert any(d.code == code and words in d.message for d in raised.value.diagnostics), raised.value
