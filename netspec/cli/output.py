"""Everything that the commands print goes through here.

Names of classes, tensors and files come from outside, and may hold what drives a terminal: `echo` and the consoles
show such characters escaped, `\\x1b` for an escape character. JSON is escaped by its own rules.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["colour_wanted", "columns", "echo", "echo_json", "echo_verbatim", "printing_console"]


def columns(stream: Any) -> int:
    """The width to print at: the terminal's (or COLUMNS), at most 160."""
    return max(40, min(160, shutil.get_terminal_size((100, 24)).columns)) if stream.isatty() else _columns_variable()


def _columns_variable() -> int:
    return max(40, min(400, shutil.get_terminal_size((100, 24)).columns))


def colour_wanted(stream: Any) -> bool:
    """Colours on a terminal, unless NO_COLOR is set."""
    import os

    return bool(stream.isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def echo(text: str, *, err: bool = False, nl: bool = True, **style: Any) -> None:
    """Prints a text of any origin, in one style."""
    shown = "\t".join(map(_shown, text.split("\t")))
    click.echo(click.style(shown, **style) if style else shown, err=err, nl=nl)


def _shown(text: str) -> str:
    if text.replace("\n", "").isprintable():
        return text
    from netspec.diagnostics.display import printable

    return printable(text)


def echo_verbatim(text: str, *, err: bool = False, nl: bool = True, color: bool | None = None) -> None:
    """Prints what is safe already: text that was escaped where it was made, or a document of ours."""
    click.echo(text, err=err, nl=nl, color=color)


def echo_json(value: Any) -> None:
    """Prints a value as an indented JSON document."""
    from netspec.diagnostics.display import json_printable

    click.echo(json_printable(json.dumps(value, indent=2, ensure_ascii=False)))


def printing_console(stream: Any, **options: Any) -> Console:
    """A console of rich in the width of a stream; what is printed on it is escaped as by `echo`."""
    from rich.console import Console

    console = Console(
        file=stream, width=columns(stream), no_color=not colour_wanted(stream), highlight=False, markup=False, **options
    )
    console.push_render_hook(_escaping_hook())
    return console


def _escaping_hook() -> Any:
    from rich.console import RenderHook
    from rich.segment import Segment

    class Escaped:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __rich_console__(self, console: Any, options: Any) -> Any:
            for segment in console.render(self.inner, options):
                yield segment if segment.control else Segment(_shown(segment.text), segment.style)

    class EscapingHook(RenderHook):
        def process_renderables(self, renderables: list[Any]) -> list[Any]:
            return [Escaped(renderable) for renderable in renderables]

    return EscapingHook()
