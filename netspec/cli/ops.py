"""netspec ops"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import click

from netspec.cli.output import echo, printing_console
from netspec.diagnostics import SpecError, nearest
from netspec.ops import CATALOGUE, JOINS, POSITIONS, outside
from netspec.ops.reference import Entry, entries, entry, markdown

if TYPE_CHECKING:
    from rich.text import Text

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
        op = next((ops[name.lower()] for ops in (CATALOGUE, JOINS, POSITIONS) if name.lower() in ops), None)
        if op is None and name.lower() in outside.offered():
            _print_outside(console, name.lower())
            continue
        if op is None:
            near = nearest(name, [*CATALOGUE, *JOINS, *POSITIONS, *outside.offered()])
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
        table.add_row(Text(e.name), _first_sentence(e))
    if outside.offered():
        table.add_row()
        table.add_row(Text("Installed packages", style="underline"), "")
    for name, (offer, *_) in outside.offered().items():
        try:
            shown = Text.assemble(_first_sentence(entry(outside.load(name))), (f"  {offer.package}", "dim"))
        except outside.Unusable as unusable:
            shown = Text(f"cannot be used: {unusable} ({offer.package})", style="red")
        table.add_row(Text(name), shown)
    console.print(table)  # type: ignore[attr-defined]


def _first_sentence(e: Entry) -> Text:
    from rich.text import Text

    return Text(re.split(r"(?<! al)\. ", e.text)[0].rstrip("."))


def _print_outside(console: object, name: str) -> None:
    """A layer of an installed package, which is loaded. Raises SpecError (NS215) where it cannot be used."""
    offer = outside.offered()[name][0]
    try:
        op = outside.load(name)
    except outside.Unusable as unusable:
        raise SpecError.of("NS215", f"{offer} cannot be used", notes=[str(unusable)]) from None
    _print_entry(console, entry(op))
    console.print(f"package     {offer.package}\n")  # type: ignore[attr-defined]


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
