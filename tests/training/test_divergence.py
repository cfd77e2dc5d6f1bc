"""Variational autoencoders: what `sample` draws, its divergence, and a run that is trained with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from running import engine_of, save_examples
from torch.distributions import Normal, kl_divergence

import netspec
from netspec.training.losses import divergence
from netspec.training.plan import Plan
from netspec.training.sampling import Share, order_of_an_epoch, updates_of_an_epoch


def test_the_divergence_is_that_of_torch_distributions() -> None:
    module = netspec.loads("input 12\nsample").to_torch().train()
    x = torch.randn(5, 12)
    drawn = module(x)
    mean, log_variance = x.chunk(2, dim=1)
    there = Normal(mean, (0.5 * log_variance).exp())
    torch.testing.assert_close(divergence(module), kl_divergence(there, Normal(0.0, 1.0)).sum(1))
    assert drawn.shape == (5, 6)
    assert module.sample1.divergence is None, "it holds the graph of the pass no longer"
    torch.testing.assert_close(module.eval()(x), mean)


def test_what_is_drawn_has_the_mean_and_the_deviation() -> None:
    torch.manual_seed(0)
    module = netspec.loads("input 4\nsample").to_torch().train()
    x = torch.tensor([[1.0, -2.0, 0.0, 2 * 0.6931472]]).expand(20_000, 4)
    drawn = module(x)
    torch.testing.assert_close(drawn.mean(0), torch.tensor([1.0, -2.0]), atol=0.05, rtol=0)
    torch.testing.assert_close(drawn.std(0), torch.tensor([1.0, 2.0]), atol=0.05, rtol=0)


def test_the_loss_is_the_evidence_lower_bound_per_value() -> None:
    spec = "input 1x4x4\nFC-6\nsample\nFC-16 act=sigmoid\nreshape 1x4x4\ntrain {\n  loss bce target=input\n  kl 0.5\n}"
    plan = Plan.of(netspec.loads(spec).graph)
    assert plan.divergence == 0.5 / 16


SPEC = (
    "input 1x4x4\nFC-6\nsample\nFC-16 act=sigmoid\nreshape 1x4x4\ntrain {{\n  loss bce target=input\n  batch 8\n{kl}}}"
)


def loss_of_an_update(tmp_path: Path, kl: str) -> tuple[float, float]:
    """The loss of the first update, and the mean divergence of its examples."""
    x = np.random.default_rng(0).random((8, 1, 4, 4), dtype=np.float32)
    engine = engine_of(SPEC.format(kl=kl), save_examples(tmp_path / "x.npz", x, np.zeros(8, dtype=np.int64)))
    order = order_of_an_epoch(8, seed=0, epoch=0)
    (pieces, *_) = updates_of_an_epoch(order, 8, 1, share=Share())
    batches = [engine.collection.train.batch(p.indices.tolist()) for p in pieces]
    engine.module.train()
    loss = float(engine.gradients(pieces, batches, 0, count=False))
    inputs, _, _ = engine.inputs.train(batches[0], 0, pieces[0].rows, pieces[0].total)
    engine.module(*inputs)
    found = divergence(engine.module)
    assert isinstance(found, torch.Tensor)
    return loss, float(found.detach().mean())


@pytest.mark.slow
def test_the_divergence_is_part_of_the_loss_that_is_minimized(tmp_path: Path) -> None:
    without, _ = loss_of_an_update(tmp_path, "")
    with_it, mean = loss_of_an_update(tmp_path, "  kl 3\n")
    assert mean > 0
    assert with_it == pytest.approx(without + 3 * mean / 16, rel=1e-5)


def test_kl_needs_a_layer_that_draws() -> None:
    spec = "input 784\nFC-784\ntrain {\n  loss mse target=input\n  kl 1\n}"
    with pytest.raises(netspec.SpecError, match="`kl` is for networks with a `sample` layer"):
        Plan.of(netspec.loads(spec).graph)


@pytest.mark.parametrize(("text", "code"), [("input 7\nsample", "NS304"), ("input ids 8 int\nsample", "NS303")])
def test_what_sample_does_not_take(text: str, code: str) -> None:
    assert [d.code for d in netspec.check(text).diagnostics if d.is_error] == [code]
