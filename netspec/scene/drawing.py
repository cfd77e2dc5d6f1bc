"""`draw`: a picture of a network in a style, written in the format of the file's ending. A style is imported when it is asked for."""

from __future__ import annotations

import html
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from netspec.analysis.analysis import Analysis
from netspec.diagnostics import SpecError
from netspec.diagnostics.display import printable
from netspec.files import atomic_write
from netspec.graph import Graph
from netspec.scene.dot import as_dot
from netspec.scene.figure import Figure
from netspec.scene.graph_style import drawn_as_graph
from netspec.scene.options import STYLES, DrawOptions
from netspec.scene.pdf import as_pdf
from netspec.scene.png import as_png
from netspec.scene.rows import page_scale
from netspec.scene.svg import SVG, as_svg
from netspec.scene.tex import as_tex

__all__ = ["FORMATS", "draw", "drawn", "picture", "table_picture", "write"]

_LEGIBLE = 0.6
"""A picture that a page shows at less than this share of its size is drawn with fewer blocks open."""
Weights: TypeAlias = "str | Path | Mapping[str, Any] | None"


def picture(graph: Graph, style: str = "graph", options: DrawOptions | None = None, weights: Weights = None) -> Figure:
    """A picture of a checked network. Raises SpecError (NS501) where the style cannot show it, NS503 where the weights,
    which only `neurons` shows, do not fit, ValueError for an unknown style."""
    if style not in STYLES:
        raise ValueError(f"style is {', '.join(STYLES[:-1])} or {STYLES[-1]}, not {style}")
    options = options or DrawOptions()
    if style == "neurons":
        from netspec.scene.neurons_style import drawn_as_neurons
        from netspec.weights import open_weights

        source = open_weights(graph, weights, 0) if weights is not None else None
        return drawn_as_neurons(graph, options, source)
    if style == "table":
        return table_picture([graph], options.theme)
    drawn = _drawn_as(style)
    analysis = Analysis(graph)
    found = [drawn(graph, analysis, options)]
    for depth in (1, 0) if options.depth is None and options.open is None and not options.expand else ():
        if _scale(found[-1]) >= _LEGIBLE:
            return found[-1]
        found.append(drawn(graph, analysis, replace(options, depth=depth)))
    return max(found, key=_scale)


def _drawn_as(style: str) -> Callable[[Graph, Analysis, DrawOptions], Figure]:
    if style == "volumes":
        from netspec.scene.volumes_style import drawn_as_volumes

        return drawn_as_volumes
    return drawn_as_graph


def _scale(figure: Figure) -> float:
    return page_scale(figure.width, figure.height)


def _as_html(figure: Figure) -> str:
    """A page with nothing but the picture."""
    head = f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{html.escape(printable(figure.title))}</title>\n'
    return f'{head}<body style="margin: 0; background: {figure.background}">\n{as_svg(figure)}</body>\n</html>\n'


def table_picture(graphs: Sequence[Graph], theme: str = "light") -> Figure:
    """Networks side by side, as in the tables of papers."""
    from netspec.report.configuration import configuration
    from netspec.scene.table_style import drawn_as_table

    return drawn_as_table(configuration(graphs), theme)


_WRITERS: Mapping[str, Callable[[Figure], str | bytes]] = MappingProxyType(
    {"svg": as_svg, "pdf": as_pdf, "png": as_png, "tex": as_tex, "html": _as_html}
)
FORMATS = (*_WRITERS, "dot")


def draw(
    graph: Graph, path: Path, style: str = "graph", options: DrawOptions | None = None, weights: Weights = None
) -> list[str]:
    """Writes a picture in the format of the path's ending; `.dot` is for Graphviz, which then does the layout. Returns the
    notes on it.

    Raises SpecError: NS505 for another ending, NS502 where a package is missing, NS501 where the style cannot show the
    network or the file cannot be written.
    """
    if path.suffix.lower() != ".dot":
        return write(path, lambda: picture(graph, style, options, weights))
    text = as_dot(graph, Analysis(graph), options or DrawOptions())
    with atomic_write(path) as file:
        file.write(text.encode())
    return []


def drawn(
    graph: Graph, path: str | Path | None, style: str, options: DrawOptions, weights: Weights = None
) -> SVG | None:
    """`draw`, or without a path the SVG, for callers in Python: notes on the picture are warnings."""
    if path is not None:
        made, notes = None, draw(graph, Path(path), style, options, weights)
    else:
        figure = picture(graph, style, options, weights)
        made, notes = SVG(as_svg(figure)), figure.notes
    for note in notes:
        warnings.warn(note, stacklevel=3)
    return made


def write(path: Path, made: Callable[[], Figure]) -> list[str]:
    """Writes a figure in the format of the path's ending, and returns its notes. Raises SpecError (NS501, NS502, NS505)."""
    form = path.suffix.lower().lstrip(".")
    if form not in _WRITERS:
        raise SpecError.of(
            "NS505",
            f"{path.name} does not end in a format that can be drawn",
            helps=[f"formats: {', '.join('.' + f for f in FORMATS)}"],
        )
    figure = made()
    data = _WRITERS[form](figure)
    with atomic_write(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)
    return figure.notes
