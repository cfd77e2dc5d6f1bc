"""The recipes in the examples: which examples have one, and that their settings train."""

from __future__ import annotations

import re

import pytest
import torch
from conftest import ROOT, specs

from netspec.datasets import DataOptions
from netspec.model import check
from netspec.source import SourceFile
from netspec.training.engine import Watcher
from netspec.training.hardware import Hardware, launch
from netspec.training.plan import Plan
from netspec.training.session import Request, build_engine, open_data

WITHOUT = {
    "conv_relu_pool", "convnetjs_cifar10", "convnetjs_mnist", "darknet53", "dpn68", "ghostnet", "jarrett2009", "lenet5", "linear_cifar10", "lstm_text",
    "googlenet_torchvision", "speech_cnn", "transformer_encoder", "two_layer",
    "unet_padded", "nand", "vgg16_bn", "wide_resnet50_2", "xor_of_nands", "xor_threshold",
}  # fmt: skip
"""Networks of lectures and libraries, and those whose paper states no recipe for them."""
SMALL = (
    "lenet5_1998", "maxout_network", "all_convolutional", "network_in_network", "resnet110_cifar", "densenet_bc_100_12",
    "squeezenet1_1", "mobilenet_v2", "efficientnet_b0", "shufflenet_v2_x1_0", "audio_cnn", "encoder_8_3_8",
)  # fmt: skip
"""Which two updates train in a second or a few."""


def test_every_example_of_a_paper_with_a_recipe_has_it() -> None:
    """A new example of a paper needs one, or a place among those without."""
    assert {path.stem for path in specs() if "\ntrain {" not in path.read_text()} <= WITHOUT


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_two_updates_with_the_recipe(name: str) -> None:
    """Every setting is applied; on random images, with batches of two."""
    path = ROOT / "examples" / f"{name}.net"
    text = re.sub(r"\n  batch .*", "\n  batch 2", re.sub(r"\n  epochs \d+", "\n  epochs 1", path.read_text()))
    request = Request(SourceFile(text, path.name, path), "synthetic", DataOptions(0.0, 0.0, size=4), Hardware("cpu"))
    model = check(request.source).model()
    plan = Plan.of(model.graph)
    engine = build_engine(model, plan, open_data(plan, request), launch(request.hardware, plan), request)
    before = {n: p.detach().clone() for n, p in engine.module.named_parameters()}
    assert engine.fit(Watcher())
    after = dict(engine.module.named_parameters())
    assert all(torch.isfinite(p).all() for p in after.values())
    assert sum(not torch.equal(before[n], p) for n, p in after.items()) > len(after) / 2
