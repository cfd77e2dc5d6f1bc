"""How the numbers of a layer follow: the formulas of `check --explain`, with its numbers."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.analysis.analysis import Analysis
from netspec.analysis.description import description
from netspec.analysis.frozen import labeled
from netspec.diagnostics.display import printable, wrapped
from netspec.graph import Graph, Node
from netspec.report.columns import painted

__all__ = ["UnknownLayer", "explanation_lines", "layers_named"]


class UnknownLayer(KeyError):
    """A text that names no layer; `names` are those of the layers."""

    def __init__(self, name: str, names: tuple[str, ...]) -> None:
        super().__init__(name)
        self.name = name
        self.names = names


def layers_named(graph: Graph, text: str) -> list[Node]:
    """The layers with a name, of a label or a block instance, or on a line of the spec. Raises UnknownLayer."""
    if text.isdecimal():
        found = [n for n in graph.nodes if n.span.source is graph.source and n.span.line == int(text)]
    else:
        found = [n for n in graph.nodes if n.name == text] or labeled(graph, text)
    if not found:
        raise UnknownLayer(text, tuple(n.name for n in graph.nodes))
    return found


def explanation_lines(analysis: Analysis, text: str, *, columns: int, color: bool) -> Iterator[str]:
    """For each layer its name and description, then one formula on a line. Raises UnknownLayer."""
    from netspec.analysis.explain import explain

    for number, node in enumerate(layers_named(analysis.graph, text)):
        if number:
            yield ""
        said = description(analysis.graph, node) if node.inputs else "input"
        name = printable(node.name)
        first, *rest = wrapped(
            f"   {printable(said)}, line {node.span.line}".replace("   ,", "  "), columns, lead=name, hang=4
        )
        yield painted(name, "bold", color=color) + first[len(name) :]
        yield from rest
        lines = explain(analysis.facts, node)
        room = max(len(line.what) for line in lines)
        for line in lines:
            lead = f"  {line.what:<{room}}   "
            yield from (shown.rstrip() for shown in wrapped(line.text, columns, lead=lead, hang=len(lead)))
