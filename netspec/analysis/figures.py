"""The register of figures: everything that can be asked of a layer or of a part of a network, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import TypeAlias

from netspec.analysis import resources
from netspec.analysis.fields import Field, size_within
from netspec.analysis.graph_facts import GraphFacts
from netspec.analysis.units import bytes_text, count_text, number_text, seconds_text
from netspec.graph import Node

__all__ = ["ALL", "FIGURES", "Figure", "Value"]

Number: TypeAlias = "int | float | Fraction"
Value: TypeAlias = "Number | str | tuple[Number, ...]"
OfLayer: TypeAlias = Callable[[GraphFacts, Node], "Value | None"]
OfPart: TypeAlias = Callable[[GraphFacts, Sequence[Node]], "Value | None"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: `name` in `expect`, `--columns` and Python, `title` as the head of a column.

    `layer` gives it for one layer and `part` for several (the net, a block, a label); each is None where the figure has
    no meaning for one or the other, and gives None where it has no value. `unit` is "" for counts and sizes, "bytes", "s"
    or "FLOPs/byte". A value with one number per spatial axis is a tuple.
    """

    name: str
    title: str
    unit: str
    doc: str
    layer: OfLayer | None
    part: OfPart | None
    aliases: tuple[str, ...] = ()
    at_output: bool = False
    """Whether the figure of a part is that of the tensor at its end (depth, receptive field)."""

    def text(self, value: Value | None) -> str:
        """As a table shows it: `61,090`, `243.86 kB`, `7x3`; "-" where there is no value."""
        if value is None or value == ():
            return "-"
        if isinstance(value, str):
            return value
        if isinstance(value, tuple):
            same = value[:1] if len(set(value)) == 1 else value
            return "x".join(number_text(v) for v in same)
        if self.unit == "bytes":
            return bytes_text(int(value))
        if self.unit == "s":
            return seconds_text(float(value))
        return count_text(value) if isinstance(value, int) else number_text(value)


def _sum(layer: Callable[[GraphFacts, Node], int]) -> OfPart:
    return lambda facts, nodes: sum(layer(facts, n) for n in facts.counted(nodes))


def _summed(
    name: str,
    title: str,
    doc: str,
    layer: Callable[[GraphFacts, Node], int],
    unit: str = "",
    aliases: tuple[str, ...] = (),
) -> Figure:
    """A figure of a part that is the sum of those of its layers, auxiliary heads left out."""
    return Figure(name, title, unit, doc, layer, _sum(layer), aliases)


def _positional(
    name: str,
    title: str,
    doc: str,
    layer: OfLayer,
    best: Callable[[Iterable[Value]], Value],
    aliases: tuple[str, ...] = (),
) -> Figure:
    """A figure of a part that is the one of its output; of several outputs, the largest."""

    def part(facts: GraphFacts, nodes: Sequence[Node]) -> Value | None:
        values = [v for node in facts.ends(nodes) if (v := layer(facts, node)) is not None]
        return best(values) if values else None

    return Figure(name, title, "", doc, layer, part, aliases, at_output=True)


# Counts


def _params(facts: GraphFacts, node: Node) -> int:
    return node.n_params


def _frozen(facts: GraphFacts, node: Node) -> int:
    return node.n_params if node.index in facts.frozen else 0


def _aux_params(facts: GraphFacts, nodes: Sequence[Node]) -> int:
    return 0 if all(n.aux for n in nodes) else sum(n.n_params for n in nodes if n.aux)


def _macs(facts: GraphFacts, node: Node) -> int:
    return facts.macs[node.index]


def _neurons(facts: GraphFacts, node: Node) -> int:
    return node.type.size if node.inputs and node.op.has_neurons else 0


def _connections(facts: GraphFacts, node: Node) -> int:
    return node.runs * node.op.connection_count(*facts.graph.input_types(node)) if node.inputs else 0


def _memory(facts: GraphFacts, node: Node) -> int:
    return 4 * (node.n_params + node.n_buffers + node.type.size)


# Receptive field


def _input_sizes(facts: GraphFacts, node: Node) -> tuple[int, ...]:
    return facts.sources[node.index].type.spatial


def _known(facts: GraphFacts, node: Node) -> Field:
    """The field of a node along the axes of the input; None where it is the whole input."""
    field = facts.fields[node.index]
    return field if field is not None and len(field) == len(_input_sizes(facts, node)) else None


def _receptive_field(facts: GraphFacts, node: Node) -> tuple[int, ...]:
    return size_within(_known(facts, node), _input_sizes(facts, node))


def _rf_unlimited(facts: GraphFacts, node: Node) -> tuple[int, ...] | None:
    field = _known(facts, node)
    return tuple(axis.size for axis in field) if field is not None else None


def _rf_stride(facts: GraphFacts, node: Node) -> tuple[Number, ...] | None:
    field = _known(facts, node)
    return tuple(_whole(axis.stride) for axis in field) if field is not None else None


def _rf_start(facts: GraphFacts, node: Node) -> tuple[int, ...] | None:
    field = _known(facts, node)
    return tuple(axis.start for axis in field) if field is not None else None


def _rf_center(facts: GraphFacts, node: Node) -> tuple[Number, ...] | None:
    field = _known(facts, node)
    return tuple(_whole(axis.center) for axis in field) if field is not None else None


def _whole(value: Fraction) -> Number:
    return value.numerator if value.denominator == 1 else value


def _leftover(facts: GraphFacts, node: Node) -> tuple[int, ...] | None:
    if not node.inputs:
        return None
    found = {left.axis: left.dropped for left in node.op.leftovers(*facts.graph.input_types(node))}
    return tuple(found.values()) if any(found.values()) else None


def _largest(values: Iterable[Value]) -> Value:
    return max(values, key=lambda v: v if isinstance(v, tuple) else (v,))


def _not_tiling(facts: GraphFacts, nodes: Sequence[Node]) -> int:
    return sum(_leftover(facts, node) is not None for node in facts.counted(nodes))


ALL: tuple[Figure, ...] = (
    _summed(
        "params", "params", "Trainable parameters, frozen ones included. Shared and tied weights count once; auxiliary "
        "heads do not count.", _params,
    ),
    _summed(
        "trainable", "trainable", "Parameters that the recipe trains: `params` without those of layers in `freeze`, or "
        "outside `train_only`.", lambda facts, node: _params(facts, node) - _frozen(facts, node),
    ),
    _summed("frozen", "frozen", "Parameters that the recipe does not train.", _frozen),
    _summed(
        "buffers", "buffers", "Stored values that are not trained: running statistics, the constants of `normalize`.",
        lambda facts, node: node.n_buffers,
    ),
    Figure("aux_params", "aux params", "", "Trainable parameters of auxiliary heads.", None, _aux_params),
    _summed(
        "macs", "MACs", "Multiply-accumulates for one input, counted by netspec's convention or by that of another tool.",
        _macs,
    ),
    _summed("flops", "FLOPs", "2 x `macs`: a multiplication and an addition.", lambda facts, node: 2 * _macs(facts, node)),
    _summed("neurons", "neurons", "Output values of layers with weights.", _neurons),
    _summed(
        "connections", "connections", "MACs, plus one for every output value with a bias (LeCun et al. 1998).", _connections
    ),
    _summed("activations", "activations", "Output values of all layers, and the input.", lambda facts, node: node.type.size),
    _summed(
        "memory", "memory", "Parameters, buffers, and the outputs of all layers and inputs, 4 bytes per value, for one "
        "input.", _memory, "bytes",
    ),
    _positional(
        "depth", "depth", "Layers with weights on the longest path from an input.",
        lambda facts, node: facts.depths[node.index], max,
    ),
    _positional(
        "receptive_field", "rf", "The size of the input region that one element of the output depends on, along each "
        "spatial axis; at most the size of the input.", _receptive_field, _largest, ("rf",),
    ),
    _positional(
        "rf_unlimited", "rf unlimited", "The receptive field on an input of unlimited size; no value for a layer that "
        "sees the whole input.", _rf_unlimited, _largest,
    ),
    _positional(
        "rf_stride", "rf stride", "How far apart in the input the receptive fields of adjacent outputs are: the product "
        "of the strides.", _rf_stride, _largest,
    ),
    _positional(
        "rf_start", "rf start", "The first input position that output position 0 depends on; a negative one is padding.",
        _rf_start, _largest,
    ),
    _positional(
        "rf_center", "rf center", "The middle of the receptive field of output position 0, in input positions.",
        _rf_center, _largest,
    ),
    Figure(
        "leftover", "leftover", "", "Rows and columns of its input that no window of the layer covers (NS305); of a part, "
        "the number of such layers.", _leftover, _not_tiling,
    ),
    _summed("weight_memory", "weights", "Bytes of parameters and buffers in the number format.", resources.weights, "bytes"),
    _summed(
        "gradient_memory", "gradients", "Bytes of the gradients of the parameters that are trained.", resources.gradients,
        "bytes",
    ),
    _summed(
        "optimizer_memory", "optimizer", "Bytes that the optimizer keeps for the trained parameters: none for `sgd`, one "
        "value each for `momentum`, `rmsprop` and `adagrad`, two for `adam` and `adamw`; 0 without an optimizer.",
        resources.optimizer_state, "bytes",
    ),
    Figure(
        "activation_memory", "kept", "bytes", "Bytes that the batch keeps for the backward pass: tensors of the network that "
        "some layer needs, each once, and masks, indices and statistics. Auxiliary heads count; a checkpointed part keeps "
        "its inputs only.", resources.activations_kept,
        lambda facts, nodes: sum(resources.activations_kept(facts, n) for n in nodes),
    ),
    Figure(
        "training_memory", "training", "bytes", "Bytes of a training step: weights, gradients, optimizer state, and the "
        "activations kept, with those of the largest checkpointed part. What kernels allocate while they run is not counted.",
        None, resources.training,
    ),
    Figure(
        "inference_memory", "inference", "bytes", "Bytes of inference: weights, and the most activations that are held at "
        "once.", None, resources.inference,
    ),
    Figure(
        "fits", "largest batch", "", "The largest batch whose training (without an optimizer: inference) fits into the "
        "memory of the device; without a device, into 80 GB.", None,
        lambda facts, nodes: resources.largest_batch(facts) if len(nodes) == len(facts.graph.nodes) else None,
    ),
    _summed(
        "traffic", "traffic", "Bytes that the batch moves: the inputs, weights and output of each layer once.",
        resources.moved, "bytes",
    ),
    Figure(
        "intensity", "FLOPs/byte", "FLOPs/byte", "Arithmetic intensity: FLOPs of the batch per byte of `traffic`.",
        resources.intensity, resources.intensity_of,
    ),
    Figure(
        "time", "time", "s", "An estimate: the seconds that the batch takes at least on the device, by the roofline model. "
        "With an optimizer, of a training step (three forward passes).", resources.seconds, resources.seconds_of,
    ),
    Figure(
        "bound", "bound", "", "An estimate: whether arithmetic (`compute`) or traffic (`memory`) limits a layer on the "
        "device; of a part, what limits most of its time.", resources.bound, resources.bound_of,
    ),
)  # fmt: skip


def _by_name(figures: Iterable[Figure]) -> Mapping[str, Figure]:
    names: dict[str, Figure] = {}
    for figure in figures:
        for name in (figure.name, *figure.aliases):
            if name in names:
                raise ValueError(f"two figures are called {name}")
            names[name] = figure
    return MappingProxyType(names)


FIGURES: Mapping[str, Figure] = _by_name(ALL)
"""Every figure by its name and its aliases."""
