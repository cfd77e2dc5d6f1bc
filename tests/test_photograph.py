"""A forward and backward pass of the compiled VGG-16 on a real photograph."""

from __future__ import annotations

import pytest
import torch
from conftest import ROOT
from sklearn.datasets import load_sample_image

import netspec


@pytest.mark.slow
def test_a_step_of_vgg16_changes_every_parameter() -> None:
    model = netspec.load(ROOT / "examples" / "vgg16.net")
    module = model.to_torch(seed=0).train()
    photo = torch.from_numpy(load_sample_image("flower.jpg").copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    photo = torch.nn.functional.interpolate(photo, size=(224, 224), mode="bilinear")
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    loss = torch.nn.functional.nll_loss(torch.log(module(photo)), torch.tensor([985]))
    assert torch.isfinite(loss)
    loss.backward()
    optimizer.step()
    unchanged = [name for name, p in module.named_parameters() if torch.equal(p.detach(), before[name])]
    assert unchanged == []
