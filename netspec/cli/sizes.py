"""netspec sizes"""

from __future__ import annotations

import sys

import click

from netspec.cli.output import color_wanted, columns, echo_json, echo_verbatim
from netspec.cli.specs import (
    limit_option,
    parameter_option,
    print_diagnostics,
    read_limits,
    read_parameters,
    read_spec,
    run_check,
)

__all__ = ["command"]


@click.command("sizes")
@click.argument("file", metavar="FILE")
@parameter_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Output format.")
@click.option(
    "--all", "everything", is_flag=True, help="Show every layer, also those with the shape of the one before."
)
@limit_option
def command(file: str, definitions: tuple[str, ...], form: str, everything: bool, limits: tuple[str, ...]) -> None:
    """Show which input sizes a spec takes: the smallest, those that tile, and every shape as a form of H and W.

    FILE is a .net file, or - for standard input. The sizes of its inputs are left open: every size up to 65,536 is
    answered at once. Exits with 1 if it takes none.
    """
    from netspec.report.sizes import SizesReport, sizes_data, sizes_lines
    from netspec.survey import survey_of

    bounds, parameters = read_limits(limits), read_parameters(definitions)
    source = read_spec(file, bounds)
    checked = run_check(source, parameters, bounds)
    if checked.library:
        checked.model()  # which says why it has no sizes
    found = survey_of(source, parameters, bounds)
    print_diagnostics(d for d in checked.diagnostics if d.is_error)
    if found is None or not (found.survey.networks or found.survey.undecided):
        sys.exit(1)
    name = checked.graph.name if checked.graph is not None else source.name
    report = SizesReport(source.name, name, found.survey, found.declared)
    if form == "json":
        echo_json(sizes_data(report))
    else:
        color = color_wanted(sys.stdout)
        lines = sizes_lines(report, columns=columns(sys.stdout), color=color, everything=everything)
        echo_verbatim("\n".join(lines), color=color)
    sys.exit(0 if checked.ok else 1)
