"""Whether the labels are related to the inputs: class means and nearest neighbors, then the net; and what they show of wrong
labels."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from netspec.datasets import Examples
from netspec.training.check_result import CheckResult
from netspec.training.sanity_runs import Bench, Held, run_trial
from netspec.training.scores import Score

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_signal"]

_FEATURES = 2048
"""Maximum number of values of an example for the nearest-neighbor comparison; larger examples are subsampled."""
_NEIGHBORS, _MANY, _RARE = 5, 15, 2
_SURE, _DOUBTFUL = 4.0, 1.5
"""Standard deviations above chance that count as better than chance, and as perhaps better."""


def check_signal(bench: Bench, *, blocked: bool) -> list[CheckResult]:
    """The accuracy of nearest class means and nearest neighbors on the raw inputs, then of the net, on held-out examples.
    `blocked`: an earlier check already explains why validation examples are not predicted."""
    import numpy as np

    labels = bench.labels(bench.collection.train)
    if labels is None or labels.ndim != 1 or labels.min() < 0 or len(np.unique(labels)) < 2:
        return []
    some = bench.held(max(200, min(2000, 100_000_000 // bench.example_size)))
    noise = _check_noise(bench, some)
    known, held_out = _halves(some) if blocked else _divided(bench, some)
    if known is some and not blocked and (wrong := _check_meaning(bench, known, held_out)):
        return [wrong, *noise]
    return [_check_relation(bench, known, held_out), *noise]


def _check_relation(bench: Bench, known: Held, held_out: Held) -> CheckResult:
    import numpy as np

    answers = bench.labels(held_out)
    assert answers is not None
    chance, error = _chance(answers)
    least = chance + _SURE * error
    means, neighbors = (
        float((p == _labels(bench, held_out)).float().mean()) for p in _predictions(bench, known, held_out)
    )
    measured = f"accuracy on {len(answers)} held-out examples: chance {chance:.0%}, class means {means:.0%}, nearest neighbors {neighbors:.0%}"
    check = "labels and inputs"
    if max(means, neighbors) > least:
        return CheckResult(check, measured)
    if len(answers) < 40 or len(known) < 10 * len(np.unique(_labels(bench, known))):
        return CheckResult(check, f"{measured}; too few examples to decide", note=True)
    fitted, right, rest = _net_accuracies(bench, known, held_out)
    measured += f", the net {right:.0%} (training accuracy {fitted:.0%})"
    if right > least:
        return CheckResult(check, measured)
    if rest is not None and rest - right > _SURE * error and rest > least:
        return CheckResult(check, f"{measured}; it predicts {rest:.0%} of other training examples", "validation does not match training", "look at examples of both: inputs or labels were prepared in another way")  # fmt: skip
    if right > chance + _DOUBTFUL * error:
        return CheckResult(
            check, measured, note=True, advice="few examples, or labels that are hard to learn: look at some of them"
        )
    if fitted > min(0.9, chance + 0.4):
        return CheckResult(check, measured, "labels seem shuffled or unrelated to the inputs", "inspect some examples with their labels, and check that inputs and labels are stored in the same order")  # fmt: skip
    return CheckResult(check, measured, note=True, advice="nothing learns these labels, so it is unclear whether they match the inputs")  # fmt: skip


def _chance(answers: Any) -> tuple[float, float]:
    """The accuracy of always predicting the most frequent class, and its standard error."""
    import numpy as np

    chance = float(np.bincount(answers).max() / len(answers))
    return chance, math.sqrt(max(chance * (1 - chance), 1e-4) / len(answers))


def _divided(bench: Bench, some: Held) -> tuple[Held, Held]:
    """Examples for training, and others for evaluation: validation examples, if there are any."""
    if bench.collection.validation is not None and len(bench.collection.validation) >= 40:
        return some, bench.held(500, examples=bench.collection.validation)
    return _halves(some)


def _halves(some: Held) -> tuple[Held, Held]:
    quarter = len(some) // 4
    rest: Examples = some
    return Held(rest, range(quarter, len(some))), Held(rest, range(quarter))


def _labels(bench: Bench, held: Held) -> Tensor:
    import torch

    return torch.as_tensor(bench.labels(held))


# Predictions from the inputs alone


def _features(bench: Bench, held: Held) -> Tensor:
    """The inputs as vectors."""
    import torch

    pieces = []
    for start in range(0, len(held), 128):
        inputs, _ = bench.engine.inputs.test(held.batch(range(start, min(start + 128, len(held)))))
        flat = torch.cat([value.float().flatten(1) for value in inputs], 1)
        pieces.append(flat[:, :: math.ceil(flat.shape[1] / _FEATURES)].cpu())
    return torch.cat(pieces)


def _predictions(bench: Bench, known: Held, held_out: Held) -> tuple[Tensor, Tensor]:
    """The nearest class mean, and the vote of the nearest neighbors."""
    x, test = _features(bench, known), _features(bench, held_out)
    mean, std = x.mean(0), x.std(0).clamp(min=1e-6)
    x, test = (x - mean) / std, (test - mean) / std
    y = _labels(bench, known)
    return _nearest_mean(bench, x, y, test), _vote(bench, x, y, test, _NEIGHBORS).argmax(1)


def _nearest_mean(bench: Bench, x: Tensor, y: Tensor, test: Tensor) -> Tensor:
    import torch

    ones = torch.nn.functional.one_hot(y, bench.plan.output.type.features).float()
    counts = ones.sum(0)
    centers = ones.T @ x / counts[:, None].clamp(min=1)
    return torch.cdist(test, centers).masked_fill(counts == 0, math.inf).argmin(1)


def _vote(bench: Bench, x: Tensor, y: Tensor, test: Tensor, count: int, *, skip: int = 0) -> Tensor:
    """N x classes: the votes of the nearest neighbors after the first `skip`."""
    import torch

    ones = torch.nn.functional.one_hot(y, bench.plan.output.type.features).float()
    near = torch.cdist(test, x).topk(min(count + skip, len(x)), largest=False).indices[:, skip:]
    votes = ones[near].sum(1)
    return votes + ones[near[:, 0]] * 0.5  # ties go to the nearest


def _net_accuracies(bench: Bench, known: Held, held_out: Held) -> tuple[float, float, float | None]:
    """The accuracy of the net on a few examples that it overfits, on held-out ones, and on other training examples, if there
    are as many."""
    few = Held(known, range(min(len(known), 200)))
    others = Held(known, range(len(few), min(len(known), len(few) + 500)))
    engine = bench.trial(few, batch=min(50, len(few)), plain=True)
    passes = math.ceil(len(few) / 50)
    trace = run_trial(engine, 400, lambda t: len(t.right) >= passes and min(r or 0.0 for r in t.right[-passes:]) > 0.95)
    if not trace.finite:
        return 0.0, 0.0, None
    parts = (few, held_out, others if len(others) >= len(held_out) else None)
    fitted, right, rest = (None if part is None else _accuracy(bench, engine.evaluate(part)) for part in parts)
    return fitted or 0.0, right or 0.0, rest


def _accuracy(bench: Bench, score: Score) -> float:
    """That of the first output."""
    return score.accuracy or dict(score.metrics).get(f"{bench.plan.head.name}_accuracy", 0.0)


# Whether a class is the same in validation


def _check_meaning(bench: Bench, known: Held, held_out: Held) -> CheckResult | None:
    """Where training examples predict held-out training examples well, and validation examples much worse; None if not."""
    rest, quarter = _halves(known)
    wanted, answers = _labels(bench, quarter), _labels(bench, held_out)
    common = [c for c in sorted(set(answers.tolist())) if int((wanted == c).sum()) >= _NEIGHBORS]
    if not common:
        return None
    # of frequent classes, each as often as in validation: rare ones are predicted badly everywhere
    shares = [float((answers == c).float().mean()) for c in common]
    expected = max(_recall(p, wanted, common, shares) for p in _predictions(bench, rest, quarter))
    means, neighbors = _predictions(bench, known, held_out)
    right = max(_recall(p, answers, common, shares) for p in (means, neighbors))
    error = math.sqrt(0.25 / len(answers) + 0.25 / len(quarter))
    if expected - right < max(_SURE * error, 0.3 * expected):
        return None
    measured = f"nearest neighbors in the training set predict {expected:.0%} of training examples, but only {right:.0%} of {len(answers)} validation examples"
    names = _renamed(answers, neighbors)
    same = float((names[neighbors] == answers).float().mean()) if names is not None else 0.0
    if names is None or same < 0.8 * expected:
        return CheckResult("validation", measured, "validation does not match training", "look at examples of both: inputs or labels were prepared in another way")  # fmt: skip
    moved = {k: int(v) for k, v in enumerate(names.tolist()) if v != k and (neighbors == k).any()}
    first = next(iter(moved))
    offsets = Counter((v - k) % len(names) for k, v in moved.items())
    offset = next(iter(offsets)) if len(offsets) == 1 and len(moved) > 2 else None
    said = f"; {same:.0%} if class {first} of training is class {moved[first]} of validation" + (f", and so on: shifted by {offset if offset <= len(names) / 2 else offset - len(names)}" if offset else "")  # fmt: skip
    return CheckResult("validation", measured + said, "validation has other class numbers than training", "number the classes of both in the same way")  # fmt: skip


def _recall(predicted: Tensor, answers: Tensor, classes: list[int], shares: list[float]) -> float:
    """The accuracy on these classes, if they have these shares."""
    each = [float((predicted[answers == c] == c).float().mean()) for c in classes]
    return sum(r * s for r, s in zip(each, shares, strict=True)) / sum(shares)


def _renamed(answers: Tensor, predicted: Tensor) -> Any:
    """The most frequent true class of each predicted one; None if all are the same."""
    import torch

    size = int(max(answers.max(), predicted.max())) + 1
    pairs = torch.zeros(size, size).index_put_((predicted, answers), torch.ones(len(answers)), accumulate=True)
    names = torch.where(pairs.sum(1) > 0, pairs.argmax(1), torch.arange(size))
    return None if torch.equal(names, torch.arange(size)) else names


# Wrong labels


class _Doubt(NamedTuple):
    """Of the examples of which class means and neighbors predict the same class, the fraction with another label, and with one
    that few neighbors have: where classes are merely hard to tell apart, the label comes second among the neighbors."""

    agreed: float
    differ: float
    strange: float
    rows: list[int]
    """Those with a label that few neighbors have, the most certain first."""
    predicted: list[int]


def _check_noise(bench: Bench, some: Held) -> list[CheckResult]:
    """Two predictions that agree with each other and not with the label are evidence of wrong labels."""
    labels = _labels(bench, some)
    classes = len(set(labels.tolist()))
    if len(some) < 20 * classes:
        return []
    doubt = _doubt(bench, some, labels)
    if doubt.agreed < 0.4 or doubt.strange < 0.08:
        return []
    shown = ", ".join(
        f"{some.shown(row)} (class {int(labels[row])}, like {name})"
        for row, name in list(zip(doubt.rows, doubt.predicted, strict=True))[:3]
    )
    measured = f"where class means and nearest neighbors agree ({doubt.agreed:.0%} of {len(some)} training examples), {doubt.differ:.0%} of the labels are different; {doubt.strange:.0%} are rare among the neighbors, too"
    if classes > 2 and doubt.agreed >= 0.7 and doubt.differ >= 0.2:
        return [CheckResult("label noise", measured, "many labels seem wrong", f"inspect, for example, {shown}")]
    return [CheckResult("label noise", measured, note=True, advice=f"labels may be wrong, or the inputs may not determine them; inspect, for example, {shown}")]  # fmt: skip


def _doubt(bench: Bench, some: Held, labels: Tensor) -> _Doubt:
    x = _features(bench, some)
    x = (x - x.mean(0)) / x.std(0).clamp(min=1e-6)
    means = _nearest_mean(bench, x, labels, x)
    votes = _vote(bench, x, labels, x, _MANY, skip=1)
    neighbors = votes.argmax(1)
    agreed = means == neighbors
    differ = agreed & (neighbors != labels)
    strange = differ & (votes.gather(1, labels[:, None])[:, 0] <= _RARE)
    rows = strange.nonzero()[:, 0]
    rows = rows[votes.max(1).values[rows].argsort(descending=True, stable=True)]
    count = max(1, int(agreed.sum()))
    return _Doubt(float(agreed.float().mean()), int(differ.sum()) / count, len(rows) / count, rows.tolist(), neighbors[rows].tolist())  # fmt: skip
