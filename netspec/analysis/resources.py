"""Memory and time of a layer, a part or the whole network, from its facts: what the figures of that name compute."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import fsum

from netspec.analysis.conditions import BYTES, STATES
from netspec.analysis.devices import DEVICES, device_named
from netspec.analysis.graph_facts import GraphFacts
from netspec.graph import Node

__all__ = [
    "activations_kept", "bound", "bound_of", "gradients", "inference", "intensity", "intensity_of", "largest_batch",
    "moved", "optimizer_state", "seconds", "seconds_of", "training", "weights",
]  # fmt: skip


def weights(facts: GraphFacts, node: Node) -> int:
    from netspec.analysis.memory import weight_bytes

    return weight_bytes(node, facts.conditions.dtype)


def _trained(facts: GraphFacts, node: Node) -> int:
    return 0 if node.index in facts.frozen else node.n_params


def gradients(facts: GraphFacts, node: Node) -> int:
    return _trained(facts, node) * BYTES[facts.conditions.dtype]


def optimizer_state(facts: GraphFacts, node: Node) -> int:
    name = facts.conditions.optimizer
    return gradients(facts, node) * STATES[name] if name is not None else 0


def activations_kept(facts: GraphFacts, node: Node) -> int:
    return facts.kept.node(node.index, facts.conditions.batch)


def _is_whole(facts: GraphFacts, nodes: Sequence[Node]) -> bool:
    return len(nodes) == len(facts.graph.nodes)


def _training(facts: GraphFacts, batch: int) -> int:
    """Bytes of a training step; auxiliary heads are trained too."""
    fixed = sum(weights(facts, n) + gradients(facts, n) + optimizer_state(facts, n) for n in facts.graph.nodes)
    return fixed + facts.kept.total(batch)


def training(facts: GraphFacts, nodes: Sequence[Node]) -> int | None:
    if not _is_whole(facts, nodes):
        return None
    return _training(facts, facts.conditions.batch)


def _weights_used(facts: GraphFacts) -> int:
    return sum(weights(facts, n) for n in facts.counted(facts.graph.nodes))


def inference(facts: GraphFacts, nodes: Sequence[Node]) -> int | None:
    if not _is_whole(facts, nodes):
        return None
    return _weights_used(facts) + facts.conditions.batch * facts.peak[0]


def largest_batch(facts: GraphFacts, capacity: int | None = None) -> int:
    """The largest batch whose training (without an optimizer: inference) fits into `capacity` bytes.

    By default the memory of the device; without a device 80 GB (80 x 10^9 bytes). 0 where not even one example fits.
    """
    if capacity is None:
        device = facts.conditions.device
        capacity = device_named(device).memory if device is not None else DEVICES["h100"].memory
    if facts.conditions.optimizer is None:
        return max(0, (capacity - _weights_used(facts)) // max(1, facts.peak[0]))
    return bisect_right(range(1, capacity + 1), capacity, key=lambda batch: _training(facts, batch))


# Time


def moved(facts: GraphFacts, node: Node) -> int:
    return facts.costs[node.index].bytes


def intensity(facts: GraphFacts, node: Node) -> float | None:
    return intensity_of(facts, [node])


def intensity_of(facts: GraphFacts, nodes: Sequence[Node]) -> float | None:
    costs = [facts.costs[n.index] for n in facts.counted(nodes)]
    traffic = sum(c.bytes for c in costs)
    return sum(c.flops for c in costs) / traffic if traffic else None


def seconds(facts: GraphFacts, node: Node) -> float | None:
    return seconds_of(facts, [node])


def seconds_of(facts: GraphFacts, nodes: Sequence[Node]) -> float | None:
    if facts.conditions.device is None:
        return None
    return fsum(facts.costs[n.index].seconds for n in facts.counted(nodes))


def bound(facts: GraphFacts, node: Node) -> str | None:
    if facts.conditions.device is None or not facts.costs[node.index].bytes:
        return None
    return facts.costs[node.index].bound


def bound_of(facts: GraphFacts, nodes: Sequence[Node]) -> str | None:
    """What limits the layers that take most of the time."""
    if not seconds_of(facts, nodes):
        return None
    costs = [facts.costs[n.index] for n in facts.counted(nodes)]
    computing = fsum(c.seconds for c in costs if c.bound == "compute")
    return "compute" if 2 * computing > fsum(c.seconds for c in costs) else "memory"
