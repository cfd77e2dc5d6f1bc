"""netspec ops"""

from __future__ import annotations

import re
import sys

import click

from netspec.cli.output import echo, printing_console
from netspec.diagnostics import nearest
from netspec.ops import CATALOGUE, JOINS
from netspec.ops.reference import Entry, entries, entry, markdown

__all__ = ["command"]


@click.command("ops")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--markdown", "as_markdown", is_flag=True, help="Print the reference of all layers as Markdown (docs/ops.md)."
)
def command(names: tuple[str, ...], as_markdown: bool) -> None:
    """Show what a layer does: its options with types, defaults and bounds, its formulas, and an example.

    Without a NAME, list all layers.
    """
    if as_markdown:
        echo(markdown(), nl=False)
        return

    console = printing_console(sys.stdout)
    if not names:
        _print_list(console)
    for name in names:
        op = CATALOGUE.get(name.lower()) or JOINS.get(name.lower())
        if op is None:
            near = nearest(name, [*CATALOGUE, *JOINS])
            raise click.UsageError(f"There is no layer `{name}`." + (f" Did you mean `{near}`?" if near else ""))
        _print_entry(console, entry(op))


def _print_list(console: object) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    section = ""
    for e in entries():
        if e.section != section:
            section = e.section
            table.add_row()
            table.add_row(Text(section, style="underline"), "")
        table.add_row(Text(e.name), Text(re.split(r"(?<! al)\. ", e.text)[0].rstrip(".")))
    console.print(table)  # type: ignore[attr-defined]


def _print_entry(console: object, e: Entry) -> None:
    from rich.table import Table
    from rich.text import Text

    show = console.print  # type: ignore[attr-defined]
    also = f"   also {', '.join(e.aliases)}" if e.aliases else ""
    show(Text.assemble((e.name, "bold"), also))
    show(Text(e.text))
    if e.options:
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for title in ("option", "syntax", "value", "default", ""):
            table.add_column(title, no_wrap=title == "option")
        for o in e.options:
            table.add_row(*(Text(v.replace("`", "")) for v in (o.name, o.written, o.takes, o.default, o.doc)))
        show()
        show(table)
    show()
    show(Text(f"output      {e.shape}"))
    show(Text(f"parameters  {e.params}"))
    show(Text(f"example     {e.example}\n"))
