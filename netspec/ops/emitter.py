"""What an op sees while it writes its ONNX nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netspec.graph import Graph, Node, TensorType

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

__all__ = ["TO_THE_END", "Emitter", "OnnxParts"]

TO_THE_END = 2**63 - 1
"""A stop of a slice that is the end whatever the size is."""


@dataclass(slots=True)
class OnnxParts:
    """The graph as it grows: nodes, small constants, and the names of the weights that it uses, in order."""

    opset: int
    train: bool = False
    half: bool = False
    open_sizes: bool = False
    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[tuple[Any, ...], TensorProto] = field(default_factory=dict)
    weights: dict[str, None] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    users: dict[int, list[Node]] = field(default_factory=dict)

    def unique(self, name: str) -> str:
        free, number = name, 2
        while free in self.names:
            free, number = f"{name}_{number}", number + 1
        self.names.add(free)
        return free


class Emitter:
    """Writes the nodes of one layer. `inputs` are tensor names, `types` and `output` the netspec types."""

    def __init__(self, graph: Graph, node: Node, inputs: list[str], parts: OnnxParts) -> None:
        self.graph = graph
        self.layer = node
        self.inputs = inputs
        self.types = graph.input_types(node)
        self.output: TensorType = node.type
        self.parts = parts
        self.owner = graph.nodes[node.shares].name if node.shares is not None else node.name

    @property
    def opset(self) -> int:
        return self.parts.opset

    @property
    def train(self) -> bool:
        """Whether dropout and batch statistics stay in."""
        return self.parts.train

    @property
    def half(self) -> bool:
        """Whether the model computes in float16."""
        return self.parts.half

    @property
    def open_sizes(self) -> bool:
        """Whether the model takes other heights and widths than those of the types."""
        return self.parts.open_sizes

    @property
    def feeds_pooling(self) -> bool:
        """Whether a pooling reads the result, perhaps past layers that vanish in inference."""
        stack = [self.layer.index]
        while stack:
            index = stack.pop()
            for node in self.parts.users.get(index, ()):
                if node.op.pools:
                    return True
                if node.op.vanishes:
                    stack.append(node.index)
        return False

    # Tensors

    def param(self, name: str) -> str:
        """The initializer of one of the layer's weights: its name in the state dict."""
        full = f"{self.owner}.{name}"
        self.parts.weights[full] = None
        return full

    def tied_weight(self) -> tuple[str, bool]:
        """The initializer of the layer whose weights this one uses, and whether it uses them transposed."""
        assert self.layer.tied is not None
        lender = self.graph.nodes[self.layer.tied]
        full = f"{lender.name}.weight"
        self.parts.weights[full] = None
        return full, lender.op.lends == "transposed"

    def ints(self, values: list[int], hint: str, *, shape: tuple[int, ...] | None = None) -> str:
        return self._constant(tuple(values), "int64", hint, (len(values),) if shape is None else shape)

    def floats(self, values: list[float], hint: str, *, shape: tuple[int, ...] | None = None) -> str:
        return self._constant(tuple(values), "float32", hint, (len(values),) if shape is None else shape)

    def wide_floats(self, values: list[float], hint: str, *, shape: tuple[int, ...] | None = None) -> str:
        """Floats that stay in single precision in a model of half precision (Resize wants its scales so)."""
        half, self.parts.half = self.parts.half, False
        try:
            return self.floats(values, hint, shape=shape)
        finally:
            self.parts.half = half

    def scalar(self, value: float, hint: str) -> str:
        return self._constant((value,), "float32", hint, ())

    def integer(self, value: int, hint: str) -> str:
        return self._constant((value,), "int64", hint, ())

    def flag(self, value: bool, hint: str) -> str:
        return self._constant((value,), "bool", hint, ())

    def _constant(self, values: tuple[Any, ...], dtype: str, hint: str, shape: tuple[int, ...]) -> str:
        import numpy as np
        from onnx import numpy_helper

        if dtype == "float32" and self.parts.half:
            dtype = "float16"
            values = tuple(max(-65504.0, min(65504.0, v)) for v in values)
        key = (values, dtype, shape)
        if key not in self.parts.constants:
            name = self.parts.unique(f"{self.layer.name}/{hint}")
            self.parts.constants[key] = numpy_helper.from_array(np.array(values, dtype=dtype).reshape(shape), name)
        return self.parts.constants[key].name

    # Nodes

    def node(
        self, op_type: str, inputs: list[str], *, hint: str = "", extra_outputs: tuple[str, ...] = (), **attributes: Any
    ) -> str:
        """Adds a node; returns the name of its output. The layer's last node is renamed to the layer's name."""
        from onnx import helper

        name = self.parts.unique(f"{self.layer.name}/{hint or op_type}")
        outputs = [name, *(self.parts.unique(f"{self.layer.name}/{extra}") for extra in extra_outputs)]
        made = helper.make_node(op_type, inputs, outputs, name=name, **attributes)
        self.parts.nodes.append(made)
        return name

    def reshape(self, x: str, sizes: list[int], *, keeps_batch: bool = True) -> str:
        """A leading -1 is the batch, which keeps its symbolic name; in a weight, and of windows, it is computed."""
        if sizes[0] == -1 and x not in self.parts.weights and keeps_batch:
            sizes = [0, *sizes[1:]]
        return self.node("Reshape", [x, self.ints(sizes, "sizes")])

    def reshape_like(self, x: str, other: str, sizes: tuple[int, ...]) -> str:
        """The sizes of another tensor: stated, or where some are open, taken from it while it runs."""
        if not self.open_sizes:
            return self.reshape(x, [-1, *sizes])
        return self.node("Reshape", [x, self.node("Shape", [other], hint="shape")])

    def slice(self, x: str, axis: int, start: int, stop: int, step: int = 1) -> str:
        bounds = [self.ints([v], hint) for v, hint in ((start, "start"), (stop, "stop"), (axis, "axis"))]
        return self.node("Slice", [x, *bounds, *([self.ints([step], "step")] if step != 1 else [])])

    def reduce(self, op_type: str, x: str, axes: list[int], *, keepdims: int) -> str:
        """A reduction; its axes are an input from opset 18 on (13 for ReduceSum), an attribute before."""
        if self.parts.opset >= 18 or op_type == "ReduceSum":
            return self.node(op_type, [x, self.ints(axes, "axes")], keepdims=keepdims)
        return self.node(op_type, [x], axes=axes, keepdims=keepdims)

    def pad(self, x: str, before: tuple[int, ...], after: tuple[int, ...], *, value: float = 0.0) -> str:
        """A constant around the spatial axes of a channels-first tensor."""
        if not any(before) and not any(after):
            return x
        constant = [self.scalar(value, "value")] if value else []
        return self.node("Pad", [x, self.ints([0, 0, *before, 0, 0, *after], "pads"), *constant])

    # Layouts: ONNX wants channels before positions, and some ops the features last

    def channels_first(self) -> str:
        """The input with its features on axis 1: a sequence is turned."""
        return self._turn(self.inputs[0]) if self.types[0].layout == "sequence" else self.inputs[0]

    def channels_back(self, y: str) -> str:
        """The result turned back into a sequence where the input was one."""
        return self._turn(y) if self.types[0].layout == "sequence" else y

    def _turn(self, x: str) -> str:
        return self.node("Transpose", [x], perm=[0, 2, 1])

    def features_last(self) -> str:
        """The input with its features on the last axis: a map is turned."""
        kind = self.types[0]
        if kind.layout != "map":
            return self.inputs[0]
        return self.node("Transpose", [self.inputs[0]], perm=[0, *range(2, kind.rank + 2), 1])

    def features_back(self, y: str) -> str:
        kind = self.types[0]
        if kind.layout != "map":
            return y
        return self.node("Transpose", [y], perm=[0, kind.rank + 1, *range(1, kind.rank + 1)])
