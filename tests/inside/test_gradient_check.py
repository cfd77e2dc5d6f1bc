"""Finite differences: every op, planted mistakes, kinks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import ROOT
from torch import nn

import netspec
from netspec.analysis.samples import sample_inputs
from netspec.ops import CATALOGUE, JOINS
from netspec.ops.activation import Tanh
from netspec.ops.op import TorchCode

pytestmark = pytest.mark.slow

INPUTS = ("input 12", "input 4x9", "input 4x6x6", "input 4x5x4x4", "input 5x8 sequence", "input 5 int")
TEXTS = {
    "conv": ["conv3-2", "conv3-4/2 pad=1 groups=2", "conv2-2 pad=same_upper dilation=2"], "convT": ["convT3-2/2 pad=1"],
    "dwconv": ["dwconv3"], "sepconv": ["sepconv3-3"], "localconv": ["localconv3-2"], "maxpool": ["maxpool", "maxpool3/2 pad=1"],
    "avgpool": ["avgpool3/2 pad=1"], "lppool": ["lppool", "lppool2 p=3"], "adaptive_avgpool": ["adaptive_avgpool 2"],
    "adaptive_maxpool": ["adaptive_maxpool 2"], "FC": ["FC-3", "FC-3 bias=no norm=bn act=relu"], "linear": ["linear-3"],
    "gn": ["gn 2"], "instancenorm": ["instancenorm affine=yes"], "LRN": ["LRN 3 alpha=0.5"],
    "normalize": ["normalize mean=0.5 std=0.2", "normalize pca components=3", "normalize zca"], "dropout": ["dropout 0.5"], "dropout2d": ["dropout2d 0.5"],
    "droppath": ["droppath 0.5"], "noise": ["noise 0.5"], "reshape": ["reshape 4x3", "reshape 2x18"], "permute": ["permute(1, 0)"],
    "pad": ["pad 1", "pad 1 mode=reflect"], "crop": ["crop 1"], "upsample": ["upsample 2", "upsample 2 mode=bilinear"],
    "transform": ["x: tanh\ntheta: { flatten -> FC-6 }\nfrom x\ntransform 4x5 by=theta"],
    "resize": ["resize 7 mode=bilinear"], "pixel_shuffle": ["pixel_shuffle 2"], "channel_shuffle": ["channel_shuffle 2"],
    "chunk": ["chunk(0, 2)"], "slice": ["slice(1, 3)"], "take": ["take 1"], "image": ["image 5"], "embed": ["embed-3 vocab=7"],
    "attention": ["attention heads=2", "attention heads=2 kv_heads=1 similarity=cosine positions=rotary",
        "attention heads=2 causal=yes span=2 positions=generated(8)", "attention heads=2 positions=decomposed"], "rnn": ["rnn-3"], "lstm": ["lstm-3 bidirectional=yes"],
    "attend": ["attend heads=2 [ identity; tanh; identity ]"],
    "windows": ["windows 2x2 { linear-3 }"], "each": ["each height { linear-3 }"],
    "gru": ["gru-3"], "maxout": ["maxout 2"], "prelu": ["prelu 0.1"], "scale": ["scale bias=yes"],
    "div": ["div [ identity; exp ]"], "matmul": ["matmul [ identity; permute(1, 0) ]"],
    "pixel_unshuffle": ["pixel_unshuffle 2"], "roll": ["roll 2"],
    "rearrange": ['rearrange "c (h p) (w q) -> (h w) (p q c)" p=2 q=2', 'rearrange "t (h d) -> h t d" h=2'],
    "reduce": ['reduce "c h w -> c" mean', 'reduce "c (h 2) (w 2) -> c h w" max', 'reduce "(a c) ... -> c ..." prod a=2'],
    "log": ["exp -> log"], "sqrt": ["exp -> sqrt"],
    "tensor": [f"mul [ identity; tensor {size} init=0.3 ]" for size in ("12", "4x1", "4x1x1", "1x8 kind=sequence")],
}  # fmt: skip


def _networks(op: str) -> list[netspec.Model]:
    """The op on every kind of tensor that takes it."""
    usual = [f"{op} [ identity; tanh ]"] if op in JOINS else [op, f"{op} channels", f"{op} features"]
    found = [netspec.check(f"{given}\n{text}") for text in TEXTS.get(op, usual) for given in INPUTS]
    return [checked.model() for checked in found if checked.ok]


@pytest.mark.parametrize("op", sorted({op.name for op in CATALOGUE.values()} | set(JOINS)))
def test_every_op_has_the_gradient_of_its_values(op: str) -> None:
    networks = _networks(op)
    assert networks, f"nothing takes {op}"
    checks = [model.check_gradients(examples=1, values=12) for model in networks]
    assert all(check.ok for check in checks), next(check for check in checks if not check.ok)
    assert any(check.tensors for check in checks)


@pytest.mark.parametrize("op", sorted({op.name for op in CATALOGUE.values()} | set(JOINS)))
def test_a_traced_gradient_is_that_of_autograd(op: str) -> None:
    """Of the inputs and parameters of every op, on the module as it is compiled."""
    for model in _networks(op):
        trace = model.trace(backward=True, examples=2, objective=lambda t: t["output"].square().sum())
        module = model.to_torch(seed=0).eval()
        inputs = {n: torch.from_numpy(v) for n, v in sample_inputs(model.graph, 2).items()}
        tensors = {n: t.requires_grad_() for n, t in inputs.items() if t.is_floating_point()}
        tensors |= dict(module.named_parameters())
        total = module(*inputs.values()).square().sum()
        grads = torch.autograd.grad(total, list(tensors.values()), allow_unused=True) if total.requires_grad else []
        for (name, tensor), grad in zip(tensors.items(), grads, strict=bool(grads)):
            wanted = torch.zeros_like(tensor) if grad is None else grad
            found = trace[name].gradient
            assert found is not None
            close = 1e-5 * max(1.0, float(wanted.abs().max()))
            np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-4, atol=close, err_msg=f"{model.name} {name}")


def test_a_value_that_is_not_finite_is_no_gradient() -> None:
    with pytest.raises(netspec.SpecError, match="what is differentiated is nan"):
        netspec.loads("input 2\nlog").check_gradients([-1.0, 1.0])


def test_a_network_without_anything_to_check_says_so() -> None:
    assert "nothing to check" in str(netspec.loads("input 5 int\nflatten").check_gradients())


class _Skewed(torch.autograd.Function):
    """A tanh whose gradient is 1 % too large."""

    @staticmethod
    def forward(ctx, x):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x.tanh())
        return x.tanh()

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        (y,) = ctx.saved_tensors
        return 1.01 * gradient * (1 - y * y)


class _SkewedTanh(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _Skewed.apply(x)  # type: ignore[no-any-return, no-untyped-call]


_SKEWED_SOURCE = """
class SkewedFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x.tanh())
        return x.tanh()

    @staticmethod
    def backward(ctx, gradient):
        (y,) = ctx.saved_tensors
        return 1.01 * gradient * (1 - y * y)
"""


def test_a_wrong_gradient_of_an_op_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes before the op is wrong, what comes after it is right."""
    code = TorchCode((), "SkewedFunction.apply({0})", helpers=(("SkewedFunction", _SKEWED_SOURCE),))
    monkeypatch.setattr(Tanh, "torch", lambda self, *inputs: code)
    check = netspec.loads("input 6\nFC-5\ntanh\nFC-2").check_gradients()
    assert not check.ok
    verdicts = {t.name: t.verdict for t in check.tensors}
    assert verdicts == {
        "input": "wrong", "fc1.weight": "wrong", "fc1.bias": "wrong", "fc2.weight": "ok", "fc2.bias": "ok",
    }  # fmt: skip
    worst = check.wrong[0]
    assert worst.error == pytest.approx(0.0099, rel=0.01)
    assert f"wrong: {worst.text}" in str(check).replace("\n", " ")


def test_a_module_of_ones_own_is_checked() -> None:
    model = netspec.loads("input 6\nFC-5\ntanh\nFC-2")
    module = model.to_torch(seed=0)
    assert model.check_gradients(module=module).ok
    module.set_submodule("tanh1", _SkewedTanh())
    check = model.check_gradients(module=module)
    assert {t.name for t in check.tensors if t.verdict == "wrong"} == {"input", "fc1.weight", "fc1.bias"}


def test_a_wrong_gradient_of_one_value_in_many_is_found() -> None:
    """Few values are sampled, but a random direction goes through all."""

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):  # type: ignore[no-untyped-def]
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):  # type: ignore[no-untyped-def]
            gradient = gradient.clone()
            gradient[:, 77] *= 3
            return gradient

    class One(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return Wrong.apply(x)  # type: ignore[no-any-return, no-untyped-call]

    model = netspec.loads("input 200\nidentity\ntanh\nFC-1")
    module = model.to_torch(seed=0)
    module.set_submodule("tanh1", One())
    check = model.check_gradients(module=module, values=6)
    assert check.tensors[0].checked == 2
    assert check.wrong[0].direction
    assert "random direction" in str(check)


def test_kinks_are_told_from_mistakes() -> None:
    """At 0 the slopes of relu are 0 and 1, and PyTorch says 0; beside 0 a smaller step decides."""
    model = netspec.loads("input 4\nrelu")
    check = model.check_gradients([0.0, 3e-5, 1.0, -1.0], examples=1)
    (tensor,) = check.tensors
    by_place = {value.place[1]: value for value in tensor.values}
    assert (by_place[0].verdict, by_place[1].verdict, by_place[2].verdict) == ("kink", "ok", "ok")
    assert by_place[1].step < 3e-5
    assert (check.ok, tensor.verdict) == (True, "kink")
    assert "at a kink" in str(check)
    tied = netspec.loads("input 1x2x2\nmaxpool").check_gradients([1.0, 1.0, 0.0, 0.0])
    assert {value.place[2:]: value.verdict for value in tied.tensors[0].values} == {
        (0, 0): "kink", (0, 1): "kink", (1, 0): "ok", (1, 1): "ok",
    }  # fmt: skip


class _Twice(torch.autograd.Function):
    """A relu whose gradient is 2 everywhere."""

    @staticmethod
    def forward(ctx, x):  # type: ignore[no-untyped-def]
        return x.relu()

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        return 2 * gradient


class _TwiceRelu(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _Twice.apply(x)  # type: ignore[no-any-return, no-untyped-call]


def test_a_wrong_gradient_at_a_kink_is_wrong() -> None:
    model = netspec.loads("input 1\nFC-1 bias=no\nrelu")
    module = model.to_torch(seed=0)
    module.set_submodule("relu1", _TwiceRelu())
    assert model.check_gradients(0.0, module=module).tensors[0].verdict == "wrong"


def test_a_direction_through_several_kinks_is_checked_beside_them() -> None:
    """There a right gradient need not lie between the slopes of both sides: relu(x) - 2 relu(-y) at 0 has 1 and 2 along x + y."""
    model = netspec.loads("input 200\nrelu\nFC-1")
    zeros = np.zeros((1, 200))
    assert all(model.check_gradients(zeros, values=6, seed=seed).ok for seed in range(8))
    module = model.to_torch(seed=0)
    module.set_submodule("relu1", _TwiceRelu())
    assert any(value.direction for value in model.check_gradients(zeros, values=2, module=module).wrong)


@pytest.mark.parametrize("name", ["lenet_digits", "resnet8_digits", "lstm_digits"])
def test_examples(name: str) -> None:
    check = netspec.load(ROOT / "examples" / f"{name}.net").check_gradients(values=40)
    assert check.ok, check
    assert all(tensor.checked for tensor in check.tensors)


def test_how_many_values_are_checked_is_counted() -> None:
    model = netspec.loads("input 10\nFC-20\nFC-3")
    every = model.check_gradients(values=10_000)
    assert [t.checked for t in every.tensors] == [20, 200, 20, 60, 3]
    assert "checked: all 303 values in 5 tensors" in str(every)
    some = model.check_gradients(values=20)
    assert [t.checked for t in some.tensors] == [4, 4, 4, 4, 3]
    assert "checked: 19 of 303 values" in str(some)
    again = model.check_gradients(values=20)
    assert [v.place for t in some.tensors for v in t.values] == [v.place for t in again.tensors for v in t.values]
    with pytest.raises(ValueError, match="the step"):
        model.check_gradients(step=0)
