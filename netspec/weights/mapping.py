"""Mapping of foreign checkpoints: tensors are matched by name, then by order and shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netspec.graph import Graph
from netspec.weights import state_entries

__all__ = ["Match", "match"]


@dataclass(slots=True)
class _Layer:
    """The tensors of one layer, in order: (last part of the name, shape without ones)."""

    name: str
    tensors: list[tuple[str, str, tuple[int, ...]]] = field(default_factory=list)

    def signature(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        return tuple(
            sorted((short, _core(shape)) for short, _, shape in self.tensors if short != "num_batches_tracked")
        )


@dataclass(slots=True)
class Match:
    """The source of each tensor of the spec and how it was matched, and the unmatched tensors on both sides."""

    sources: dict[str, str] = field(default_factory=dict)
    by_name: int = 0
    by_order: int = 0
    missing: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return not self.missing and not self.left_over


def _core(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape without its ones: (1, 197, 768) and (197, 768) have the same values."""
    return tuple(n for n in shape if n != 1)


def match(graph: Graph, foreign: Mapping[str, tuple[int, ...]]) -> Match:
    """Matches the tensors of the spec with those of a checkpoint, given as names and shapes in its own order.

    A layer takes the tensors with the same names and shapes if all of them exist. The other layers are matched with the
    layers of the checkpoint in order: each takes the first unmatched one whose tensors have the same last names and
    shapes. Auxiliary heads match layers with such names; they and step counters may be missing.
    """
    found = Match()
    optional = {name for name, node, param in state_entries(graph) if node.aux or param.dtype == "int64"}
    ours = _layers({name: param.shape for name, _, param in state_entries(graph)})
    theirs = _layers(foreign)
    rest = []
    for layer in ours:
        names = [full for _, full, shape in layer.tensors if full in foreign and _core(foreign[full]) == _core(shape)]
        if len(names) == len(layer.tensors):
            found.sources |= {name: name for name in names}
            found.by_name += len(names)
        else:
            rest.append(layer)
    heads = {node.name for node in graph.nodes if node.aux}
    taken = set(found.sources.values())
    free = [layer for layer in theirs if not any(full in taken for _, full, _ in layer.tensors)]
    for layer in rest:
        side = layer.name in heads
        other = next(
            (f for f in free if ("aux" in f.name.lower()) == side and f.signature() == layer.signature()), None
        )
        if other is None:
            found.missing += [full for _, full, _ in layer.tensors if full not in optional]
            continue
        free.remove(other)
        found.by_order += _pair(layer, other, found)
    used = set(found.sources.values())
    found.left_over = [name for name in foreign if name not in used and not name.endswith("num_batches_tracked")]
    return found


def _pair(layer: _Layer, other: _Layer, found: Match) -> int:
    theirs = {short: full for short, full, _ in other.tensors}
    pairs = {full: theirs[short] for short, full, _ in layer.tensors if short in theirs}
    found.sources |= pairs
    return len(pairs)


def _layers(shapes: Mapping[str, Any]) -> list[_Layer]:
    layers: dict[str, _Layer] = {}
    for name, shape in shapes.items():
        owner, _, short = name.rpartition(".")
        if owner.rpartition(".")[2] == "out_proj":  # the output projection of torch's attention is a separate module
            owner, short = owner.rpartition(".")[0], f"out_proj.{short}"
        if short in (
            "class_token",
            "cls_token",
            "pos_embedding",
            "pos_embed",
            "layer_scale",
        ):  # bare parameters count as separate layers
            owner, short = name, "weight"
        layers.setdefault(owner, _Layer(owner)).tensors.append((short, name, tuple(shape)))
    return list(layers.values())
