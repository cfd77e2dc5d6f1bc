"""Initialization schemes from the literature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from netspec.graph import Graph, Param
from netspec.ops.norm import BatchNorm, GroupNorm, LayerNorm

if TYPE_CHECKING:
    import numpy as np

__all__ = ["CHUNK", "Scheme"]

CHUNK = 1 << 22
"""Number of values computed at a time, so that a large tensor never exists twice in memory."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """`kind` is he, xavier, lecun, gaussian (with `std`) or orthogonal; `bias` is the initial value of biases.

    `zero_residual`: the last norm of every residual body starts at 0, so that each residual starts as the identity.
    """

    kind: str = "he"
    std: float = 0.01
    bias: float = 0.0
    zero_residual: bool = False
    written: bool = False

    @classmethod
    def of(cls, graph: Graph) -> Scheme:
        """The scheme of a recipe, with defaults."""
        values: dict[str, Any] = {}
        for line in graph.recipe.settings.get("init", ()) if graph.recipe is not None else ():
            if line.word == "bias":
                values["bias"] = line.values["value"]
            elif line.word == "zero_residual":
                values["zero_residual"] = True
            else:
                values |= {"kind": line.word, "std": line.values.get("std", 0.01), "written": True}
        return cls(**values)

    def residual_factors(self, graph: Graph) -> dict[str, float]:
        """The factor for the `weight` of the last layer with weights in each residual body."""
        if self.written and not self.zero_residual:
            return {}
        ends = [node.inputs[0] for node in graph.nodes if node.residual]
        factors = {}
        for index in ends:
            node = graph.nodes[index]
            while not node.params and node.inputs:
                node = graph.nodes[node.inputs[0]]
            is_norm = isinstance(node.op, (BatchNorm, GroupNorm, LayerNorm))
            for param in node.params:
                if not param.trainable or param.name not in ("weight", "out_proj.weight"):
                    continue
                if not self.zero_residual:
                    factors[f"{node.name}.{param.name}"] = len(ends) ** -0.5
                elif is_norm:
                    factors[f"{node.name}.{param.name}"] = 0.0
        return factors

    def random(self, stream: np.random.Generator, param: Param, factor: float) -> Iterator[np.ndarray[Any, Any]]:
        """The values of a weight, a piece at a time."""
        import numpy as np

        if self.kind == "orthogonal" and len(param.shape) > 1:
            yield self._orthogonal(stream, param.shape) * np.float32(factor)
            return
        for start in range(0, param.size, CHUNK):
            count = min(CHUNK, param.size - start)
            if self.kind == "gaussian":
                piece = stream.standard_normal(count, dtype=np.float32)
                piece *= np.float32(self.std * factor)
            else:
                bound = self._bound(param) * factor
                piece = stream.random(count, dtype=np.float32)
                piece *= np.float32(2 * bound)
                piece -= np.float32(bound)
            yield piece

    def _bound(self, param: Param) -> float:
        """b of U(-b, b): He 2015 sqrt(6/fan_in), Glorot 2010 sqrt(6/(fan_in + fan_out)), LeCun 1998 sqrt(3/fan_in)."""
        if self.kind == "xavier":
            fan_out = param.shape[0] * prod(param.shape[2:])
            return float((6.0 / (param.fan_in + fan_out)) ** 0.5)
        return float(((3.0 if self.kind == "lecun" else 6.0) / param.fan_in) ** 0.5)

    def _orthogonal(self, stream: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        """A matrix with orthonormal rows (or columns, if there are fewer) (Saxe et al. 2014)."""
        import numpy as np

        rows, columns = shape[0], prod(shape[1:])
        flat = stream.standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(flat)
        q = q * np.sign(np.diagonal(r))
        values: np.ndarray[Any, Any] = (q if rows >= columns else q.T).astype(np.float32).ravel()
        return values
