"""Diagrams by Graphviz: a box for each layer, shapes on the edges, colors distinguish the kinds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from netspec.analysis.description import description
from netspec.analysis.totals import totals
from netspec.diagnostics import SpecError
from netspec.files import atomic_write
from netspec.graph import Graph, Node, Region
from netspec.ops import JOINS, SECTIONS

if TYPE_CHECKING:
    from graphviz import Digraph

__all__ = ["FORMATS", "SVG", "digraph", "draw", "svg"]

FORMATS = ("svg", "png", "pdf", "dot")

# Fill and border of each section of the catalogue; light fills, so that black text is readable on all
_COLORS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "Convolution": ("#cfe2ff", "#3b6fb6"),
        "Pooling": ("#ffe0c2", "#c9732b"),
        "Dense": ("#d3f0d3", "#3f8f4a"),
        "Activation": ("#fff3bf", "#b89b1e"),
        "Normalization": ("#e8dcf7", "#7a56b3"),
        "Regularization": ("#e9ecef", "#868e96"),
        "Shape": ("#f8f9fa", "#adb5bd"),
        "Sequence": ("#ccf2f0", "#2b8a85"),
        "Trainable values": ("#fde2ee", "#b8527f"),
        "join": ("#ffffff", "#343a40"),
        "input": ("#343a40", "#343a40"),
        "output": ("#343a40", "#343a40"),
    }
)
_SECTION = {op.name: section for section, ops in SECTIONS.items() for op in ops} | dict.fromkeys(JOINS, "join")


class SVG(str):
    """The text of an SVG image, which notebooks display."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)


def svg(graph: Graph, *, direction: str = "TB") -> SVG:
    """The diagram as an SVG image. Raises SpecError (NS501, NS502)."""
    return SVG(_render(digraph(graph, direction), "svg").decode())


def draw(graph: Graph, path: Path, *, direction: str = "TB") -> None:
    """Writes the diagram in the format of the path's ending. Raises SpecError (NS501, NS502, NS505)."""
    form = path.suffix.lower().lstrip(".")
    if form not in FORMATS:
        raise SpecError.of(
            "NS505",
            f"{path.name} does not end in a format that can be drawn",
            helps=[f"formats: {', '.join('.' + f for f in FORMATS)}"],
        )
    made = digraph(graph, direction)
    data = made.source.encode() if form == "dot" else _render(made, form)
    with atomic_write(path) as file:
        file.write(data)


def _render(made: Digraph, form: str) -> bytes:
    from graphviz import CalledProcessError, ExecutableNotFound

    try:
        return bytes(made.pipe(format=form))
    except ExecutableNotFound:
        raise SpecError.of(
            "NS502",
            "Graphviz's `dot` program is not installed",
            helps=[
                "Debian, Ubuntu: sudo apt-get install graphviz",
                "macOS: brew install graphviz",
                "or write a .dot file, which needs no program",
            ],
        ) from None
    except CalledProcessError as error:
        text = (error.stderr or b"").decode(errors="replace").strip().split("\n")[0]
        raise SpecError.of("NS501", f"`dot` could not draw the {form}", notes=[text] if text else []) from None


def digraph(graph: Graph, direction: str = "TB") -> Digraph:
    """The diagram as a Graphviz graph; `direction` is TB (top to bottom) or LR."""
    from graphviz import Digraph

    made = Digraph(graph.name)
    total = totals(graph, graph.nodes)
    title = f"{graph.name}   {total.params:,} parameters   {_short(total.macs)} MACs"
    made.attr(
        rankdir=direction,
        label=title,
        labelloc="t",
        fontname="Helvetica",
        fontsize="16",
        nodesep="0.3",
        ranksep="0.35",
        bgcolor="white",
        dpi="96",
    )
    made.attr(
        "node",
        shape="box",
        style="rounded,filled",
        fontname="Helvetica",
        fontsize="11",
        margin="0.14,0.06",
        height="0.3",
    )
    made.attr("edge", fontname="Helvetica", fontsize="9", fontcolor="#495057", color="#868e96", arrowsize="0.6")
    _add_region(graph, graph.root, made)
    for node in graph.nodes:
        for i in node.inputs:
            made.edge(f"n{i}", f"n{node.index}", label=f" {_times(graph.nodes[i])} ")
    fill, border = _COLORS["output"]
    for k, (name, index) in enumerate(graph.outputs):
        made.node(f"out{k}", name, shape="box", fillcolor=fill, color=border, fontcolor="white")
        made.edge(f"n{index}", f"out{k}", label=f" {_times(graph.nodes[index])} ")
    return made


def _times(node: Node) -> str:
    return "×".join(map(str, node.type.shape))


def _short(value: int) -> str:
    for unit, factor in (("G", 10**9), ("M", 10**6), ("K", 10**3)):
        if value >= factor:
            return f"{value / factor:.2f} {unit}"
    return str(value)


def _add_region(graph: Graph, region: Region, made: Any) -> None:
    """A named part is a cluster; its members are inside."""
    for member in region.members:
        if isinstance(member, Node):
            _add_node(graph, member, made)
        elif member.named:
            with made.subgraph(name=f"cluster_{member.path}") as inner:
                inner.attr(
                    label=member.name,
                    style="rounded",
                    color="#ced4da",
                    fontcolor="#495057",
                    fontsize="11",
                    labeljust="l",
                )
                _add_region(graph, member, inner)
        else:
            _add_region(graph, member, made)


def _add_node(graph: Graph, node: Node, made: Any) -> None:
    if not node.inputs:
        fill, border = _COLORS["input"]
        made.node(f"n{node.index}", node.name, fillcolor=fill, color=border, fontcolor="white")
        return
    fill, border = _COLORS[_SECTION[node.kind]]
    style = "rounded,filled,dashed" if node.aux else "rounded,filled"
    if node.op.sign:
        made.node(
            f"n{node.index}",
            node.op.sign,
            shape="circle",
            fillcolor=fill,
            color=border,
            fontsize="14",
            margin="0.02",
            tooltip=node.name,
        )
        return
    words = "" if node.kind == "concat" else description(graph, node)
    local = node.name.rpartition(".")[2]
    if words == node.kind and local.endswith(node.kind.lower()):
        words = ""  # `stem_relu` says it
    label = f"<<b>{_escaped(local)}</b>{f'  {_escaped(words)}' if words else ''}>"
    made.node(
        f"n{node.index}",
        label,
        fillcolor=fill,
        color=border,
        style=style,
        tooltip=f"{node.name}: {node.n_params:,} parameters",
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
