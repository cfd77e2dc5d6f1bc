"""The checks before training: ten planted faults are named, and healthy nets pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT, run_netspec
from running import save_examples
from sklearn.datasets import load_digits

from netspec.datasets import DataOptions
from netspec.diagnostics import SpecError
from netspec.model import check
from netspec.source import SourceFile
from netspec.training.check_result import CheckResult
from netspec.training.checkpoint_files import write_weights
from netspec.training.hardware import Hardware
from netspec.training.sanity import check_sanity
from netspec.training.session import Request

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

LENET = (ROOT / "examples" / "lenet_digits.net").read_text()
MLP = """input 64
a: FC-32 act=relu
b: FC-32 act=relu
head: FC-10
train {
  optimizer sgd lr=0.1 momentum=0.9
  batch 64
}
"""


def sane(text: str, where: str = "digits", **more: Any) -> list[CheckResult]:
    return check_sanity(Request(SourceFile(text, "spec.net"), where, DataOptions(), Hardware("cpu"), **more))


def faults(results: list[CheckResult]) -> dict[str, str]:
    """What was measured, by the name of the fault."""
    return {f.fault: f.measured for f in results if f.status == "problem"}


def measured(results: list[CheckResult], check: str) -> str:
    (found,) = [f.measured for f in results if f.check == check]
    return found


def digits(path: Path, x: Any = None, y: Any = None) -> str:
    """The digits in an .npz, or other inputs or labels in place of theirs."""
    stored = load_digits()
    x = stored.data.astype(np.float32) / 16 if x is None else x
    return save_examples(path / "digits.npz", x, stored.target if y is None else y)


def in_recipe(text: str, line: str) -> str:
    return text.replace("train {\n", f"train {{\n  {line}\n")


# Healthy nets

ENCODER = """input 64
FC-32 act=tanh
FC-64 act=sigmoid
train {
  loss mse target=input
  optimizer adam lr=3e-3
}
"""
LINEAR = "input 64\nFC-10\nsoftmax\ntrain {\n  loss cross_entropy\n  optimizer sgd lr=0.5\n}\n"
HEALTHY = {
    "lenet": LENET,
    "mlp": MLP,
    "resnet": (ROOT / "examples" / "resnet8_digits.net").read_text(),
    "maxout": (ROOT / "examples" / "maxout_digits.net").read_text(),
    "lstm": (ROOT / "examples" / "lstm_digits.net").read_text(),
    "tanh": MLP.replace("relu", "tanh"),
    "linear": LINEAR,
    "svm": LINEAR.replace("softmax\n", "").replace("cross_entropy", "hinge").replace("0.5", "0.02"),
    "autoencoder": ENCODER,
    "autoencoder bce": ENCODER.replace("act=sigmoid", "-> sigmoid").replace("mse", "bce"),
    "lbfgs": MLP.replace("sgd lr=0.1 momentum=0.9", "lbfgs lr=0.1"),
    "rmsprop": MLP.replace("sgd lr=0.1 momentum=0.9", "rmsprop lr=1e-3"),
    "adagrad": MLP.replace("sgd lr=0.1 momentum=0.9", "adagrad"),
    "zero residual": in_recipe((ROOT / "examples" / "resnet8_digits.net").read_text(), "init zero_residual"),
    "frozen first": in_recipe(MLP, "freeze a"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_net_passes(name: str) -> None:
    results = sane(HEALTHY[name])
    assert not faults(results)
    notes = {f.check for f in results if f.note}
    assert notes == ({"frozen layers"} if name == "frozen first" else set()), notes


def test_what_is_measured_is_said() -> None:
    results = sane(MLP)
    assert "chance gives 2.303" in measured(results, "initial loss")
    assert "accuracy 100%" in measured(results, "twenty examples")
    assert "all 3 layers" in measured(results, "gradients")
    assert "would increase" in measured(results, "regularization")


# The planted faults


def test_a_learning_rate_of_a_million() -> None:
    found = faults(sane(MLP.replace("lr=0.1", "lr=1e6")))
    assert "learning rate far too high" in found
    assert "1e+06" in found["learning rate far too high"]


@pytest.mark.slow
def test_a_learning_rate_of_a_million_of_a_bounded_optimizer() -> None:
    assert "learning rate far too high" in faults(sane(LENET.replace("lr=2e-3", "lr=1e6")))


def test_a_learning_rate_that_changes_nothing() -> None:
    found = faults(sane(MLP.replace("lr=0.1 momentum=0.9", "lr=1e-6")))
    assert "learning rate far too low" in found
    assert "learning rate far too high" not in found


def test_a_rate_that_is_slow_is_worth_a_note() -> None:
    results = sane(MLP.replace("lr=0.1 momentum=0.9", "lr=2e-3"))
    assert not faults(results)
    assert [f.check for f in results if f.note] == ["twenty examples"]


def test_zero_initialization(tmp_path: Path) -> None:
    path = tmp_path / "zero.safetensors"
    module = check(SourceFile(MLP, "spec.net")).model().to_torch(seed=0)
    write_weights(path, {n: torch.zeros_like(p) for n, p in module.state_dict().items()}, {})
    found = faults(sane(MLP, weights=path))
    assert "`a` (line 2), `b` (line 3), `head` (line 4)" in found["zero initialization"]
    assert "zero initialization" in faults(sane(in_recipe(MLP, "init gaussian 1e-30")))


def test_units_that_are_all_alike(tmp_path: Path) -> None:
    path = tmp_path / "alike.safetensors"
    state = check(SourceFile(MLP, "spec.net")).model().to_torch(seed=0).state_dict()
    state["b.weight"] = torch.full_like(state["b.weight"], 0.1)
    write_weights(path, state, {})
    found = faults(sane(MLP, weights=path))
    assert "`b` (line 3)" in found["identical initialization of all units"]
    assert "`a`" not in found["identical initialization of all units"]


def test_no_gradient_to_a_layer() -> None:
    text = MLP.replace("b: FC-32 act=relu\n", "concat [\n  used: FC-32;\n  unused: FC-8\n]\nslice(0, 32)\n")
    found = faults(sane(text))
    assert found["no gradient to a layer"] == "no gradient reaches `unused` (line 5)"


@pytest.mark.slow
def test_shuffled_labels(tmp_path: Path) -> None:
    shuffled = np.random.default_rng(0).permutation(load_digits().target)
    found = faults(sane(MLP, digits(tmp_path, y=shuffled)))
    assert list(found) == ["labels seem shuffled or unrelated to the inputs"]


def test_inputs_that_are_not_centered(tmp_path: Path) -> None:
    x = load_digits().data.astype(np.float32) / 16 + 100
    where = digits(tmp_path, x=x)
    found = faults(sane(MLP, where))
    assert "mean 100" in found["inputs are not centered"]
    assert "inputs are not centered" not in faults(sane(MLP.replace("input 64", "input 64\nnormalize channel"), where))


def test_inputs_that_are_not_scaled(tmp_path: Path) -> None:
    assert "inputs are not scaled" in faults(sane(MLP, digits(tmp_path, x=load_digits().data.astype(np.float32) * 16)))


def test_a_dead_relu_layer() -> None:
    found = faults(sane(in_recipe(MLP, "init bias value=(-100)")))
    assert "`a_relu` (line 2)" in found["a dead ReLU layer"]


def test_a_wrong_class_count(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:  # the classes of digits are known before anything starts
        sane(MLP.replace("FC-10", "FC-100"))
    assert caught.value.diagnostics[0].code == "NS602"
    assert "10 classes, but the net has 100 outputs" in caught.value.diagnostics[0].message
    found = faults(sane(MLP.replace("FC-10", "FC-100"), digits(tmp_path)))
    assert list(found) == ["wrong number of classes"]
    assert "the labels are 0 to 9, but the net has 100 outputs (`head`, line 4)" in found["wrong number of classes"]


@pytest.mark.parametrize("line", ["regularize l2 100", "regularize l1 1", "regularize elastic l2=10"])
def test_regularization_that_is_far_too_strong(line: str) -> None:
    assert list(faults(sane(in_recipe(MLP, line)))) == ["far too much regularization"]


@pytest.mark.parametrize("optimizer", ["adamw lr=1e-3 weight_decay=100", "sgd lr=0.01 weight_decay=100"])
def test_weight_decay_that_is_far_too_strong(optimizer: str) -> None:
    text = MLP.replace("sgd lr=0.1 momentum=0.9", optimizer)
    assert "far too much regularization" in faults(sane(text))


def test_a_frozen_head() -> None:
    found = faults(sane(in_recipe(MLP, "freeze head")))
    assert list(found) == ["the head is frozen"]
    assert "`head` (line 4)" in found["the head is frozen"]
    assert list(faults(sane(in_recipe(MLP, "rate head factor=0")))) == ["the head is frozen"]


def test_nan_in_the_data(tmp_path: Path) -> None:
    x = load_digits().data.astype(np.float32) / 16
    x[17, 3] = np.nan
    with pytest.raises(SpecError) as caught:
        sane(MLP, digits(tmp_path, x=x))
    result = caught.value.diagnostics[0]
    assert result.code == "NS603"
    assert "[17, 3]" in result.message


def test_labels_of_one_class_and_missing_classes(tmp_path: Path) -> None:
    assert "all labels are the same" in faults(sane(MLP, digits(tmp_path, y=np.full(1797, 9))))
    labels = load_digits().target
    found = faults(sane(MLP, digits(tmp_path, y=np.where(labels == 4, 5, labels))))
    assert found["a class without examples"] == "1 of 10 classes have no training examples: 4"


# The command


@pytest.mark.slow
def test_the_command_says_it_in_words_and_ends_with_1(tmp_path: Path) -> None:
    spec = tmp_path / "net.net"
    spec.write_text(MLP)
    done = run_netspec("train", str(spec), "--sanity", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("ready to train")
    spec.write_text(in_recipe(MLP, "freeze head"))
    done = run_netspec("train", str(spec), "--sanity", cwd=tmp_path)
    assert done.returncode == 1
    assert "NS607" in done.stderr
    assert "the head is frozen" in done.stderr
    assert any(line.startswith("problem") and "`head` (line 4)" in line for line in done.stdout.splitlines())
    assert not (tmp_path / "runs").exists(), "nothing was trained for good"


def test_a_net_too_large_for_all_updates_is_cut_by_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.training.sanity_runs._MOST_MACS", {"cpu": 0})
    results = sane(MLP.replace("lr=0.1", "lr=1e-3"))
    (twenty,) = (r for r in results if r.check == "twenty examples")
    assert "in 20 updates" in twenty.measured
    assert "more would take too long" in twenty.measured
    assert twenty.note
    assert not twenty.fault
