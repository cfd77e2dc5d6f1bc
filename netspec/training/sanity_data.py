"""Checks of the data: its scale, its labels, and whether the labels are related to the inputs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from netspec.datasets import Examples
from netspec.graph import Node
from netspec.ops.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, Normalize
from netspec.training.check_result import CheckResult
from netspec.training.precision import doubled
from netspec.training.sanity_runs import Bench, Held, run_trial

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_inputs", "check_labels", "check_signal"]

_NORMS = (BatchNorm, GroupNorm, InstanceNorm, LayerNorm, Normalize)
_FEATURES = 2048
"""Maximum number of values of an example for the nearest-neighbor comparison; larger examples are subsampled."""
_NEIGHBOURS = 5
_SURE = 4.0
"""Standard deviations above chance that count as better than chance."""


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
    here, counts = np.unique(labels, return_counts=True)
    share = counts.max() / counts.sum()
    if len(here) == 1:
        return [CheckResult("labels", f"all training examples have class {here[0]}", "all labels are the same", "check whether the data or the split is sorted by class")]  # fmt: skip
    line = _head_line(bench)
    if len(seen) < wanted and seen.max() < wanted - 1 and len(seen) == seen.max() + 1:
        return [CheckResult("labels", f"the labels are 0 to {seen.max()}, but the net has {wanted} outputs{line}", "wrong number of classes", f"give the last layer {len(seen)} units, or add the missing classes")]  # fmt: skip
    missing = sorted(set(range(wanted)) - set(here.tolist()))
    if missing:
        shown = ", ".join(map(str, missing[:6])) + (" …" if len(missing) > 6 else "")
        return [CheckResult("labels", f"{len(missing)} of {wanted} classes have no training examples: {shown}", "a class without examples", "add the missing examples")]  # fmt: skip
    measured = f"{wanted} classes, {counts.min():,} to {counts.max():,} training examples each"
    uneven = counts.max() > 20 * counts.min()
    return [CheckResult("labels", measured, note=uneven, advice=f"always predicting {here[counts.argmax()]} gives an accuracy of {share:.0%}" if uneven else "")]  # fmt: skip


def _head_line(bench: Bench) -> str:
    weighted = [n for n in bench.plan.graph.nodes if n.params and not n.aux]
    return f" (`{weighted[-1].name}`, line {weighted[-1].span.line})" if weighted else ""


# Whether the labels are related to the inputs


def check_signal(bench: Bench) -> list[CheckResult]:
    """The accuracy of nearest class means and nearest neighbors on the raw inputs, then of the net, on held-out examples."""
    import numpy as np

    labels = bench.labels(bench.collection.train)
    if labels is None or labels.ndim != 1 or len(np.unique(labels)) < 2:
        return []
    known, held_out = _divided(bench)
    answers = bench.labels(held_out)
    assert answers is not None
    chance = float(np.bincount(answers).max() / len(answers))
    least = chance + _SURE * math.sqrt(max(chance * (1 - chance), 1e-4) / len(answers))
    means, neighbors = _cheap_accuracies(bench, known, held_out)
    measured = f"accuracy on {len(answers)} held-out examples: chance {chance:.0%}, class means {means:.0%}, nearest neighbors {neighbors:.0%}"
    check = "labels and inputs"
    if max(means, neighbors) > least:
        return [CheckResult(check, measured)]
    if len(answers) < 40 or len(known) < 10 * len(np.unique(labels)):
        return [CheckResult(check, f"{measured}; too few examples to decide", note=True)]
    fitted, right = _net_accuracies(bench, known, held_out)
    measured += f", the net {right:.0%} (training accuracy {fitted:.0%})"
    if right > least:
        return [CheckResult(check, measured)]
    if fitted > min(0.9, chance + 0.4):
        return [CheckResult(check, measured, "labels seem shuffled or unrelated to the inputs", "inspect some examples with their labels, and check that inputs and labels are stored in the same order")]  # fmt: skip
    return [CheckResult(check, measured, note=True, advice="nothing learns these labels, so it is unclear whether they match the inputs")]  # fmt: skip


def _divided(bench: Bench) -> tuple[Held, Held]:
    """Examples for training, and others for evaluation: validation examples, if there are any."""
    some = bench.held(max(200, min(2000, 100_000_000 // bench.example_size)))
    if bench.collection.validation is not None and len(bench.collection.validation) >= 40:
        return some, bench.held(500, examples=bench.collection.validation)
    quarter = len(some) // 4
    rest: Examples = some
    return Held(rest, range(quarter, len(some))), Held(rest, range(quarter))


def _features(bench: Bench, held: Held) -> Tensor:
    """The inputs as vectors."""
    import torch

    pieces = []
    for start in range(0, len(held), 128):
        inputs, _ = bench.engine.inputs.test(held.batch(range(start, min(start + 128, len(held)))))
        flat = torch.cat([value.float().flatten(1) for value in inputs], 1)
        pieces.append(flat[:, :: math.ceil(flat.shape[1] / _FEATURES)].cpu())
    return torch.cat(pieces)


def _cheap_accuracies(bench: Bench, known: Held, held_out: Held) -> tuple[float, float]:
    """The accuracy of the nearest class mean and of a vote of the nearest neighbors."""
    import torch

    x, test = _features(bench, known), _features(bench, held_out)
    mean, std = x.mean(0), x.std(0).clamp(min=1e-6)
    x, test = (x - mean) / std, (test - mean) / std
    y, wanted = (torch.as_tensor(bench.labels(part)) for part in (known, held_out))
    ones = torch.nn.functional.one_hot(y, bench.plan.output.type.features).float()
    counts = ones.sum(0)
    centers = ones.T @ x / counts[:, None].clamp(min=1)
    away = torch.cdist(test, centers).masked_fill(counts == 0, math.inf)
    near = torch.cdist(test, x).topk(min(_NEIGHBOURS, len(x)), largest=False).indices
    votes = ones[near].sum(1)
    votes += ones[near[:, 0]] * 0.5  # ties go to the nearest
    return float((away.argmin(1) == wanted).float().mean()), float((votes.argmax(1) == wanted).float().mean())


def _net_accuracies(bench: Bench, known: Held, held_out: Held) -> tuple[float, float]:
    """The accuracy of the net on a few examples that it overfits, and on held-out ones."""
    few = Held(known, range(min(len(known), 200)))
    engine = bench.trial(few, batch=min(50, len(few)), plain=True)
    passes = math.ceil(len(few) / 50)
    trace = run_trial(engine, 400, lambda t: len(t.right) >= passes and min(r or 0.0 for r in t.right[-passes:]) > 0.95)
    if not trace.finite:
        return 0.0, 0.0
    return engine.evaluate(few).accuracy or 0.0, engine.evaluate(held_out).accuracy or 0.0
