"""`pretrain layerwise` and `pretrain rbm`: greedy layer-wise pretraining (Bengio, Lamblin, Popovici & Larochelle 2007).

Each FC and convolution in turn, with the norm and activation after it, is the encoder of its input; a new decoder (linear
or a transposed convolution) reconstructs the input under the mean squared error. The layers before it are fixed and in
evaluation mode, without dropout and augmentation. If the net is not a plain sequence, layers are processed in the order of
the graph, each on its own input. The last layer with weights, auxiliary heads, frozen and tied layers, and other kinds of
layers do not change. Every process computes the same result. With `rbm`, fully connected layers are Boltzmann machines instead
(rbm.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from netspec.datasets import batches
from netspec.diagnostics import SpecError
from netspec.graph import Graph, Node
from netspec.ops.activation import Activation
from netspec.ops.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from netspec.training.engine import Engine
from netspec.training.groups import Groups, make_optimizer
from netspec.training.learner import modules_by_layer
from netspec.training.randomness import place_seed
from netspec.training.rbm import BoltzmannMachine, reason_against
from netspec.training.sampling import Share, order_of_an_epoch, updates_of_an_epoch

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["pretrain_layerwise", "skipped_layers"]

_STREAM = 0x9EA7  # separates the seeds of the decoders from other seeds
Told = Callable[[str, int, float], None]
"""Called after every epoch of a layer with its name, the epoch (from 1) and the mean squared error."""


def pretrain_layerwise(engine: Engine, told: Told = lambda *_: None) -> list[tuple[str, float, float]]:
    """Pretrains the module of the engine in place, with the seed of the plan.

    Yields for each layer its name, the mean squared error of the first update and the mean of the last epoch. Raises
    SpecError (NS605) if it diverges.
    """
    epochs = engine.plan.pretrain_epochs
    if epochs is None:
        return []
    training = engine.module.training
    try:
        return [_train(engine, layer, followers, epochs, told) for layer, followers in _layers(engine)]
    finally:
        engine.module.train(training)


def _layers(engine: Engine) -> Iterator[tuple[Node, list[Node]]]:
    """The layers to pretrain, each with the norms and activations after it."""
    from torch import nn

    graph = engine.plan.graph
    modules = modules_by_layer(engine.module, graph)
    for node in _weighted(graph):
        kind = isinstance(modules.get(node.name), (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d))
        if kind and _reason_against(engine, node) is None:
            yield node, [n for n in _followers(graph, node) if n.name in modules]


def _weighted(graph: Graph) -> list[Node]:
    """The layers with weights of their own or of another, without norms and auxiliary heads."""
    own = [n for n in graph.nodes if n.shares is None and not n.aux]
    return [n for n in own if n.tied is not None or any(len(p.shape) > 1 for p in n.params)]


def _reason_against(engine: Engine, node: Node) -> str | None:
    """Why a layer is left as it is; None if it is pretrained, as far as its kind can be."""
    graph = engine.plan.graph
    if node.tied is not None:
        return f"tied to {graph.nodes[node.tied].name}"
    if node.index == _weighted(graph)[-1].index:
        return "the last layer"
    if f"{node.name}.weight" not in engine.groups.trained:
        return "frozen"
    return reason_against([node, *_followers(graph, node)]) if engine.plan.pretrain_rbm else None


def skipped_layers(engine: Engine) -> list[tuple[str, str]]:
    """The layers with weights that pretraining leaves as they are, each with the reason; none without it."""
    if engine.plan.pretrain_epochs is None:
        return []
    pretrained = {node.index for node, _ in _layers(engine)}
    left = [node for node in _weighted(engine.plan.graph) if node.index not in pretrained]
    return [(node.name, _reason_against(engine, node) or f"{node.kind} has no decoder here") for node in left]


def _followers(graph: Graph, node: Node) -> list[Node]:
    """The chain of norms and activations after the layer, each the only reader of the previous one."""
    found: list[Node] = []
    while True:
        readers = [n for n in graph.nodes if node.index in n.inputs]
        if len(readers) != 1 or len(readers[0].inputs) != 1 or readers[0].shares is not None:
            return found
        (node,) = readers
        if not isinstance(node.op, (Activation, BatchNorm, GroupNorm, InstanceNorm, LayerNorm)):
            return found
        found.append(node)


class _Reached(Exception):
    """Stops a forward pass at the layer whose input is needed."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = value


def _input_of(engine: Engine, layer: torch.nn.Module, inputs: list[Tensor]) -> Tensor:
    import torch

    def reached(module: torch.nn.Module, given: tuple[Tensor, ...]) -> None:
        raise _Reached(given[0])

    handle = layer.register_forward_pre_hook(reached)
    try:
        with torch.no_grad(), engine.fabric.autocast():
            engine.module(*inputs)
    except _Reached as found:
        return found.value.detach().float()
    finally:
        handle.remove()
    raise AssertionError("a layer of the graph is not computed")


def _train(engine: Engine, layer: Node, followers: list[Node], epochs: int, told: Told) -> tuple[str, float, float]:
    engine.module.eval()
    modules = modules_by_layer(engine.module, engine.plan.graph)
    parts = [modules[n.name] for n in (layer, *followers)]
    kind = BoltzmannMachine if engine.plan.pretrain_rbm else _Autoencoder
    pair: BoltzmannMachine | _Autoencoder | None = None
    first = mean = 0.0
    for epoch in range(epochs):
        errors = []
        for inputs in _updates(engine, layer, parts[0], epoch):
            pair = pair or kind(engine, (layer, *followers), parts, inputs[0])
            errors.append(pair.update(inputs))
        mean = float(sum(errors) / len(errors))
        first = first if epoch else float(errors[0])
        if not math.isfinite(mean):
            raise SpecError.of(
                "NS605", f"pretraining diverged in layer `{layer.name}`: the squared error is {mean}",
                helps=[f"try a tenth of the learning rate: `--lr {engine.plan.lr / 10:.3g}`"],
            )  # fmt: skip
        told(layer.name, epoch + 1, mean)
    engine.module.zero_grad(set_to_none=True)
    return layer.name, first, mean


def _updates(engine: Engine, node: Node, layer: torch.nn.Module, epoch: int) -> Iterator[list[Tensor]]:
    """The inputs of the layer, a list of batches per update, over all training examples in a separate order."""
    plan, train = engine.plan, engine.collection.train
    seed = place_seed(plan.seed, _STREAM, node.index)
    examples = order_of_an_epoch(len(train), seed=seed, epoch=epoch)
    order = updates_of_an_epoch(examples, plan.batch, plan.accumulate, share=Share())
    stream = batches(train, [piece.indices for pieces in order for piece in pieces], engine.workers)
    for pieces in order:
        yield [_input_of(engine, layer, engine.inputs.test(next(stream))[0]) for _ in pieces]


class _Autoencoder:
    """A layer, its decoder, and an optimizer for both of the kind in the recipe."""

    def __init__(self, engine: Engine, nodes: Sequence[Node], parts: list[torch.nn.Module], example: Tensor) -> None:
        import torch

        self.encoder = torch.nn.Sequential(*parts)
        with torch.no_grad():
            code = self.encoder(example)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(place_seed(engine.plan.seed, _STREAM, nodes[0].index, 1))
            self.decoder = _decoder(parts[0], code, example).to(example.device)
        names = {n.name for n in nodes}
        chosen = {n: p for n, p in engine.groups.trained.items() if n.rpartition(".")[0] in names}
        decoding = {f"decoder.{name}": p for name, p in self.decoder.named_parameters()}
        everything = chosen | decoding
        decaying = {n: p for n, p in everything.items() if n in engine.groups.weights or n == "decoder.weight"}
        groups = Groups(everything, decaying, dict.fromkeys(everything, 1.0), ())
        self.optimizer = make_optimizer(engine.plan, groups, fused=False)

    def update(self, inputs: list[Tensor]) -> Tensor:
        """One update of the weights; returns the mean squared error before it."""
        import torch

        before: list[Tensor] = []
        count = sum(len(x) for x in inputs)

        def closure() -> float:
            self.optimizer.zero_grad(set_to_none=True)
            total = torch.zeros((), device=inputs[0].device)
            for x in inputs:
                error = torch.nn.functional.mse_loss(self._decoded(x), x) * (len(x) / count)
                error.backward()  # type: ignore[no-untyped-call]
                total += error.detach()
            before.append(total)
            return float(total)

        self.encoder.train()
        self.optimizer.step(closure)
        self.encoder.eval()
        return before[0]

    def _decoded(self, x: Tensor) -> Tensor:
        """The reconstruction; the output of a transposed convolution is cropped or zero-padded evenly on all sides."""
        from torch.nn import functional as F

        result: Tensor = self.decoder(self.encoder(x))
        if result.shape == x.shape:
            return result
        margins: list[int] = []
        for got, wanted in zip(reversed(result.shape[2:]), reversed(x.shape[2:]), strict=True):
            before = (wanted - got) // 2
            margins += [before, wanted - got - before]
        return F.pad(result, margins)


def _decoder(layer: torch.nn.Module, code: Tensor, wanted: Tensor) -> torch.nn.Module:
    """The decoder: linear, or a transposed convolution with the kernel, stride and dilation of the layer."""
    from torch import nn

    if isinstance(layer, nn.Linear):
        return nn.Linear(code.shape[-1], wanted.shape[-1])
    assert isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.Conv3d))
    transposed: Any = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}[len(layer.kernel_size)]
    decoder: nn.Module = transposed(
        code.shape[1], wanted.shape[1], layer.kernel_size, stride=layer.stride, dilation=layer.dilation
    )
    return decoder
