"""In which respects two layers or two blocks that correspond are different."""

from __future__ import annotations

from typing import Any

from netspec.analysis.correspondence import Correspondence
from netspec.analysis.detail import Detail
from netspec.analysis.parts import differing_options
from netspec.graph import Graph, Node, Operation, Region
from netspec.values import show

__all__ = ["layer_details", "region_details"]


def layer_details(found: Correspondence, a: Node, b: Node) -> tuple[tuple[Detail, ...], bool]:
    """What is different, and whether in the layer itself rather than in the tensors that reach it."""
    own = (*_kind_and_options(found, a, b), *_wiring(found, a, b), *_weights(found, a, b))
    details = [*own]
    if a.type != b.type:
        details.append(Detail("output", str(a.type), str(b.type)))
    elif not own and _inputs(found, a, b):
        details.append(_inputs(found, a, b)[0])
    if not details and (a.n_params, a.macs) != (b.n_params, b.macs):
        details.append(Detail("parameters", f"{a.n_params:,}", f"{b.n_params:,}"))
    return tuple(details), bool(own) or (not a.inputs and bool(details))


def _kind_and_options(found: Correspondence, a: Node, b: Node) -> list[Detail]:
    if a.kind != b.kind:
        return [Detail("layer", _written(a.op), _written(b.op))]
    names = differing_options(a, b)
    if not names or _same_effect(found.graphs, a, b):
        return []
    return [Detail(name, _text(getattr(a.op, name)), _text(getattr(b.op, name))) for name in names]


def _same_effect(graphs: tuple[Graph, Graph], a: Node, b: Node) -> bool:
    """Whether layers whose options are written differently (`pad=same`, `pad=1`) compute the same."""
    types, others = (graph.input_types(node) for graph, node in zip(graphs, (a, b), strict=True))
    return types == others and a.type == b.type and bool(a.inputs) and a.op.torch(*types) == b.op.torch(*others)


def _wiring(found: Correspondence, a: Node, b: Node) -> list[Detail]:
    """Inputs that are not the tensors that correspond; those next to what was added or removed are no difference."""
    one, other = found.graphs
    if len(a.inputs) != len(b.inputs):
        return [Detail("inputs", str(len(a.inputs)), str(len(b.inputs)))]
    crossed = [
        (i, j) for i, j in zip(a.inputs, b.inputs, strict=True)
        if found.first.get(i, j) != j and found.second.get(j, i) != i
    ]  # fmt: skip
    return [Detail("input", one.nodes[i].name, other.nodes[j].name) for i, j in crossed]


def _weights(found: Correspondence, a: Node, b: Node) -> list[Detail]:
    """Whose weights a layer uses."""
    details = []
    for i, j in ((a.shares, b.shares), (a.tied, b.tied)):
        if (i is None) != (j is None) or (i is not None and found.first.get(i, j) != j):
            texts = [g.nodes[k].name if k is not None else "its own" for g, k in zip(found.graphs, (i, j), strict=True)]
            details.append(Detail("weights", texts[0], texts[1]))
    if a.aux != b.aux:
        details.append(Detail("auxiliary", show(a.aux), show(b.aux)))
    return details


def _inputs(found: Correspondence, a: Node, b: Node) -> list[Detail]:
    types = zip(found.graphs[0].input_types(a), found.graphs[1].input_types(b), strict=False)
    return [Detail("input", str(x), str(y)) for x, y in types if x != y]


def region_details(a: Region, b: Region) -> tuple[Detail, ...]:
    """How parts that correspond are written: the block, its arguments, whether it is recomputed in the backward pass."""
    details = []
    if a.block != b.block:
        details.append(Detail("block", a.block or a.kind, b.block or b.kind, matters=False))
    before, after = dict(a.arguments), dict(b.arguments)
    if a.block == b.block:
        details += [
            Detail(name, _text(before[name]), _text(after[name]), matters=False)
            for name in before
            if name in after and before[name] != after[name]
        ]
    if a.checkpoint != b.checkpoint:
        details.append(Detail("checkpoint", show(a.checkpoint), show(b.checkpoint), matters=False))
    return tuple(details)


def _written(op: Operation) -> str:
    """A layer with the options that are not the default."""
    options = [f"{n}={_text(getattr(op, n))}" for n, o in op.options.items() if getattr(op, n) != o.default]
    return " ".join((op.name, *options))


def _text(value: Any) -> str:
    """An option as the language writes it."""
    if isinstance(value, tuple) and value and all(isinstance(v, int) and not isinstance(v, bool) for v in value):
        return "x".join(map(str, value))
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_text, value))})"
    if isinstance(value, str):
        return value
    if hasattr(value, "options"):
        return _written(value)
    return show(value)
