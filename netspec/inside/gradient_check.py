"""Analytic gradients against centred finite differences, in float64, for every parameter and input.

For a value v, the slope is (L(v + h) - L(v - h)) / 2h, and the relative error |a - n| / max(|a|, |n|) with a floor: 1e-4 of the
largest gradient in the tensor, and what rounding alone may give. At a kink (relu at 0, a tie of max) there is no derivative:
the slopes on both sides differ at every step, and what PyTorch gives is right if it lies between them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.graph import Graph
from netspec.inside.checked import TOLERANCE, Checked, CheckedTensor, CheckedTensors, Verdict
from netspec.inside.forward_pass import ForwardPass, Tensors, batch_of
from netspec.inside.objective import as_objective, weighted_sum
from netspec.weights import state_entries

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["STEP", "GradientCheck", "check_gradients"]

STEP = 1e-4
_SMALLER = (0.1, 0.01, 0.001)
"""Where a step gives another slope, these shares of it are tried: a kink that it crosses is then outside."""
_FLOOR = 1e-4
_ROUNDING = 1e-14
_BESIDE = 0.01
_MOST_VALUES = 1000
_MOST_MACS = 10**11
"""Of all evaluations that the check of a large network costs, per example."""


class GradientCheck(CheckedTensors):
    """The outcome. Printed, it is what `netspec trace --check` prints."""

    def __str__(self) -> str:
        from netspec.inside.gradient_report import check_text

        return check_text(self, columns=100)

    def _repr_html_(self) -> str:
        from netspec.inside.gradient_report import check_table

        return check_table(self)._repr_html_()


def check_gradients(
    graph: Graph,
    given: Iterable[tuple[str, Any]] = (),
    *,
    weights: str | Path | Mapping[str, Any] | None = None,
    seed: int = 0,
    examples: int = 2,
    step: float = STEP,
    values: int | None = None,
    objective: Any = None,
    module: torch.nn.Module | None = None,
) -> GradientCheck:
    """Checks every tensor: all of its values where there are few, else some that the seed chooses, and one direction through
    all of them. `values` is how many are checked at the most, over all tensors (at least one of each).

    The network runs as in inference. `module` is checked instead of that of the spec: it takes the same inputs and has the same
    parameters. Raises SpecError (NS001, NS502, NS503; NS607 where the objective is not finite).
    """
    import torch

    given = list(given)
    batch = batch_of(graph, given, examples, seed)
    run = ForwardPass(graph, weights, seed, torch.float64, module=module)
    chosen = as_objective(objective, weighted_sum(graph, seed))
    inputs = run.inputs(batch, gradients=True)
    tensors = {name: tensor for name, tensor in inputs.items() if tensor.requires_grad}
    held = dict(run.module.named_parameters())
    names = [name for name, _, param in state_entries(graph, aux=False) if param.trainable]
    tensors |= {name: held[name] for name in names}

    def value() -> Tensor:
        noted: Tensors = run.run(inputs)
        return chosen.function(noted)

    macs = sum(node.macs for node in graph.nodes if not node.aux) * len(next(iter(batch.values())))
    most = values if values is not None else max(len(tensors), min(_MOST_VALUES, _MOST_MACS // max(1, macs)))
    checker = _Checker(value, step, torch.Generator().manual_seed(seed))
    found = checker.check(tensors, most)
    return GradientCheck(graph.name, tuple(found), step, chosen.text)


class _Checker:
    def __init__(self, value: Callable[[], Tensor], step: float, stream: torch.Generator) -> None:
        self.value, self.step, self.stream = value, step, stream

    def check(self, tensors: Mapping[str, Tensor], most: int) -> Iterator[CheckedTensor]:
        import torch

        for tensor in tensors.values():
            tensor.grad = None
        start = self.value()
        if not math.isfinite(float(start.detach())):
            raise SpecError.of(
                "NS607", f"gradients cannot be checked: what is differentiated is {float(start.detach())}",
                helps=["`netspec trace` without --check shows where; give other inputs or weights"],
            )  # fmt: skip
        if start.requires_grad:
            start.backward()  # type: ignore[no-untyped-call]
        self.here = float(start.detach())
        total = sum(tensor.numel() for tensor in tensors.values())
        each = max(1, most // max(1, len(tensors)))
        with torch.no_grad():
            for name, tensor in tensors.items():
                gradient = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
                yield self.tensor(name, tensor, gradient, tensor.numel() if total <= most else each)

    def tensor(self, name: str, tensor: Tensor, gradient: Tensor, most: int) -> CheckedTensor:
        import torch

        size = tensor.numel()
        flat = gradient.reshape(-1)
        floor = _FLOOR * float(flat.abs().max()) if size else 0.0
        chosen = range(size) if size <= most else sorted(torch.randperm(size, generator=self.stream)[:most].tolist())
        found = []
        for index in chosen:
            along = torch.zeros(size, dtype=tensor.dtype)
            along[index] = 1.0
            place = tuple(int(i) for i in torch.unravel_index(torch.tensor(index), tensor.shape))
            found.append(self.along(name, tensor, along, float(flat[index]), floor, place))
        if size > most:
            along = torch.randn(size, generator=self.stream, dtype=tensor.dtype)
            along /= along.norm()
            found.append(self.through(name, tensor, along, float(flat @ along), floor))
        rank = {"wrong": 0, "kink": 1, "ok": 2}
        found.sort(key=lambda value: (rank[value.verdict], -value.error))
        return CheckedTensor(name, tuple(tensor.shape), tuple(found))

    def through(self, name: str, tensor: Tensor, along: Tensor, analytic: float, floor: float) -> Checked:
        """The slope along a direction through all values. Where several of them are at a kink, the gradient need not lie between
        the slopes of both sides: it is then checked a little beside."""
        import torch

        found = self.along(name, tensor, along, analytic, floor, None)
        if found.verdict == "ok" or self.sides(tensor, along.reshape(tensor.shape)) is None:
            return found
        kept, here = tensor.clone(), self.here
        tensor.add_(_BESIDE * torch.randn(tensor.shape, generator=self.stream, dtype=tensor.dtype))
        with torch.enable_grad():
            value = self.value()
            (gradient,) = torch.autograd.grad(value, tensor)
        self.here = float(value.detach())
        found = self.along(name, tensor, along, float(gradient.reshape(-1) @ along), floor, None)
        tensor.copy_(kept)
        self.here = here
        return found

    def along(
        self, name: str, tensor: Tensor, along: Tensor, analytic: float, floor: float, place: tuple[int, ...] | None
    ) -> Checked:
        """The slope in one direction; a smaller step where the first gives another slope."""
        direction = along.reshape(tensor.shape)
        step, slopes = self.step, self.slopes(tensor, direction, self.step)
        error = self.error(analytic, slopes, floor, step)
        for share in _SMALLER if error > TOLERANCE else ():
            smaller = self.slopes(tensor, direction, self.step * share)
            better = self.error(analytic, smaller, floor, self.step * share)
            if better < error:
                step, slopes, error = self.step * share, smaller, better
            if error <= TOLERANCE:
                break
        verdict: Verdict = "ok" if error <= TOLERANCE else "wrong"
        if verdict == "wrong" and (sides := self.sides(tensor, direction)) is not None:
            slack = 1e-3 * (sides[1] - sides[0]) + floor
            verdict = "kink" if sides[0] - slack <= analytic <= sides[1] + slack else "wrong"
        numeric = (slopes[0] + slopes[1]) / 2
        return Checked(name, place or (), analytic, numeric, error, step, verdict, place is None)

    def slopes(self, tensor: Tensor, direction: Tensor, step: float) -> tuple[float, float]:
        """On the side of smaller values, and on that of larger ones."""
        kept = tensor.clone()
        tensor.copy_(kept - step * direction)
        below = float(self.value())
        tensor.copy_(kept + step * direction)
        above = float(self.value())
        tensor.copy_(kept)
        return (self.here - below) / step, (above - self.here) / step

    def error(self, analytic: float, slopes: tuple[float, float], floor: float, step: float) -> float:
        numeric = (slopes[0] + slopes[1]) / 2
        rounding = _ROUNDING * max(1.0, abs(self.here)) / step / TOLERANCE
        difference = abs(analytic - numeric)
        largest = max(abs(analytic), abs(numeric), floor, rounding)
        return difference / largest if difference == difference else float("inf")

    def sides(self, tensor: Tensor, direction: Tensor) -> tuple[float, float] | None:
        """At a kink, where the slopes of both sides differ however small the step is, the smaller and the larger one."""
        pairs = [sorted(self.slopes(tensor, direction, self.step * share)) for share in (0.1, 0.01)]
        (first_low, first_high), (low, high) = pairs
        apart = high - low
        steady = abs((first_high - first_low) - apart) <= 0.05 * apart  # of a smooth function it shrinks with the step
        return (low, high) if steady and apart > 100 * TOLERANCE * max(abs(low), abs(high)) else None
