"""netspec draw"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from netspec.analysis.figures import FIGURES
from netspec.cli.output import echo
from netspec.cli.specs import checked_model, limit_option, parameter_option, strict_option
from netspec.diagnostics.spelling import nearest
from netspec.model import Model

__all__ = ["command"]


def _one_figure(context: click.Context, option: click.Parameter, text: str) -> str:
    if "," in text:
        raise click.BadParameter(f"boxes have one color, so one figure: {text.split(',')[0]}; --columns writes several")
    return _figures(context, option, text)


def _figures(context: click.Context, option: click.Parameter, text: str) -> str:
    """Names of figures, separated by commas."""
    for name in filter(None, text.split(",")):
        if name not in FIGURES:
            near = nearest(name, FIGURES)
            raise click.BadParameter(f"{name} is no figure" + (f": did you mean {near}?" if near else ""))
    return text


@click.command("draw")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "-o",
    "output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    required=True,
    help="Output file: OUT.svg, .pdf, .png, .tex, .html or .dot.",
)
@click.option(
    "--style",
    type=click.Choice(["graph", "volumes", "table", "neurons", "tikz"]),
    default="graph",
    show_default=True,
    help="Boxes and lines, feature maps as volumes, a table of several specs, or the units of a small dense network; "
    "tikz: the graph as OUT.tex.",
)
@click.option(
    "--depth", metavar="N", type=click.IntRange(0), help="Levels of blocks to open (default: what one page shows)."
)
@click.option("--expand", metavar="NAME", multiple=True, help="Open this block or part; all: every layer, every round.")
@click.option(
    "--by", metavar="FIGURE", default="", callback=_one_figure, help="Color boxes by macs, params, memory, rf, ..."
)
@click.option(
    "--columns", metavar="FIGURES", default="", callback=_figures, help="Write figures in the boxes: params,macs"
)
@click.option(
    "--direction",
    type=click.Choice(["TB", "LR"], case_sensitive=False),
    help="Direction: top to bottom (TB, the default) or left to right (LR).",
)
@click.option(
    "--engine",
    type=click.Choice(["dot", "netspec"]),
    help="Layout of --style graph: dot of Graphviz (the default where it is installed), or netspec.",
)
@click.option(
    "--no-title",
    is_flag=True,
    help="Leave out the name of the network and its totals, for a figure with a caption.",
)
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True, help="Colors.")
@click.option(
    "--weights",
    metavar="FILE|RUN",
    type=click.Path(path_type=Path),
    help="Weights to write on the lines of --style neurons.",
)
@parameter_option
@strict_option
@limit_option
def command(
    files: tuple[str, ...],
    output: Path,
    style: str,
    depth: int | None,
    expand: tuple[str, ...],
    by: str,
    columns: str,
    direction: str | None,
    engine: str | None,
    no_title: bool,
    theme: str,
    weights: Path | None,
    definitions: tuple[str, ...],
    strict: bool,
    limits: tuple[str, ...],
) -> None:
    """Draw a spec. Blocks are folded so that the picture fits a page, and equal neighbors are drawn once, with their number.

    FILE is a .net file, or - for standard input; --style table takes several.
    """
    from netspec.cli.check_report import unknown_name
    from netspec.report.outline import UnknownPart
    from netspec.scene.drawing import draw, table_picture, write
    from netspec.scene.options import DrawOptions

    if style == "tikz":
        style = _graph_as_tikz(output)
    _require_options_of(
        style, output, direction=direction, engine=engine, by=by, columns=columns, depth=depth, expand=expand, weights=weights, no_title=no_title or None
    )  # fmt: skip
    if style != "table" and len(files) > 1:
        raise click.UsageError("several specs are for --style table")
    models: list[Model] = [checked_model(file, definitions, limits, strict=strict, any_size=True) for file in files]
    if style == "table":
        write(output, lambda: table_picture([model.graph for model in models], theme))
    else:
        figures = tuple(filter(None, columns.split(",")))
        options = DrawOptions.of(
            (direction or "TB").upper(), theme, depth, expand, by, figures, engine or "dot", title=not no_title
        )
        try:
            notes = draw(models[0].graph, output, style, options, weights)
        except UnknownPart as unknown:
            raise unknown_name("block or label", unknown.name, unknown.names) from None
        for note in notes:
            echo(f"note: {note}", err=True)
    count = sum(len(model.graph.layers) for model in models)
    echo(f"{output}: {count} layer{'s' if count > 1 else ''}")


def _graph_as_tikz(output: Path) -> str:
    """TikZ is a format that every style has; by its name as a style it is the graph."""
    if output.suffix.lower() != ".tex":
        raise click.UsageError(
            f"--style tikz writes TikZ, so OUT must end in .tex, not {output.suffix or 'nothing'}; every style can be"
            " written so: --style volumes -o OUT.tex"
        )
    return "graph"


_STYLES_OF = {
    "direction": ("graph",), "engine": ("graph",), "by": ("graph",), "columns": ("graph",), "depth": ("graph", "volumes"),
    "expand": ("graph", "volumes"), "weights": ("neurons",), "no_title": ("graph", "volumes", "neurons"),
}  # fmt: skip


def _require_options_of(style: str, output: Path, **given: Any) -> None:
    """Raises UsageError for an option that the style does not have."""
    for name, value in given.items():
        if value not in (None, "", ()) and style not in _STYLES_OF[name]:
            raise click.UsageError(
                f"--{name.replace('_', '-')} is for {' and '.join(f'--style {s}' for s in _STYLES_OF[name])}"
            )
    if style != "graph" and output.suffix.lower() == ".dot":
        raise click.UsageError(".dot is for --style graph")
    if given["engine"] is not None and output.suffix.lower() == ".dot":
        raise click.UsageError("--engine is for pictures: a .dot file has no layout yet")
