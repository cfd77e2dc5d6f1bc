"""MACs of every example against those that PyTorch counts while it runs the module on the meta device."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from conftest import specs
from torch.utils.flop_counter import FlopCounterMode

import netspec

# A connection table leaves out kernels, with which PyTorch multiplies all the same: here 36 of 96 of 5x5, at 10x10 positions
ZEROS = {"lenet5_1998": 36 * 25 * 100}


def counted_by_torch(model: netspec.Model) -> int:
    """Half the FLOPs that PyTorch's own counter sees in one forward pass; it computes nothing on the meta device."""
    with torch.device("meta"):
        module = model.to_torch().eval()
        inputs = [
            torch.empty(1, *kind.shape, dtype=torch.int64 if kind.layout == "ids" else torch.float32)
            for kind in model.inputs.values()
        ]
        with FlopCounterMode(display=False) as counter:
            module(*inputs)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize(
    "path", [p for p in specs() if p.stem != "resnet1202_cifar"], ids=lambda p: p.stem
)  # 110 is as good
def test_macs_are_those_that_torch_counts(path: Path) -> None:
    model = netspec.load(path)
    assert model.macs + ZEROS.get(path.stem, 0) == counted_by_torch(model)
