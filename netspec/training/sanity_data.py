"""Checks of the data: its scale, its labels, and whether the labels have to do with the inputs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from netspec.datasets import Examples
from netspec.graph import Node
from netspec.ops.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, Normalize
from netspec.training.check_result import CheckResult
from netspec.training.sanity_runs import Bench, Held, run_trial

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_inputs", "check_labels", "check_signal"]

_NORMS = (BatchNorm, GroupNorm, InstanceNorm, LayerNorm, Normalize)
_FEATURES = 2048
"""Of an example, for the comparison with its neighbors; of more, every so-manieth is taken."""
_NEIGHBOURS = 5
_SURE = 4.0
"""Standard deviations above chance that count as better than chance."""


# Inputs


def check_inputs(bench: Bench, some: Held) -> list[CheckResult]:
    """Finite, and on a scale that He's weights are made for, where they reach the first layer that is no norm."""
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
    """The norm that alone reads an input."""
    readers = [n for n in bench.plan.graph.nodes if index in n.inputs]
    return readers[0] if len(readers) == 1 and isinstance(readers[0].op, _NORMS) else None


def _scale(name: str, values: Tensor, norm: Node | None) -> CheckResult:
    import torch

    check = "inputs" if name == "input" else f"input `{name}`"
    normalize = "write `normalize channel` directly below `input`"
    values = values.double()
    if not torch.isfinite(values).all():
        count = int((~torch.isfinite(values).flatten(1).all(1)).sum())
        return CheckResult(check, f"NaN or infinity in {count} of {len(values)} examples", "NaN in the data", "`--corrupt skip` leaves such examples out")  # fmt: skip
    mean, std = float(values.mean()), float(values.std())
    measured = f"mean {mean:.3g}, deviation {std:.3g}" + (f", behind `{norm.name}`" if norm else "")
    if std == 0:
        return CheckResult(check, measured, "inputs that are all the same", "look at how the data was stored")
    if abs(mean) > max(1.0, 3 * std):
        return CheckResult(check, measured, "inputs not centered", normalize)
    if math.hypot(mean, std) > 10:
        return CheckResult(check, measured, "inputs not scaled", f"{normalize}; bytes of an image belong in uint8 arrays, which are read as 0 to 1")  # fmt: skip
    if std < 1e-3:
        return CheckResult(check, measured, "inputs not scaled", normalize)
    return CheckResult(check, measured)


# Labels


def check_labels(bench: Bench) -> list[CheckResult]:
    """How many classes there are, and how often each."""
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
        return [CheckResult("labels", f"every training example is of class {here[0]}", "one label for all", "is the data sorted by class, or split so?")]  # fmt: skip
    line = _head_line(bench)
    if len(seen) < wanted and seen.max() < wanted - 1 and len(seen) == seen.max() + 1:
        return [CheckResult("labels", f"the labels are 0 to {seen.max()}, the net has {wanted} outputs{line}", "wrong class count", f"give the last layer {len(seen)} units, or look for the classes that are missing")]  # fmt: skip
    missing = sorted(set(range(wanted)) - set(here.tolist()))
    if missing:
        shown = ", ".join(map(str, missing[:6])) + (" …" if len(missing) > 6 else "")
        return [CheckResult("labels", f"no training example of {len(missing)} of {wanted} classes: {shown}", "a class without examples", "look for the examples that are missing")]  # fmt: skip
    measured = f"{wanted} classes, {counts.min():,} to {counts.max():,} training examples each"
    uneven = counts.max() > 20 * counts.min()
    return [CheckResult("labels", measured, note=uneven, advice=f"answering always {here[counts.argmax()]} is right {share:.0%} of the time" if uneven else "")]  # fmt: skip


def _head_line(bench: Bench) -> str:
    weighted = [n for n in bench.plan.graph.nodes if n.params and not n.aux]
    return f" (`{weighted[-1].name}`, line {weighted[-1].span.line})" if weighted else ""


# Whether the labels have to do with the inputs


def check_signal(bench: Bench) -> list[CheckResult]:
    """Nearest class means and nearest neighbors on the raw inputs, then the net itself, on examples held out."""
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
    measured = f"of {len(answers)} held-out examples chance gets {chance:.0%} right, class means {means:.0%}, nearest neighbors {neighbors:.0%}"
    check = "labels and inputs"
    if max(means, neighbors) > least:
        return [CheckResult(check, measured)]
    if len(answers) < 40 or len(known) < 10 * len(np.unique(labels)):
        return [CheckResult(check, f"{measured}: too few examples to tell", note=True)]
    fitted, right = _net_accuracies(bench, known, held_out)
    measured += f"; the net, with {fitted:.0%} of its training examples right, {right:.0%}"
    if right > least:
        return [CheckResult(check, measured)]
    if fitted > min(0.9, chance + 0.4):
        return [CheckResult(check, measured, "labels look shuffled, or unrelated to the inputs", "look at some examples with their labels; were inputs and labels stored in the same order?")]  # fmt: skip
    return [CheckResult(check, measured, note=True, advice="whether labels and inputs belong together cannot be told: nothing learns them")]  # fmt: skip


def _divided(bench: Bench) -> tuple[Held, Held]:
    """Examples to learn from, and others to measure on: of the validation part, where there is one."""
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
    """Of the nearest class mean, and of the vote of the nearest neighbors."""
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
    votes += ones[near[:, 0]] * 0.5  # of a draw, the nearest
    return float((away.argmin(1) == wanted).float().mean()), float((votes.argmax(1) == wanted).float().mean())


def _net_accuracies(bench: Bench, known: Held, held_out: Held) -> tuple[float, float]:
    """Of the net on a few examples that it learns by heart, and on those held out."""
    few = Held(known, range(min(len(known), 200)))
    engine = bench.trial(few, batch=min(50, len(few)), plain=True)
    passes = math.ceil(len(few) / 50)
    trace = run_trial(engine, 400, lambda t: len(t.right) >= passes and min(r or 0.0 for r in t.right[-passes:]) > 0.95)
    if not trace.finite:
        return 0.0, 0.0
    return engine.evaluate(few).accuracy or 0.0, engine.evaluate(held_out).accuracy or 0.0
