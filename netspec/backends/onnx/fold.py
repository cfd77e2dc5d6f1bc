"""Batch norm folded into the layer before it, for inference.

With scale g, shift b, mean m and variance v, g (Wx + c - m)/sqrt(v + eps) + b = W'x + c' where
W' = W g/sqrt(v + eps), row by row, and c' = (c - m) g/sqrt(v + eps) + b (Jacob et al. 2018, section 3.2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.graph import Graph, Node, Param
from netspec.ops.conv import SharedConvolution
from netspec.ops.dense import Linear
from netspec.ops.norm import BatchNorm
from netspec.ops.transposed_conv import TransposedConv
from netspec.weights import WeightSource

if TYPE_CHECKING:
    import numpy as np

__all__ = ["FoldedWeights", "Folding", "foldings"]


@dataclass(frozen=True, slots=True)
class Folding:
    """A layer and the batch norm after it."""

    layer: Node
    norm: Node


def foldings(graph: Graph) -> dict[int, Folding]:
    """By the index of the layer: every batch norm that nothing else keeps apart from a layer that can take it up."""
    users: dict[int, int] = {}
    for node in graph.nodes:
        for i in node.inputs:
            users[i] = users.get(i, 0) + 1
    kept = {i for _, i in (*graph.inputs, *graph.outputs)}
    tied = {n.tied for n in graph.nodes if n.tied is not None} | {n.shares for n in graph.nodes if n.shares is not None}
    found = {}
    for node in graph.nodes:
        if not isinstance(node.op, BatchNorm) or node.shares is not None or node.index in tied:
            continue
        before = graph.nodes[node.inputs[0]]
        alone = users[before.index] == 1 and before.index not in kept and before.index not in tied
        if alone and before.shares is None and before.tied is None and _takes(before, node):
            found[before.index] = Folding(before, node)
    return found


def _takes(layer: Node, norm: Node) -> bool:
    if getattr(layer.op, "connections", None) is not None or getattr(layer.op, "standardize", "no") != "no":
        return False
    return isinstance(layer.op, (SharedConvolution, TransposedConv, Linear)) and layer.type.layout == norm.type.layout


class FoldedWeights:
    """The weights of another source with the norms multiplied in, a piece at a time."""

    def __init__(self, source: WeightSource, folds: Mapping[int, Folding]) -> None:
        self.source = source
        self.by_weight = {f"{f.layer.name}.weight": f for f in folds.values()}
        self.by_bias = {f"{f.layer.name}.bias": f for f in folds.values()}

    def pieces(self, name: str, param: Param) -> Iterator[np.ndarray[Any, Any]]:
        if name in self.by_bias:
            yield self.bias(self.by_bias[name])
        elif name in self.by_weight:
            yield from self.scaled(self.by_weight[name], name, param)
        else:
            yield from self.source.pieces(name, param)

    def scaled(self, fold: Folding, name: str, param: Param) -> Iterator[np.ndarray[Any, Any]]:
        """Weights times the scale of the output channel that each of them belongs to."""
        import numpy as np

        scale, _ = self.affine(fold)
        transposed = isinstance(fold.layer.op, TransposedConv)
        inner = prod(param.shape[2:]) if transposed else prod(param.shape[1:])
        at = 0
        for piece in self.source.pieces(name, param):
            flat = np.arange(at, at + piece.size)
            if transposed:  # input channels, output channels of a group, kernel
                per_group, groups = param.shape[1], fold.layer.op.groups  # type: ignore[attr-defined]
                rows = flat // (inner * per_group)
                channel = rows // (param.shape[0] // groups) * per_group + flat // inner % per_group
            else:
                channel = flat // inner
            yield (piece * scale[channel]).astype(np.float32)
            at += piece.size

    def bias(self, fold: Folding) -> np.ndarray[Any, Any]:
        import numpy as np

        scale, shift = self.affine(fold)
        own = next((p for p in fold.layer.params if p.name == "bias"), None)
        bias = self.tensor(f"{fold.layer.name}.bias", own) if own is not None else np.zeros(1)
        folded: np.ndarray[Any, Any] = (bias * scale + shift).astype(np.float32)
        return folded

    def affine(self, fold: Folding) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """(scale, shift) in float64, so that what is folded keeps its digits."""
        import numpy as np

        norm = fold.norm
        values = {p.name: self.tensor(f"{norm.name}.{p.name}", p) for p in norm.params if p.dtype == "float32"}
        variance = values["running_var"] + norm.op.eps  # type: ignore[attr-defined]
        if (variance <= 0).any():
            raise SpecError.of("NS503", f"`{norm.name}.running_var` holds a negative variance")
        scale = 1 / np.sqrt(variance)
        scale = scale * values.get("weight", 1.0)
        return scale, values.get("bias", 0.0) - values["running_mean"] * scale

    def tensor(self, name: str, param: Param) -> np.ndarray[Any, Any]:
        import numpy as np

        return np.concatenate(list(self.source.pieces(name, param))).astype(np.float64)
