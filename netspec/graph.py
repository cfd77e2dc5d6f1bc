"""The checked network: tensor types, parameters, nodes, and the tree of regions that contain them.

The graph is one flat dataflow (`Graph.nodes`, in the order written, every input before its use) over a tree of
regions (`Graph.root`): the net, its block instances, labelled groups, repeats, joins and their branches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias

from netspec.records import Record
from netspec.source import SourceFile, Span
from netspec.symbolic import FunctionBody, Symbolic
from netspec.tensor_type import Layout, TensorType, Windows

if TYPE_CHECKING:
    from netspec.recipe import Recipe

__all__ = [
    "Decision",
    "Definition",
    "Failed",
    "Graph",
    "Layout",
    "Node",
    "Operation",
    "Param",
    "Region",
    "TensorType",
    "Windows",
    "output_of",
    "runs",
    "seen_by",
]


@dataclass(frozen=True, slots=True)
class Param:
    """A tensor of weights. `name` is relative to its layer, as in a PyTorch state dict.

    `init` says what a fresh one holds: "random" (He: std = sqrt(2 / fan_in)), "zeros", "ones", "identity"
    (a matrix), a number, or the values.
    Tensors that are not trained (running statistics) are buffers. `dtype` is "float32" or "int64".
    """

    name: str
    shape: tuple[int, ...]
    init: str | float | tuple[float, ...] = "random"
    fan_in: int = 1
    trainable: bool = True
    dtype: str = "float32"

    @property
    def size(self) -> int:
        return prod(self.shape)


class Operation(Protocol):
    """An op with its options bound, as the graph knows it; the ops themselves are in `netspec.ops`."""

    name: ClassVar[str]
    any_size: ClassVar[bool]
    lowest_opset: ClassVar[int]
    keeps: ClassVar[frozenset[str]]
    weight_layer: ClassVar[bool]
    decays: ClassVar[bool]
    has_neurons: ClassVar[bool]
    pools: ClassVar[bool]
    vanishes: ClassVar[bool]
    lends: ClassVar[Literal["", "weight", "transposed"]]
    differing: ClassVar[frozenset[str]]
    ignores_input: ClassVar[bool]
    measures_second: ClassVar[bool]
    sees_windows: ClassVar[bool]
    sign: ClassVar[str]
    torch_in_place: ClassVar[bool]
    torch_keeps_no_output: ClassVar[bool]
    options: ClassVar[dict[str, Any]]

    def output(self, *inputs: TensorType) -> TensorType: ...
    def connection_count(self, *inputs: TensorType) -> int: ...
    def further_inputs(self) -> tuple[str, ...]: ...
    def leftovers(self, *inputs: TensorType) -> tuple[Any, ...]: ...
    def reach_to(self, x: TensorType, y: TensorType) -> tuple[Any, ...] | None: ...
    def describe(self, x: TensorType) -> str: ...
    def torch(self, *inputs: TensorType) -> Any: ...
    def onnx(self, emit: Any) -> str: ...


def seen_by(op: Operation, types: tuple[TensorType, ...]) -> tuple[TensorType, ...]:
    """The types of its inputs as an op sees them: those of one window, but for an op that has to do with windows."""
    return types if op.sees_windows else tuple(kind.bare for kind in types)


def output_of(op: Operation, types: tuple[TensorType, ...]) -> TensorType:
    """What an op gives for inputs that lie in the same windows, or in none. Raises Misfit."""
    output = op.output(*seen_by(op, types))
    windows = types[0].windows
    return output if op.sees_windows or windows is None else TensorType(output.layout, output.shape, windows)


def runs(op: Operation, types: tuple[TensorType, ...]) -> int:
    """How many times an op computes for one example what it says of the types that it sees: once, or for each window."""
    return 1 if op.sees_windows else types[0].copies


RegionKind: TypeAlias = Literal["net", "block", "group", "branch", "join", "repeat", "windows", "aux", "shared"]


class Definition(Record):
    """A block as it is declared; its place in the source tells it from others of the same name."""

    name: str
    parameters: tuple[str, ...]
    span: Span


class Decision(Record):
    """A condition that was met on the way through a body: where, which branch was taken, and how it was written.

    A `residual` decides by the types of two tensors whether it needs its `else`: those are `compared`, by node.
    """

    place: int
    taken: int
    condition: Symbolic | None = None
    compared: tuple[int, ...] = ()


@dataclass(slots=True, eq=False, repr=False)
class Region:
    """A part of the network that is written together in the spec.

    A named region (the net, a block instance, a labelled group) is a module of its own: its members' names
    are prefixed with its `path`. An unnamed one only groups.
    """

    kind: RegionKind
    name: str
    path: str
    parent: Region | None
    span: Span
    block: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()
    members: list[Node | Region] = field(default_factory=list)
    definition: Definition | None = None
    """The block of which this is an instance."""
    origins: dict[str, Symbolic] = field(default_factory=dict)
    """How each argument was written: as the caller wrote it where the call gives it (`given`), else as the default."""
    given: frozenset[str] = frozenset()
    """The parameters for which the call itself has a value."""
    by_name: frozenset[str] = frozenset()
    """Those of them that the call names: `groups=32`."""
    decisions: list[Decision] = field(default_factory=list)
    """The path through the conditions of the body."""
    rounds: list[int] = field(default_factory=list)
    """Of a repeat: for each round the position in `members` at which it begins."""
    count: Symbolic | None = None
    """Of a repeat: how its number of rounds was written."""
    checkpoint: bool = False
    """Whether its activations are computed again in the backward pass instead of kept (Chen et al. 2016)."""
    entries: tuple[tuple[str, int], ...] = ()
    """Of a block with named inputs: each with the node that it is."""
    outputs: tuple[tuple[str, int], ...] = ()
    """Of a block with named outputs: each with the node that gives it."""
    shares: Region | None = None
    """The instance of the same shared block whose weights this one uses."""

    @property
    def named(self) -> bool:
        return bool(self.name) or self.parent is None

    def nodes(self) -> Iterator[Node]:
        """Every node in this region and below it, in order."""
        stack: list[Node | Region] = [self]
        while stack:
            member = stack.pop()
            if isinstance(member, Region):
                stack.extend(reversed(member.members))
            else:
                yield member


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """One layer: an op with its options, what it reads, and what is known about it.

    `name` is unique in the net and dotted (`bottleneck4.conv2`). `inputs` are indices into `Graph.nodes`.
    `macs` counts multiply-accumulates for one example.
    """

    index: int
    name: str
    op: Operation
    inputs: tuple[int, ...]
    type: TensorType
    params: tuple[Param, ...]
    macs: int
    span: Span
    region: Region
    aux: bool = False
    shares: int | None = None
    """The node whose weights this one uses; they are counted there."""
    residual: bool = False
    """Whether this is the addition of a `residual`: its first input is the body."""
    tied: int | None = None
    """The node whose `weight` this one uses, as `lends` of its op says, beside parameters of its own."""
    origins: Mapping[str, Symbolic] = field(default_factory=dict)
    """How the values of its options were written, where that says more than the value; `op` is how the layer itself was
    named, where `act=` or `norm=` took it from a parameter."""

    @property
    def kind(self) -> str:
        return self.op.name

    @property
    def runs(self) -> int:
        """How many times the op computes for one example what it says of its inputs (`Graph.input_types`)."""
        return 1 if self.op.sees_windows else self.type.copies

    @property
    def n_params(self) -> int:
        """Trainable scalars of its own."""
        return 0 if self.shares is not None else sum(p.size for p in self.params if p.trainable)

    @property
    def n_buffers(self) -> int:
        return 0 if self.shares is not None else sum(p.size for p in self.params if not p.trainable)


@dataclass(slots=True, eq=False, repr=False)
class Failed:
    """A layer in error: the index of the node that it would have been, what came in, and how many layers after it
    are not known because of it."""

    place: int
    name: str
    span: Span
    inputs: tuple[TensorType, ...]
    followers: int = 0


@dataclass(slots=True, eq=False, repr=False)
class Graph:
    """A whole network. `inputs` and `outputs` are (name, node index) pairs in the order declared."""

    name: str
    root: Region
    nodes: list[Node] = field(default_factory=list)
    inputs: list[tuple[str, int]] = field(default_factory=list)
    outputs: list[tuple[str, int]] = field(default_factory=list)
    aux: list[tuple[str, int, float]] = field(default_factory=list)
    """Auxiliary heads: name, the node of their output, the weight of their loss."""
    recipe: Recipe | None = None
    """How it is trained, where the spec says so."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """The parameters of the net, with their values."""
    functions: dict[str, FunctionBody] = field(default_factory=dict)
    """The functions of the spec that origins call."""
    failed: list[Failed] = field(default_factory=list)
    """Layers in error, in the order of the spec; the network is whole where there are none."""

    sizes: dict[str, int] = field(default_factory=dict)
    """The open sizes of a spec that has any (`input 3xHxW`), with the values for which this graph is built."""
    forms: Graph | None = None
    """With open sizes, the same network for all of them: its sizes are numbers whose text is a form, `⌊H/2⌋`."""
    taken: tuple[Any, ...] = ()
    """With open sizes, those that it takes, as boxes of `analysis.sizes`."""
    sizes_notes: tuple[str, ...] = ()
    """Which sizes it takes, and which layers need them, in words."""

    def shown(self, index: int) -> TensorType:
        """The type of a node as a reader sees it: with open sizes, for all of them."""
        return (self.forms or self).nodes[index].type

    @property
    def source(self) -> SourceFile:
        """The file that was read; those that it uses have spans of their own."""
        return self.root.span.source

    @property
    def layers(self) -> list[Node]:
        """The nodes that compute, inputs left out."""
        return [n for n in self.nodes if n.inputs]

    @property
    def starts_random(self) -> bool:
        """Whether fresh weights are drawn, at least in part, instead of stated in the spec."""
        return any(p.trainable and p.init == "random" for node in self.nodes for p in node.params)

    def input_types(self, node: Node) -> tuple[TensorType, ...]:
        """The types of what a node reads, as its op sees them."""
        return seen_by(node.op, tuple(self.nodes[i].type for i in node.inputs))

    def verify(self) -> None:
        """Raises AssertionError where an invariant of the graph is broken: a bug of netspec, not of a spec."""
        names: set[str] = set()
        for i, node in enumerate(self.nodes):
            assert node.index == i, f"{node.name} is out of place"
            assert all(j < i for j in node.inputs), f"{node.name} reads what comes after it"
            assert node.name not in names, f"{node.name} is used twice"
            assert all(s > 0 for s in node.type.shape), f"{node.name} has an empty shape"
            names.add(node.name)
        assert all(0 <= i < len(self.nodes) for _, i in (*self.inputs, *self.outputs))
