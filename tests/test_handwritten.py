"""Modules written by hand from the papers, and the modules of the examples: with one set of weights, one output."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from conftest import ROOT
from handwritten.beit_base import BEiTB16
from handwritten.cait_xxs24 import CaiTXXS24
from handwritten.densenet121 import DenseNet121
from handwritten.levit_128s import LeViT128S
from handwritten.maxvit_t import MaxViTT
from handwritten.mobilenet_v2 import MobileNetV2
from handwritten.pvt_v2_b0 import PVTv2B0
from handwritten.resnet50 import ResNet50
from handwritten.swin import SwinT, SwinV2T
from handwritten.vgg16 import VGG16
from handwritten.vit_b_16 import ViTB16
from handwritten.xcit_nano import XCiTN12, waves
from torch import Tensor, nn

import netspec

Named = Iterator[tuple[str, Tensor]]


def randomise(module: nn.Module, seed: int) -> None:
    """Weights and statistics of which none is 0 or 1, and activations that neither vanish nor explode.

    The running statistics are those of a random batch, disturbed: left at 0 and 1 they would hide what is swapped or
    forgotten, and quite random ones would let a deep network saturate.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(tensor: Tensor, mean: float, std: float) -> None:
        tensor.copy_(mean + std * torch.randn(tensor.shape, generator=generator))

    with torch.no_grad():
        for parameter in module.parameters():
            fan_in = parameter[0].numel()
            if parameter.dim() == 1:
                normal(parameter, 0.0, 0.1)
            elif parameter.dim() == 3:  # tokens and positions of a transformer
                normal(parameter, 0.0, 0.5)
            else:
                normal(parameter, 0.0, (2 / fan_in) ** 0.5)
        scales = [m for m in module.modules() if isinstance(m, (nn.BatchNorm2d, nn.LayerNorm))]
        for norm in scales:
            normal(norm.weight, 1.0, 0.1)
        norms = [m for m in scales if isinstance(m, nn.BatchNorm2d)]
        if norms:
            for norm in norms:
                norm.momentum = 1.0
            module.train()(torch.randn(2, 3, 224, 224, generator=generator))
            for norm in norms:
                noise = torch.randn(norm.running_mean.shape, generator=generator)
                norm.running_mean += 0.2 * norm.running_var.sqrt() * noise
                norm.running_var *= 0.7 + 0.6 * torch.rand(norm.running_var.shape, generator=generator)
                norm.num_batches_tracked.fill_(7)


def as_they_stand(module: nn.Module) -> Named:
    """Parameters and buffers in the order in which both modules define them: body first, then the shortcut."""
    yield from module.state_dict().items()


def vit_in_order(module: nn.Module) -> Named:
    """netspec's order follows the flow: patches, class token, positions; and it fuses query, key and value."""
    state = module.state_dict()
    yield from ((f"patches.{part}", state[f"patches.{part}"]) for part in ("weight", "bias"))
    yield "class_token", state["class_token"].flatten()
    yield "positions", state["positions"][0]
    assert isinstance(module, ViTB16)
    for i in range(len(module.blocks)):
        block = {n.removeprefix(f"blocks.{i}."): t for n, t in state.items() if n.startswith(f"blocks.{i}.")}
        yield from ((name, block[name]) for name in ("norm1.weight", "norm1.bias"))
        for part in ("weight", "bias"):
            fused = torch.cat([block[f"attention.{name}.{part}"] for name in ("query", "key", "value")])
            yield f"qkv.{part}", fused
        yield from ((f"output.{part}", block[f"attention.output.{part}"]) for part in ("weight", "bias"))
        yield from ((name, block[name]) for name in ("norm2.weight", "norm2.bias"))
        yield from ((f"mlp.{i}.{part}", block[f"mlp.{i}.{part}"]) for i in (0, 2) for part in ("weight", "bias"))
    yield from ((name, state[name]) for name in ("norm.weight", "norm.bias", "head.weight", "head.bias"))


def xcit_in_order(module: nn.Module) -> Named:
    """Before its products, netspec has the angles of rows and of columns as fixed tensors; the sine of an angle is the wave."""
    turned = torch.arange(1, 15, dtype=torch.float64) / (14 + 1e-6) * 2 * torch.pi
    channel = torch.arange(32)[:, None]
    angles = (turned / 10_000 ** (2 * (channel // 2) / 32) + channel % 2 * torch.pi / 2).float()
    assert torch.allclose(angles.sin(), waves(14, 32), atol=1e-6)
    for name, tensor in module.state_dict().items():
        if name in ("rows.weight", "columns.weight"):
            yield "angles", angles[:, :, None] if name == "rows.weight" else angles[:, None]
        yield name, tensor


def copied(theirs: Named, ours: nn.Module) -> dict[str, Tensor]:
    """A state dict for our module from tensors in its order, each of the shape and the role that it takes there."""
    state: dict[str, Tensor] = {}
    for (name, wanted), (source, tensor) in zip(ours.state_dict().items(), theirs, strict=True):
        assert wanted.shape == tensor.shape, f"{source} for {name}"
        roles = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}
        role, its_role = name.rpartition(".")[2], source.rpartition(".")[2]
        if role in roles and its_role in roles:
            assert role == its_role, f"{source} for {name}"
        state[name] = tensor
    return state


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[nn.Module], Named], bool]] = {
    "resnet50": (ResNet50, as_they_stand, False),
    "densenet121": (DenseNet121, as_they_stand, False),
    "mobilenet_v2": (MobileNetV2, as_they_stand, False),
    "vit_b_16": (ViTB16, vit_in_order, False),
    "swin_t": (SwinT, as_they_stand, False),
    "swin_v2_t": (SwinV2T, as_they_stand, False),
    "maxvit_t": (MaxViTT, as_they_stand, False),
    "beit_base": (BEiTB16, as_they_stand, False),
    "cait_xxs24": (CaiTXXS24, as_they_stand, False),
    "levit_128s": (LeViT128S, as_they_stand, False),
    "pvt_v2_b0": (PVTv2B0, as_they_stand, False),
    "xcit_nano": (XCiTN12, xcit_in_order, False),
    "vgg16": (VGG16, as_they_stand, True),  # the example ends with softmax
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_an_example_computes_what_the_module_by_hand_computes(name: str) -> None:
    build, in_order, softmax = NETWORKS[name]
    hand = build()
    randomise(hand, seed=len(name))
    hand.eval()
    model = netspec.load(ROOT / "examples" / f"{name}.net")
    ours = model.to_torch().eval()
    state = copied(in_order(hand), ours)
    if name == "vit_b_16":
        assert sum(t.numel() for t in state.values()) == sum(p.numel() for p in hand.parameters())
    ours.load_state_dict(state, strict=True)
    (image,) = model.inputs.values()
    images = torch.randn(2, *image.shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected, found = hand(images), ours(images)
    if softmax:
        expected = expected.softmax(dim=1)
    scale = expected.abs().max()
    assert torch.isfinite(expected).all()
    # the two images are told apart, so that the comparison says something
    assert (expected[0] - expected[1]).abs().max() > 1e-2 * scale
    assert (expected - found).abs().max() <= 1e-4 * scale
