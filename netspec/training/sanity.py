"""`netspec train --sanity`: checks before a long training."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from netspec.datasets.examples import IGNORED
from netspec.training.check_result import CheckResult
from netspec.training.heads import Head
from netspec.training.judging import Judged
from netspec.training.learner import outputs_of
from netspec.training.losses import penalty
from netspec.training.sanity_data import check_class_names, check_inputs, check_labels, check_targets
from netspec.training.sanity_images import check_augmentation, check_axes
from netspec.training.sanity_masks import check_masks
from netspec.training.sanity_net import check_dropout, check_frozen, check_gradients, check_units, check_weights
from netspec.training.sanity_runs import Bench, Held, Trace, adam, run_trial
from netspec.training.sanity_signal import check_signal
from netspec.training.sanity_splits import check_copies, check_splits
from netspec.training.sanity_values import check_channels, check_leaks, check_missing
from netspec.training.session import Request

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CheckResult", "check_sanity"]

_TWENTY = 20
_UPDATES = 600
_FIRST = 50
"""The number of updates used to judge a learning rate."""


def check_sanity(request: Request) -> list[CheckResult]:
    """The result of each check, causes before consequences. Raises SpecError if the net or data cannot be opened."""
    bench = Bench.of(request)
    with_weights = request.weights is not None or bench.plan.weights is not None
    some = bench.held(max(32, min(256, 4_000_000 // bench.example_size)))
    inputs = [*check_inputs(bench, some), *check_axes(bench, some)]
    splits = check_splits(bench, some)
    inside = [
        *check_weights(bench), *check_frozen(bench, trained_before=with_weights), *check_dropout(bench), *check_units(bench, some),
        *check_gradients(bench, some),
    ]  # fmt: skip
    targets = [*check_labels(bench), *check_class_names(bench), *check_targets(bench), *check_masks(bench)]
    blocked = any(f.fault for f in (*inputs, *targets, *inside))
    return [
        *inputs, *check_channels(bench, some), *check_missing(bench, some), *check_augmentation(bench, some), *splits, *check_copies(bench), *targets, *inside,
        *_check_losses(bench, some), _check_penalty(bench, some), *_check_twenty(bench, blocked=blocked),
        *check_signal(bench, blocked=any(f.fault for f in splits)), *check_leaks(bench, some),
    ]  # fmt: skip


# Initial loss


def _check_losses(bench: Bench, some: Held) -> list[CheckResult]:
    """The initial loss of each output."""
    several = len(bench.engine.parts) > 1
    return [
        _check_loss(bench, some, part, value, f"initial loss of `{part.head.name}`" if several else "initial loss")
        for part, value in zip(bench.engine.parts, _losses_at_start(bench, some), strict=True)
    ]


def _check_loss(bench: Bench, some: Held, part: Judged, value: float, check: str) -> CheckResult:
    chance = _of_equal_scores(bench, part, some)
    if not math.isfinite(value):
        return CheckResult(check, f"{value}", fault="the initial loss is not finite", advice="see the checks of inputs and weights")  # fmt: skip
    if chance is None and part.head.task not in ("values", "input"):
        return CheckResult(check, f"{value:.4g}")
    if chance is None:
        return CheckResult(check, f"{value:.4g}; predicting the mean of the targets gives {_of_mean(part, _target(bench, part, some)):.4g}")  # fmt: skip
    measured = f"{value:.4g}; chance gives {chance:.4g}"
    if value > 3 * chance:
        return CheckResult(check, measured, note=True, advice="the initial outputs are too large: use smaller weights in the last layer, or scale down the inputs")  # fmt: skip
    if value < 0.7 * chance:
        return CheckResult(check, measured, note=True, advice="the untrained net is better than chance; this is expected only if weights were loaded")  # fmt: skip
    return CheckResult(check, measured)


def _losses_at_start(bench: Bench, some: Held) -> list[float]:
    """The mean training loss of each output without auxiliary heads, dropout and augmentation."""
    import torch

    engine = bench.trial(some, plain=True)
    engine.module.train()
    inputs, targets = engine.inputs.test_all(some.batch(range(len(some))))
    with torch.no_grad(), engine.fabric.autocast():
        outputs = outputs_of(engine.plan, engine.module(*inputs))
        pairs = zip(engine.parts, outputs, strict=False)
        return [float(part.loss(output, targets[head.name]).mean()) for part, (head, output) in pairs]


def _loss_at_start(bench: Bench, some: Held) -> float:
    """The sum over the outputs."""
    return sum(part.head.weight * one for part, one in zip(bench.engine.parts, _losses_at_start(bench, some), strict=True))  # fmt: skip


def _chance(bench: Bench) -> float | None:
    """The loss of a uniform prediction; None if there is none, or if there are several outputs."""
    return _chance_of(bench.plan.head) if len(bench.plan.heads) == 1 else None


def _chance_of(head: Head) -> float | None:
    loss, classes = head.loss, head.type.features
    match loss.word:
        case "cross_entropy":
            return math.log(classes) if classes > 1 else None
        case "focal":
            return math.log(classes) * (1 - 1 / classes) ** loss.values["gamma"] if classes > 1 else None
        case "dice":
            return 1 - 1 / classes
        case "hinge":
            return float((classes - 1) * loss.values["margin"])
        case "bce":
            return math.log(2)
    return None


def _of_equal_scores(bench: Bench, part: Judged, some: Held) -> float | None:
    """Of these very examples where classes have weights; None if chance has no loss."""
    chance = _chance_of(part.head)
    if chance is None or part.head.loss.values.get("class_weights") is None:
        return chance
    import torch

    target = _target(bench, part, some)
    scores = torch.zeros(len(target), part.head.type.features, *target.shape[1:], device=target.device)
    return float(part.loss(scores, target).mean())


def _target(bench: Bench, part: Judged, held: Held) -> Tensor:
    return bench.engine.inputs.test_all(held.batch(range(len(held))))[1][part.head.name]


def _of_mean(part: Judged, target: Tensor) -> float:
    """The loss of the mean of the targets as a constant prediction."""
    import torch

    target = target.float()
    answer = target.mean(0, keepdim=True).expand_as(target)
    if part.head.loss.word == "bce":
        answer = torch.logit(answer, eps=1e-6)
    return float(part.loss(answer, target).mean())


def _of_frequencies(part: Judged, target: Tensor) -> float:
    """The loss of the frequencies of the classes as a constant prediction."""
    if part.head.loss.word == "hinge":
        return _chance_of(part.head) or 0.0
    counts = target[target != IGNORED].bincount(minlength=part.head.type.features).double()
    shares = counts / counts.sum()
    return float(-(shares * shares.clamp(min=1e-12).log()).sum())


def _of_best(part: Judged, target: Tensor) -> float:
    """The loss of a perfect prediction: 0, except for bce, whose targets need not be 0 or 1."""
    import torch

    if part.head.loss.word != "bce":
        return 0.0
    return float(part.loss(torch.logit(target.float(), eps=1e-6), target).mean())


# Penalties


def _check_penalty(bench: Bench, some: Held) -> CheckResult:
    engine, plan = bench.engine, bench.plan
    loss = _loss_at_start(bench, some)
    decay = float(plan.value("optimizer", "weight_decay", 0.0) or 0.0)
    squares = sum(float(w.detach().square().sum()) for w in engine.decaying)
    written = penalty(plan.penalties, engine.decaying)
    extra = float(written.detach()) if written is not None else 0.0
    decoupled = plan.optimizer.word == "adamw"
    if not decoupled:
        extra += decay / 2 * squares
    strong = "far too much regularization"
    advice = "start with a small value, such as `regularize l2 1e-4`, and increase it if the net overfits"
    if decoupled and decay:
        count = sum(w.numel() for w in engine.decaying)
        typical = math.sqrt(squares / max(1, count))
        if decay * typical > 1 or decay * plan.lr > 0.5:
            return CheckResult("regularization", f"weight_decay={decay:g} shrinks a typical weight ({typical:.2g}) faster than Adam can increase it", fault=strong, advice="try `weight_decay=1e-2`")  # fmt: skip
    if not extra:
        tried = float(loss + 1e-4 / 2 * squares)
        has = (
            f"; weight_decay={decay:g} acts directly on the weights"
            if decoupled and decay
            else "; the recipe has no penalty"
        )
        return CheckResult(
            "regularization", f"the loss would increase from {loss:.4g} to {tried:.4g} with `l2 1e-4`{has}"
        )
    measured = f"the loss increases from {loss:.4g} to {loss + extra:.4g} with the penalties of the recipe"
    scale = max(loss, _chance(bench) or 0.0) if math.isfinite(loss) else _chance(bench) or 1.0
    if extra > 10 * scale:
        return CheckResult("regularization", measured, fault=strong, advice=advice)
    return CheckResult("regularization", measured, note=extra > 3 * scale, advice=advice if extra > 3 * scale else "")


# Twenty examples


def _check_twenty(bench: Bench, *, blocked: bool) -> list[CheckResult]:
    """Whether the net overfits twenty examples, and what the first updates show about the learning rate. `blocked`: an
    earlier check already explains why nothing can be learned."""
    twenty = bench.held(_TWENTY, balanced=True)
    goal = _goal(bench, twenty)
    trace = _learn(bench, twenty, goal, own=True, most=_FIRST * 2 if blocked else _UPDATES)
    done = _reached(trace, goal)
    how = f"{bench.plan.optimizer.word} at {bench.plan.lr:g}"
    measured = f"{'memorized' if done else 'not memorized'} in {len(trace.losses)} updates ({how}): {_state(trace)}"
    result = CheckResult("twenty examples", measured)
    if not done and trace.cut:
        result = replace(result, measured=f"{measured}; stopped because more would take too long", note=True)
    elif not done and blocked:
        result = replace(result, note=True, advice="explained by the problems above")
    elif not done:
        result = _why_not(result, trace, _learn(bench, twenty, goal, own=False, most=_UPDATES), goal)
    return [result, *_check_rate(bench, trace, done=done, blocked=blocked)]


def _why_not(result: CheckResult, trace: Trace, other: Trace, goal: float | None) -> CheckResult:
    """`other` is the result with Adam."""
    if _reached(other, goal) and _falling(trace):
        return replace(result, measured=f"{result.measured}, still decreasing", note=True, advice=f"slow: adam at 0.001 needs {len(other.losses)} updates; to search for a learning rate, run `netspec train --find-lr`")  # fmt: skip
    if _reached(other, goal):
        return replace(
            result, measured=f"{result.measured}; adam at 0.001 memorizes them in {len(other.losses)}",
            fault="the optimizer settings prevent learning", advice="to search for a learning rate, run `netspec train --find-lr`",
        )  # fmt: skip
    return replace(
        result, measured=f"{result.measured}; adam at 0.001 does not memorize them either: {_state(other)}",
        fault="the net cannot overfit twenty examples", advice="see the other checks; otherwise use a larger net",
    )  # fmt: skip


def _falling(trace: Trace) -> bool:
    """Whether the last tenth of the updates still reduced the loss by 1%."""
    tenth = max(1, len(trace.losses) // 10)
    return trace.finite and trace.losses[-1] < 0.99 * trace.losses[-tenth] < trace.losses[0]


def _learn(bench: Bench, twenty: Held, goal: float | None, *, own: bool, most: int) -> Trace:
    """Trains without regularization, with the optimizer of the recipe or with Adam."""
    plan = bench.plan
    optimizer = plan.optimizer if own else adam()
    rises = plan.schedule.word == "onecycle" or plan.schedule.values.get("warmup", 0) > 0
    engine = bench.trial(twenty, batch=len(twenty), optimizer=optimizer, plain=True, warmup=10 if own and rises else 0)
    updates = max(_FIRST, most // 10) if optimizer.word == "lbfgs" else most
    return run_trial(engine, updates, lambda t: len(t.losses) >= min(_FIRST, updates) and _reached(t, goal))


def _goal(bench: Bench, twenty: Held) -> float | None:
    """The loss that counts as memorized; None if it is an accuracy of 100%, of the only output."""
    parts = bench.engine.parts
    (part, *others), targets = parts, [_target(bench, part, twenty) for part in parts]
    if not others and part.judge.kind == "classes" and (targets[0].ndim == 1 or part.judge.one_hot):
        return None
    starts = _losses_at_start(bench, twenty)
    return sum(p.head.weight * _goal_of(p, t, start) for p, t, start in zip(parts, targets, starts, strict=True))


def _goal_of(part: Judged, target: Tensor, start: float) -> float:
    """For classes, such as the pixels of a mask, a tenth of the loss of the best constant prediction: 100% of thousands of them
    take too long. For values half of it; for sequences and distances a tenth and half of the initial loss."""
    if part.judge.kind == "classes":
        classes = target.argmax(part.judge.axis) if part.judge.one_hot else target
        return max(1e-3, 0.1 * _of_frequencies(part, classes))
    if part.head.task in ("sequence", "group"):
        return (0.1 if part.head.task == "sequence" else 0.5) * start
    best = _of_best(part, target)
    return best + 0.5 * (_of_mean(part, target) - best)


def _reached(trace: Trace, goal: float | None) -> bool:
    if not trace.finite:
        return False
    return trace.right[-1] == 1.0 if goal is None else trace.losses[-1] <= goal


def _state(trace: Trace) -> str:
    right = trace.right[-1]
    return f"loss {trace.losses[0]:.4g} to {trace.losses[-1]:.4g}" + (
        f", accuracy {right:.0%}" if right is not None else ""
    )


def _check_rate(bench: Bench, trace: Trace, *, done: bool, blocked: bool) -> list[CheckResult]:
    first = trace.losses[0]
    early = trace.losses[:_FIRST]
    last = sum(early[-5:]) / len(early[-5:])
    highest = max(early) if trace.finite else math.inf
    scale = max(first, _chance(bench) or first)
    measured = f"at {bench.plan.lr:g} the loss of twenty examples changes from {first:.4g} to {last:.4g} in {len(early)} updates"
    if not trace.finite:
        measured = f"at {bench.plan.lr:g} the loss is {trace.losses[-1]} after {len(trace.losses)} updates"
    if math.isfinite(first) and (not trace.finite or last > 3 * scale or highest > 1000 * scale or (highest > 30 * scale and not done)):  # fmt: skip
        measured += f" (peak {highest:.3g})" if trace.finite else ""
        return [CheckResult("learning rate", measured, fault="learning rate far too high", advice=f"try --lr {bench.plan.lr / 100:.1g}, or `netspec train --find-lr`")]  # fmt: skip
    barely = abs(last - first) < 1e-2 * first and not done
    if barely and blocked:
        return [CheckResult("learning rate", measured, note=True)]
    if barely:
        return [CheckResult("learning rate", measured, fault="learning rate far too low", advice="the loss barely changes; to search for a learning rate, run `netspec train --find-lr`")]  # fmt: skip
    return [CheckResult("learning rate", measured)]
