"""Repairs by the form of the text: layers put in, taken out or moved, labels moved, other numbers.

They are guesses; only those are shown with which the whole file checks (`trials`). The likeliest come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netspec.diagnostics import Diagnostic, Fix
from netspec.elaborate.places import places_in
from netspec.elaborate.repairs.figures import expected_figures, which_output
from netspec.elaborate.repairs.joins import fitting_joins, fitting_ties
from netspec.elaborate.repairs.kinds import other_kinds, which_input
from netspec.elaborate.repairs.names import other_arguments, other_values, unknown_names, unknown_options
from netspec.elaborate.repairs.scene import Scene, came_in
from netspec.elaborate.repairs.widths import dividing_channels
from netspec.elaborate.repairs.windows import fitting_windows
from netspec.graph import Graph
from netspec.syntax import tree as t

__all__ = ["repairs"]


def repairs(file: t.File, graph: Graph, finding: Diagnostic) -> Iterator[Fix]:
    """Edits that may mend a finding."""
    rule = _RULES.get(finding.code)
    if rule is None or finding.span is None or finding.span.source is not file.source:
        return
    places = places_in(file)
    around = [p for p in places if p.span.start <= finding.span.start and finding.span.end <= p.span.end]
    if not around and not places:
        return
    here = min(around, key=lambda p: p.span.end - p.span.start) if around else places[-1]
    yield from rule(Scene(file, graph, finding, places, here, came_in(graph, finding)))


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
