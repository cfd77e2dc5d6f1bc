"""The style `graph` as text for Graphviz, for those who want to lay it out or edit it there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from netspec.analysis.analysis import Analysis
from netspec.diagnostics.display import printable
from netspec.graph import Graph
from netspec.scene.connections import connections
from netspec.scene.faces import Faces, head_text, type_text
from netspec.scene.opening import opened
from netspec.scene.parts import Part, Parts
from netspec.scene.theme import THEMES, section

if TYPE_CHECKING:
    from netspec.scene.options import DrawOptions

__all__ = ["as_dot"]


def as_dot(graph: Graph, analysis: Analysis, options: DrawOptions) -> str:
    """A digraph: a node for each layer or closed part, a cluster for each open one, shapes on the edges."""
    return "".join(f"{line}\n" for line in _Writer(graph, analysis, options).lines())


class _Writer:
    def __init__(self, graph: Graph, analysis: Analysis, options: DrawOptions) -> None:
        self.graph, self.options, self.theme = graph, options, THEMES[options.theme]
        self.parts = Parts(graph, folded="all" not in options.expand)
        self.is_open: Callable[[Part], bool] = opened(self.parts, options)
        self.faces = Faces(self.parts, analysis, options.columns)

    def lines(self) -> Iterator[str]:
        theme = self.theme
        yield f"digraph {_quoted(self.graph.name)} {{"
        yield f'  graph [rankdir={self.options.direction}, fontname=Helvetica, bgcolor="{theme.background}", fontcolor="{theme.ink}"]'
        yield f'  node [shape=box, style="rounded,filled", fontname=Helvetica, fontsize=11, fontcolor="{theme.ink}", height=0.3]'
        yield f'  edge [fontname=Helvetica, fontsize=9, fontcolor="{theme.faint}", color="{theme.wire}", arrowsize=0.6]'
        yield from self._inside(self.parts.root, "  ")
        for line in connections(self.parts, self.is_open):
            shape = type_text(self.graph.shown(line.node))
            yield f"  {_name(line.source)} -> {_name(line.target)} [label={_quoted(f' {shape} ')}]"
        yield "}"

    def _inside(self, part: Part, indent: str) -> Iterator[str]:
        for member in self.parts.level(part).members:
            if member.members and self.is_open(member):
                yield f"{indent}subgraph {_quoted(f'cluster_{member.name}')} {{"
                yield f'{indent}  label={_quoted(head_text(member))}; style=rounded; color="{self.theme.frame}"; labeljust=l'
                yield from self._inside(member, f"{indent}  ")
                yield f"{indent}}}"
            else:
                yield indent + self._node(member)

    def _node(self, part: Part) -> str:
        face = self.faces.face(part)
        label = "\n".join([f"{face.bold} {face.plain}".strip(), *face.small])
        theme, node = self.theme, self.graph.nodes[part.start]
        if part.is_output or not node.inputs:
            fill, border = theme.strong
            look = f', fontcolor="{theme.ink_on(fill)}"'
        else:
            fill, border = theme.fill(section(node)) if part.is_layer else theme.closed
            look = ', style="rounded,filled,dashed"' if node.aux else ""
        return f'{_name(part)} [label={_quoted(label)}, fillcolor="{fill}", color="{border}", tooltip={_quoted(part.name)}{look}]'


def _name(part: Part) -> str:
    return f"end_{part.start}" if part.is_output else f"n{part.start}"


def _quoted(text: str) -> str:
    escaped = printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
