"""Losses, with one value per example, and penalties on weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from netspec.datasets.examples import IGNORED
from netspec.recipe import Chosen
from netspec.settings import OF_CLASSES
from netspec.settings.schema import BALANCED

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = [
    "Loss", "by_unit", "contrastive", "ctc", "dice", "divergence", "hinge", "loss_function", "max_norm_", "penalty",
    "summands", "triplet",
]  # fmt: skip

Loss = Callable[["Tensor", "Tensor"], "Tensor"]
"""(output N x ..., target) to (N,), one value per example."""


def hinge(scores: Tensor, target: Tensor, margin: float = 1.0) -> Tensor:
    """The multi-class SVM loss: the sum over wrong classes j of max(0, s_j - s_y + margin).

    scores (N, classes), target (N,), result (N,). Source: Weston & Watkins 1999.
    """
    right = scores.gather(1, target[:, None])
    return (scores - right + margin).clamp(min=0).sum(1) - margin


def contrastive(distance: Tensor, alike: Tensor, margin: float = 1.0) -> Tensor:
    """The loss of Hadsell, Chopra & LeCun 2006, equation 4, for each distance: alike is 1 for pairs that belong together, 0 for
    others."""
    alike = alike.reshape(distance.shape).to(distance)
    return 0.5 * (alike * distance.square() + (1 - alike) * (margin - distance).clamp(min=0).square())


def triplet(features: Tensor, groups: Tensor, margin: float = 1.0) -> Tensor:
    """torch's triplet margin loss of every example as the anchor, with the farthest example of its group and the nearest of another
    in the batch; 0 without one of the two. Source: Hermans, Beyer & Leibe 2017, "batch hard".

    features (N, …), groups (N,), result (N,).
    """
    import torch
    from torch.nn import functional as F

    flat = features.flatten(1)
    alike = groups[:, None] == groups
    with torch.no_grad():
        distances = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
        others = alike & ~torch.eye(len(flat), dtype=torch.bool, device=flat.device)
        farthest = distances.masked_fill(~others, -1.0).argmax(1)
        nearest = distances.masked_fill(alike, torch.inf).argmin(1)
        has_both = others.any(1) & ~alike.all(1)
    values = F.triplet_margin_loss(flat, flat[farthest], flat[nearest], margin, reduction="none")
    return torch.where(has_both, values, 0.0)


def ctc(scores: Tensor, labels: Tensor, blank: int = 0) -> Tensor:
    """torch's CTC loss of each example, divided by the number of its labels as torch does in the mean.

    scores (N, tokens, classes), labels (N, longest), filled up with IGNORED, result (N,). Source: Graves et al. 2006.
    """
    import torch
    from torch.nn import functional as F

    counts = (labels != IGNORED).sum(1)
    tokens = torch.full_like(counts, scores.shape[1])
    found = scores.log_softmax(-1).transpose(0, 1)
    values = F.ctc_loss(found, labels.clamp(min=0), tokens, counts, blank, reduction="none")
    return values / counts.clamp(min=1)


def loss_function(chosen: Chosen, feature_axis: int, counts: Sequence[int] | None = None) -> Loss:
    """The loss of a recipe; `feature_axis` is the class axis in a batch of outputs. `counts` are the numbers of training
    examples of each class, by which `class_weights=balanced` weights them; without them it does not."""
    if chosen.word in OF_CLASSES:
        return _loss_of_classes(chosen, feature_axis, counts)
    values = chosen.values
    match chosen.word:
        case "contrastive":
            return lambda output, target: _per_example(contrastive(_at_least_single(output), target, values["margin"]))
        case "triplet":
            return lambda output, target: triplet(_at_least_single(output), target, values["margin"])
        case "ctc":
            return lambda output, target: ctc(_at_least_single(output), target, values["blank"])
    return _loss_of_values(chosen)


def _loss_of_classes(chosen: Chosen, feature_axis: int, counts: Sequence[int] | None) -> Loss:
    from torch.nn import functional as F

    def classes_second(output: Tensor) -> Tensor:
        return output if feature_axis == 1 or output.ndim < 3 else output.movedim(feature_axis, 1)

    smoothing = chosen.values.get("label_smoothing", 0.0)
    weights = _ClassWeights(chosen.values.get("class_weights"), counts)
    match chosen.word:
        case "focal":
            gamma = chosen.values["gamma"]
            return lambda output, target: _focal(classes_second(output), target, gamma, weights.on(output))
        case "dice":
            return lambda output, target: dice(classes_second(output), target, chosen.values["smooth"])
        case "hinge":
            return lambda output, target: _hinge_everywhere(
                _at_least_single(classes_second(output)), target, chosen.values["margin"]
            )
    return lambda output, target: _over_counted(
        F.cross_entropy(
            _at_least_single(classes_second(output)),
            target,
            weights.on(output),
            reduction="none",
            label_smoothing=smoothing,
            ignore_index=IGNORED,
        ),
        target,
    )


def _loss_of_values(chosen: Chosen) -> Loss:
    from torch.nn import functional as F

    if chosen.word == "huber":
        delta = chosen.values["delta"]
        function: Any = lambda output, target, reduction: F.huber_loss(output, target, reduction, delta)  # noqa: E731
    else:
        function = {"mse": F.mse_loss, "l1": F.l1_loss, "bce": F.binary_cross_entropy_with_logits}[chosen.word]
    return lambda output, target: _per_example(
        function(
            _at_least_single(output),
            _at_least_single(target.reshape(output.shape).to(output.device)),
            reduction="none",
        )
    )


def _per_example(values: Tensor) -> Tensor:
    return values.flatten(1).mean(1) if values.ndim > 1 else values


class _ClassWeights:
    """The factors of the losses of classes: given, or examples / (classes x examples of the class)."""

    def __init__(self, given: Any, counts: Sequence[int] | None) -> None:
        if given == BALANCED:
            total, classes = sum(counts or ()), len(counts or ())
            given = None if counts is None else tuple(total / (classes * n) if n else 0.0 for n in counts)
        self.values: Any = given
        self.tensor: Tensor | None = None

    def on(self, output: Tensor) -> Tensor | None:
        """On the device of the outputs; None: all are 1."""
        import torch

        if self.values is not None and (self.tensor is None or self.tensor.device != output.device):
            self.tensor = torch.tensor(self.values, dtype=torch.float32, device=output.device)
        return self.tensor


def _focal(scores: Tensor, target: Tensor, gamma: float, weights: Tensor | None) -> Tensor:
    """Cross-entropy times (1 - p)^gamma, where p is the probability of the true class. Source: Lin et al. 2017."""
    from torch.nn import functional as F

    entropy = F.cross_entropy(_at_least_single(scores), target, reduction="none", ignore_index=IGNORED)
    values = (1 - (-entropy).exp()).clamp(min=0) ** gamma * entropy
    if weights is not None:
        values = values * weights[target.clamp(min=0)]
    return _over_counted(values, target)


def dice(scores: Tensor, target: Tensor, smooth: float = 1.0) -> Tensor:
    """1 minus the Dice coefficient (2 overlap + smooth)/(predicted + true + smooth) of probabilities, averaged over the classes
    of each example; positions without a class do not count. Source: Milletari et al. 2016.

    scores (N, classes, …), target (N, …), result (N,).
    """
    from torch.nn import functional as F

    counted = (target != IGNORED)[:, None].flatten(2)
    given = _at_least_single(scores).softmax(1).flatten(2) * counted
    true = F.one_hot(target.clamp(min=0), scores.shape[1]).movedim(-1, 1).flatten(2) * counted
    overlap, sizes = (given * true).sum(2), given.sum(2) + true.sum(2)
    return 1 - ((2 * overlap + smooth) / (sizes + smooth)).mean(1)


def _at_least_single(values: Tensor) -> Tensor:
    """In float32, where they are not in float64, in which gradients are checked."""
    import torch

    return values if values.dtype == torch.float64 else values.float()


def _over_counted(values: Tensor, target: Tensor) -> Tensor:
    """The mean of each example over the positions whose class counts; ignored ones are 0 in `values`."""
    if values.ndim == 1:
        return values
    return values.flatten(1).sum(1) / (target != IGNORED).flatten(1).sum(1).clamp(min=1)


def _hinge_everywhere(scores: Tensor, target: Tensor, margin: float) -> Tensor:
    """`hinge` at every position of a feature map or sequence, averaged per example."""
    if scores.ndim == 2:
        return hinge(scores, target.clamp(min=0), margin) * (target != IGNORED)
    flat = scores.movedim(1, -1).flatten(0, -2)
    values = hinge(flat, target.flatten().clamp(min=0), margin).reshape(target.shape)
    return _over_counted(values * (target != IGNORED), target)


def summands(losses: Tensor, share: float, extra: Tensor | None) -> tuple[Tensor, Tensor]:
    """The summands of what is minimized, `share` of each loss and a penalty, as a vector and the weights of its elements, with
    which `backward` begins: to multiply and add them first would be two more steps of every pass."""
    import torch

    weights = _equal(losses.shape, share, losses.dtype, losses.device)
    if extra is None:
        return losses, weights
    return torch.cat([losses, extra.reshape(1)]), torch.cat([weights, weights.new_ones(1)])


@lru_cache(maxsize=8)
def _equal(shape: Any, value: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The same weight for each loss, made once for all batches of a size."""
    import torch

    return torch.full(shape, value, dtype=dtype, device=device)


def penalty(lines: Sequence[Chosen], weights: Sequence[Tensor]) -> Tensor | None:
    """The penalty of `regularize`, over weights that decay: l2 is half the squared L2 norm, l1 the L1 norm.

    None if the recipe has no penalty (`max_norm` is a bound, not a penalty).
    """
    import torch

    l1 = sum(line.values["weight" if line.word == "l1" else "l1"] for line in lines if line.word in ("l1", "elastic"))
    l2 = sum(line.values["weight" if line.word == "l2" else "l2"] for line in lines if line.word in ("l2", "elastic"))
    if not weights or not (l1 or l2):
        return None
    total = weights[0].new_zeros(())
    if l1:
        total = total + l1 * torch.stack([w.abs().sum() for w in weights]).sum()
    if l2:
        total = total + l2 / 2 * torch.stack([w.square().sum() for w in weights]).sum()
    return total


def divergence(module: torch.nn.Module) -> Tensor | float:
    """For each example the divergence of all `sample` layers of the last forward pass in training, which is then let go; 0 where they are
    frozen."""
    holders = [part for part in module.modules() if vars(part).get("divergence") is not None]
    found: list[Tensor] = [vars(part)["divergence"] for part in holders]
    for part in holders:
        vars(part)["divergence"] = None
    return sum(found)


def by_unit(module: torch.nn.Module, weights: Sequence[Tensor]) -> list[Tensor]:
    """The weights as views whose first axis is the unit (for transposed convolutions it is the second)."""
    from torch.nn.modules.conv import _ConvTransposeNd

    turned = {id(part.weight) for part in module.modules() if isinstance(part, _ConvTransposeNd)}
    return [w.detach().transpose(0, 1) if id(w) in turned else w.detach() for w in weights]


def max_norm_(weights: Sequence[Tensor], bound: float) -> None:
    """Scales each unit's incoming weights (a row of the matrix, a filter) down to the bound, in place.

    Source: Srivastava et al. 2014, section 5.1.
    """
    import torch

    with torch.no_grad():
        for weight in weights:
            length = weight.flatten(1).norm(dim=1).clamp(min=bound)
            weight.mul_((bound / length).reshape(-1, *[1] * (weight.ndim - 1)))
