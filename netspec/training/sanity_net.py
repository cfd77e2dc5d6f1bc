"""Checks of the untrained net: weights, frozen layers, dead units, gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netspec.graph import Node
from netspec.ops.regularization import Drop
from netspec.ops.sequence import Embed
from netspec.training.check_result import CheckResult
from netspec.training.learner import modules_by_layer
from netspec.training.sampling import Share, order_of_an_epoch, updates_of_an_epoch
from netspec.training.sanity_runs import Bench, Held, adam, run_trial

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_dropout", "check_frozen", "check_gradients", "check_units", "check_weights"]

_RECTIFIERS = ("relu", "relu6")
_RARELY, _NEVER = 0.8, 0.9
"""Probabilities of dropping a value that are unusual, and that leave too little."""
_UPDATES = 5
"""Number of updates before gradients are checked again: layers after a zero-initialized scale get them late."""


def _listed(nodes: list[Node]) -> str:
    """`conv1` (line 4), `fc1` (line 7) and 3 more"""
    shown = [f"`{n.name}` (line {n.span.line})" for n in nodes[:4]]
    return ", ".join(shown) + (f" and {len(nodes) - 4} more" if len(nodes) > 4 else "")


def _weights(bench: Bench) -> list[tuple[Node, Tensor]]:
    """Every layer with a randomly initialized matrix or kernel, and that matrix."""
    held = dict(bench.engine.module.named_parameters())
    return [
        (node, held[f"{node.name}.{param.name}"].detach())
        for node in bench.plan.graph.nodes
        if node.shares is None
        for param in node.params
        if param.trainable and param.init == "random" and len(param.shape) > 1
    ]


def check_weights(bench: Bench) -> list[CheckResult]:
    """NaN, all zeros, or all units of a layer identical, which gradients can never change."""
    import torch

    found = []
    kinds: dict[str, list[Node]] = {"nan": [], "zero": [], "alike": []}
    for node, weight in _weights(bench):
        if not torch.isfinite(weight).all():
            kinds["nan"].append(node)
        elif float(weight.abs().max()) < 1e-12:
            kinds["zero"].append(node)
        elif len(weight) > 1 and float((weight - weight[:1]).abs().max()) <= 1e-6 * float(weight.abs().max()):
            kinds["alike"].append(node)
    random = "use random initial weights: `init he` in the recipe"
    if (far := _far_scale(bench)) is not None:
        found.append(far)
    if kinds["nan"]:
        found.append(CheckResult("weights", f"NaN or infinity in {_listed(kinds['nan'])}", "weights are not finite", "the weights file is corrupt"))  # fmt: skip
    if kinds["zero"]:
        found.append(CheckResult("weights", f"all zero in {_listed(kinds['zero'])}", "zero initialization", random))
    if kinds["alike"]:
        found.append(CheckResult("weights", f"all units have the same weights in {_listed(kinds['alike'])}", "identical initialization of all units", random))  # fmt: skip
    return found or [
        CheckResult(
            "weights",
            f"random and finite in all {len({node.index for node, _ in _weights(bench)})} randomly initialized layers",
        )
    ]


def _far_scale(bench: Bench) -> CheckResult | None:
    """Initial weights far from 1 / sqrt(inputs of a unit), the scale of all usual initializations."""
    far = [
        (node, std, usual) for node, weight in _weights(bench)
        if (std := float(weight.std())) > 1e-12 and not 0.01 < std / (usual := weight[0].numel() ** -0.5) < 30
        and not isinstance(node.op, Embed)
    ]  # fmt: skip
    if not far:
        return None
    _, std, usual = far[0]
    measured = (
        f"a standard deviation of {std:.2g} where {usual:.2g} is usual, in {_listed([node for node, _, _ in far])}"
    )
    return CheckResult(
        "weights",
        measured,
        note=True,
        advice="signals vanish or explode: `init he` in the recipe, or bn after these layers",
    )


def check_frozen(bench: Bench, *, trained_before: bool) -> list[CheckResult]:
    """Layers that do not change because of `freeze` or a rate of 0. `trained_before`: weights were loaded."""
    groups = bench.engine.groups
    nodes = [n for n in bench.plan.graph.nodes if n.shares is None and any(p.trainable for p in n.params)]
    fixed = [
        n for n in nodes
        if n.name in groups.frozen_layers or all(groups.factors.get(f"{n.name}.{p.name}") == 0 for p in n.params if p.trainable)
    ]  # fmt: skip
    if not fixed:
        return []
    random = [node for node, _ in _weights(bench) if not node.aux]
    head = random[-1] if random else nodes[-1]
    if head in fixed and not trained_before:
        return [CheckResult("frozen layers", f"{_listed([head])} is the last layer with weights, but it does not change", "the head is frozen", "remove it from `freeze`, or add it to `train_only`")]  # fmt: skip
    measured = f"{_listed(fixed)} {'does' if len(fixed) == 1 else 'do'} not change"
    return [CheckResult("frozen layers", measured, note=not trained_before, advice="" if trained_before else "they keep random weights; use `--weights FILE` to load trained ones")]  # fmt: skip


def check_dropout(bench: Bench) -> list[CheckResult]:
    """Layers that drop nearly everything, as where the probability of keeping a value was written for that of dropping it."""
    layers = [node for node in bench.plan.graph.nodes if isinstance(node.op, Drop) and node.op.p >= _RARELY]
    if not layers:
        return []
    node = max(layers, key=lambda n: n.op.p)  # type: ignore[attr-defined]
    p = node.op.p  # type: ignore[attr-defined]
    measured = f"{_listed(layers)} {'keeps' if len(layers) == 1 else 'keep'} little: {100 * (1 - p):.2g}% of the {node.type.size:,} values of `{node.name}`"
    advice = f"the number is the probability of dropping: to keep {100 * p:.3g}% of the values, write {1 - p:.2g}"
    fault = "hardly anything is left after dropout" if p > _NEVER else ""
    return [CheckResult("dropout", measured, fault, advice, note=not fault)]


def check_units(bench: Bench, some: Held) -> list[CheckResult]:
    """The fraction of units of rectifying layers that are zero for every example."""
    import torch

    engine = bench.trial(some, plain=True)
    modules = modules_by_layer(engine.module, bench.plan.graph)
    layers = [n for n in bench.plan.graph.nodes if n.kind in _RECTIFIERS and n.shares is None and n.name in modules]
    if not layers:
        return []
    alive: dict[str, Tensor] = {}

    def watch(node: Node) -> Any:
        def hook(module: torch.nn.Module, given: Any, result: Tensor) -> None:
            now = (result.detach() > 0).movedim(node.type.feature_axis, 0).flatten(1).any(1)
            alive[node.name] = alive[node.name] | now if node.name in alive else now

        return hook

    handles = [modules[n.name].register_forward_hook(watch(n)) for n in layers]
    engine.module.train()
    inputs, _ = engine.inputs.test(some.batch(range(len(some))))
    with torch.no_grad(), engine.fabric.autocast():
        engine.module(*inputs)
    for handle in handles:
        handle.remove()
    shares = {n.name: 1 - float(alive[n.name].float().mean()) for n in layers if n.name in alive}
    dead = [n for n in layers if shares.get(n.name) == 1]
    examples = f"{len(some)} examples"
    if dead:
        return [CheckResult("dead units", f"all units of {_listed(dead)} are zero for all of {examples}", "a dead ReLU layer", "check for strongly negative biases or inputs; try `init bias 0`, `bn` before it, or leaky_relu")]  # fmt: skip
    worst = max((n for n in layers if n.name in shares), key=lambda n: shares[n.name])
    share = shares[worst.name]
    measured = f"at most {share:.0%} of a layer's units are zero for all of {examples}" + (f", in {_listed([worst])}" if share else "")  # fmt: skip
    return [CheckResult("dead units", measured, note=share > 0.5, advice="try bn, another init, or leaky_relu" if share > 0.5 else "")]  # fmt: skip


def check_gradients(bench: Bench, some: Held) -> list[CheckResult]:
    """Whether the gradient of the loss reaches every trained layer with weights."""
    engine = bench.trial(some, plain=True, batch=min(64, len(some)))
    norms = _norms(bench, engine, some)
    silent = [node for node, norm in norms.items() if not norm]
    if silent:
        later_engine = bench.trial(some, plain=True, batch=engine.plan.batch, optimizer=adam())
        run_trial(later_engine, _UPDATES)
        later = _norms(bench, later_engine, some)
        silent = [node for node in silent if not later[node]]
    if silent:
        return [CheckResult("gradients", f"no gradient reaches {_listed(silent)}", "no gradient to a layer", "check whether its output is used, and whether a layer after it is dead or zero")]  # fmt: skip
    least = min(norms, key=lambda n: norms[n])
    return [CheckResult("gradients", f"reach all {len(norms)} layers with weights; the smallest norm is {norms[least]:.2g}, in {_listed([least])}")]  # fmt: skip


def _norms(bench: Bench, engine: Any, some: Held) -> dict[Node, float]:
    """The gradient norm of each layer over at most four batches, without the penalties of the optimizer."""
    order = order_of_an_epoch(len(some), seed=0, epoch=0)
    updates = updates_of_an_epoch(order, engine.plan.batch, 1, share=Share())[:4]
    engine.module.train()
    totals: dict[Node, float] = {}
    for step, pieces in enumerate(updates):
        engine.optimizer.zero_grad(set_to_none=True)
        engine.gradients(pieces, [some.batch(p.indices.tolist()) for p in pieces], step, count=False)
        for node in bench.plan.graph.nodes:
            names = [f"{node.name}.{p.name}" for p in node.params if len(p.shape) > 1 or len(node.params) == 1]
            names = names or [f"{node.name}.{p.name}" for p in node.params]
            for name in names:
                if name in engine.groups.trained:
                    gradient = engine.groups.trained[name].grad
                    totals[node] = totals.get(node, 0.0) + (0.0 if gradient is None else float(gradient.norm()))
    engine.optimizer.zero_grad(set_to_none=True)
    return totals
