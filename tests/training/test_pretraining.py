"""Greedy layer-wise pre-training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from running import engine_of, save_examples

from netspec.datasets import DataOptions
from netspec.diagnostics import SpecError
from netspec.training.pretraining import pretrain_layerwise, skipped_layers

FEW = DataOptions(validation=0.0, test=0.8)
RECIPE = "train {{\n  optimizer {}\n  batch 32\n  pretrain layerwise epochs={}\n  seed 3\n}}\n"
MLP = "input 64\na: FC-32 act=tanh\nb: FC-16 act=tanh\nhead: FC-10\n"
CONVOLUTIONS = """input 8x8 gray
a: conv3-8/2 pad=1 act=relu norm=bn
residual {
  b: conv3-8 pad=same act=relu
  c: conv3-8 pad=same act=none
}
d: conv2-12/2 act=relu -> dropout 0.5
e: FC-24 act=relu
head: FC-10
"""


def spec(net: str, epochs: int = 3, optimizer: str = "adam lr=3e-3", more: str = "") -> str:
    return net + RECIPE.format(optimizer, epochs).replace("  seed", f"{more}  seed")


def changed(text: str) -> tuple[set[str], list[tuple[str, float, float]]]:
    """The parameters that pre-training changes, and what it says."""
    engine = engine_of(text, "digits", FEW)
    before = {n: p.detach().clone() for n, p in engine.module.named_parameters()}
    told = pretrain_layerwise(engine)
    assert all(p.grad is None for p in engine.module.parameters())
    return {n for n, p in engine.module.named_parameters() if not torch.equal(p, before[n])}, told


@pytest.mark.parametrize("optimizer", ["adam lr=3e-3", "sgd lr=0.5 momentum=0.9", "lbfgs lr=0.1"])
def test_the_error_falls_in_every_layer_but_the_last(optimizer: str) -> None:
    names, told = changed(spec(MLP, optimizer=optimizer))
    assert [name for name, _, _ in told] == ["a", "b"]
    assert all(last < 0.8 * first for _, first, last in told), told
    assert names == {"a.weight", "a.bias", "b.weight", "b.bias"}


def test_convolutions_norms_and_residuals() -> None:
    names, told = changed(spec(CONVOLUTIONS))
    assert [name for name, _, _ in told] == ["a", "b", "c", "d", "e"]
    assert all(last < first for _, first, last in told), told
    assert "a_bn.weight" in names, "the norm behind a layer is part of its encoder"
    assert not any(name.startswith("head") for name in names)


def test_frozen_layers_stay() -> None:
    names, told = changed(spec(MLP, more="  freeze a\n"))
    assert [name for name, _, _ in told] == ["b"]
    assert names == {"b.weight", "b.bias"}


def test_it_is_the_same_again_and_another_by_seed() -> None:
    def weights(text: str) -> torch.Tensor:
        engine = engine_of(text, "digits", FEW)
        torch.rand(int(torch.randint(1, 9, ())))  # the state of torch's generator does not matter
        pretrain_layerwise(engine)
        return engine.module.get_parameter("b.weight").detach()

    text = spec(MLP, 1)
    assert torch.equal(weights(text), weights(text))
    assert not torch.equal(weights(text), weights(text.replace("seed 3", "seed 4")))


def test_the_layers_before_a_layer_are_fixed_while_it_learns() -> None:
    engine = engine_of(spec(CONVOLUTIONS, 2), "digits", FEW)
    seen: dict[str, list[torch.Tensor]] = {}

    def told(layer: str, epoch: int, error: float) -> None:
        seen.setdefault(layer, []).append(torch.cat([engine.module.get_parameter("a.weight").flatten(), engine.module.get_buffer("a_bn.running_mean")]).detach().clone())  # fmt: skip

    pretrain_layerwise(engine, told)
    assert list(seen) == ["a", "b", "c", "d", "e"]
    assert all(len(states) == 2 for states in seen.values())
    assert not torch.equal(*seen["a"])
    assert all(torch.equal(state, seen["a"][-1]) for layer in "bcde" for state in seen[layer])


def test_the_training_mode_stays_and_dropout_does_not_act() -> None:
    engine = engine_of(spec(CONVOLUTIONS, 1), "digits", FEW)
    engine.module.train()
    pretrain_layerwise(engine)
    assert engine.module.training
    assert engine.module.get_submodule("dropout1").training


def test_without_the_setting_nothing_happens() -> None:
    text = MLP + "train {\n  batch 32\n}\n"
    assert changed(text) == (set(), [])


def test_divergence_is_named(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    where = save_examples(tmp_path / "e.npz", x, np.arange(64) % 10)
    engine = engine_of(spec(MLP.replace("tanh", "relu"), 9, "sgd lr=1e6"), where)
    with pytest.raises(SpecError) as caught:
        pretrain_layerwise(engine)
    assert caught.value.diagnostics[0].code == "NS605"
    assert "`a`" in caught.value.diagnostics[0].message


def test_every_layer_of_a_tied_autoencoder_is_pretrained_and_what_is_left_is_named() -> None:
    """The last layer with weights of its own is the code: it is not the last layer."""
    net = "input 64\na: FC-32 act=sigmoid\ncode: FC-8\nFC-32 tie=code act=sigmoid\nFC-64 tie=a act=sigmoid\n"
    text = spec(net, more="  loss mse target=input\n")
    names, told = changed(text)
    assert [name for name, _, _ in told] == ["a", "code"]
    assert names == {"a.weight", "a.bias", "code.weight", "code.bias"}
    assert skipped_layers(engine_of(text, "digits", FEW)) == [("fc1", "tied to code"), ("fc2", "tied to a")]


def test_the_last_layer_frozen_ones_and_other_kinds_are_named_as_left() -> None:
    net = "input 8x8 gray\na: localconv3-4\nb: FC-16 act=tanh\nc: FC-12 act=tanh\nhead: FC-10\n"
    engine = engine_of(spec(net, more="  freeze c\n"), "digits", FEW)
    assert skipped_layers(engine) == [
        ("a", "localconv has no decoder here"), ("c", "frozen"), ("head", "the last layer"),
    ]  # fmt: skip
    assert skipped_layers(engine_of(net, "digits", FEW)) == []


TIED = "input 64\na: FC-32 act=sigmoid\ncode: FC-8\nFC-32 tie=code act=sigmoid\nFC-64 tie=a act=sigmoid\n"
"""The autoencoder of Hinton & Salakhutdinov 2006, in small."""


def machines(net: str, optimizer: str = "sgd lr=0.1 momentum=0.5", more: str = "", epochs: int = 3) -> str:
    return spec(net, epochs, optimizer, more).replace("pretrain layerwise", "pretrain rbm")


def test_boltzmann_machines_reconstruct_and_leave_their_visible_biases_to_the_decoder() -> None:
    text = machines(TIED, "sgd lr=0.05 momentum=0.5", "  loss mse target=input\n")
    names, told = changed(text)
    assert [name for name, _, _ in told] == ["a", "code"]
    assert all(last < 0.9 * first for _, first, last in told), told
    assert names == {"a.weight", "a.bias", "code.weight", "code.bias", "fc1.bias", "fc2.bias"}
    assert skipped_layers(engine_of(text, "digits", FEW)) == [("fc1", "tied to code"), ("fc2", "tied to a")]


def test_contrastive_divergence_raises_the_likelihood_of_the_data(tmp_path: Path) -> None:
    """Against the exact log-likelihood, summed over all 64 visible and 16 hidden states: patterns of six values, of which the
    last three repeat the first three."""
    half = np.array([[i >> 2 & 1, i >> 1 & 1, i & 1] for i in range(8)], np.float32)
    x = np.tile(np.concatenate([half, half], axis=1), (16, 1))
    where = save_examples(tmp_path / "e.npz", x, np.arange(len(x)) % 2)
    net = "input 6\na: FC-4 act=sigmoid\nFC-6 tie=a act=sigmoid\n"
    engine = engine_of(machines(net, more="  loss mse target=input\n", epochs=150), where)

    def likelihood() -> float:
        weight, bias = (engine.module.get_parameter(f"a.{n}").detach() for n in ("weight", "bias"))
        visible = engine.module.get_parameter("fc1.bias").detach()
        every = torch.tensor([[i >> k & 1 for k in range(6)] for i in range(64)], dtype=torch.float32)

        def free(v: torch.Tensor) -> torch.Tensor:
            return v @ visible + torch.nn.functional.softplus(v @ weight.T + bias).sum(1)

        return float(free(torch.from_numpy(x)).mean() - torch.logsumexp(free(every), 0))

    before = likelihood()
    pretrain_layerwise(engine)
    assert before < -4, "six fair coins have -4.16"
    assert likelihood() > -3.2, "eight patterns, equally often, have -2.08"


def test_linear_visible_units_are_for_data_of_any_range(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    where = save_examples(tmp_path / "e.npz", x, np.arange(64) % 10)
    net = "input 64\na: FC-32 act=sigmoid\nb: FC-16 act=relu\nc: FC-8 act=sigmoid\nhead: FC-10\n"
    text = machines(net, "sgd lr=0.01")
    with pytest.raises(SpecError, match="reads the input of `a` as probabilities, but it goes from -"):
        pretrain_layerwise(engine_of(text, where))
    engine = engine_of(text.replace("pretrain rbm", "pretrain rbm visible=gaussian"), where)
    assert [name for name, _, _ in pretrain_layerwise(engine)] == ["a", "c"]
    assert ("b", "relu follows: the units are sigmoid or linear") in skipped_layers(engine)


def test_a_machine_learns_at_the_rate_of_its_layer() -> None:
    names, _ = changed(machines(TIED, more="  loss mse target=input\n  rate code factor=0\n"))
    assert names == {"a.weight", "a.bias", "fc2.bias"}


def test_contrastive_divergence_has_no_loss_for_lbfgs_and_convolutions_are_no_machines() -> None:
    with pytest.raises(SpecError, match="cannot use lbfgs"):
        pretrain_layerwise(engine_of(machines("input 64\na: FC-8 act=sigmoid\nFC-10\n", "lbfgs"), "digits", FEW))
    engine = engine_of(machines(CONVOLUTIONS), "digits", FEW)
    assert ("a", "not a fully connected layer on a vector") in skipped_layers(engine)
