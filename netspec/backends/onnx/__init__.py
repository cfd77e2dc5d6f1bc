"""ONNX, emitted from the graph: node, tensor and weight names are the spec's. Needs onnx and numpy, not torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.backends.onnx.emitter import Emitter, OnnxParts
from netspec.diagnostics import SpecError
from netspec.graph import Graph, Node, Param, TensorType
from netspec.weights import open_weights, state_entries

if TYPE_CHECKING:
    import onnx

    from netspec.model import Model

__all__ = ["IR_VERSION", "OPSET", "build", "require_onnx", "to_onnx", "write_onnx"]

OPSET = 17
IR_VERSION = 8
"""Both are set: the onnx package's own defaults are newer than ONNX Runtime accepts."""


def require_onnx() -> Any:
    """The onnx package. Raises SpecError (NS502) where it is not installed."""
    try:
        import onnx
    except ImportError:
        raise SpecError.of(
            "NS502", "the onnx package is not installed", helps=["install it: pip install 'netspec[onnx]'"]
        ) from None
    return onnx


def build(model: Model) -> tuple[onnx.ModelProto, list[tuple[str, Param]]]:
    """The model without its weights, and the (name, parameter) pairs of the weights it uses, in order."""
    require_onnx()
    from onnx import helper

    from netspec import __version__

    graph = model.graph
    parts = OnnxParts(OPSET)
    tensors = _emit(graph, parts)
    outputs = [_output(graph, parts, tensors, name, index) for name, index in graph.outputs]
    inputs = [_value_info(name, graph.nodes[index].type) for name, index in graph.inputs]
    body = helper.make_graph(parts.nodes, model.name, inputs, outputs, initializer=list(parts.constants.values()))
    made = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="netspec",
        producer_version=__version__,
    )
    params = {name: param for name, _, param in state_entries(graph)}
    return made, [(name, params[name]) for name in parts.weights]


def _emit(graph: Graph, parts: OnnxParts) -> dict[int, str]:
    """Writes every layer's nodes; returns the tensor name of each node of the graph."""
    parts.names.update(name for name, _ in (*graph.inputs, *graph.outputs))
    tensors = {index: name for name, index in graph.inputs}
    needed = _needed(graph)
    for node in graph.nodes:
        if not node.inputs or node.index not in needed:
            continue
        inputs = [tensors[i] for i in node.inputs]
        before = len(parts.nodes)
        result = node.op.onnx(Emitter(graph, node, inputs, parts))
        tensors[node.index] = result if len(parts.nodes) == before else _named(parts, result, node)
    return tensors


def _needed(graph: Graph) -> set[int]:
    """The nodes that the outputs depend on: auxiliary heads are left out."""
    needed: set[int] = set()
    stack = [index for _, index in graph.outputs]
    while stack:
        index = stack.pop()
        if index not in needed:
            needed.add(index)
            stack.extend(graph.nodes[index].inputs)
    return needed


def _named(parts: OnnxParts, result: str, node: Node) -> str:
    """Gives the layer's last node, and its tensor, the layer's name."""
    last = parts.nodes[-1]
    if last.output[0] != result:
        return result
    name = parts.unique(node.name)
    last.name = node.name
    last.output[0] = name
    return name


def _output(graph: Graph, parts: OnnxParts, tensors: dict[int, str], name: str, index: int) -> onnx.ValueInfoProto:
    """Names the tensor of an output after it, by renaming where nothing else has the name, else by an Identity."""
    from onnx import helper

    tensor = tensors[index]
    sources = {n for n, _ in (*graph.inputs, *graph.outputs)}
    if tensor in sources:
        parts.nodes.append(helper.make_node("Identity", [tensor], [name], name=parts.unique(f"{name}/Identity")))
        return _value_info(name, graph.nodes[index].type)
    for made in parts.nodes:
        for names in (made.input, made.output):
            for i, other in enumerate(names):
                if other == tensor:
                    names[i] = name
    for key, value in tensors.items():
        if value == tensor:
            tensors[key] = name
    return _value_info(name, graph.nodes[index].type)


def _value_info(name: str, kind: TensorType) -> onnx.ValueInfoProto:
    from onnx import TensorProto, helper

    element = TensorProto.INT64 if kind.layout == "ids" else TensorProto.FLOAT
    return helper.make_tensor_value_info(name, element, ["batch", *kind.shape])


def to_onnx(model: Model, weights: str | Path | Mapping[str, Any] | None = None, *, seed: int = 0) -> onnx.ModelProto:
    """The whole model in memory, weights included (protobuf holds at most 2 GB). Raises SpecError."""
    import numpy as np
    from onnx import numpy_helper

    made, params = build(model)
    source = open_weights(model.graph, weights, seed)
    for name, param in params:
        array = np.concatenate(list(source.pieces(name, param))).reshape(param.shape)
        made.graph.initializer.append(numpy_helper.from_array(array, name))
    return made


def write_onnx(
    model: Model, path: Path, weights: str | Path | Mapping[str, Any] | None = None, *, seed: int = 0
) -> None:
    """Writes the model, one piece of a tensor in memory at a time. Raises SpecError."""
    from netspec.backends.onnx.writer import write

    made, params = build(model)
    write(made, params, open_weights(model.graph, weights, seed), path)
