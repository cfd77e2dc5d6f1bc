"""Parameter groups of the optimizer: which parameters are trained, which decay, and their learning rates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netspec.analysis.frozen import frozen_nodes, labeled
from netspec.diagnostics import SpecError
from netspec.graph import Graph, Node, Param
from netspec.ops.sequence import Embed
from netspec.training.optimizers import lamb, lars, lion, muon
from netspec.training.plan import Plan
from netspec.training.unfreezing import first_epochs

if TYPE_CHECKING:
    import torch

__all__ = ["Groups", "make_optimizer"]

_OWN: dict[str, tuple[Any, tuple[str, ...]]] = {
    "lion": (lion, ("betas",)),
    "lamb": (lamb, ("betas", "eps")),
    "lars": (lars, ("momentum", "trust")),
    "muon": (muon, ("momentum", "nesterov", "betas")),
}
"""Optimizers of netspec, with the options that they take."""


def _decays(node: Node, param: Param) -> bool:
    """Whether a parameter is a weight: a matrix or kernel, not a bias, a gain, or part of a norm (He et al. 2019, section 3.1)."""
    return len(param.shape) > 1 and node.op.decays and "weight" in param.name


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
    later: dict[str, int] = field(default_factory=dict)
    """The number of epochs before a parameter is trained, where it is not trained from the start."""
    later_layers: dict[str, int] = field(default_factory=dict)

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
        depths = _depth_factors(graph, plan.layer_decay)
        held = dict(module.named_parameters())
        trained: dict[str, Any] = {}
        weights: dict[str, Any] = {}
        by_name: dict[str, float] = {}
        for name, node, param in _trainable(graph):
            if node.index in frozen:
                held[name].requires_grad_(False)
                continue
            trained[name] = held[name]
            by_name[name] = factors.get(node.index, 1.0) * depths.get(node.index, 1.0)
            if _decays(node, param):
                weights[name] = held[name]
        if not trained:
            raise SpecError.of(
                "NS604", "every layer with weights is frozen", helps=["leave at least one layer unfrozen"]
            )
        layers = tuple(graph.nodes[i].name for i in sorted(frozen))
        first = first_epochs(plan)
        later = {
            name: first[node.index] for name, node, _ in _trainable(graph) if node.index in first and name in trained
        }
        if len(later) == len(trained):
            raise SpecError.of(
                "NS604", "no layer is trained in the first epoch", helps=["leave at least one layer out of `unfreeze`"]
            )
        return cls(trained, weights, by_name, layers, later, {graph.nodes[i].name: at for i, at in first.items()})

    def keep_frozen(self, module: torch.nn.Module, epoch: int, *, alone: bool) -> None:
        """Sets layers that are frozen in this epoch to evaluation mode, so that batch norms keep their statistics. One process
        computes no gradients of them; several expect all that there were at the start, and drop them."""
        frozen = [*self.frozen_layers, *(name for name, at in self.later_layers.items() if epoch < at)]
        modules = dict(module.named_modules()) if frozen else {}
        for name in frozen:
            if name in modules:
                modules[name].eval()
        if alone:
            for name, at in self.later.items():
                self.trained[name].requires_grad_(epoch >= at)

    def drop_gradients(self, epoch: int) -> None:
        """Those of parameters that are not trained yet."""
        for name, at in self.later.items():
            if epoch < at:
                self.trained[name].grad = None


def _trainable(graph: Graph) -> Iterator[tuple[str, Node, Param]]:
    for node in graph.nodes:
        if node.shares is None:
            for param in node.params:
                if param.trainable:
                    yield f"{node.name}.{param.name}", node, param


def _depth_factors(graph: Graph, decay: float | None) -> dict[int, float]:
    """The factor of each layer for a decay of the learning rate from the output to the input: 1 for the last part, `decay` for
    the one before it, and so on. A part is a block of the net, or a layer outside of blocks."""
    if decay is None:
        return {}
    parts = list(dict.fromkeys(node.name.partition(".")[0] for _, node, _ in _trainable(graph)))
    order = {part: decay ** (len(parts) - 1 - place) for place, part in enumerate(parts)}
    return {node.index: order[node.name.partition(".")[0]] for _, node, _ in _trainable(graph)}


def make_optimizer(plan: Plan, groups: Groups, *, fused: bool = True) -> torch.optim.Optimizer:
    """The torch optimizer of the recipe. Each group has a `factor` on the scheduled learning rate. Parameters that are trained
    later have no momentum yet beside those that have, which torch's fused optimizers do not take."""
    import torch

    chosen = plan.optimizer
    v = chosen.values
    if chosen.word == "lbfgs":
        return torch.optim.LBFGS(list(groups.trained.values()), lr=v["lr"], history_size=v["history"])
    parameters = _parameter_groups(plan, groups)
    if chosen.word in _OWN:
        make, wanted = _OWN[chosen.word]
        return make(parameters, lr=v["lr"], **{name: v[name] for name in wanted})  # type: ignore[no-any-return]
    kinds: dict[str, tuple[Any, tuple[str, ...]]] = {
        "sgd": (torch.optim.SGD, ("momentum", "nesterov")),
        "adam": (torch.optim.Adam, ("betas", "eps")),
        "adamw": (torch.optim.AdamW, ("betas", "eps")),
        "rmsprop": (torch.optim.RMSprop, ("alpha", "momentum", "eps")),
        "adagrad": (torch.optim.Adagrad, ("eps",)),
    }
    kind, names = kinds[chosen.word]
    options = {name: v[name] for name in names}
    if fused and not groups.later and chosen.word in ("sgd", "adam", "adamw"):
        options["fused"] = True
    return kind(parameters, lr=v["lr"], **options)  # type: ignore[no-any-return]


def _parameter_groups(plan: Plan, groups: Groups) -> list[dict[str, Any]]:
    """One group for each combination of decay and factor, in the order of the net."""
    v = plan.optimizer.values
    matrices = _hidden_matrices(plan) if plan.optimizer.word == "muon" else None
    found: dict[tuple[float, float, bool], list[Any]] = {}
    for name, parameter in groups.trained.items():
        decay = v["weight_decay"] if v["decay"] == "all" or name in groups.weights else 0.0
        found.setdefault((decay, groups.factors[name], name in (matrices or ())), []).append(parameter)
    return [
        {"params": params, "lr": v["lr"] * factor, "weight_decay": decay, "factor": factor}
        | ({} if matrices is None else {"matrices": matrix})
        for (decay, factor, matrix), params in found.items()
    ]


def _hidden_matrices(plan: Plan) -> set[str]:
    """The parameters that Muon is for: matrices, but no embeddings and not the last layer."""
    weighted = [
        (name, node) for name, node, param in _trainable(plan.graph) if len(param.shape) == 2 and _decays(node, param)
    ]
    ends = {node.index for _, node in weighted if isinstance(node.op, Embed)}
    last = [node.index for _, node in weighted if node.index not in {i for _, i, _ in plan.graph.aux}]
    return {name for name, node in weighted if node.index not in ends | set(last[-1:])}
