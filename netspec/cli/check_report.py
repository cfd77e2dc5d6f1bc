"""Prints or writes what `check` found, in the requested format."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from netspec.analysis.analysis import Analysis
from netspec.cli.output import color_wanted, columns, echo, echo_verbatim, json_text
from netspec.cli.report_options import DIAGNOSTICS, TABLES, ReportOptions
from netspec.cli.specs import print_diagnostics
from netspec.diagnostics import nearest
from netspec.diagnostics.terminal import summary
from netspec.graph import Graph
from netspec.model import Checked
from netspec.report.explanation import UnknownLayer
from netspec.report.outline import UnknownPart

__all__ = ["unknown_name", "write_report"]


def write_report(results: Sequence[Checked], options: ReportOptions) -> None:
    """Raises UsageError for a part that a network does not have; SystemExit(1) if the file cannot be written."""
    try:
        if options.form == "table" and options.output is None:
            for checked in results:
                _print_table(checked, options, last=checked is results[-1])
            return
        text = _text(results, options)
    except UnknownPart as unknown:
        raise unknown_name("block or label", unknown.name, unknown.names) from None
    except UnknownLayer as unknown:
        if not all(checked.ok for checked in results):  # it may be one of those in error
            for checked in results:
                _print_diagnostics(checked)
            return
        raise unknown_name("layer or label", unknown.name, unknown.names) from None
    if options.form in ("table", *TABLES):
        for checked in results:
            _print_diagnostics(checked)
    if options.output is None:
        echo_verbatim(text, nl=False)
    elif options.form in ("json", *DIAGNOSTICS) or all(checked.ok for checked in results):
        _write(options.output, text)


def unknown_name(what: str, name: str, names: Sequence[str]) -> click.UsageError:
    near = nearest(name, names)
    hint = f" Did you mean `{near}`?" if near else ""
    more = ", …" if len(names) > 40 else ""
    known = f" It has {', '.join(names[:40])}{more}." if names else f" It has no {what}."
    return click.UsageError(f"The net has no {what} `{name}`.{hint}{known}")


def _write(path: Path, text: str) -> None:
    from netspec.files import atomic_write

    with atomic_write(path) as file:
        file.write(text.encode())
    echo(f"{path}: {len(text.splitlines()):,} lines", err=True)


def _text(results: Sequence[Checked], options: ReportOptions) -> str:
    if options.form == "table":
        return "\n".join(_lines(checked.graph, options) for checked in results if checked.graph is not None)
    if options.form == "json":
        return _json(results, options)
    if options.form in TABLES:
        return _tables(results, options)
    from netspec.report import output_formats as formats

    found = [(checked.source.name, d) for checked in results for d in checked.diagnostics]
    if options.form == "diagnostics":
        return formats.text(found, columns(sys.stdout))
    if options.form == "sarif":
        import netspec

        return formats.sarif(found, netspec.__version__)
    return (formats.json_lines if options.form == "jsonl" else formats.github)(found)


def _lines(graph: Graph, options: ReportOptions, *, color: bool = False) -> str:
    from netspec.report.table import report_lines

    room = columns(sys.stdout)
    analysis = Analysis(graph, options.conditions)
    if options.explain is not None:
        from netspec.report.explanation import explanation_lines

        return "".join(f"{line}\n" for line in explanation_lines(analysis, options.explain, columns=room, color=color))
    lines = report_lines(
        analysis, columns=room, color=color, chosen=options.columns, view=options.view, fits=options.fits
    )
    return "".join(f"{line}\n" for line in lines)


def _tables(results: Sequence[Checked], options: ReportOptions) -> str:
    """The tables of specs without errors; in CSV as one."""
    from netspec.report.network_table import layer_table, network_table, with_column
    from netspec.report.outline import View
    from netspec.report.table_formats import WRITERS

    graphs = [(c.source.name, c.graph) for c in results if c.ok and c.graph is not None]
    if options.form != "csv":
        tables = [
            network_table(Analysis(graph, options.conditions), options.columns, options.view) for _, graph in graphs
        ]
        return "\n".join(map(WRITERS[options.form], tables))
    view = options.view if options.view != View() else None
    named = [(name, layer_table(Analysis(graph, options.conditions), options.columns, view)) for name, graph in graphs]
    if not named:
        return ""
    return WRITERS["csv"](named[0][1] if len(results) == 1 else with_column("file", named))


def _json(results: Sequence[Checked], options: ReportOptions) -> str:
    """A single report as an object, several reports as a list."""
    from netspec.report.schema import report_of

    names = options.columns if options.columns != ("default",) else ()
    reports = [
        report_of(checked.source, checked.graph, checked.diagnostics, names, options.conditions) for checked in results
    ]
    data = [report.model_dump(mode="json", by_alias=True) for report in reports]
    return json_text(data[0] if len(data) == 1 else data)


def _print_table(checked: Checked, options: ReportOptions, *, last: bool) -> None:
    if checked.library:
        echo(f"{checked.source.name}: a library that declares {', '.join(checked.library)}")
    elif checked.graph is not None and (checked.ok or len(checked.graph.layers) > 0):
        color = color_wanted(sys.stdout)
        echo_verbatim(_lines(checked.graph, options, color=color), nl=False, color=color)
        if not last or not checked.ok:
            echo_verbatim("")
    sys.stdout.flush()
    _print_diagnostics(checked)


def _print_diagnostics(checked: Checked) -> None:
    print_diagnostics(checked.diagnostics)
    counts = summary(checked.diagnostics)
    if counts:
        echo(f"{checked.source.name}: {counts}", err=True)
