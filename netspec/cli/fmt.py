"""netspec fmt"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import click

from netspec.cli.output import echo, echo_verbatim
from netspec.cli.specs import limit_option, print_diagnostics, read_limits, read_spec
from netspec.diagnostics import Diagnostics, SpecError
from netspec.elaborate.limits import Limits
from netspec.source import SourceFile

__all__ = ["command"]


@click.command("fmt")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--check", "only_check", is_flag=True, help="Do not write; show the changes, and exit with 1 if there are any."
)
@limit_option
def command(files: tuple[str, ...], only_check: bool, limits: tuple[str, ...]) -> None:
    """Format specs. Comments are preserved, and the meaning does not change.

    FILE is a .net file, formatted in place, or - for standard input, formatted to standard output.
    """
    bounds = read_limits(limits)
    results = [_format(path, only_check, bounds) for path in files]
    sys.exit(0 if all(results) else 1)


def _format(path: str, only_check: bool, limits: Limits) -> bool:
    """Whether the file could be parsed and, with --check, is formatted."""
    try:
        source = read_spec(path, limits)
        diagnostics = Diagnostics()
        text = formatted(source, diagnostics)
        if text is None:
            print_diagnostics(diagnostics)
            return False
        if only_check:
            return _show_difference(path, source.text, text)
        if path == "-":
            echo_verbatim(text, nl=False)  # the spec itself
        elif text.encode() != Path(path).read_bytes():
            _write(Path(path), text)
    except SpecError as error:
        print_diagnostics(error.diagnostics)
        return False
    return True


def formatted(source: SourceFile, diagnostics: Diagnostics) -> str | None:
    """The formatted text of a source; None if it has syntax errors. The result is verified to have the same meaning."""
    from netspec.fixes.explain import explain_syntax
    from netspec.syntax import parse
    from netspec.syntax.formatter import format_tree, same_meaning

    tree = parse(source, diagnostics, explain=explain_syntax)
    if tree is None:
        return None
    text = format_tree(tree)
    again = parse(SourceFile(text, source.name, source.path), Diagnostics())
    if again is None or not same_meaning(tree, again):
        raise SpecError.of(
            "NS101", f"{source.name} could not be formatted without changing its meaning; it was left unchanged"
        )
    return text


def _write(path: Path, text: str) -> None:
    from netspec.files import atomic_write

    with atomic_write(path) as file:
        file.write(text.encode())
    echo(f"{path}: formatted")


def _show_difference(path: str, before: str, after: str) -> bool:
    if before == after:
        return True
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), path, f"{path} (formatted)"
    )
    echo("".join(lines), nl=False)
    return False
