"""Receptive fields against gradients: a one at one output position, propagated back through the compiled module.

All weights are positive and every layer that could swallow a gradient is replaced by one that passes it: activations and
norms by the identity, maximum pooling by average pooling over the same windows. In large networks a convolution has one
filter over the mean of its channels, whose result every output channel repeats: where it reaches is the same.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import kinds
from torch import nn
from torch.nn.modules.utils import _triple

import netspec
from netspec.analysis.fields import Field, sees_nothing
from netspec.graph import Node

_PASSING = (
    "ReLU", "ReLU6", "LeakyReLU", "GELU", "SiLU", "Hardswish", "Hardsigmoid", "Sigmoid", "Tanh", "ELU", "Dropout",
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LayerNorm", "GroupNorm", "LocalResponseNorm", "DropPath", "Normalize",
)  # fmt: skip


LARGE = 300_000_000


def plain(conv: Any) -> Any:
    """The class of a convolution without the standardization of its weights, which would be 0 if all are alike."""
    return getattr(nn, f"Conv{len(conv.kernel_size)}d")


class OneFilter(nn.Module):
    """The windows of a convolution, with one filter over the mean of its channels."""

    def __init__(self, conv: Any) -> None:
        super().__init__()
        self.channels = conv.out_channels
        kind = type(conv) if conv.transposed else plain(conv)
        self.conv = kind(1, 1, conv.kernel_size, conv.stride, conv.padding, dilation=conv.dilation)
        if conv.transposed:
            self.conv.output_padding = conv.output_padding

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x.mean(dim=1, keepdim=True))
        return y.expand(-1, self.channels, *y.shape[2:])


def passing(module: nn.Module, large: bool) -> nn.Module:
    """The module with positive weights and without anything that depends on the values."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            kind = type(child).__name__
            if kind in _PASSING:
                setattr(parent, name, nn.Identity())
            elif kind.startswith("MaxPool"):
                assert child.dilation == 1
                average = getattr(nn, f"AvgPool{kind[-2:]}")
                if kind.endswith("3d"):  # PyTorch refuses one that fits with its padding only
                    padding = nn.ConstantPad3d([p for p in _triple(child.padding)[::-1] for _ in range(2)], 0.0)
                    pooled = average(child.kernel_size, child.stride, 0, child.ceil_mode)
                    setattr(parent, name, nn.Sequential(padding, pooled))
                else:
                    setattr(parent, name, average(child.kernel_size, child.stride, child.padding, child.ceil_mode))
            elif large and isinstance(child, nn.modules.conv._ConvNd):
                setattr(parent, name, OneFilter(child))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1 / max(1, parameter[0].numel()) if parameter.dim() > 1 else 0.1)
    return module.eval()


class Measured:
    """The part of the input that single positions of the outputs of layers depend on."""

    def __init__(self, model: netspec.Model) -> None:
        self.outputs: dict[str, torch.Tensor] = {}
        module = passing(model.to_torch(), model.macs > LARGE)
        for name, part in module.named_modules():
            if name:
                part.register_forward_hook(self._keep(name))
        self.inputs = [torch.ones(1, *kind.shape, requires_grad=True) for kind in model.inputs.values()]
        with torch.enable_grad():
            module(*self.inputs)

    def _keep(self, name: str) -> Any:
        def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor) and output.requires_grad:
                # only whether a gradient arrives matters: a one stays a one however deep the network is
                output.register_hook(lambda gradient: (gradient != 0).to(gradient.dtype))
                self.outputs.setdefault(name, output)

        return keep

    def extent(self, name: str, position: tuple[int, ...]) -> list[tuple[int, int]]:
        """The first and last input position along each axis that an output position depends on; none if on padding alone."""
        output = self.outputs[name]
        seed = torch.zeros_like(output)
        seed[(0, slice(None), *position)] = 1
        (gradient,) = torch.autograd.grad(output, self.inputs[0], seed, retain_graph=True)
        reached = (gradient[0] != 0).any(dim=0)
        found = []
        for axis in range(reached.dim()):
            others = [a for a in range(reached.dim()) if a != axis]
            hits = (reached.sum(dim=others) if others else reached).nonzero().flatten()
            if len(hits):
                found.append((int(hits[0]), int(hits[-1])))
        return found


NOT_BY_GRADIENTS = (
    "deeplabv3_resnet50", "nasnet_a_mobile",  # where all but the center of a window lies in the padding, which the field counts
    "wavenet",  # products of products are not finite without their activations
    "jarrett2009",  # what is subtracted cancels where all weights are alike
    "clip_vit_b_32", "xcit_nano",  # ids have no gradient; nor has attention over channels that are all alike
    "mvit_v2_s",  # after its first layer all sees all; 64 billion MACs
)  # fmt: skip


def convolutional() -> list[Path]:
    """Examples with windows over an image, a signal or a volume; of two, others of the same layers take a fraction of the time."""
    named = [p for p in kinds() if p.stem not in ("fcn8s", *NOT_BY_GRADIENTS)]
    return [p for p in named if re.search(r"^[^#]*(conv|pool)\d", p.read_text(), re.MULTILINE)]


def tried(model: netspec.Model, measured: Measured) -> list[Node]:
    """Layers to measure: the last one that does not see everything, and one half-way to it."""
    fields = model.analysis().facts.fields
    rank = next(iter(model.inputs.values())).rank
    known = [
        node for node in model.graph.layers
        if node.name in measured.outputs and not node.op.ignores_input and node.type.layout == "map"
        and node.kind not in ("ln", "linear")  # their modules see the channels last
        and len(fields[node.index] or ()) == rank and not sees_nothing(fields[node.index])
    ]  # fmt: skip
    return [known[len(known) // 2], known[-1]] if known else []


def expected(field: Field, position: tuple[int, ...], sizes: tuple[int, ...]) -> list[tuple[int, int]]:
    assert field is not None
    seen = [axis.sees(p) for axis, p in zip(field, position, strict=True)]
    within = [(max(low, 0), min(high, size - 1)) for (low, high), size in zip(seen, sizes, strict=True)]
    return within if all(low <= high for low, high in within) else []


@pytest.mark.slow
@pytest.mark.parametrize("path", convolutional(), ids=lambda p: p.stem)
def test_receptive_fields_are_those_that_gradients_show(path: Path) -> None:
    model = netspec.load(path)
    measured = Measured(model)
    analysis = model.analysis()
    (sizes, *_) = [kind.spatial for kind in model.inputs.values()]
    nodes = tried(model, measured)
    assert nodes, "no layer of this example has a receptive field"
    for node in nodes:
        field = analysis.facts.fields[node.index]
        middle = tuple(s // 2 for s in node.type.spatial)
        for position in {(0,) * len(middle), middle}:
            assert measured.extent(node.name, position) == expected(field, position, sizes), (node.name, position)
