"""What went wrong, in words: where a loss that is no number began, and what the curves of a run say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.training.engine import Diverged, Engine, Row

if TYPE_CHECKING:
    import torch

__all__ = ["diverged", "first_not_finite", "verdict_of_curves"]


def diverged(engine: Engine, error: Diverged) -> SpecError:
    """NS605, with the layer where it began."""
    node = first_not_finite(engine, error.pieces[0].indices)
    first = engine.at.first_loss
    notes = [f"the learning rate was {engine.lr:.3g}, in epoch {engine.at.epoch + 1}"]
    if first is not None and error.step:
        notes.append(f"the loss was {first:.4g} at the start")
    notes.insert(0, node if node else "every layer's output is finite; the loss itself overflowed")
    return SpecError.of(
        "NS605", f"training diverged: the loss of update {error.step + 1} is {error.loss}", notes=notes,
        helps=["try a tenth of the learning rate: " f"`--lr {engine.plan.lr / 10:.3g}`", "or bound the gradient: `clip 1` in the recipe", "`netspec train --find-lr` searches for a rate"],
    )  # fmt: skip


def first_not_finite(engine: Engine, indices: Any) -> str | None:
    """The first thing that is not finite when these examples go forward: an input, a weight, or a layer's output."""
    import torch

    inputs, _ = engine.inputs.test(engine.collection.train.batch(indices))
    for name, value in zip(engine.plan.inputs, inputs, strict=True):
        if value.is_floating_point() and not torch.isfinite(value).all():
            return f"the data itself is not finite: the input `{name}` holds NaN or infinity"
    for name, parameter in engine.module.named_parameters():
        if not torch.isfinite(parameter).all():
            return f"the weights `{name}` are not finite any more"
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
    return f"it began in layer `{found[0]}`" + (f" (line {line} of the spec)" if line is not None else "")


def verdict_of_curves(rows: list[Row]) -> str | None:
    """Over- or underfitting, named from the curves; None where there is nothing to say."""
    if len(rows) < 3 or rows[-1].validation is None:
        return None
    last = rows[-1]
    assert last.validation is not None
    losses = _smoothed([row.validation.loss for row in rows if row.validation is not None])
    lowest = min(range(len(losses)), key=losses.__getitem__)
    if losses[-1] > 1.25 * losses[lowest] and last.train.loss < min(rows[lowest].train.loss, losses[-1]):
        return (
            f"overfitting since epoch {lowest + 1}: the validation loss rose from {losses[lowest]:.3g} to {losses[-1]:.3g} while the "
            f"training loss fell to {last.train.loss:.3g}. More data or `augment`, `dropout`, `regularize l2`, or `stop patience=5`"
        )
    if last.train.accuracy is not None and last.validation.accuracy is not None:
        gap = last.train.accuracy - last.validation.accuracy
        if gap > 0.1:
            return (
                f"overfitting: {last.train.accuracy:.1%} right in training, {last.validation.accuracy:.1%} in validation. "
                "More data or `augment`, `dropout`, `regularize l2`, or a smaller net"
            )
    before = rows[-max(2, len(rows) // 4)].train.loss
    falling = last.train.loss < 0.97 * before
    poor = last.train.accuracy is not None and last.train.accuracy < 0.9
    if falling and poor:
        return "underfitting, and the training loss still falls: train for more epochs, or with a higher rate"
    if poor:
        return "underfitting: the training loss has stopped falling at a poor value. A larger net, another rate (`--find-lr`), or less regularization"
    return None


def _smoothed(values: list[float]) -> list[float]:
    """Each value's mean with the two before it: a single epoch says little."""
    return [sum(values[max(0, i - 2) : i + 1]) / (i + 1 - max(0, i - 2)) for i in range(len(values))]
