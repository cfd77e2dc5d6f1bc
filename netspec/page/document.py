"""What the page is given about a spec: its text, its findings, and the network with the order of each level.

The page computes coordinates only (`viewer/src/layout.ts`); what is drawn and in which order is decided here. The shape of the
data is declared in `viewer/src/protocol.ts`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from netspec.analysis.analysis import Analysis
from netspec.analysis.figures import ALL, FIGURES
from netspec.diagnostics import Diagnostic
from netspec.diagnostics.display import printable
from netspec.graph import Graph, Node
from netspec.page.field import field_of
from netspec.scene.faces import SIZE, SMALL, Faces, head_text, totals_text, type_text
from netspec.scene.lettering import text_width
from netspec.scene.opening import depth_for_a_page
from netspec.scene.order import Ordered
from netspec.scene.orders import Orders
from netspec.scene.parts import Part, Parts
from netspec.scene.theme import section
from netspec.source import SourceFile, Span

__all__ = ["COLOURS", "document", "version_of"]

COLOURS = ("params", "macs", "memory", "activations")
"""Figures by which the page colours boxes."""
_TOTALS = ("params", "buffers", "macs", "flops", "memory", "depth", "receptive_field", "neurons", "connections")
_OF_A_LAYER = tuple(figure.name for figure in ALL if figure.layer is not None)


def document(
    source: SourceFile, graph: Graph | None, diagnostics: Iterable[Diagnostic], file: str, *, library: bool = False,
    compared: dict[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A checked spec for the page; `file` is what it is called there. `library`: it declares blocks for other files.
    `compared`: what differs from another spec (`netspec.page.comparison`)."""
    units = _utf16(source.text)
    return {
        "file": printable(file),
        "text": source.text,
        "version": version_of(source.text),
        "network": _Network(graph, source, units).data() if graph is not None and graph.layers else None,
        "findings": [_finding(d, source, units) for d in diagnostics],
        "library": library,
        "comparison": compared,
    }


def version_of(text: str) -> str:
    """What tells one state of a file from another."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _utf16(text: str) -> Callable[[int], int]:
    """From an offset in code points to one in UTF-16 units, as browsers count."""
    wide = [i for i, char in enumerate(text) if ord(char) > 0xFFFF]
    if not wide:
        return lambda offset: offset
    from bisect import bisect_left

    return lambda offset: offset + bisect_left(wide, offset)


def _finding(diagnostic: Diagnostic, source: SourceFile, units: Callable[[int], int]) -> dict[str, Any]:
    span = diagnostic.span
    here = span is not None and span.source is source
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": printable(diagnostic.message),
        "start": units(span.start) if span is not None and here else None,
        "end": units(span.end) if span is not None and here else None,
        "line": span.line if span is not None else None,
        "notes": [printable(note) for note in diagnostic.notes],
        "helps": [printable(text) for text in diagnostic.helps],
        "fixes": [
            {
                "title": printable(fix.title),
                "safe": fix.safe,
                "edits": [{"start": units(e.span.start), "end": units(e.span.end), "text": e.text} for e in fix.edits],
            }
            for fix in diagnostic.fixes
            if all(edit.span.source is source for edit in fix.edits)
        ],
        "elsewhere": "" if here or span is None else printable(span.source.name),
    }


class _Network:
    def __init__(self, graph: Graph, source: SourceFile, units: Callable[[int], int]) -> None:
        self.graph, self.source, self.units = graph, source, units
        self.analysis = Analysis(graph)
        self.parts = Parts(graph)
        self.faces = Faces(self.parts, self.analysis)
        self.drawn: set[int] = set()
        self.rows: list[dict[str, Any]] = []
        self.orders_of = Orders(self.parts)
        self.plans: dict[Ordered, int] = {}
        self.orders: list[Ordered] = []

    def data(self) -> dict[str, Any]:
        graph = self.graph
        whole = not graph.failed
        self._part(self.parts.root)
        totals = [self._text(name, self.analysis.total(name)) for name in _TOTALS] if whole else []
        summary = totals_text(self.analysis) if whole else "totals unavailable: some layers have errors"
        return {
            "name": printable(graph.name),
            "summary": summary,
            "totals": totals,
            "parameters": {n: v for n, v in graph.parameters.items() if isinstance(v, (bool, int, float, str))},
            "nodes": [self._node(node, node.index in self.drawn) for node in graph.nodes],
            "parts": self.rows,
            "plans": [_plan(order) for order in self.orders],
            "depth": depth_for_a_page(self.parts),
        }

    def _text(self, name: str, value: Any) -> tuple[str, str]:
        return FIGURES[name].title, FIGURES[name].text(value)

    def _figures(self, pairs: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
        return [self._text(name, value) for name, value in pairs if value not in (None, 0, ())]

    def _node(self, node: Node, shown: bool) -> dict[str, Any]:
        start, end = self._span(node.span)
        shape = type_text(self.graph.shown(node.index))
        read = [self.graph.nodes[i].type for i in node.inputs]
        return {
            "name": printable(node.name),
            "kind": node.kind,
            "section": section(node),
            "shape": shape,
            "labelWidth": text_width(shape, SMALL) + 8.0,
            "inputs": list(node.inputs),
            "start": start,
            "end": end,
            "describe": printable(node.op.describe(read[0])) if read else "",
            **(self._panel(node) if shown else {"figures": [], "formulas": [], "field": None}),
        }

    def _panel(self, node: Node) -> dict[str, Any]:
        """What the panel says of a layer: its figures, the arithmetic behind them, and its receptive field."""
        return {
            "figures": self._figures((name, self.analysis.layer(name, node)) for name in _OF_A_LAYER),
            "formulas": [(line.what, printable(line.text)) for line in self.analysis.explain(node)],
            "field": field_of(self.analysis.facts, node),
        }

    def _span(self, span: Span) -> tuple[int | None, int | None]:
        if span.source is not self.source:
            return None, None
        return self.units(span.start), self.units(span.end)

    def _part(self, part: Part) -> int:
        place = len(self.rows)
        row: dict[str, Any] = {}
        self.rows.append(row)
        face = self.faces.face(part) if part is not self.parts.root else None
        nodes = [] if part.is_output else self.graph.nodes[part.start : part.stop]
        first = self.graph.nodes[part.start]
        is_root = part is self.parts.root
        summed = bool(nodes) and not is_root and (bool(part.members) or part.count > 1)  # others show their layers
        head = "" if is_root else head_text(part)
        kind = "output" if part.is_output else section(first) if part.is_layer else "closed"
        row.update({
            "name": printable(part.name), "start": part.start, "stop": part.stop, "count": part.count,
            "head": printable(head), "headWidth": text_width(head, SIZE, bold=True) + 18.0,
            "bold": printable(face.bold) if face else "", "plain": printable(face.plain) if face else "",
            "small": [printable(line) for line in face.small] if face else [],
            "width": face.width if face else 0.0, "height": face.height if face else 0.0,
            "section": kind, "aux": bool(first.aux), "output": part.is_output,
            "frame": part.is_frame,
            "values": {name: self.analysis.of(name, nodes) or 0 for name in COLOURS} if nodes else {},
            "figures": self._figures((name, self.analysis.of(name, nodes)) for name in _TOTALS) if summed else [],
            "span": self._span(part.region.span) if part.region is not None and not is_root else (None, None),
            "members": [], "level": None,
        })  # fmt: skip
        if part.is_layer:
            self.drawn.update(range(part.start, part.round_stop))
        if part.members:
            level = self.parts.level(part)
            row["members"] = [self._part(member) for member in level.members]
            row["level"] = {
                "wires": [(w.source, w.target, w.node) for w in level.wires],
                "entries": list(level.entries),
                "exits": list(level.exits),
                "plan": self._order(part),
            }
        return place

    def _order(self, part: Part) -> int:
        """The number of the order of a level; equal ones share one."""
        order = self.orders_of.of(part)
        if order not in self.plans:
            self.plans[order] = len(self.orders)
            self.orders.append(order)
        return self.plans[order]


def _plan(order: Ordered) -> dict[str, Any]:
    return {"count": order.count, "ranks": order.ranks, "links": order.links, "paths": order.paths}
