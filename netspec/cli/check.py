"""netspec check"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from netspec.cli.check_report import write_report
from netspec.cli.output import echo
from netspec.cli.report_options import read_report_options, report_options
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
        return checked.strict() if self.strict else checked


@click.command("check")
@click.argument("files", metavar="FILE...", nargs=-1)
@click.option("-e", "text", metavar="SPEC", help="Check this text instead of a file.")
@parameter_option
@report_options
@click.option("--fix", "fix", is_flag=True, help="Apply the safe fixes to the files, then check them.")
@click.option("--diff", "diff", is_flag=True, help="Show what --fix would change, without writing anything.")
@click.option("--strict", is_flag=True, help="Treat warnings and notes as errors.")
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
    fix: bool,
    diff: bool,
    strict: bool,
    lints: tuple[str, ...],
    expect: tuple[str, ...],
    limits: tuple[str, ...],
    **report: Any,
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
    options = read_report_options(**report)
    job = _Job(read_parameters(definitions), read_limits(limits), read_lints(lints), strict, expect)
    paths: tuple[str | None, ...] = files or (None,)
    results = [_one(path, text, job, fix=fix, diff=diff) for path in paths]
    if not diff:
        write_report(results, options)
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

            checked = fix_or_diff(checked, job.check, write=fix) or checked
        return checked
    except SpecError as error:
        return Checked(SourceFile("", str(path)), None, error.diagnostics)
