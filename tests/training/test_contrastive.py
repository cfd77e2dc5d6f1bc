"""The contrastive loss: its formula, and a Siamese network that learns which points belong together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from running import engine_of

import netspec
from netspec.training.engine import Watcher
from netspec.training.losses import contrastive, loss_function
from netspec.training.plan import Plan

SPEC = """input left 2
input right 2

shared tower { FC-16 act=relu -> FC-2 }

sub [ from left -> tower(); from right -> tower() ]
norm features

train {
  loss contrastive margin=2
  optimizer adam lr=0.01
  epochs 30
  batch 32
}
"""


def test_the_loss_is_that_of_the_paper() -> None:
    distance = torch.tensor([[0.0], [0.5], [3.0], [0.5], [3.0]])
    alike = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0])
    expected = torch.tensor([[0.0], [0.125], [4.5], [0.5 * 1.5**2], [0.0]])
    torch.testing.assert_close(contrastive(distance, alike, margin=2.0), expected)
    plan = Plan.of(netspec.loads(SPEC).graph)
    loss = loss_function(plan.loss, plan.output.type.feature_axis)
    torch.testing.assert_close(loss(distance, alike), expected.squeeze(1))


@pytest.mark.slow
def test_a_siamese_network_learns_which_points_belong_together(tmp_path: Path) -> None:
    """Alike are points of one ring; after training such pairs are closer to each other than others."""
    generator = np.random.default_rng(0)
    radius, angle = generator.integers(1, 3, (2, 256)), generator.random((2, 256)) * 6.2832
    points = (radius * np.array([np.cos(angle), np.sin(angle)])).transpose(1, 2, 0).astype(np.float32)
    alike = (radius[0] == radius[1]).astype(np.float32)
    np.savez(tmp_path / "pairs.npz", left=points[0], right=points[1], y=alike)
    engine = engine_of(SPEC, str(tmp_path / "pairs.npz"))
    assert engine.fit(Watcher())
    with torch.no_grad():
        distances = engine.module.eval()(torch.from_numpy(points[0]), torch.from_numpy(points[1])).flatten()
    assert distances[alike == 1].mean() < 0.5 * distances[alike == 0].mean()
    assert engine.at.history[-1].train.r2 is None, "distances are no prediction of the targets"
