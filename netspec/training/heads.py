"""What a training compares with targets: outputs of the net, each with its loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netspec.datasets import Goal, Task
from netspec.graph import Graph, Node, TensorType
from netspec.recipe import Chosen
from netspec.settings import OF_CLASSES

__all__ = ["Head", "heads_of"]

_SOFTMAX = ("softmax", "log_softmax")
_SQUASHING = {**dict.fromkeys((*OF_CLASSES, "ctc"), _SOFTMAX), "bce": ("sigmoid",)}
_DISTANCES = ("contrastive", "triplet")
"""Losses of distances, which predict no target."""


@dataclass(frozen=True)
class Head:
    """An output of a net, by its name and its last layer, and the loss that compares it with its targets. An auxiliary head
    repeats that of the output, with another weight."""

    name: str
    output: Node
    loss: Chosen
    weight: float = 1.0

    @property
    def type(self) -> TensorType:
        return self.output.type

    @property
    def task(self) -> Task:
        if self.loss.values.get("target") == "input":
            return "input"
        if self.loss.word == "triplet":
            return "group"
        if self.loss.word == "ctc":
            return "sequence"
        return "class" if self.loss.word in OF_CLASSES else "values"

    @property
    def goal(self) -> Goal:
        """What it needs of the data."""
        values = self.loss.values
        return Goal(self.type, self.task, values.get("ignore"), values.get("blank", 0), self.labels, self.points)

    @property
    def labels(self) -> bool:
        """Whether every value is the logit of a label that holds or not."""
        return self.loss.word == "bce" and self.task == "values"

    @property
    def points(self) -> bool:
        """Whether the values are points of the image: x1, y1, x2, y2, …"""
        return self.loss.values.get("target") == "points"

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The points that change places in a mirror image."""
        return self.loss.values.get("pairs") or ()

    @property
    def predicts(self) -> bool:
        """Whether the output is a prediction of the target, and not a distance."""
        return self.loss.word not in _DISTANCES

    @property
    def squashed(self) -> bool:
        """Whether the net ends in the softmax (or sigmoid, for bce) that the loss computes itself."""
        return self.output.op.name in _SQUASHING.get(self.loss.word, ())

    def covers(self, inputs: Sequence[TensorType]) -> bool:
        """Whether every pixel of the only image among the inputs has a target, as in a segmentation."""
        images = [kind for kind in inputs if kind.layout == "map" and kind.rank == 2]
        of_pixels = self.task != "input" and self.type.layout == "map"
        return of_pixels and len(images) == 1 and self.type.spatial == images[0].spatial


def heads_of(graph: Graph, lines: Sequence[Chosen]) -> tuple[Head, ...]:
    """A head for each loss, in the order of the recipe; a loss that names no output is that of the first."""
    outputs = dict(graph.outputs)
    first = graph.outputs[0][0]
    named = [(line.labels[0] if line.labels else first, line) for line in lines]
    return tuple(Head(n, graph.nodes[outputs[n]], line, line.values.get("weight", 1.0)) for n, line in named)
