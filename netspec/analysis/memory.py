"""Memory of training and inference: what is allocated, counted tensor by tensor.

Tensors that share memory in PyTorch (views, activations in place) count once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from netspec.analysis.conditions import BYTES
from netspec.analysis.in_place import in_place_nodes
from netspec.analysis.kept import Kept, is_view, kept, workspace
from netspec.analysis.lifetimes import Holds
from netspec.analysis.recurrent_memory import in_pages, lstm_workspace, tokens_first
from netspec.graph import Graph, Node, Region, TensorType
from netspec.ops.recurrent import LSTM

__all__ = ["KeptMemory", "kept_for_backward", "peak_of_inference", "stored_bytes", "weight_bytes"]

_ID = 8
"""Bytes of one id (int64)."""


def stored_bytes(kind: TensorType, dtype: str) -> int:
    """The bytes of one example of a tensor."""
    return kind.size * (_ID if kind.layout == "ids" else BYTES[dtype])


@dataclass(frozen=True, slots=True)
class KeptMemory:
    """Bytes that a node keeps for the backward pass: for each example (its own output, if any layer needs it, and what
    it computes besides), for the whole batch, and for each example in regions of whole pages. `recomputed` is what the largest
    checkpointed part keeps of each example while it is computed again."""

    per_example: list[int]
    per_batch: list[int]
    paged: list[tuple[int, ...]]
    recomputed: int

    def node(self, index: int, batch: int) -> int:
        """The bytes that a node keeps of a batch."""
        return batch * self.per_example[index] + self.per_batch[index] + in_pages(self.paged[index], batch)

    def total(self, batch: int) -> int:
        """The bytes that all nodes keep of a batch, with those of the part that is computed again."""
        return sum(self.node(i, batch) for i in range(len(self.paged))) + batch * self.recomputed


def kept_for_backward(graph: Graph, dtype: str, frozen: frozenset[int] = frozenset()) -> KeptMemory:
    """What a training step keeps between its forward and its backward pass, by node, auxiliary heads included.

    A layer without trained parameters at or before it keeps nothing. Of a checkpointed part only what goes into it is kept;
    what its layers keep while it is computed again is in `recomputed`.
    """
    size = BYTES[dtype]
    over, memory = in_place_nodes(graph), _memory_of(graph, training=True)
    parts = _checkpoints(graph)
    learns, first = _learns(graph, frozen), tokens_first(graph)
    count = len(graph.nodes)
    per_example, per_batch = [0] * count, [0] * count
    paged: list[tuple[int, ...]] = [()] * count
    needed: set[int] = set()
    again: dict[int, int] = {}
    recomputed: dict[int, set[int]] = {}
    for node in graph.layers:
        part = parts[node.index]
        if part is not None and learns[node.index]:
            needed |= {memory[i] for i in node.inputs if parts[i] is not part}
        if not learns[node.index]:
            continue
        found = _kept(graph, node, in_place=node.index in over, tokens_first=first[node.inputs[0]])
        regions = _regions(graph, node, size)
        own = found.values * size + found.bytes
        tensors = {memory[i] for i in _inputs_needed(node, found, learns)} | (
            {memory[node.index]} if found.output else set()
        )
        tensors = {i for i in tensors if not graph.nodes[i].op.ignores_input}  # a parameter is kept as such
        if part is None:
            per_example[node.index] += own
            per_batch[node.index] += found.fixed * size + found.fixed_bytes
            paged[node.index] = regions
            needed |= tensors
        else:
            again[id(part)] = again.get(id(part), 0) + own + sum(regions)
            recomputed.setdefault(id(part), set()).update(tensors)
    for i in needed:
        per_example[i] += stored_bytes(graph.nodes[i].type, dtype)
    for part_id, tensors in recomputed.items():
        again[part_id] += sum(stored_bytes(graph.nodes[i].type, dtype) for i in tensors - needed)
    return KeptMemory(per_example, per_batch, paged, max(again.values(), default=0))


def _kept(graph: Graph, node: Node, *, in_place: bool, tokens_first: bool) -> Kept:
    output = node.type if node.op.sees_windows else node.type.bare
    found = kept(node.op, graph.input_types(node), output, in_place=in_place, tokens_first=tokens_first)
    return replace(found, values=node.runs * found.values, bytes=node.runs * found.bytes)


def _regions(graph: Graph, node: Node, size: int) -> tuple[int, ...]:
    """The bytes of one example in the regions that an LSTM keeps."""
    if not isinstance(node.op, LSTM):
        return ()
    return tuple(node.runs * region for region in lstm_workspace(node.op, graph.input_types(node)[0], size))


def _workspace(graph: Graph, node: Node, dtype: str) -> int:
    output = node.type if node.op.sees_windows else node.type.bare
    return node.runs * workspace(node.op, graph.input_types(node), output, BYTES[dtype]) if node.inputs else 0


def weight_bytes(node: Node, dtype: str) -> int:
    """The bytes of the parameters and buffers of a layer; counters are int64."""
    if node.shares is not None:
        return 0
    return sum(p.size * (8 if p.dtype == "int64" else BYTES[dtype]) for p in node.params)


def _inputs_needed(node: Node, found: Kept, learns: list[bool]) -> list[int]:
    if found.factors:
        return [i for k, i in enumerate(node.inputs) if any(learns[j] for j in node.inputs[:k] + node.inputs[k + 1 :])]
    return list(node.inputs) if found.inputs else [node.inputs[k] for k in found.some]


def _memory_of(graph: Graph, *, training: bool) -> list[int]:
    """For each node the node in whose memory its output is."""
    over = in_place_nodes(graph)
    owner: list[int] = []
    for node in graph.nodes:
        first = graph.nodes[node.inputs[0]].type if node.inputs else node.type
        view = node.index in over or is_view(node.op, first) or (node.op.vanishes and not training)
        shares = bool(node.inputs) and view
        owner.append(owner[node.inputs[0]] if shares else node.index)
    return owner


def _learns(graph: Graph, frozen: frozenset[int]) -> list[bool]:
    """Whether a gradient is computed for each tensor."""
    found: list[bool] = []
    for node in graph.nodes:
        own = any(p.trainable for p in node.params) and node.index not in frozen
        found.append(own or any(found[i] for i in node.inputs))
    return found


def _checkpoints(graph: Graph) -> list[Region | None]:
    """The outermost checkpointed part around each node."""
    found: list[Region | None] = []
    for node in graph.nodes:
        part, region = None, node.region
        while region is not None:
            part = region if region.checkpoint else part
            if region.parent is None:
                break
            region = region.parent
        found.append(part)
    return found


def peak_of_inference(graph: Graph, dtype: str) -> tuple[int, Node]:
    """The most bytes of activations for one example that eager PyTorch holds at once, and the layer at which that is.

    Layers run in the order written. While one runs, its inputs, its output and every tensor that a later layer reads are
    there, and what PyTorch computes inside some layers. A tensor is freed after its last reader; what goes into a block or a
    labeled part, or into a line of several layers, when that ends; one that is used again later, when the part that made it
    ends; the branch of a join of two, when the next one begins. The buffers inside kernels are not counted.
    """
    nodes = [node for node in graph.nodes if not node.aux]
    memory, last = _memory_of(graph, training=False), list(range(len(graph.nodes)))
    holds = Holds(graph)
    for node in nodes:
        for i in node.inputs:
            last[memory[i]] = max(last[memory[i]], holds.until(i, node))
        if (body := holds.body(node)) is not None:
            last[memory[body]] = max(last[memory[body]], holds.body_until(node))
        last[memory[node.index]] = max(last[memory[node.index]], node.index)
    for _, i in (*graph.outputs, *graph.inputs):  # the caller holds what goes in and takes what comes out
        last[memory[i]] = len(graph.nodes)
    live = {i: stored_bytes(graph.nodes[i].type, dtype) for _, i in graph.inputs}
    total = sum(live.values())
    peak, at = total, nodes[0]
    freed: dict[int, list[int]] = {}
    for i, until in enumerate(last):
        freed.setdefault(until, []).append(i)
    for node in nodes:
        if memory[node.index] not in live:
            # values that do not depend on the input are weights, which are not copied for each example
            live[memory[node.index]] = 0 if node.op.ignores_input else stored_bytes(node.type, dtype)
            total += live[memory[node.index]]
        inside = _workspace(graph, node, dtype)
        if total + inside > peak:
            peak, at = total + inside, node
        for i in freed.get(node.index, ()):
            total -= live.pop(i, 0)
    return peak, at
