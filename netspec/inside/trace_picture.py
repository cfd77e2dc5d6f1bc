"""A trace as a picture: a small network as a circuit with its numbers, a large one with statistics in its boxes."""

from __future__ import annotations

from pathlib import Path

from netspec.analysis.analysis import Analysis
from netspec.inside.statistics import Statistics, numbers_text
from netspec.inside.traced import TracedTensors
from netspec.scene.circuit_style import drawn_as_circuit
from netspec.scene.drawing import write
from netspec.scene.faces import Note
from netspec.scene.figure import Figure
from netspec.scene.graph_style import drawn_as_graph
from netspec.scene.options import DrawOptions
from netspec.scene.parts import Part

__all__ = ["picture_of", "write_picture"]

_MOST_CIRCLES = 40


def write_picture(trace: TracedTensors, path: Path, theme: str) -> None:
    """Raises SpecError (NS501, NS502, NS505)."""
    write(path, lambda: picture_of(trace, theme))


def picture_of(trace: TracedTensors, theme: str = "light") -> Figure:
    graph = trace.graph
    at = {node.name: node.index for node in graph.nodes}
    if trace.is_small and len(trace.tensors) <= _MOST_CIRCLES:
        values = {at[t.name]: numbers_text(t.value) for t in trace.tensors}
        gradients = {at[t.name]: numbers_text(t.gradient) for t in trace.tensors if t.gradient is not None}
        return drawn_as_circuit(graph, values, gradients, graph.name, theme)
    known = {at[t.name]: t for t in trace.tensors}

    def note(part: Part) -> Note | None:
        traced = known.get(part.stop - 1)
        if traced is None or part.is_output:
            return None
        of, back = traced.statistics, traced.gradient_statistics
        lines = [_words(of)]
        if back is not None:
            lines.append(f"gradient {_words(back)}")
        most = max(of.histogram, default=0)
        return Note(tuple(lines), tuple(n / most for n in of.histogram) if most else ())

    return drawn_as_graph(graph, Analysis(graph), DrawOptions(theme=theme), note)


def _words(of: Statistics) -> str:
    zeros = f", {of.zeros:.0%} zero" if of.zeros else ""
    return f"mean {of.mean:.3g}, std {of.std:.3g}{zeros}"
