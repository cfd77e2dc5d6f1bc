"""Weight standardization, global response normalization and fixed kernels against their formulas in the papers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

import netspec


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("kind", ["yes", "scaled"])
def test_standardized_weights_are_batch_norm_over_each_filter(kind: str, groups: int) -> None:
    """The way in which the authors' and timm's code computes them."""
    module = netspec.loads(f"input 8x9x9\nconv3-6 pad=1 groups={groups} standardize={kind}").to_torch(seed=1)
    conv = module.conv1
    with torch.no_grad():
        conv.weight.mul_(3).add_(0.5)
        scale = torch.ones(6)
        if kind == "scaled":
            conv.gain.copy_(torch.linspace(0.5, 2, 6).reshape(6, 1, 1, 1))
            scale = conv.gain.flatten() * (8 // groups * 9) ** -0.5
        weight = F.batch_norm(conv.weight.reshape(1, 6, -1), None, None, weight=scale, training=True, eps=1e-6)
        x = torch.randn(2, 8, 9, 9)
        expected = F.conv2d(x, weight.reshape(conv.weight.shape), conv.bias, padding=1, groups=groups)
        torch.testing.assert_close(module(x), expected, rtol=1e-5, atol=1e-5)


def test_the_written_file_needs_nothing_but_torch() -> None:
    for kind in ("yes", "scaled"):
        source = netspec.loads(f"input 8x9x9\nconv3-6 standardize={kind} eps=1e-5").torch_source()
        names: dict[str, Any] = {}
        exec(compile(source, "net.py", "exec", dont_inherit=True), names)
        assert names["Net"]().conv1.eps == 1e-5


def test_a_gain_counts() -> None:
    assert netspec.loads("input 8x9x9\nconv3-6 standardize=yes").totals.params == 8 * 9 * 6 + 6
    assert netspec.loads("input 8x9x9\nconv3-6 standardize=scaled").totals.params == 8 * 9 * 6 + 6 + 6


def test_global_response_normalization_is_that_of_the_paper() -> None:
    """Woo et al. 2023, algorithm 1, channels last."""
    module = netspec.loads("input 4x5x6\ngrn").to_torch()
    gamma, beta = torch.randn(4), torch.randn(4)
    with torch.no_grad():
        module.grn1.weight.copy_(gamma.reshape(4, 1, 1))
        module.grn1.bias.copy_(beta.reshape(4, 1, 1))
    x = torch.randn(2, 4, 5, 6)
    last = x.permute(0, 2, 3, 1)
    gx = torch.norm(last, p=2, dim=(1, 2), keepdim=True)
    nx = gx / (gx.mean(dim=-1, keepdim=True) + 1e-6)
    expected = gamma * (last * nx) + beta + last
    torch.testing.assert_close(module(x), expected.permute(0, 3, 1, 2))


BLUR = "dwconv3/2 pad=1 bias=no trained=no weights=[[1/16, 1/8, 1/16], [1/8, 1/4, 1/8], [1/16, 1/8, 1/16]]"


def test_a_fixed_kernel_is_a_buffer_with_macs() -> None:
    """Blur pooling (Zhang 2019): counted, stored, and not trained."""
    model = netspec.loads(f"input 6x8x8\n{BLUR}\nconv1-2")
    assert model.totals.params == 6 * 2 + 2
    assert model.totals.buffers == 6 * 9
    assert model.totals.macs == 6 * 9 * 16 + 6 * 2 * 16
    module = model.to_torch(seed=0)
    assert [name for name, _ in module.named_parameters()] == ["conv1.weight", "conv1.bias"]
    blurred = module.dwconv1(torch.ones(1, 6, 8, 8))
    assert blurred[0, :, 1, 1].tolist() == [1.0] * 6
    assert "dwconv1.weight" in module.state_dict()


def test_evonorm_by_composition_is_that_of_the_paper() -> None:
    """EvoNorm-S0 of the documentation (Liu et al. 2020): x sigmoid(v x) / group deviation, scaled and shifted."""
    from conftest import ROOT

    text = (ROOT / "docs" / "language.md").read_text()
    block = text[text.index("block evonorm_s0") :]
    block = block[: block.index("\n}") + 2]
    module = netspec.loads(f"{block}\ninput 32x5x5\nevonorm_s0(groups=8)").to_torch(seed=0)
    x = torch.randn(3, 32, 5, 5)
    v, gamma, beta = torch.randn(32), torch.randn(32), torch.randn(32)
    state = dict(zip(module.state_dict(), (v, gamma, beta), strict=True))
    module.load_state_dict({name: value.reshape(32, 1, 1) for name, value in state.items()})
    variance = x.reshape(3, 8, 4, 5, 5).var(dim=(2, 3, 4), correction=0, keepdim=True)
    deviation = (variance + 1e-5).sqrt().expand(3, 8, 4, 5, 5).reshape(x.shape)
    wide = (-1, 1, 1)
    expected = x * torch.sigmoid(v.reshape(wide) * x) / deviation * gamma.reshape(wide) + beta.reshape(wide)
    with torch.no_grad():
        torch.testing.assert_close(module(x), expected)


@pytest.mark.parametrize(
    ("layer", "code", "message"),
    [
        ("dwconv3 trained=no bias=no", "NS206", "a dwconv that is not trained needs its weights"),
        ("dwconv1 weights=[[1]] trained=no", "NS206", "a dwconv that is not trained needs its biases"),
        ("conv3-4 standardize=maybe", "NS205", "`maybe` is not yes, no or scaled"),
        ("dwconv3 weights=[[1, 2], [3, 4]]", "NS307", "the weights of this layer are 8x1x3x3 numbers, found 2x2"),
        ("gap -> flatten -> grn", "NS303", "grn needs an image or a signal"),
    ],
)
def test_what_does_not_go(layer: str, code: str, message: str) -> None:
    (found,) = (d for d in netspec.check(f"input 8x9x9\n{layer}").diagnostics if d.is_error)
    assert (found.code, message in found.message) == (code, True), found.message
