"""All output of the commands.

Names of classes, tensors and files are untrusted and may contain terminal control characters. `echo` and the consoles
escape them, for example as `\\x1b`. JSON has its own escapes.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "color_wanted",
    "columns",
    "echo",
    "echo_json",
    "echo_verbatim",
    "json_text",
    "printing_console",
    "progress_shown",
]


def columns(stream: Any) -> int:
    """The output width: that of the terminal (or COLUMNS), at most 160."""
    return max(40, min(160, shutil.get_terminal_size((100, 24)).columns)) if stream.isatty() else _columns_variable()


def _columns_variable() -> int:
    return max(40, min(400, shutil.get_terminal_size((100, 24)).columns))


def color_wanted(stream: Any) -> bool:
    """Whether to use colors: on a terminal, unless NO_COLOR is set."""
    import os

    return bool(stream.isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def echo(text: str, *, err: bool = False, nl: bool = True, **style: Any) -> None:
    """Prints untrusted text, in one style."""
    shown = "\t".join(map(_shown, text.split("\t")))
    click.echo(click.style(shown, **style) if style else shown, err=err, nl=nl)


def _shown(text: str) -> str:
    if text.replace("\n", "").isprintable():
        return text
    from netspec.diagnostics.display import printable

    return printable(text)


def echo_verbatim(text: str, *, err: bool = False, nl: bool = True, color: bool | None = None) -> None:
    """Prints safe text: text that is already escaped, or a document that is part of netspec."""
    click.echo(text, err=err, nl=nl, color=color)


def echo_json(value: Any) -> None:
    """Prints a value as an indented JSON document."""
    click.echo(json_text(value), nl=False)


def json_text(value: Any) -> str:
    """A value as an indented JSON document."""
    from netspec.diagnostics.display import json_printable

    return json_printable(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"


def printing_console(stream: Any, **options: Any) -> Console:
    """A rich console with the width of a stream, which escapes text like `echo`."""
    from rich.console import Console

    console = Console(
        file=stream, width=columns(stream), no_color=not color_wanted(stream), highlight=False, markup=False, **options
    )
    console.push_render_hook(_escaping_hook())
    return console


@contextmanager
def progress_shown() -> Iterator[None]:
    """How far the work is, on standard error while it lasts; nothing if that is not a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from netspec.announcing import announced_to

    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    bar = Progress(*columns, console=printing_console(sys.stderr), transient=True, redirect_stdout=False)
    task = bar.add_task("opening")
    with bar, announced_to(lambda text: bar.update(task, description=_shown(text))):
        yield


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
