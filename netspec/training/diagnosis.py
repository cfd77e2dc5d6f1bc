"""Diagnosis of runs: where a non-finite loss started, and what the curves show."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.diagnostics.display import printable
from netspec.training.blame import cause_of_divergence, cause_of_large_outputs, lower_rate, penalty_at_start
from netspec.training.engine import Diverged, Engine, Row
from netspec.training.scores import r2_text
from netspec.training.sharding import not_finite, sharded

if TYPE_CHECKING:
    import torch

__all__ = ["classes_without_examples", "diverged", "first_not_finite", "verdict", "verdict_of_curves"]

_MOST_NAMES = 6


def diverged(engine: Engine, error: Diverged) -> SpecError:
    """NS605, with the layer where the divergence started."""
    node = first_not_finite(engine, error.pieces[0].indices)
    first = engine.at.first_loss
    notes = [f"the learning rate in epoch {engine.at.epoch + 1} was {engine.lr:.3g}"]
    if first is not None and error.step:
        notes.append(f"the initial loss was {first:.4g}")
    notes.insert(0, node if node else "the outputs of all layers are finite; the loss itself overflowed")
    cause = cause_of_divergence(engine)
    helps = ["try a tenth of the learning rate: " f"`--lr {engine.plan.lr / 10:.3g}`", "or clip the gradient: `clip 1` in the recipe", "to search for a learning rate, run `netspec train --find-lr`"]  # fmt: skip
    if "learning rate, " not in cause.text.partition(" is ")[0]:
        notes, helps = [*notes, cause.text], [cause.help]
    if error.later:
        notes.append(f"losses are read every 16 updates here: the weights are those of {error.later} updates later")
    said = f"the loss of update {error.step + 1} is {error.loss:.4g}"
    if math.isfinite(error.loss):
        said = f"the loss has been above three times the first for {error.updates:,} updates; it is {error.loss:.4g}"
        notes = notes[1:]
    return SpecError.of("NS605", f"training diverged: {said}", notes=notes, helps=helps)


def first_not_finite(engine: Engine, indices: Any) -> str | None:
    """The first non-finite value in the forward pass of these examples: an input, a weight, or the output of a layer.

    Of sharded weights every process asks for the weights alone: a forward pass would wait for those that found an input.
    """
    import torch

    if sharded(engine.fabric):
        unit = not_finite(engine.module, engine.fabric)
        what = f"the weights `{unit}` are no longer finite" if unit else "all weights are finite"
        return f"{what}; `--strategy ddp` finds the layer where it started"
    inputs, _ = engine.inputs.test(engine.collection.train.batch(indices))
    for name, value in zip(engine.plan.inputs, inputs, strict=True):
        if value.is_floating_point() and not torch.isfinite(value).all():
            return f"the data is not finite: the input `{name}` contains NaN or infinity"
    for name, parameter in engine.module.named_parameters():
        if not torch.isfinite(parameter).all():
            return f"the weights `{name}` are no longer finite"
    found: list[str] = []

    def watch(name: str) -> Any:
        def hook(module: torch.nn.Module, given: Any, result: Any) -> None:
            if not found and isinstance(result, torch.Tensor) and not torch.isfinite(result).all():
                found.append(name)

        return hook

    layers = [(name, m) for name, m in engine.module.named_modules() if name and not list(m.children())]
    handles = [m.register_forward_hook(watch(name)) for name, m in layers]
    try:
        with torch.no_grad(), engine.fabric.autocast():
            engine.module(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        return None
    line = next((n.span.line for n in engine.plan.graph.nodes if n.name == found[0]), None)
    return f"it started in layer `{found[0]}`" + (f" (line {line} of the spec)" if line is not None else "")


def verdict(engine: Engine) -> str | None:
    """What a finished run shows: no better than chance or the mean, overfitting or underfitting; None if none of these."""
    rows = engine.at.history
    if not rows:
        return None
    return (
        _risen(engine, rows)
        or _overwhelmed(engine, rows[-1])
        or _no_better_than_chance(engine, rows[-1])
        or _far_above_chance(engine, rows[-1])
        or _below_the_mean(rows)
        or verdict_of_curves(rows)
    )


_RISEN = 3.0
"""How many times the first loss counts as divergence: the rule of thumb for giving up a trial."""


def _risen(engine: Engine, rows: list[Row]) -> str | None:
    """A run that ends above three times the loss that it began with, or that got there and has not come back below it."""
    first, last = _loss_at_start(engine), rows[-1]
    peak = max(rows, key=lambda row: row.train.loss)
    good = last.train.accuracy is not None and last.train.accuracy >= 0.9
    if first is None or not peak.train.loss > _RISEN * first or (good and last.train.loss < first):
        return None
    cause = cause_of_divergence(engine)
    back = "" if last.train.loss > _RISEN * first else f", and came back to {last.train.loss:.3g}"
    return (
        f"training diverged: the loss rose from {first:.3g} to {peak.train.loss:.3g} in epoch {math.ceil(peak.epoch)}{back}. "
        f"{cause.text[:1].upper()}{cause.text[1:]}: {cause.help}"
    )


def _loss_at_start(engine: Engine) -> float | None:
    """The first loss, without penalties."""
    first = engine.at.first_loss
    return None if first is None else max(first - penalty_at_start(engine), 0.0) or first


def _overwhelmed(engine: Engine, last: Row) -> str | None:
    """A penalty that was most of the first loss, in a run that has learnt little."""
    first, accuracy = engine.at.first_loss, last.train.accuracy
    strength = penalty_at_start(engine)
    if first is None or strength < 0.9 * first or (accuracy is not None and accuracy > 0.9):
        return None
    lines = ", ".join(f"`regularize {line.word}`" for line in engine.plan.penalties if line.word != "max_norm")
    return (
        f"the penalty hides the data: {lines} was {strength / first:.0%} of the first loss, {first:.3g}. Lower it until it is a small "
        "part of the loss: `regularize l2 1e-4` is common"
    )


_MOST_DECIDED = 10_000
"""Examples beyond which an accuracy is exact enough."""
_UNTRAINED = 0.1
"""How far above chance, as a share of what is left, random weights may be."""


def _no_better_than_chance(engine: Engine, last: Row) -> str | None:
    """A run whose accuracy is that of always predicting the most frequent class, and whose loss did not fall."""
    first, accuracy = engine.at.first_loss, last.train.accuracy
    if last.validation is not None and last.validation.accuracy is not None and accuracy is not None:
        accuracy = max(accuracy, last.validation.accuracy)  # after an epoch that began at chance, the mean of it is low
    shares = _shares_of_classes(engine)
    if first is None or accuracy is None or shares is None:
        return None
    chance = max(shares)
    noise = 3 * math.sqrt(chance * (1 - chance) / min(last.examples, _MOST_DECIDED))
    if accuracy > chance + max(noise, _UNTRAINED * (1 - chance)) or last.train.loss < 0.97 * _loss_at_chance(
        engine, first, shares
    ):
        return None
    rate = f"the learning rate, {engine.plan.lr:g}"
    said = f"the run ends near chance: accuracy {accuracy:.1%}, and always predicting the most frequent class gives {chance:.1%}. "
    if last.train.loss > 1.5 * first:
        return said + (
            f"The loss rose from {first:.3g} to {last.train.loss:.3g}, so {rate}, is probably too high: try `--lr {lower_rate(engine.plan):.3g}`, "
            "or search for one with `--find-lr`"
        )
    return (
        said
        + f"Perhaps {rate}, does not suit: search for one with `--find-lr`. `--sanity` checks the data and the network"
    )


def _loss_at_chance(engine: Engine, first: float, shares: list[float]) -> float:
    """The loss of what has learnt nothing: under cross-entropy the entropy of the classes, as one batch is a noisy witness."""
    if engine.plan.loss.word != "cross_entropy":
        return first
    return min(first, sum(-share * math.log(share) for share in shares if share))


def _far_above_chance(engine: Engine, last: Row) -> str | None:
    """A run whose loss began, and ends, far above that of equal scores for all classes: the first outputs were too large."""
    shares, first = _shares_of_classes(engine), _loss_at_start(engine)
    if first is None or shares is None or engine.plan.loss.word != "cross_entropy":
        return None
    chance = math.log(len(shares))
    if last.train.loss <= _RISEN * chance:
        return None
    cause = cause_of_large_outputs(engine)
    return (
        f"the loss ends at {last.train.loss:.3g}, far above {chance:.3g}, that of equal scores for all classes; it began at {first:.3g}. "
        f"{cause.text[:1].upper()}{cause.text[1:]}: {cause.help}"
    )


def classes_without_examples(engine: Engine) -> str | None:
    """Which outputs no training example has as its class; None if there are none, or if the targets are not classes."""
    shares = _shares_of_classes(engine) or []
    classes = engine.collection.classes or tuple(map(str, range(len(shares))))
    absent = [name for name, share in zip(classes, shares, strict=False) if not share]
    if not absent:
        return None
    names = ", ".join(map(printable, absent[:_MOST_NAMES])) + (" …" if len(absent) > _MOST_NAMES else "")
    return f"{len(absent):,} of {len(shares):,} classes have no training examples: {names}"


def _shares_of_classes(engine: Engine) -> list[float] | None:
    """Of the training set, by output; None if the targets are not one class per example."""
    import numpy as np

    alone = len(engine.parts) == 1 and engine.judge.kind == "classes"
    targets = engine.collection.train.targets() if alone else None
    if targets is None or (targets.ndim != 1 and not engine.judge.one_hot):
        return None
    labels = targets if targets.ndim == 1 else targets.argmax(1)
    known = labels[labels >= 0]
    return [float(share) for share in np.bincount(known, minlength=engine.plan.output.type.features) / len(known)]


def _below_the_mean(rows: list[Row]) -> str | None:
    """Values that are predicted no better than by their mean."""
    last = max(rows, key=lambda row: (row.score.rank, -row.step))
    r2 = last.score.r2
    if r2 is None or r2 > 0:
        return None
    part = "validation" if last.validation is not None else "training"
    return (
        f"the best {part} R2 is {r2_text(r2)}, no better than always predicting the mean of the targets (R2 0). Try a different learning "
        "rate (`--find-lr`), more epochs, or targets scaled to about -1 to 1"
    )


def verdict_of_curves(rows: list[Row]) -> str | None:
    """Overfitting or underfitting, diagnosed from the curves; None if there is neither."""
    if len(rows) < 3 or rows[-1].validation is None:
        return None
    last = rows[-1]
    assert last.validation is not None
    losses = _smoothed([row.validation.loss for row in rows if row.validation is not None])
    lowest = min(range(len(losses)), key=losses.__getitem__)
    if losses[-1] > 1.25 * losses[lowest] and last.train.loss < min(rows[lowest].train.loss, losses[-1]):
        return (
            f"overfitting since epoch {rows[lowest].epoch}: the validation loss rose from {losses[lowest]:.3g} to {losses[-1]:.3g} while the "
            f"training loss fell to {last.train.loss:.3g}. Try more data, `augment`, `dropout`, `regularize l2` or `stop patience=5`"
        )
    if last.train.accuracy is not None and last.validation.accuracy is not None:
        gap = last.train.accuracy - last.validation.accuracy
        if gap > 0.1:
            return (
                f"overfitting: training accuracy {last.train.accuracy:.1%}, validation accuracy {last.validation.accuracy:.1%}. "
                "Try more data, `augment`, `dropout`, `regularize l2` or a smaller net"
            )
    falling = last.train.loss < 0.97 * rows[-max(2, len(rows) // 4)].train.loss
    poor = last.train.accuracy is not None and last.train.accuracy < 0.9
    if falling and poor:
        return "underfitting, but the training loss is still decreasing: train for more epochs or with a higher learning rate"
    if poor and _ended_by_schedule(rows):
        return f"the learning rate has decayed to {last.lr:.1e}, too small to learn more: train for more epochs"
    if poor:
        return "underfitting: the training loss has stopped decreasing at a high value. Try a larger net, a different learning rate (`--find-lr`) or less regularization"
    return None


_DECAYED = 0.1
"""The share of the highest learning rate below which little is learned."""


def _ended_by_schedule(rows: list[Row]) -> bool:
    """Whether the learning rate has decayed, and the training loss was still decreasing until then."""
    bound = _DECAYED * max(row.lr for row in rows)
    learning = [row for row in rows if row.lr > bound]
    before = learning[-max(2, len(learning) // 4) :][0]
    return rows[-1].lr <= bound and learning[-1].train.loss < before.train.loss


def _smoothed(values: list[float]) -> list[float]:
    """The mean of each value and the two before it, because single epochs are noisy."""
    return [sum(values[max(0, i - 2) : i + 1]) / (i + 1 - max(0, i - 2)) for i in range(len(values))]
