"""Diagnosis of runs: where a non-finite loss started, and what the curves show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.training.engine import Diverged, Engine, Row

if TYPE_CHECKING:
    import torch

__all__ = ["diverged", "first_not_finite", "verdict_of_curves"]


def diverged(engine: Engine, error: Diverged) -> SpecError:
    """NS605, with the layer where the divergence started."""
    node = first_not_finite(engine, error.pieces[0].indices)
    first = engine.at.first_loss
    notes = [f"the learning rate in epoch {engine.at.epoch + 1} was {engine.lr:.3g}"]
    if first is not None and error.step:
        notes.append(f"the initial loss was {first:.4g}")
    notes.insert(0, node if node else "the outputs of all layers are finite; the loss itself overflowed")
    return SpecError.of(
        "NS605", f"training diverged: the loss of update {error.step + 1} is {error.loss}", notes=notes,
        helps=["try a tenth of the learning rate: " f"`--lr {engine.plan.lr / 10:.3g}`", "or clip the gradient: `clip 1` in the recipe", "to search for a learning rate, run `netspec train --find-lr`"],
    )  # fmt: skip


def first_not_finite(engine: Engine, indices: Any) -> str | None:
    """The first non-finite value in the forward pass of these examples: an input, a weight, or the output of a layer."""
    import torch

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
            f"overfitting since epoch {lowest + 1}: the validation loss rose from {losses[lowest]:.3g} to {losses[-1]:.3g} while the "
            f"training loss fell to {last.train.loss:.3g}. Try more data, `augment`, `dropout`, `regularize l2` or `stop patience=5`"
        )
    if last.train.accuracy is not None and last.validation.accuracy is not None:
        gap = last.train.accuracy - last.validation.accuracy
        if gap > 0.1:
            return (
                f"overfitting: training accuracy {last.train.accuracy:.1%}, validation accuracy {last.validation.accuracy:.1%}. "
                "Try more data, `augment`, `dropout`, `regularize l2` or a smaller net"
            )
    before = rows[-max(2, len(rows) // 4)].train.loss
    falling = last.train.loss < 0.97 * before
    poor = last.train.accuracy is not None and last.train.accuracy < 0.9
    if falling and poor:
        return "underfitting, but the training loss is still decreasing: train for more epochs or with a higher learning rate"
    if poor:
        return "underfitting: the training loss has stopped decreasing at a high value. Try a larger net, a different learning rate (`--find-lr`) or less regularization"
    return None


def _smoothed(values: list[float]) -> list[float]:
    """The mean of each value and the two before it, because single epochs are noisy."""
    return [sum(values[max(0, i - 2) : i + 1]) / (i + 1 - max(0, i - 2)) for i in range(len(values))]
