"""ONNX, emitted from the graph: node, tensor and weight names are the spec's. Needs onnx and numpy, not torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.backends.onnx.fold import FoldedWeights, Folding, foldings
from netspec.backends.onnx.open_sizes import require_open_sizes
from netspec.backends.onnx.options import CLASSES_KEY, ExportOptions
from netspec.backends.onnx.validation import require_valid
from netspec.diagnostics import SpecError
from netspec.graph import Graph, Node, Param, TensorType
from netspec.ops.emitter import Emitter, OnnxParts
from netspec.ops.windows import AXES as AXES_OF
from netspec.optional import require_onnx
from netspec.weights import WeightSource, open_weights, state_entries

if TYPE_CHECKING:
    import onnx

__all__ = ["Built", "ExportOptions", "build", "to_onnx", "write_onnx"]


@dataclass(frozen=True, slots=True)
class Built:
    """A model without its weights, the (name, parameter) pairs of the weights it uses, and what is folded."""

    proto: onnx.ModelProto
    params: list[tuple[str, Param]]
    folds: dict[int, Folding]

    def weights(self, source: WeightSource) -> WeightSource:
        """The weights as the model holds them."""
        return FoldedWeights(source, self.folds) if self.folds else source


def build(graph: Graph, options: ExportOptions | None = None) -> Built:
    """Raises SpecError (NS502, NS506)."""
    require_onnx()
    options = options or ExportOptions()
    if options.dynamic - {"batch"}:
        require_open_sizes(graph, train=options.train)
    _require_opset(graph, options)
    parts = OnnxParts(options.opset, options.train, options.half, bool(options.dynamic - {"batch"}))
    folds = foldings(graph) if options.fold and not options.train else {}
    results = [*graph.outputs, *((name, index) for name, index, _ in graph.aux if options.train)]
    tensors = _emit(graph, parts, results, folds)
    outputs = [_output(graph, parts, tensors, name, index, options) for name, index in results]
    inputs = [_value_info(name, graph.nodes[index].type, options) for name, index in graph.inputs]
    proto = _model(graph, parts, inputs, outputs, options)
    params = {name: param for name, _, param in state_entries(graph)}
    for fold in folds.values():
        params[f"{fold.layer.name}.bias"] = Param("bias", (fold.layer.type.features,), "zeros")
    return Built(proto, [(name, params[name]) for name in parts.weights], folds)


def _require_opset(graph: Graph, options: ExportOptions) -> None:
    """Raises SpecError (NS506) naming the first layer that the opset cannot express."""
    for node in graph.nodes:
        lowest = node.op.lowest_opset
        if options.opset < lowest and (options.train or not node.aux):
            raise SpecError.of(
                "NS506", f"{node.name} cannot be written at opset {options.opset}", span=node.span,
                notes=[f"ONNX has `{node.op.name}` from opset {lowest} on"], helps=[f"take opset {lowest} or a later one"],
            )  # fmt: skip


def _model(
    graph: Graph, parts: OnnxParts, inputs: list[Any], outputs: list[Any], options: ExportOptions
) -> onnx.ModelProto:
    """The proto, with the spec's text, its hash, our version and the names of the classes in the metadata."""
    from onnx import helper

    from netspec.version import __version__

    body = helper.make_graph(parts.nodes, graph.name, inputs, outputs, initializer=list(parts.constants.values()))
    proto = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", options.opset)],
        ir_version=options.ir_version,
        producer_name="netspec",
        producer_version=__version__,
    )
    text = graph.source.text
    digest = hashlib.sha256(text.encode()).hexdigest()
    facts = {"netspec.version": __version__, "netspec.sha256": digest, "netspec.spec": text}
    if options.classes:
        facts[CLASSES_KEY] = json.dumps(options.classes, ensure_ascii=False)
    helper.set_model_props(proto, facts)
    return proto


def _emit(graph: Graph, parts: OnnxParts, results: list[tuple[str, int]], folds: dict[int, Folding]) -> dict[int, str]:
    """Writes every layer's nodes; returns the tensor name of each node of the graph."""
    parts.names.update(name for name, _ in (*graph.inputs, *results))
    tensors = {index: _half_input(parts, graph, name, index) for name, index in graph.inputs}
    for node in graph.nodes:
        for i in node.inputs:
            parts.users.setdefault(i, []).append(node)
    needed = _needed(graph, [index for _, index in results])
    folded = {fold.norm.index for fold in folds.values()}
    for node in graph.nodes:
        if not node.inputs or node.index not in needed:
            continue
        inputs = [tensors[i] for i in node.inputs]
        if node.index in folded:
            tensors[node.index] = inputs[0]
            continue
        shown = _with_bias(node) if node.index in folds else node
        before = len(parts.nodes)
        result = shown.op.onnx(Emitter(graph, shown, inputs, parts))
        tensors[node.index] = result if len(parts.nodes) == before else _named(parts, result, node)
    return tensors


def _half_input(parts: OnnxParts, graph: Graph, name: str, index: int) -> str:
    """The input, as float16 where that is asked for."""
    from onnx import TensorProto, helper

    if not parts.half or graph.nodes[index].type.layout == "ids":
        return name
    cast = parts.unique(f"{name}/float16")
    parts.nodes.append(helper.make_node("Cast", [name], [cast], name=cast, to=TensorProto.FLOAT16))
    return cast


def _with_bias(node: Node) -> Node:
    """The layer as it is once a norm is folded into it: with a bias."""
    values = {name: getattr(node.op, name) for name in node.op.options}
    return replace(node, op=type(node.op)(**{**values, "bias": True}))


def _needed(graph: Graph, results: list[int]) -> set[int]:
    """The nodes that the results depend on: auxiliary heads are left out of inference."""
    needed: set[int] = set()
    stack = list(results)
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


def _output(
    graph: Graph, parts: OnnxParts, tensors: dict[int, str], name: str, index: int, options: ExportOptions
) -> onnx.ValueInfoProto:
    """Names the tensor of an output after it, by renaming where nothing else has the name, else by a node of its own."""
    from onnx import TensorProto, helper

    tensor = tensors[index]
    taken = {n for n, _ in (*graph.inputs, *graph.outputs)} | {n for n, _, _ in graph.aux}
    if options.half and graph.nodes[index].type.layout != "ids":
        parts.nodes.append(
            helper.make_node("Cast", [tensor], [name], name=parts.unique(f"{name}/float32"), to=TensorProto.FLOAT)
        )
    elif tensor in taken:
        parts.nodes.append(helper.make_node("Identity", [tensor], [name], name=parts.unique(f"{name}/Identity")))
    else:
        _rename(parts, tensors, tensor, name)
    return _value_info(name, graph.nodes[index].type, options, result=True)


def _rename(parts: OnnxParts, tensors: dict[int, str], old: str, new: str) -> None:
    for made in parts.nodes:
        for names in (made.input, made.output):
            for i, other in enumerate(names):
                if other == old:
                    names[i] = new
    for key, value in tensors.items():
        if value == old:
            tensors[key] = new


def _value_info(name: str, kind: TensorType, options: ExportOptions, *, result: bool = False) -> onnx.ValueInfoProto:
    from onnx import TensorProto, helper

    element = TensorProto.INT64 if kind.layout == "ids" else TensorProto.FLOAT
    sizes: list[Any] = list(kind.shape)
    axes = ("channels", *AXES_OF.get(kind.rank, ())) if kind.layout == "map" else ()
    for i, axis in enumerate(axes):
        if axis in options.dynamic and not (result and kind.shape[i] == 1):
            sizes[i] = f"{name}_{axis}" if result else axis
    return helper.make_tensor_value_info(name, element, ["batch" if "batch" in options.dynamic else 1, *sizes])


def to_onnx(
    graph: Graph,
    weights: str | Path | Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    options: ExportOptions | None = None,
) -> onnx.ModelProto:
    """The whole model in memory, weights included (protobuf holds at most 2 GB). Raises SpecError."""
    import numpy as np
    from onnx import helper

    from netspec.backends.onnx.writer import in_half

    built = build(graph, options)
    source = built.weights(open_weights(graph, weights, seed))
    for name, param in built.params:
        pieces = list(source.pieces(name, param))
        array = (pieces[0] if len(pieces) == 1 else np.concatenate(pieces)).reshape(param.shape)
        if options is not None and options.half and param.dtype == "float32":
            array = in_half(array, name)
        built.proto.graph.initializer.add(  # filled in place: a copy of large weights is not free
            name=name, dims=array.shape, data_type=helper.np_dtype_to_tensor_dtype(array.dtype),
            raw_data=array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes(),
        )  # fmt: skip
    require_valid(built.proto)
    return built.proto


def write_onnx(
    graph: Graph,
    path: Path,
    weights: str | Path | Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    options: ExportOptions | None = None,
) -> None:
    """Writes the model, one piece of a tensor in memory at a time, and tries it. Raises SpecError; the old file stays."""
    from netspec.backends.onnx.writer import write
    from netspec.files import staged

    built = build(graph, options)
    source = built.weights(open_weights(graph, weights, seed))
    with staged(path) as temporary:
        write(built.proto, built.params, source, temporary, half=options is not None and options.half)
        require_valid(temporary)
