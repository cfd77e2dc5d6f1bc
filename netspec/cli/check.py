"""netspec check"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from netspec.cli.specs import (
    colour_wanted,
    columns,
    limit_option,
    parameter_option,
    print_diagnostics,
    read_limits,
    read_parameters,
    read_spec,
    run_check,
)
from netspec.diagnostics import Diagnostic, SpecError
from netspec.diagnostics.terminal import summary
from netspec.model import Checked
from netspec.source import SourceFile

__all__ = ["command"]


@click.command("check")
@click.argument("files", metavar="FILE...", nargs=-1)
@click.option("-e", "text", metavar="SPEC", help="Check this text instead of a file.")
@parameter_option
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", help="How to print the report."
)
@click.option("--all", "everything", is_flag=True, help="Show every layer, however many there are.")
@limit_option
def command(
    files: tuple[str, ...],
    text: str | None,
    definitions: tuple[str, ...],
    form: str,
    everything: bool,
    limits: tuple[str, ...],
) -> None:
    """Check specs: infer every shape, count parameters and MACs, report what is wrong.

    FILE is a .net file, or - for standard input.
    """
    if bool(files) == (text is not None):
        raise click.UsageError(
            "Name a FILE to check, or give a spec with -e." if not files else "Give files or -e, not both."
        )
    bounds = read_limits(limits)
    parameters = read_parameters(definitions)
    failed = False
    reports = []
    for path in files or (None,):
        try:
            source = SourceFile(text or "", "<-e>") if path is None else read_spec(path, bounds)
            checked = run_check(source, parameters, bounds)
            findings: tuple[Diagnostic, ...] = checked.diagnostics
        except SpecError as error:
            checked = Checked(SourceFile("", str(path)), None, error.diagnostics)
            findings = error.diagnostics
        failed |= not checked.ok
        if form == "json":
            from netspec.report.schema import report_of

            reports.append(report_of(checked, findings))
        else:
            _print_table(checked, everything, last=path in (None, files[-1] if files else None))
    if form == "json":
        _print_json(reports)
    sys.exit(1 if failed else 0)


def _print_table(checked: Checked, everything: bool, *, last: bool) -> None:
    if checked.library:
        click.echo(f"{checked.source.name}: declares {', '.join(checked.library)} for other files to `use`")
    elif checked.ok:
        from rich.console import Console

        from netspec.report.table import print_report

        wide = columns(sys.stdout)
        console = Console(width=wide, no_color=not colour_wanted(sys.stdout), highlight=False, soft_wrap=False)
        print_report(checked.model(), console, everything=everything)
        if not last:
            console.print()
    sys.stdout.flush()
    print_diagnostics(checked.diagnostics)
    counts = summary(checked.diagnostics)
    if counts:
        click.echo(f"{checked.source.name}: {counts}", err=True)


def _print_json(reports: Sequence[object]) -> None:
    """One report as an object; those of several files as a list."""
    import json

    data = [report.model_dump(mode="json", by_alias=True) for report in reports]  # type: ignore[attr-defined]
    click.echo(json.dumps(data[0] if len(data) == 1 else data, indent=2, ensure_ascii=False))
