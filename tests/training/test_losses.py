"""Losses and penalties against the lecture's figures and a few lines of plain torch."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn import functional as F

import netspec
from netspec.recipe import Chosen
from netspec.training.losses import by_unit, hinge, loss_function, max_norm_, penalty, summands
from netspec.training.plan import Plan


def chosen(word: str, **values: Any) -> Chosen:
    return Chosen(word, values)


def test_the_lecture_s_hinge_losses() -> None:
    scores = torch.tensor([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])
    losses = hinge(scores, torch.tensor([0, 1, 2]))
    assert losses.tolist() == pytest.approx([2.9, 0.0, 12.9], abs=1e-5)
    assert losses.mean().item() == pytest.approx(5.2667, abs=1e-4)


def test_the_lecture_s_softmax_loss() -> None:
    loss = loss_function(chosen("cross_entropy", label_smoothing=0.0), 1)
    assert loss(torch.tensor([[3.2, 5.1, -1.7]]), torch.tensor([0])).item() == pytest.approx(2.04, abs=0.005)


@pytest.mark.parametrize("margin", [1.0, 0.3])
def test_hinge_is_torch_s_multi_margin_loss_times_the_classes(margin: float) -> None:
    scores, target = torch.randn(20, 7), torch.randint(0, 7, (20,))
    mine = loss_function(chosen("hinge", margin=margin), 1)(scores, target)
    assert torch.allclose(mine, 7 * F.multi_margin_loss(scores, target, margin=margin, reduction="none"), atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_by_hand(smoothing: float) -> None:
    scores, target = torch.randn(9, 5), torch.randint(0, 5, (9,))
    log = scores.double() - scores.double().exp().sum(1, keepdim=True).log()
    wanted = -(1 - smoothing) * log.gather(1, target[:, None])[:, 0] - smoothing * log.mean(1)
    mine = loss_function(chosen("cross_entropy", label_smoothing=smoothing), 1)(scores, target)
    assert torch.allclose(mine.double(), wanted, atol=1e-6)


def test_cross_entropy_of_maps_and_sequences_is_the_mean_over_places() -> None:
    scores, target = torch.randn(4, 3, 5, 6), torch.randint(0, 3, (4, 5, 6))
    wanted = F.cross_entropy(scores, target)
    loss = chosen("cross_entropy", label_smoothing=0.0)
    assert torch.allclose(loss_function(loss, 1)(scores, target).mean(), wanted, atol=1e-6)
    tokens, labels = torch.randn(4, 7, 3), torch.randint(0, 3, (4, 7))
    wanted = F.cross_entropy(tokens.transpose(1, 2), labels)
    assert torch.allclose(loss_function(loss, 2)(tokens, labels).mean(), wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("word", "by_hand"),
    [
        ("mse", lambda o, t: ((o - t) ** 2).mean()),
        ("l1", lambda o, t: (o - t).abs().mean()),
        ("bce", lambda o, t: -(t * torch.sigmoid(o).log() + (1 - t) * (1 - torch.sigmoid(o)).log()).mean()),
    ],
)
def test_losses_on_values_by_hand(word: str, by_hand) -> None:
    output, target = torch.randn(6, 4), torch.rand(6, 4)
    assert torch.allclose(loss_function(chosen(word), 1)(output, target).mean(), by_hand(output, target), atol=1e-6)


def test_penalties_by_hand() -> None:
    weights = [torch.randn(3, 4, requires_grad=True), torch.randn(5, 3, requires_grad=True)]
    lines = [chosen("l2", weight=0.1), chosen("l1", weight=0.02), chosen("elastic", l1=0.01, l2=0.3)]
    total = penalty(lines, weights)
    assert total is not None
    squares = sum(float((w.detach().double() ** 2).sum()) for w in weights)
    absolute = sum(float(w.detach().double().abs().sum()) for w in weights)
    assert total.item() == pytest.approx(0.4 / 2 * squares + 0.03 * absolute, rel=1e-6)
    total.backward()
    gradient = 0.4 * weights[0].detach() + 0.03 * weights[0].detach().sign()
    assert torch.allclose(weights[0].grad, gradient, atol=1e-6)  # type: ignore[arg-type]


@pytest.mark.parametrize("penalized", [False, True])
def test_weights_of_summands_give_the_gradient_of_their_sum(penalized: bool) -> None:
    scores, target, share = torch.randn(9, 5), torch.randint(0, 5, (9,)), 1 / 9
    found = []
    for summed in (True, False):
        weight = torch.full((5, 5), 0.3, requires_grad=True)
        losses = F.cross_entropy(scores @ weight, target, reduction="none")
        extra = penalty([chosen("l2", weight=0.5)], [weight]) if penalized else None
        if summed:
            total = losses.sum() * share
            (total if extra is None else total + extra).backward()  # type: ignore[no-untyped-call]
        else:
            terms, weights = summands(losses, share, extra)
            terms.backward(weights)  # type: ignore[no-untyped-call]
        found.append(weight.grad)
    assert torch.equal(*found)


def test_no_penalty_costs_nothing() -> None:
    assert penalty([], [torch.ones(2, 2)]) is None
    assert penalty([chosen("max_norm", bound=1.0)], [torch.ones(2, 2)]) is None


def test_max_norm_of_a_transposed_convolution_bounds_each_filter() -> None:
    layer = torch.nn.ConvTranspose2d(3, 5, 4)
    max_norm_(by_unit(layer, [layer.weight]), 0.1)
    lengths = [layer.weight[:, i].norm().item() for i in range(5)]
    assert lengths == pytest.approx([0.1] * 5, rel=1e-5)


def test_max_norm_bounds_each_unit_and_leaves_the_others() -> None:
    weight = torch.stack([torch.full((2, 3, 3), 1.0), torch.full((2, 3, 3), 0.01)])
    before = weight.clone()
    max_norm_([weight], 2.0)
    assert weight[0].norm().item() == pytest.approx(2.0, rel=1e-6)
    assert torch.equal(weight[1], before[1])
    assert math.isclose(float(weight[0, 0, 0, 0]), 2.0 / math.sqrt(18), rel_tol=1e-6)


def test_classes_are_weighted_as_torch_weights_them() -> None:
    scores, target, weights = torch.randn(12, 4), torch.randint(0, 4, (12,)), torch.tensor([1.0, 2.5, 0.0, 3.0])
    given = {"label_smoothing": 0.1, "class_weights": tuple(weights.tolist())}
    mine = loss_function(chosen("cross_entropy", **given), 1)(scores, target)
    assert torch.allclose(mine, F.cross_entropy(scores, target, weights, reduction="none", label_smoothing=0.1))
    balanced = loss_function(chosen("cross_entropy", label_smoothing=0.0, class_weights="balanced"), 1, [8, 2, 4, 2])
    true = torch.tensor([0.5, 2.0, 1.0, 2.0])  # 16 examples / (4 classes x examples), scikit-learn's `balanced`
    assert torch.allclose(balanced(scores, target), F.cross_entropy(scores, target, true, reduction="none"))


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 3, 2)])
@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_focal_loss_by_the_paper(shape: tuple[int, ...], gamma: float) -> None:
    scores, target = torch.randn(shape), torch.randint(0, 5, (shape[0], *shape[2:]))
    p = scores.softmax(1).gather(1, target[:, None])[:, 0]
    true = -((1 - p) ** gamma) * p.log()
    mine = loss_function(chosen("focal", gamma=gamma), 1)(scores, target)
    assert torch.allclose(mine, true.flatten(1).mean(1) if true.ndim > 1 else true, atol=1e-6)


def test_dice_loss_is_that_of_kornia() -> None:
    from kornia.losses import dice_loss

    scores, target = torch.randn(6, 3, 8, 5), torch.randint(0, 3, (6, 8, 5))
    mine = loss_function(chosen("dice", smooth=1e-8), 1)(scores, target)
    for one, labels, loss in zip(scores, target, mine, strict=True):
        assert loss.item() == pytest.approx(dice_loss(one[None], labels[None], average="macro").item(), abs=1e-5)
    target[0, :4] = -100  # belongs to no class
    part = loss_function(chosen("dice", smooth=1e-8), 1)(scores[:1, :, 4:], target[:1, 4:])
    assert torch.allclose(loss_function(chosen("dice", smooth=1e-8), 1)(scores[:1], target[:1]), part)


def test_huber_is_torch_s() -> None:
    output, target = 3 * torch.randn(9, 4), torch.randn(9, 4)
    mine = loss_function(chosen("huber", delta=0.7), 1)(output, target)
    assert torch.allclose(mine, F.huber_loss(output, target, reduction="none", delta=0.7).mean(1))


@pytest.mark.parametrize(("line", "says"), [
    ("loss cross_entropy class_weights=[1, 2]", "2 numbers, but the net has 3 classes"), ("loss dice", "the output is a vector"),
])  # fmt: skip
def test_what_does_not_fit_the_classes_is_refused(line: str, says: str) -> None:
    graph = netspec.loads(f"input 4\nFC-3\ntrain {{ {line} }}\n").graph
    with pytest.raises(netspec.SpecError, match="NS604") as caught:
        Plan.of(graph)
    assert says in str(caught.value)
