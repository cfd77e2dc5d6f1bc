"""The values that a network computes for an input, layer by layer, and the gradients that flow back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.analysis.in_place import source
from netspec.graph import Graph, Node
from netspec.inside.forward_pass import ForwardPass, Tensors, batch_of
from netspec.inside.objective import Objective, as_objective, sum_of_outputs
from netspec.inside.traced import Traced, TracedTensors
from netspec.weights import state_entries

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Trace", "trace"]


class Trace(TracedTensors):
    """The tensors, and the ways to show and keep them. Printed, it is what `netspec trace` prints."""

    def __str__(self) -> str:
        from netspec.inside.trace_report import trace_text

        return trace_text(self, columns=100)

    def _repr_html_(self) -> str:
        from netspec.inside.trace_report import tables_of

        return "".join(table._repr_html_() for table in tables_of(self))

    def save(self, path: str | Path) -> None:
        """Writes `arrays()` to an `.npz`. Raises SpecError (NS501, NS505)."""
        from netspec.files import write_arrays

        write_arrays(Path(path), self.arrays())

    def draw(self, path: str | Path, *, theme: str = "light") -> None:
        """Writes a picture of the network with these numbers, in the format of the ending. Raises SpecError."""
        from netspec.inside.trace_picture import write_picture

        write_picture(self, Path(path), theme)


def trace(
    graph: Graph,
    given: Iterable[tuple[str, Any]] = (),
    *,
    weights: str | Path | Mapping[str, Any] | None = None,
    seed: int = 0,
    examples: int = 1,
    backward: bool = False,
    objective: Any = None,
    training: bool = False,
) -> Trace:
    """Runs a network as in inference, in float32, on given or random inputs, and keeps what every layer computes.

    With `backward` or an objective also its gradients; with `training` as in training, dropout and noise from the seed. Raises SpecError (NS001, NS502, NS503).
    """
    import torch

    given = list(given)
    batch = batch_of(graph, given, examples, seed)
    run = ForwardPass(graph, weights, seed, torch.float32, training=training)
    backward = backward or objective is not None
    chosen: Objective = as_objective(objective, sum_of_outputs(graph))
    inputs = run.inputs(batch, gradients=backward)
    with torch.enable_grad() if backward else torch.no_grad():
        tensors = run.run(inputs, keep_gradients=backward)
        total = chosen.function(tensors) if backward else None
        if total is not None and total.requires_grad:
            total.backward()  # type: ignore[no-untyped-call]
        losses = chosen.each(tensors).tolist() if backward and chosen.each is not None else ()
    return Trace(
        graph,
        tuple(_traced(graph, node, tensors, backward) for node in graph.nodes if not node.aux),
        tuple(_parameters(run, backward)),
        chosen.text if backward else "",
        None if total is None else float(total.detach()),
        tuple(losses),
        tuple(name for name, _ in graph.inputs if name not in given_names(graph, given)),
        training,
    )


def given_names(graph: Graph, given: Iterable[tuple[str, Any]]) -> set[str]:
    """The inputs for which something is given; what has no name is for all of them."""
    names = {name for name, _ in given}
    return {name for name, _ in graph.inputs} if "" in names else names


def _traced(graph: Graph, node: Node, tensors: Tensors, backward: bool) -> Traced:
    tensor = tensors.at(source(graph, node.index))
    inputs = tuple(graph.nodes[source(graph, i)].name for i in node.inputs)
    return Traced(node.name, node.kind, inputs, tensor.detach().numpy(), _gradient(tensor, backward))


def _parameters(run: ForwardPass, backward: bool) -> Iterable[Traced]:
    """The trainable tensors, without those of auxiliary heads, by the names of the state dict."""
    held = dict(run.module.named_parameters())
    for name, _, param in state_entries(run.graph, aux=False):
        if param.trainable:
            yield Traced(name, "parameter", (), held[name].detach().numpy(), _gradient(held[name], backward))


def _gradient(tensor: Any, backward: bool) -> np.ndarray[Any, Any] | None:
    """The gradient of a tensor; 0 where nothing that is differentiated depends on it, None for whole numbers."""
    import numpy as np

    if not backward or not tensor.is_floating_point():
        return None
    if tensor.grad is None:
        return np.zeros(tensor.shape, dtype=np.float32)
    result: np.ndarray[Any, Any] = tensor.grad.numpy()
    return result
