"""netspec check"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import click

from netspec.cli.output import color_wanted, columns, echo, echo_json, echo_verbatim
from netspec.cli.specs import (
    limit_option,
    parameter_option,
    print_diagnostics,
    read_limits,
    read_lints,
    read_parameters,
    read_spec,
    run_check,
    with_lints,
)
from netspec.diagnostics import SpecError
from netspec.diagnostics.terminal import summary
from netspec.elaborate.limits import Limits
from netspec.model import Checked
from netspec.source import SourceFile

__all__ = ["command"]

_FORMATS = ("table", "json", "jsonl", "sarif", "github")


@dataclass(frozen=True, slots=True)
class _Job:
    """The options that apply to every file."""

    parameters: dict[str, Any]
    limits: Limits
    lints: frozenset[str]
    strict: bool
    expect: tuple[str, ...]

    def source(self, path: str | None, text: str | None) -> SourceFile:
        return SourceFile(text or "", "<-e>") if path is None else read_spec(path, self.limits)

    def check(self, source: SourceFile) -> Checked:
        checked = with_lints(run_check(source, self.parameters, self.limits, self.expect), self.lints)
        if self.strict and not all(d.is_error for d in checked.diagnostics):
            strict = tuple(replace(d, severity="error") for d in checked.diagnostics)
            checked = replace(checked, diagnostics=strict)
        return checked


@click.command("check")
@click.argument("files", metavar="FILE...", nargs=-1)
@click.option("-e", "text", metavar="SPEC", help="Check this text instead of a file.")
@parameter_option
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="table",
    help="Output format: the table or the JSON report; or only the diagnostics, as JSON lines (jsonl), "
    "SARIF 2.1.0, or GitHub workflow commands.",
)
@click.option("--all", "everything", is_flag=True, help="Show every layer, even of large networks.")
@click.option("--fix", "fix", is_flag=True, help="Apply the safe fixes to the files, then check them.")
@click.option("--diff", "diff", is_flag=True, help="Show what --fix would change, without writing anything.")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@click.option("--lint", "lints", metavar="CODE", multiple=True, help="Enable a lint that is off by default (or: all).")
@click.option(
    "--expect",
    "expect",
    metavar="CONDITION",
    multiple=True,
    help="Also check this expectation, such as 'params <= 5M'.",
)
@limit_option
def command(
    files: tuple[str, ...],
    text: str | None,
    definitions: tuple[str, ...],
    form: str,
    everything: bool,
    fix: bool,
    diff: bool,
    strict: bool,
    lints: tuple[str, ...],
    expect: tuple[str, ...],
    limits: tuple[str, ...],
) -> None:
    """Check specs: infer all shapes, count parameters and MACs, and report errors.

    FILE is a .net file, or - for standard input.
    """
    if bool(files) == (text is not None):
        raise click.UsageError(
            "Give a FILE to check, or a spec with -e." if not files else "Give either files or -e, not both."
        )
    if fix and diff:
        raise click.UsageError("Give either --fix or --diff, not both.")
    if fix and (text is not None or "-" in files):
        raise click.UsageError("--fix changes files. For text given with -e or on standard input, use --diff.")
    job = _Job(read_parameters(definitions), read_limits(limits), read_lints(lints), strict, expect)
    paths: tuple[str | None, ...] = files or (None,)
    results = [_one(path, text, job, fix=fix, diff=diff) for path in paths]
    if not diff:
        _print(results, form, everything)
    else:
        _explain_no_difference(results)
    sys.exit(0 if all(checked.ok for checked in results) else 1)


def _explain_no_difference(results: Sequence[Checked]) -> None:
    """What is wrong and stays wrong, where no safe fix changes the file."""
    for checked in results:
        if not checked.ok and not any(f.safe for d in checked.diagnostics for f in d.fixes):
            print_diagnostics(checked.diagnostics)
            echo(f"{checked.source.name}: {summary(checked.diagnostics)}; no safe fix applies", err=True)


def _one(path: str | None, text: str | None, job: _Job, *, fix: bool, diff: bool) -> Checked:
    try:
        source = job.source(path, text)
        checked = job.check(source)
        if (fix or diff) and any(f.safe for d in checked.diagnostics for f in d.fixes):
            from netspec.cli.fix import fix_or_diff

            checked = fix_or_diff(source, job.check, write=fix) or checked
        return checked
    except SpecError as error:
        return Checked(SourceFile("", str(path)), None, error.diagnostics)


def _print(results: Sequence[Checked], form: str, everything: bool) -> None:
    if form == "table":
        for checked in results:
            _print_table(checked, everything, last=checked is results[-1])
        return
    if form == "json":
        from netspec.report.schema import report_of

        _print_json([report_of(checked.source, checked.graph, checked.diagnostics) for checked in results])
        return
    from netspec.report import output_formats as formats

    found = [(checked.source.name, d) for checked in results for d in checked.diagnostics]
    if form == "sarif":
        import netspec

        echo_verbatim(formats.sarif(found, netspec.__version__), nl=False)
    else:
        echo_verbatim((formats.json_lines if form == "jsonl" else formats.github)(found), nl=False)


def _print_table(checked: Checked, everything: bool, *, last: bool) -> None:
    if checked.library:
        echo(f"{checked.source.name}: a library that declares {', '.join(checked.library)}")
    elif checked.graph is not None and (checked.ok or len(checked.graph.layers) > 0):
        from netspec.report.table import report_lines

        color = color_wanted(sys.stdout)
        lines = report_lines(checked.graph, columns=columns(sys.stdout), color=color, everything=everything)
        echo_verbatim("\n".join(lines), color=color)
        if not last or not checked.ok:
            echo_verbatim("")
    sys.stdout.flush()
    print_diagnostics(checked.diagnostics)
    counts = summary(checked.diagnostics)
    if counts:
        echo(f"{checked.source.name}: {counts}", err=True)


def _print_json(reports: Sequence[object]) -> None:
    """A single report as an object, several reports as a list."""

    data = [report.model_dump(mode="json", by_alias=True) for report in reports]  # type: ignore[attr-defined]
    echo_json(data[0] if len(data) == 1 else data)
