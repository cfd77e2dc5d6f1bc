"""The linear layers and products inside of attention, which tools count that see modules and operators."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from netspec.graph import TensorType
from netspec.ops.attend import Attend
from netspec.ops.attention import Attention
from netspec.ops.positions import Decomposed, Generated, Places

__all__ = ["Inner", "einsum_products", "linear_layers"]


@dataclass(frozen=True, slots=True)
class Inner:
    """A linear layer that runs at `positions`, of which `batch` are its first axis."""

    inputs: int
    outputs: int
    positions: int
    batch: int
    bias: bool
    relu: bool = False

    @property
    def macs(self) -> int:
        return self.inputs * self.outputs * self.positions

    @property
    def params(self) -> int:
        return self.outputs * (self.inputs + self.bias)


def _places(op: Any, given: Any) -> tuple[Places, int]:
    """Where the queries and keys are, and the number of windows."""
    if isinstance(op, Attend):
        return op.at(given), given[0].copies
    return op.places(given, given, op.size(given)), given.copies


def linear_layers(op: Attention | Attend, given: TensorType | tuple[TensorType, ...]) -> list[Inner]:
    """Of attention that is PyTorch's own layer there are none."""
    found = []
    if isinstance(op, Attention):
        assert isinstance(given, TensorType)
        if op.is_plain(given):
            return []
        inner, pairs = op.heads * op.size(given), op.groups * op.size(given)
        tokens = given.copies * prod(given.spatial)
        found.append(Inner(given.features, inner + 2 * pairs, tokens, given.copies, op.bias == "all"))
        if op.project:
            found.append(Inner(inner, op.result(given), tokens, given.copies, op.bias != "none"))
    if isinstance(op.positions, Generated):
        at, width = _places(op, given)[0], op.positions.width
        rows = prod(2 * n - 1 for n in at.queries)
        found.append(Inner(len(at.queries), width, rows, rows, bias=True, relu=True))
        found.append(Inner(width, op.heads, rows, rows, bias=False))
    return found


def einsum_products(op: Attention | Attend, given: TensorType | tuple[TensorType, ...]) -> int:
    """Those of positions by axes, as numpy reports the cost of an `einsum`: with four digits."""
    if not isinstance(op.positions, Decomposed):
        return 0
    at, copies = _places(op, given)
    each = copies * op.heads * prod(at.queries) * at.size
    return sum(int(float(f"{2 * each * n:.3e}") / 2) for n in at.keys)
