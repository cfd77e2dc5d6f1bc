"""The docstrings of generated classes."""

from __future__ import annotations

from netspec.analysis.totals import totals
from netspec.backends.torch.classes import ModuleClass
from netspec.backends.torch.layout import WIDTH
from netspec.graph import Graph, TensorType

__all__ = ["net_doc", "part_doc", "shape_text"]


def shape_text(kind: TensorType) -> str:
    return f"({', '.join(['N', *map(str, kind.shape)])})"


def net_doc(graph: Graph) -> str:
    """The docstring of the net's class: its shapes and its parameters."""
    inputs, outputs = _shapes(graph, graph.inputs), _shapes(graph, graph.outputs)
    params = totals(graph, graph.nodes).params
    text = f'"""{graph.name}: {inputs} to {outputs}; {params:,} parameters."""'
    if len(text) <= WIDTH - 4:
        return text
    return f'"""{graph.name}: {params:,} parameters.\n\nInput {inputs}.\nOutput {outputs}.\n"""'


def _shapes(graph: Graph, tensors: list[tuple[str, int]]) -> str:
    """The shapes of inputs or outputs, with their names where there are several."""
    shapes = [(name, shape_text(graph.shown(i))) for name, i in tensors]
    return ", ".join(f"{name} {shape}" if len(shapes) > 1 else shape for name, shape in shapes)


def _listed(shapes: list[str]) -> str:
    return " and ".join(shapes) if len(shapes) < 3 else f"{len(shapes)} tensors"


def part_doc(made: ModuleClass, graph: Graph) -> str:
    """The docstring of the class of a part: what it is, how often, and the shapes of the first."""
    one = made.drafts[0].plan
    kinds = _listed([shape_text(graph.shown(i)) for i in one.inputs if i >= 0])
    results = _listed([shape_text(graph.shown(i)) for i in one.outputs])
    names = list(dict.fromkeys(d.plan.region.name for d in made.drafts))
    shown = ", ".join(f"`{name}`" for name in names[:6]) + (", …" if len(names) > 6 else "")
    name = f"The block `{one.region.block}`" if one.region.block else shown
    first = f", first {kinds} to {results}" if len(made.drafts) > 1 else f": {kinds} to {results}"
    count = f", {len(made.drafts)} times" if one.region.block and len(made.drafts) > 1 else ""
    return f'"""{name}{count}{first}."""'
