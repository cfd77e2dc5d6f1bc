"""Why a loss rose: the data, the penalty or the learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netspec.graph import Node
from netspec.settings import SETTINGS
from netspec.training.plan import Plan

if TYPE_CHECKING:
    from netspec.training.engine import Engine

__all__ = ["Cause", "cause_of_divergence", "cause_of_large_outputs", "lower_rate", "penalty_at_start"]

_LARGE = 100.0
"""Inputs beyond this are blamed before the rate: with the usual initial weights they make the first outputs as large."""
_SAMPLE = 256


@dataclass(frozen=True, slots=True)
class Cause:
    """What is probably to blame, in words, and what to do."""

    text: str
    help: str


def cause_of_divergence(engine: Engine) -> Cause:
    """The first of these that holds: inputs are far from 0 to 1; a step of the L2 penalty overshoots; else the rate."""
    return _data(engine) or _penalty(engine.plan) or _rate(engine.plan)


def cause_of_large_outputs(engine: Engine) -> Cause:
    """Why the outputs of initial weights are large: inputs that are far from 0 to 1, else what is between."""
    return _data(engine) or Cause(
        "the inputs, or the initial weights, are large",
        "normalize the data (`normalize channel` as the first layer), add norms, or train for more epochs",
    )


def _data(engine: Engine) -> Cause | None:
    examples = engine.collection.train
    inputs, _ = engine.inputs.test(examples.batch(range(min(_SAMPLE, len(examples)))))
    for name, value in zip(engine.plan.inputs, inputs, strict=True):
        largest = float(value.abs().max()) if value.is_floating_point() and value.numel() else 0.0
        normalized = any(n.op.name in ("normalize", "bn", "ln") for n in _readers(engine.plan, name))
        if largest > _LARGE and not normalized:
            return Cause(
                f"the input `{name}` has values up to {largest:.3g}, far from the range of -1 to 1 that initial weights are made for",
                "normalize the data: `normalize channel` as the first layer, or scale the arrays",
            )
    return None


def _readers(plan: Plan, name: str) -> list[Node]:
    index = dict(plan.graph.inputs)[name]
    return [node for node in plan.graph.nodes if index in node.inputs]


def _penalty(plan: Plan) -> Cause | None:
    """A step multiplies the weights by 1 - lr * l2, or with momentum m overshoots at 2 (1 + m): gradient descent on a parabola."""
    strength = sum(
        line.values["weight" if line.word == "l2" else "l2"]
        for line in plan.penalties
        if line.word in ("l2", "elastic")
    )
    momentum = float(plan.optimizer.values.get("momentum", 0.0))
    if plan.optimizer.word != "sgd" or plan.lr * strength < 2 * (1 + momentum):
        return None
    lower = float(f"{0.1 / plan.lr:.1g}")
    return Cause(
        f"the penalty `regularize l2 {strength:g}` is too strong for the learning rate, {plan.lr:g}: a step multiplies the weights by "
        f"{1 - plan.lr * strength:.3g}, so they grow from update to update",
        f"lower the penalty: `regularize l2 {min(lower, 1e-4):g}` is common",
    )


def _rate(plan: Plan) -> Cause:
    return Cause(
        f"the learning rate, {plan.lr:g}, is probably too high",
        f"try `--lr {lower_rate(plan):.3g}`, or search for a rate with `--find-lr`",
    )


def lower_rate(plan: Plan) -> float:
    """A hundredth of the learning rate, or the default of the optimizer if that is lower."""
    form = next(form for form in SETTINGS["optimizer"].forms if form.word == plan.optimizer.word)
    return min(plan.lr / 100, float(form.options["lr"].default))


def penalty_at_start(engine: Engine) -> float:
    """The penalty of netspec's initial weights: what the first loss had of it, where no other weights were loaded."""
    import torch

    from netspec.training.losses import penalty
    from netspec.weights import initial_weights

    if not engine.plan.penalties:
        return 0.0
    held = dict(initial_weights(engine.plan.graph, engine.plan.seed))
    weights = [torch.from_numpy(held[name]) for name in engine.groups.weights if name in held]
    found = penalty(engine.plan.penalties, weights)
    value = 0.0 if found is None else float(found)
    return value if math.isfinite(value) else 0.0
