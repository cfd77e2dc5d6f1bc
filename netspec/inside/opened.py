"""A network opened for looking inside: its weights, the layers by name, classes by name, and what an image gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.analysis.in_place import source
from netspec.datasets.given_inputs import read_inputs, wanted_of
from netspec.diagnostics import SpecError, nearest
from netspec.diagnostics.display import printable
from netspec.graph import Graph, Node
from netspec.inside.forward_pass import ForwardPass, Tensors
from netspec.optional import require_torch
from netspec.settings import OF_CLASSES

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = ["Opened"]

_MOST_NAMES = 12


class Opened:
    """The network as in inference, in float32, with its weights; `classes` are the names of its outputs."""

    def __init__(
        self,
        graph: Graph,
        weights: str | Path | Mapping[str, Any] | None = None,
        *,
        seed: int = 0,
        classes: Sequence[str] = (),
    ) -> None:
        """Raises SpecError (NS502, NS503)."""
        torch = require_torch()
        self.graph, self.seed = graph, seed
        self.untrained = weights is None and graph.starts_random
        self.forward = ForwardPass(graph, weights, seed, torch.float32)
        for parameter in self.forward.module.parameters():
            parameter.requires_grad_(False)
        self._classes = tuple(classes)

    @property
    def notes(self) -> tuple[str, ...]:
        """What every picture says: that the weights are untrained, where they are."""
        return ("the weights are untrained (--weights loads trained ones)",) if self.untrained else ()

    # Layers

    def layer(self, name: str) -> Node:
        """The layer of a name, or the last one of a label. Raises SpecError (NS503)."""
        nodes = [node for node in self.graph.nodes if not node.aux]
        found = [n for n in nodes if n.name == name] or [n for n in nodes if n.name.startswith(f"{name}.")]
        if found:
            return found[-1]
        names = [node.name for node in nodes]
        labels = {".".join(n.split(".")[:i]) for n in names for i in range(1, n.count(".") + 1)}
        within = (n for n in names if n.endswith(f".{name}"))
        near = next(within, None) or nearest(name, [*names, *labels])
        shown = ", ".join(names[:_MOST_NAMES]) + (" …" if len(names) > _MOST_NAMES else "")
        raise SpecError.of(
            "NS503", f"there is no layer `{name}`", notes=[f"the layers are {shown}"],
            helps=[f"did you mean `{near}`?"] if near else ["`netspec check` lists them"],
        )  # fmt: skip

    @property
    def maps(self) -> list[Node]:
        """The layers that compute feature maps of more than one position, in order."""
        kinds = [node for node in self.graph.nodes if not node.aux and node.inputs and node.kind != "identity"]
        return [node for node in kinds if node.type.layout == "map" and max(node.type.spatial) > 1]

    # Classes

    @property
    def logits(self) -> Node:
        """The layer whose values are the scores of the classes: the output, before a final softmax or sigmoid.

        Raises SpecError (NS503) where there are several outputs."""
        if len(self.graph.outputs) != 1:
            names = ", ".join(name for name, _ in self.graph.outputs)
            raise SpecError.of("NS503", f"the scores of classes are those of a single output, and there are {names}", helps=["leave a single `output` in the spec"])  # fmt: skip
        end = self.graph.nodes[source(self.graph, self.graph.outputs[0][1])]
        if end.kind in ("softmax", "log_softmax", "sigmoid"):
            end = self.graph.nodes[source(self.graph, end.inputs[0])]
        return end

    @property
    def hidden(self) -> Node:
        """The last hidden layer: the input of the last layer with weights, without dropout and flattening. Raises SpecError."""
        nodes = self.graph.nodes
        node = self.logits
        while not node.op.weight_layer and node.inputs:
            node = nodes[node.inputs[0]]
        node = nodes[node.inputs[0]] if node.inputs else node
        while node.kind in ("dropout", "identity") and node.inputs:
            node = nodes[node.inputs[0]]
        return node

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the outputs; numbers where they have none."""
        count = self.logits.type.features
        return self._classes if len(self._classes) == count else tuple(map(str, range(count)))

    @property
    def noun(self) -> str:
        """What an output is called: a `class`, or an `output` where it is the only one, or the loss compares values or the input."""
        if self.logits.type.features == 1:
            return "output"
        loss = self.graph.recipe.one("loss") if self.graph.recipe is not None else None
        of_classes = loss is None or (loss.word in (*OF_CLASSES, "bce") and loss.values.get("target") != "input")
        return "class" if of_classes or self._classes else "output"

    @property
    def is_between_0_and_1(self) -> bool:
        """Whether a single output is the chance of the second class: after a sigmoid, or a value for which 0 and 1 are the
        targets; otherwise (the losses `bce` and `hinge` on a bare output) it is a logit."""
        end = self.graph.nodes[source(self.graph, self.graph.outputs[0][1])]
        loss = self.graph.recipe.one("loss") if self.graph.recipe is not None else None
        return end.kind == "sigmoid" or loss is None or loss.word not in ("bce", "hinge")

    @property
    def region_names(self) -> tuple[str, ...]:
        """The names of the classes; a single output tells two apart."""
        if self.logits.type.features > 1:
            return self.classes
        return self._classes if len(self._classes) == 2 else ("0", "1")

    def class_index(self, name: str) -> int:
        """The output of a class, by its name or number. Raises SpecError (NS503)."""
        names = self.classes
        if name in names:
            return names.index(name)
        if name.isdecimal() and int(name) < len(names):
            return int(name)
        near = nearest(name, names)
        shown = ", ".join(map(printable, names[:_MOST_NAMES])) + (" …" if len(names) > _MOST_NAMES else "")
        raise SpecError.of(
            "NS503", f"there is no {self.noun} `{printable(name)}`", notes=[f"there are {shown}" if len(names) > 1 else f"there is only {shown}"],
            helps=[f"did you mean `{printable(near)}`?"] if near else [f"give a name or a number from 0 to {len(names) - 1}"] if len(names) > 1 else [],
        )  # fmt: skip

    def score(self, tensors: Mapping[str, Tensor], index: int) -> Tensor:
        """The score of a class for each example: of a map or a sequence, the sum over its positions."""
        values = tensors[self.logits.name].select(self.logits.type.feature_axis, index)
        return values.reshape(len(values), -1).sum(1)

    def predicted(self, tensors: Mapping[str, Tensor]) -> int:
        """The class with the highest score for the first example."""
        values = tensors[self.logits.name][0].movedim(self.logits.type.feature_axis - 1, 0)
        return int(values.reshape(len(values), -1).sum(1).argmax())

    # Inputs

    def example(self, given: Any) -> np.ndarray[Any, Any]:
        """An image, an array or the path of one, as a batch for the only input. Raises SpecError (NS001, NS502, NS503)."""
        if len(self.graph.inputs) != 1:
            names = ", ".join(name for name, _ in self.graph.inputs)
            raise SpecError.of("NS503", f"an image needs a network with a single input, and this one has {names}", helps=["`netspec trace` shows what a network with several inputs computes"])  # fmt: skip
        given = Path(given) if isinstance(given, str) else given
        (batch,) = read_inputs([("", given)], wanted_of(self.graph)).values()
        return batch

    def run(self, batch: np.ndarray[Any, Any], *, gradients: bool = False) -> tuple[Tensor, Tensors]:
        """The input as a tensor, and the tensors of the forward pass. Raises SpecError (NS503) where gradients are wanted of ids."""
        import torch

        name = self.graph.inputs[0][0]
        given = self.forward.inputs({name: batch}, gradients=gradients)
        if gradients and not given[name].requires_grad:
            raise SpecError.of("NS503", f"the input `{name}` holds ids, which have no gradients")
        with torch.enable_grad() if gradients else torch.no_grad():
            return given[name], self.forward.run(given, keep_gradients=gradients)
