"""How long a layer takes at least, by the roofline model (Williams, Waterman & Patterson 2009): an estimate.

A layer is as slow as the slower of its arithmetic at the peak of the device, and its traffic at full bandwidth. Real kernels
reach neither; what a fused or cached execution saves is not counted either.
"""

from __future__ import annotations

from dataclasses import dataclass

from netspec.analysis.conditions import Conditions
from netspec.analysis.devices import device_named
from netspec.analysis.kept import is_view
from netspec.analysis.memory import stored_bytes, weight_bytes
from netspec.graph import Graph, Node

__all__ = ["Cost", "cost"]

_TRAINING = 3
"""A training step costs about three forward passes: gradients of the inputs and of the weights cost one each."""


@dataclass(frozen=True, slots=True)
class Cost:
    """FLOPs and bytes of one forward pass of the batch, and the seconds that each of them takes on the device."""

    flops: int
    bytes: int
    arithmetic: float = 0.0
    traffic: float = 0.0

    @property
    def seconds(self) -> float:
        return max(self.arithmetic, self.traffic)

    @property
    def bound(self) -> str:
        """What limits the layer: `compute` or `memory`."""
        return "compute" if self.arithmetic > self.traffic else "memory"


def cost(graph: Graph, node: Node, macs: int, conditions: Conditions) -> Cost:
    """The cost of one layer: its inputs, weights and output are each moved once. Views and inputs cost nothing.

    With an optimizer, the seconds are those of a training step. Raises ValueError for an unknown device.
    """
    training = conditions.optimizer is not None
    if (
        not node.inputs
        or is_view(node.op, graph.nodes[node.inputs[0]].type)
        or node.op.ignores_input
        or (node.op.vanishes and not training)
    ):
        return Cost(0, 0)
    flops = 2 * macs * conditions.batch
    tensors = sum(
        stored_bytes(kind, conditions.dtype) for kind in (*(graph.nodes[i].type for i in node.inputs), node.type)
    )
    owner = graph.nodes[node.shares] if node.shares is not None else node
    moved = conditions.batch * tensors + weight_bytes(owner, conditions.dtype)
    if conditions.device is None:
        return Cost(flops, moved)
    device, passes = device_named(conditions.device), _TRAINING if training else 1
    return Cost(flops, moved, passes * flops / device.flops(conditions.dtype), passes * moved / device.bandwidth)
