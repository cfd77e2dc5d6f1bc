"""Checks of the data: the scale of its inputs, and its labels."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from netspec.graph import Node
from netspec.ops.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from netspec.ops.normalize import Normalize
from netspec.training.check_result import CheckResult
from netspec.training.precision import doubled
from netspec.training.sanity_runs import Bench, Held

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_class_names", "check_inputs", "check_labels", "check_targets"]

_NORMS = (BatchNorm, GroupNorm, InstanceNorm, LayerNorm, Normalize)


# Inputs


def check_inputs(bench: Bench, some: Held) -> list[CheckResult]:
    """Inputs must be finite and, at the first layer that is not a norm, on the scale that He initialization assumes."""
    import torch

    engine = bench.trial(some, plain=True)
    graph = bench.plan.graph
    inputs, _ = engine.inputs.test(some.batch(range(len(some))))
    seen = dict(zip((name for name, _ in graph.inputs), inputs, strict=True))
    norms = {name: _norm_behind(bench, index) for name, index in graph.inputs}
    modules = dict(engine.module.named_modules())

    def watch(name: str) -> Any:
        def hook(module: torch.nn.Module, given: Any, result: Tensor) -> None:
            seen[name] = result.detach().clone()

        return hook

    handles = [modules[n.name].register_forward_hook(watch(name)) for name, n in norms.items() if n and n.name in modules]  # fmt: skip
    if handles:
        engine.module.train()
        with torch.no_grad(), engine.fabric.autocast():
            engine.module(*inputs)
        for handle in handles:
            handle.remove()
    return [_scale(name, seen[name], norms[name]) for name, i in graph.inputs if graph.nodes[i].type.layout != "ids"]


def _norm_behind(bench: Bench, index: int) -> Node | None:
    """The norm that is the only reader of an input."""
    readers = [n for n in bench.plan.graph.nodes if index in n.inputs]
    return readers[0] if len(readers) == 1 and isinstance(readers[0].op, _NORMS) else None


def _scale(name: str, values: Tensor, norm: Node | None) -> CheckResult:
    import torch

    check = "inputs" if name == "input" else f"input `{name}`"
    normalize = "add `normalize channel` directly after `input`"
    values = doubled(values)
    if not torch.isfinite(values).all():
        count = int((~torch.isfinite(values).flatten(1).all(1)).sum())
        return CheckResult(check, f"NaN or infinity in {count} of {len(values)} examples", "NaN in the data", "use `--corrupt skip` to leave such examples out")  # fmt: skip
    mean, std = float(values.mean()), float(values.std())
    measured = f"mean {mean:.3g}, standard deviation {std:.3g}" + (f", after `{norm.name}`" if norm else "")
    if std == 0:
        return CheckResult(check, measured, "all inputs are the same", "check how the data was stored")
    if abs(mean) > max(1.0, 3 * std):
        return CheckResult(check, measured, "inputs are not centered", normalize)
    if math.hypot(mean, std) > 10:
        return CheckResult(check, measured, "inputs are not scaled", f"{normalize}; or store images as uint8 arrays, which are scaled to 0 to 1")  # fmt: skip
    if std < 1e-3:
        return CheckResult(check, measured, "inputs are not scaled", normalize)
    low, high = float(values.min()), float(values.max())
    if norm is None and low >= 0 and high <= 1.001 / 255:
        return CheckResult(check, f"{measured}, all from {low:.3g} to {high:.3g}", "inputs are scaled twice", "divide by 255 once; images stored as uint8 are scaled to 0 to 1 by netspec")  # fmt: skip
    if norm is None and std > 3 and abs(mean) > 1:
        return CheckResult(check, measured, note=True, advice=f"they may have been normalized twice; {normalize}")
    return CheckResult(check, measured)


# Labels


def check_labels(bench: Bench) -> list[CheckResult]:
    """The number of classes and their frequencies."""
    import numpy as np

    labels = bench.labels(bench.collection.train)
    if labels is None:
        return []
    parts = [p for p in (bench.collection.train, bench.collection.validation, bench.collection.test) if p is not None]
    seen = np.unique(np.concatenate([np.unique(bench.labels(p)) for p in parts]))  # type: ignore[arg-type]
    wanted = bench.plan.output.type.features
    here, counts = np.unique(labels[labels >= 0], return_counts=True)
    share = counts.max() / counts.sum()
    if len(here) == 1:
        return [CheckResult("labels", f"all training examples have class {here[0]}", "all labels are the same", "check whether the data or the split is sorted by class")]  # fmt: skip
    seen = seen[seen >= 0]
    line = _head_line(bench)
    if len(seen) < wanted and seen.max() < wanted - 1 and len(seen) == seen.max() + 1:
        return [CheckResult("labels", f"the labels are 0 to {seen.max()}, but the net has {wanted} outputs{line}", "wrong number of classes", f"give the last layer {len(seen)} units, or add the missing classes")]  # fmt: skip
    missing = sorted(set(range(wanted)) - set(here.tolist()) - {bench.plan.head.goal.ignore})
    if missing:
        shown = ", ".join(map(str, missing[:6])) + (" …" if len(missing) > 6 else "")
        return [CheckResult("labels", f"{len(missing)} of {wanted} classes have no training examples: {shown}", "a class without examples", "the labels may start at 1: subtract 1" if missing == [0] and here.max() == wanted - 1 else "add the missing examples")]  # fmt: skip
    measured = f"{wanted} classes, {counts.min():,} to {counts.max():,} training examples each"
    uneven = counts.max() > 20 * counts.min()
    return [CheckResult("labels", measured, note=uneven, advice=f"always predicting {here[counts.argmax()]} gives an accuracy of {share:.0%}" if uneven else "")]  # fmt: skip


def check_class_names(bench: Bench) -> list[CheckResult]:
    """Names of classes that differ only in capitals or in what separates their words; single letters may."""
    names: dict[str, list[str]] = {}
    for name in bench.collection.classes:
        names.setdefault(re.sub(r"[\s_-]+", " ", name.casefold()).strip(), []).append(name)
    twice = next((found for key, found in names.items() if len(found) > 1 and len(key) > 1), None)
    if twice is None:
        return []
    measured = f"{' and '.join(f'`{name}`' for name in twice)} are {len(twice)} classes"
    return [CheckResult("class names", measured, "one class has several names", "give its examples one name, or move them into one folder")]  # fmt: skip


def check_targets(bench: Bench) -> list[CheckResult]:
    """Values to predict must be on a scale that outputs reach in a few updates."""
    results = []
    for head in bench.plan.heads:
        if head.task != "values" or head.loss.word == "bce":
            continue
        train = bench.collection.train
        targets = train.targets(head.name)
        if head.points:  # in pixels of the image as it is read
            targets = train.batch(range(min(64, len(train)))).targets[head.name].numpy()
        if targets is None:
            continue
        check = "targets" if len(bench.plan.heads) == 1 else f"targets of `{head.name}`"
        mean, std = float(targets.mean(dtype="float64")), float(targets.std(dtype="float64"))
        measured = f"mean {mean:.3g}, standard deviation {std:.3g}"
        advice = "subtract their mean and divide by their standard deviation; or predict a logarithm"
        size = math.hypot(mean, std)
        if head.points:
            advice = f"let the net end in a factor, as in `mul [ identity; {round(size)} ]`"
        fault = "targets are not scaled" if size > 100 or 0 < size < 1e-3 else ""
        note = not fault and size > 10
        results.append(CheckResult(check, measured, fault, advice if fault or note else "", note=note))
    return results


def _head_line(bench: Bench) -> str:
    weighted = [n for n in bench.plan.graph.nodes if n.params and not n.aux]
    return f" (`{weighted[-1].name}`, line {weighted[-1].span.line})" if weighted else ""
