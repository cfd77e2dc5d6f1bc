"""Parameter groups of the optimizer: which parameters are trained, which decay, and their learning rates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netspec.analysis.frozen import frozen_nodes, labeled
from netspec.diagnostics import SpecError
from netspec.graph import Graph, Node, Param
from netspec.ops.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from netspec.training.plan import Plan

if TYPE_CHECKING:
    import torch

__all__ = ["Groups", "make_optimizer"]

_NORMS = (BatchNorm, GroupNorm, InstanceNorm, LayerNorm)


def _decays(node: Node, param: Param) -> bool:
    """Whether a parameter is a weight: not a bias, and not part of a norm (He et al. 2019, section 3.1)."""
    return len(param.shape) > 1 and not param.name.startswith("bias") and not isinstance(node.op, _NORMS)


@dataclass(frozen=True)
class Groups:
    """The parameters of a module, grouped by the recipe."""

    trained: dict[str, torch.nn.Parameter]
    weights: dict[str, torch.nn.Parameter]
    """Trained parameters with weight decay."""
    factors: dict[str, float]
    """The learning-rate factor by name; 1 if there is none."""
    frozen_layers: tuple[str, ...]
    """Layers that do not change, including running statistics."""

    @classmethod
    def of(cls, plan: Plan, module: torch.nn.Module) -> Groups:
        """Disables gradients of frozen parameters. Raises SpecError (NS604) if there is nothing left to train."""
        graph, recipe = plan.graph, plan.recipe
        frozen = frozen_nodes(graph, recipe)
        factors: dict[int, float] = {}
        for line in plan.rates:
            for label in line.labels:
                for node in labeled(graph, label):
                    factors[node.index] = factors.get(node.index, 1.0) * line.values["factor"]
        held = dict(module.named_parameters())
        trained: dict[str, Any] = {}
        weights: dict[str, Any] = {}
        by_name: dict[str, float] = {}
        for name, node, param in _trainable(graph):
            if node.index in frozen:
                held[name].requires_grad_(False)
                continue
            trained[name] = held[name]
            by_name[name] = factors.get(node.index, 1.0)
            if _decays(node, param):
                weights[name] = held[name]
        if not trained:
            raise SpecError.of(
                "NS604", "every layer with weights is frozen", helps=["leave at least one layer unfrozen"]
            )
        layers = tuple(graph.nodes[i].name for i in sorted(frozen))
        return cls(trained, weights, by_name, layers)

    def keep_frozen(self, module: torch.nn.Module) -> None:
        """Sets frozen layers to evaluation mode, so that batch norms keep their statistics."""
        modules = dict(module.named_modules())
        for name in self.frozen_layers:
            if name in modules:
                modules[name].eval()


def _trainable(graph: Graph) -> Iterator[tuple[str, Node, Param]]:
    for node in graph.nodes:
        if node.shares is None:
            for param in node.params:
                if param.trainable:
                    yield f"{node.name}.{param.name}", node, param


def make_optimizer(plan: Plan, groups: Groups, *, fused: bool = True) -> torch.optim.Optimizer:
    """The torch optimizer of the recipe. Each group has a `factor` on the scheduled learning rate."""
    import torch

    chosen = plan.optimizer
    v = chosen.values
    if chosen.word == "lbfgs":
        return torch.optim.LBFGS(list(groups.trained.values()), lr=v["lr"], history_size=v["history"])
    kinds: dict[str, tuple[Any, tuple[str, ...]]] = {
        "sgd": (torch.optim.SGD, ("momentum", "nesterov")),
        "adam": (torch.optim.Adam, ("betas", "eps")),
        "adamw": (torch.optim.AdamW, ("betas", "eps")),
        "rmsprop": (torch.optim.RMSprop, ("alpha", "momentum", "eps")),
        "adagrad": (torch.optim.Adagrad, ("eps",)),
    }
    kind, names = kinds[chosen.word]
    options = {name: v[name] for name in names}
    if fused and chosen.word in ("sgd", "adam", "adamw"):
        options["fused"] = True
    return kind(_parameter_groups(plan, groups), lr=v["lr"], **options)  # type: ignore[no-any-return]


def _parameter_groups(plan: Plan, groups: Groups) -> list[dict[str, Any]]:
    """One group for each combination of decay and factor, in the order of the net."""
    v = plan.optimizer.values
    found: dict[tuple[float, float], list[Any]] = {}
    for name, parameter in groups.trained.items():
        decay = v["weight_decay"] if v["decay"] == "all" or name in groups.weights else 0.0
        found.setdefault((decay, groups.factors[name]), []).append(parameter)
    return [
        {"params": params, "lr": v["lr"] * factor, "weight_decay": decay, "factor": factor}
        for (decay, factor), params in found.items()
    ]
