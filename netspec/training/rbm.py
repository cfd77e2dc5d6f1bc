"""`pretrain rbm`: fully connected layers as restricted Boltzmann machines, one at a time (Hinton & Salakhutdinov 2006).

The units of a layer are binary where a sigmoid follows, and linear with unit variance where nothing does; the visible units
are the units of the layer before. A machine learns by contrastive divergence with one step (CD-1, Hinton 2002): hidden units
are sampled from the data, the visible ones are reconstructed from them, and the hidden ones are computed again, with
probabilities instead of samples in both (Hinton 2012, section 3). The layer that is tied to a trained one takes its visible
bias: this is how the paper unrolls the machines to an autoencoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from netspec.diagnostics import SpecError
from netspec.graph import Graph, Node
from netspec.ops.activation import Sigmoid
from netspec.ops.shape import Flatten, Reshape
from netspec.training.engine import Engine
from netspec.training.groups import Groups, make_optimizer
from netspec.training.randomness import place_seed

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["BoltzmannMachine", "reason_against"]

_STREAM = 0x9EA8  # separates the samples from other random numbers


def reason_against(nodes: Sequence[Node]) -> str | None:
    """Why a layer with the norms and activations after it is no Boltzmann machine; None if it is one."""
    layer, *followers = nodes
    if layer.op.name not in ("FC", "linear") or len(layer.type.shape) != 1:
        return "not a fully connected layer on a vector"
    if not followers or (len(followers) == 1 and isinstance(followers[0].op, Sigmoid)):
        return None
    return f"{followers[0].op.name} follows: the units are sigmoid or linear"


class BoltzmannMachine:
    """A fully connected layer with a bias for its visible units, and an optimizer of the kind in the recipe."""

    def __init__(self, engine: Engine, nodes: Sequence[Node], parts: list[torch.nn.Module], example: Tensor) -> None:
        import torch

        plan, graph, self.node = engine.plan, engine.plan.graph, nodes[0]
        if plan.optimizer.word == "lbfgs":
            raise SpecError.of(
                "NS604", "`pretrain rbm` cannot use lbfgs: contrastive divergence has no loss whose gradient it follows",
                helps=["write `optimizer sgd lr=0.1 momentum=0.9`"],
            )  # fmt: skip
        self.layer = parts[0]
        assert isinstance(self.layer, torch.nn.Linear)
        self.binary = len(nodes) > 1
        self.sees_binary = _sees_binary(graph, self.node, engine)
        names = {n: p for n, p in engine.groups.trained.items() if n.rpartition(".")[0] == self.node.name}
        tied = [f"{n.name}.bias" for n in graph.nodes if n.tied == self.node.index]
        shared = next((engine.groups.trained[n] for n in tied if n in engine.groups.trained), None)
        self.visible_bias = torch.nn.Parameter(example.new_zeros(example.shape[1])) if shared is None else shared
        everything = names | {"visible bias": self.visible_bias}
        decaying = {n: p for n, p in names.items() if n in engine.groups.weights}
        factor = engine.groups.factors[f"{self.node.name}.weight"]
        groups = Groups(everything, decaying, dict.fromkeys(everything, factor), ())
        self.optimizer = make_optimizer(plan, groups, fused=False)
        self.seed, self.count = plan.seed, 0

    def update(self, inputs: list[Tensor]) -> Tensor:
        """One step of contrastive divergence; returns the mean squared error of the reconstruction before it."""
        import torch

        with torch.no_grad():
            seen = torch.cat(inputs)
            self._require_probabilities(seen)
            hidden = self._hidden(seen)
            again = self._visible(self._sampled(hidden))
            hidden_again = self._hidden(again)
            weight, bias = self.layer.weight, self.layer.bias
            weight.grad = (hidden_again.T @ again - hidden.T @ seen) / len(seen)
            if bias is not None:
                bias.grad = (hidden_again - hidden).mean(0)
            self.visible_bias.grad = (again - seen).mean(0)
        self.optimizer.step()
        return (again - seen).square().mean()

    def _hidden(self, seen: Tensor) -> Tensor:
        """The probabilities of binary hidden units, or the means of linear ones."""
        total: Tensor = self.layer(seen)
        return total.sigmoid() if self.binary else total

    def _visible(self, hidden: Tensor) -> Tensor:
        total: Tensor = hidden @ self.layer.weight + self.visible_bias  # type: ignore[operator]
        return total.sigmoid() if self.sees_binary else total

    def _sampled(self, hidden: Tensor) -> Tensor:
        import torch

        self.count += 1
        seed = place_seed(self.seed, _STREAM, self.node.index, self.count)
        stream = torch.Generator(hidden.device).manual_seed(seed)
        if self.binary:
            return torch.bernoulli(hidden, generator=stream)
        return hidden + torch.randn(hidden.shape, generator=stream, device=hidden.device)

    def _require_probabilities(self, seen: Tensor) -> None:
        low, high = float(seen.min()), float(seen.max())
        if self.sees_binary and (low < 0 or high > 1):
            raise SpecError.of(
                "NS604", f"`pretrain rbm` reads the input of `{self.node.name}` as probabilities, but it goes from {low:.3g} to {high:.3g}",
                helps=["write `pretrain rbm visible=gaussian`, with inputs of variance 1 (`normalize channel`)", "scale the data to 0 to 1"],
            )  # fmt: skip


def _sees_binary(graph: Graph, node: Node, engine: Engine) -> bool:
    """Whether what a layer reads are probabilities: of a layer with a sigmoid, or of the data where the recipe says so."""
    before = graph.nodes[node.inputs[0]]
    while before.inputs and (before.op.vanishes or isinstance(before.op, (Flatten, Reshape))):
        before = graph.nodes[before.inputs[0]]
    of_the_data = not before.inputs or before.op.name == "normalize"
    if of_the_data:
        return bool(engine.plan.optional("pretrain", "visible") == "binary")
    return isinstance(before.op, Sigmoid)
