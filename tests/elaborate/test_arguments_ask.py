"""Wherever a number is written, it may ask for the sizes of the current tensor."""

from __future__ import annotations

import pytest
import torch

import netspec

BLOCK = "block b(q, r = 1) { conv1-(q) }\ninput 4x6x8\n"


@pytest.mark.parametrize(
    ("text", "output"),
    [
        (f"{BLOCK}b(here.channels * 2)", (8, 6, 8)),
        (f"{BLOCK}b(q=here.height)", (6, 6, 8)),
        (f"{BLOCK}conv1-5\nb(here.channels * 2) x2", (20, 6, 8)),
        (f"{BLOCK}b(7) -> b(here.channels + 1)", (8, 6, 8)),
        (f"fn twice(v) = 2 * v\n{BLOCK}b(twice(here.channels), r=here.width)", (8, 6, 8)),
        (f"block c(q) {{ b(here.channels + q) }}\n{BLOCK}c(here.channels)", (8, 6, 8)),
        ("input 4x6x8\nrepeat 2 as i { conv1-(here.channels + i) }", (5, 6, 8)),
        ("input 4x6x8\nconv1-9 x(here.height // 3) norm=gn(here.channels // 4)", None),
        ("input 4x6x8\ndense { conv1-(here.channels) } x(here.height // 3)", (16, 6, 8)),
        ("input 4x6x8\nmul [ identity; (here.channels) ]", (4, 6, 8)),
    ],
)
def test_here_is_the_current_tensor(text: str, output: tuple[int, ...] | None) -> None:
    """Before, an argument of a block that asked for it silently ended the network."""
    found = netspec.check(text)
    if output is None:
        assert not found.ok
        return
    model = found.model()
    (shape,) = (kind.shape for kind in model.outputs.values())
    assert shape == output
    assert model.to_torch()(torch.randn(1, *next(iter(model.inputs.values())).shape)).shape[1:] == output
