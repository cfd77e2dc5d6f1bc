"""What a dialect is: how one tool counts multiply-accumulates, op by op."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

from netspec.graph import Graph, Node, TensorType
from netspec.ops.attend import Attend
from netspec.ops.op import Op
from netspec.ops.transposed_conv import TransposedConv

__all__ = ["Count", "Counts", "Dialect", "uncropped"]

Count: TypeAlias = "Callable[[Any, TensorType, TensorType], int]"
"""The count of one layer for one input: of the op, the type of its (first) input, of `attend` of all three, and that of its output."""
Counts: TypeAlias = "Mapping[type[Op], Count]"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a tool counts. An op that is not in `counts`, by its own class or a base, counts nothing, as in the tool."""

    name: str
    version: str
    """The version whose figures the counts equal."""
    doc: str
    counts: Counts

    def macs(self, graph: Graph, node: Node) -> int:
        """What the tool counts for a layer, for one input, when it is run on the PyTorch module of the network."""
        if not node.inputs:
            return 0
        count = next((self.counts[cls] for cls in type(node.op).__mro__ if cls in self.counts), None)
        if count is None:
            return 0
        output = node.type if node.op.sees_windows else node.type.bare
        inputs: Any = graph.input_types(node)
        return node.runs * count(node.op, inputs if isinstance(node.op, Attend) else inputs[0], output)


def uncropped(op: TransposedConv, x: TensorType) -> int:
    """Output positions of a transposed convolution in PyTorch, which crops asymmetric padding afterward."""
    window, _, sizes = op.geometry(x)
    if window.symmetric:
        return prod(sizes)
    return prod(n + b + a for n, b, a in zip(sizes, window.before, window.after, strict=True))
