"""Checkpoints of other programs: their tensors find their places by name, else by order and shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netspec.graph import Graph
from netspec.weights import state_entries

__all__ = ["Match", "match"]


@dataclass(slots=True)
class _Layer:
    """The tensors of one layer: (last part of the name, shape without ones) in order."""

    name: str
    tensors: list[tuple[str, str, tuple[int, ...]]] = field(default_factory=list)

    def signature(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        return tuple(
            sorted((short, _core(shape)) for short, _, shape in self.tensors if short != "num_batches_tracked")
        )


@dataclass(slots=True)
class Match:
    """Where each tensor of the spec comes from, and how that was found; what found no place on either side."""

    sources: dict[str, str] = field(default_factory=dict)
    by_name: int = 0
    by_order: int = 0
    missing: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return not self.missing and not self.left_over


def _core(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape without its ones: (1, 197, 768) and (197, 768) hold the same values."""
    return tuple(n for n in shape if n != 1)


def match(graph: Graph, foreign: Mapping[str, tuple[int, ...]]) -> Match:
    """Pairs the spec's tensors with those of a checkpoint, given as name and shape in its own order.

    A layer takes the tensors of the same name and shape where they are all there. The others are paired with the
    checkpoint's layers in order: each takes the first one left whose tensors have the same last names and shapes.
    Auxiliary heads go with the layers that the checkpoint calls so; they and step counters may be missing.
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
        if owner.rpartition(".")[2] == "out_proj":  # torch's attention holds its projection as a module of its own
            owner, short = owner.rpartition(".")[0], f"out_proj.{short}"
        if short in (
            "class_token",
            "cls_token",
            "pos_embedding",
            "pos_embed",
            "layer_scale",
        ):  # bare parameters: layers of their own
            owner, short = name, "weight"
        layers.setdefault(owner, _Layer(owner)).tensors.append((short, name, tuple(shape)))
    return list(layers.values())
