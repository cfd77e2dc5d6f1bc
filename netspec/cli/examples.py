"""netspec examples"""

from __future__ import annotations

import sys

import click

from netspec.cli.output import color_wanted, columns, echo, echo_json, echo_verbatim
from netspec.gallery import Example, examples

__all__ = ["command"]


@click.command("examples")
@click.argument("words", metavar="[WORD]...", nargs=-1)
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "csv", "markdown"]), default="table", help="Output format (default: table)."
)  # fmt: skip
def command(words: tuple[str, ...], form: str) -> None:
    """List the examples with their parameters, MACs, year and paper. `netspec new NAME` copies one.

    With WORDs, list only examples whose name, title or paper contains each of them.
    """
    shown = [e for e in examples() if all(word.lower() in _text(e) for word in words)]
    if form == "json":
        echo_json([_record(e) for e in shown])
        return
    if not shown:
        echo(f"No example contains {' and '.join(words)}.", err=True)
    from netspec.report.badge import short
    from netspec.report.table_formats import Entry, Heading, Row, Table
    from netspec.report.terminal import terminal_lines

    headings = [
        Heading("name", "name"), Heading("year", "year", right=True), Heading("params", "params", right=True),
        Heading("macs", "MACs", right=True), Heading("about", "network or paper", narrow="cut"),
    ]  # fmt: skip
    rows = [
        Row([
            Entry(e.name, e.name), Entry(str(e.about.year or ""), e.about.year), Entry(short(e.params), e.params),
            Entry(short(e.macs), e.macs), Entry(e.about.paper or e.about.title, e.about.paper or e.about.title),
        ])
        for e in shown
    ]  # fmt: skip
    table = Table("", headings, rows)
    if form != "table":
        echo_verbatim(table.write(form), nl=False)
        return
    for line in terminal_lines(table, room=columns(sys.stdout), color=color_wanted(sys.stdout)):
        echo_verbatim(line)


def _text(e: Example) -> str:
    return f"{e.name} {e.about.title} {e.about.paper}".lower()


def _record(e: Example) -> dict[str, object]:
    return {
        "name": e.name, "title": e.about.title, "year": e.about.year, "paper": e.about.paper or None,
        "params": e.params, "macs": e.macs, "parameters": e.parameters,
    }  # fmt: skip
