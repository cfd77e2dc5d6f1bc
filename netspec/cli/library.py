"""netspec library"""

from __future__ import annotations

import sys

import click

from netspec import library
from netspec.cli.output import echo, printing_console
from netspec.diagnostics import nearest
from netspec.library.reference import Entry, entries, entry, markdown

__all__ = ["command"]


@click.command("library")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--text", "as_text", is_flag=True, help="Print the files themselves.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the reference as Markdown (docs/library.md).")
def command(names: tuple[str, ...], as_text: bool, as_markdown: bool) -> None:
    """Show the blocks that `use <NAME>` brings in: their parameters, and what they are.

    Without a NAME, show all files of the library.
    """
    for name in names:
        if name not in library.names():
            near = nearest(name, library.names())
            raise click.UsageError(f"The library has no file `{name}`." + (f" Did you mean `{near}`?" if near else ""))
    if as_markdown:
        echo(markdown(), nl=False)
    elif as_text:
        for name in names or library.names():
            source = library.source(name)
            assert source is not None
            echo(source.text, nl=False)
    else:
        _print(list(map(entry, names)) if names else list(entries()))


def _print(shown: list[Entry]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    console = printing_console(sys.stdout)
    for i, e in enumerate(shown):
        if i:
            console.print()
        console.print(Text.assemble("use ", (f"<{e.name}>", "bold")))
        console.print(Text(e.text))
        for d in e.declared:
            console.print(Padding(Text(d.signature, style="bold"), (0, 0, 0, 2), expand=False))
            console.print(Padding(Text(d.text), (0, 0, 0, 4), expand=False))
