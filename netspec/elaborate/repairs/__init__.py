"""Repairs by the form of the text: layers put in, taken out or moved, labels moved, other numbers.

They are guesses; only those are shown with which the whole file checks (`trials`). The likeliest come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from netspec.diagnostics import Diagnostic, Fix
from netspec.elaborate.places import StepRef, places_in
from netspec.elaborate.repairs.figures import expected_figures, which_output
from netspec.elaborate.repairs.joins import fitting_joins, fitting_ties
from netspec.elaborate.repairs.kinds import other_kinds, which_input
from netspec.elaborate.repairs.names import other_arguments, other_values, unknown_names, unknown_options
from netspec.elaborate.repairs.scene import Scene, came_in
from netspec.elaborate.repairs.widths import dividing_channels
from netspec.elaborate.repairs.windows import fitting_windows
from netspec.graph import Graph, Node
from netspec.source import Span
from netspec.syntax import tree as t

__all__ = ["Repairs"]


class Repairs:
    """The repairs of a file. Called with a finding, it gives edits that may mend it."""

    def __init__(self, file: t.File, graph: Graph) -> None:
        self.file, self.graph = file, graph

    @cached_property
    def places(self) -> list[StepRef]:
        return places_in(self.file)

    @cached_property
    def nodes(self) -> dict[Span, list[Node]]:
        """The layers by where they are written."""
        found: dict[Span, list[Node]] = {}
        for node in self.graph.nodes:
            found.setdefault(node.span, []).append(node)
        return found

    def __call__(self, finding: Diagnostic) -> Iterator[Fix]:
        rule, span = _RULES.get(finding.code), finding.span
        if rule is None or span is None or span.source is not self.file.source or not self.places:
            return
        around = [p for p in self.places if p.span.start <= span.start and span.end <= p.span.end]
        here = min(around, key=lambda p: p.span.end - p.span.start) if around else self.places[-1]
        arrived = came_in(self.graph, finding)
        yield from rule(Scene(self.file, self.graph, self.nodes, finding, self.places, here, arrived))


_RULES: dict[str, Callable[[Scene], Iterator[Fix]]] = {
    "NS202": unknown_options,
    "NS203": other_arguments,
    "NS204": other_values,
    "NS205": other_values,
    "NS206": other_arguments,
    "NS207": other_arguments,
    "NS208": unknown_names,
    "NS301": fitting_windows,
    "NS302": fitting_windows,
    "NS303": other_kinds,
    "NS304": dividing_channels,
    "NS306": fitting_joins,
    "NS307": fitting_ties,
    "NS308": which_input,
    "NS401": expected_figures,
    "NS402": which_output,
}
