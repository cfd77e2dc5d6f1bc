"""The recipes in the examples: which examples have one, and that their settings train."""

from __future__ import annotations

import re

import pytest
import torch
from conftest import ROOT

import netspec
from netspec.datasets import DataOptions
from netspec.model import check
from netspec.source import SourceFile
from netspec.training.engine import Watcher
from netspec.training.hardware import Hardware, launch
from netspec.training.plan import Plan
from netspec.training.session import Request, build_engine, open_data

PAPERS = (
    "alexnet", "alexnet_grouped", "alexnet_torchvision", "alexnet_towers", "all_convolutional", "audio_cnn",
    "autoencoder_tied", "convnext_tiny", "darknet19", "deit_small", "densenet121", "densenet161", "densenet169",
    "densenet201", "densenet_bc_100_12", "efficientnet_b0", "encoder_8_3_8", "fcn8s", "googlenet", "hrnet_w18",
    "inception_resnet_v2", "inception_v3", "inception_v4", "lenet5_1998", "maxout_network", "mlp_mixer_b16",
    "mnasnet0_5", "mnasnet1_0", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small",
    "network_in_network", "perceptron", "regnet_x_400mf", "resnet101", "resnet110_cifar", "resnet1202_cifar",
    "resnet152", "resnet18", "resnet20_cifar", "resnet32_cifar", "resnet34", "resnet44_cifar", "resnet50",
    "resnet56_cifar", "resnext50_32x4d", "se_resnet50", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "siamese",
    "squeezenet1_0", "squeezenet1_1", "swin_t", "unet", "vgg16", "vgg_a", "vgg_a_lrn", "vgg_b", "vgg_c", "vgg_d",
    "vgg_e", "video_cnn", "vit_b_16", "wide_resnet28_10_cifar", "xception", "xor", "zfnet", "zfnet_wide",
)  # fmt: skip
"""Examples whose papers state a recipe, and those with data of their own."""
SMALL = (
    "lenet5_1998", "maxout_network", "all_convolutional", "network_in_network", "resnet110_cifar", "densenet_bc_100_12",
    "squeezenet1_1", "mobilenet_v2", "efficientnet_b0", "shufflenet_v2_x1_0", "audio_cnn", "encoder_8_3_8",
)  # fmt: skip
"""Which two updates train in a second or a few."""


@pytest.mark.parametrize("name", PAPERS)
def test_an_example_has_the_recipe_of_its_paper(name: str) -> None:
    """`netspec check` has checked its settings with the net."""
    model = netspec.load(ROOT / "examples" / f"{name}.net")
    recipe = Plan.of(model.graph).recipe
    assert all(recipe.one(setting) for setting in ("loss", "optimizer", "epochs", "batch"))


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
