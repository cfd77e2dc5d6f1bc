"""`--input`: what is given to a network, by name: a file, a number or a list of numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from netspec.cli.literals import literal_value

__all__ = ["input_option", "read_given", "value_or_path"]

F = TypeVar("F", bound=Callable[..., Any])
_LITERAL = re.compile(r"\s*(?:[-+]?(?:\d[\d_]*)(?:\.\d*)?(?:[eE][-+]?\d+)?\s*$|[\[(])")


def input_option(*, required: bool = False) -> Callable[[F], F]:
    return click.option(
        "--input", "inputs", metavar="[NAME=]VALUE", multiple=True, required=required,
        help="An image, an .npy or .npz array, a number or a list: photo.png, x=-2, 'x=[1, 2]'; can be repeated.",
    )  # fmt: skip


def read_given(texts: Iterable[str]) -> list[tuple[str, Any]]:
    """(name, path or value) of each `[NAME=]VALUE`; the name is empty where none is given. Raises UsageError."""
    found = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or Path(text).is_file():
            name, value = "", text
        if not value:
            raise click.UsageError(f"--input needs a value after `{name}=`.")
        found.append((name.strip(), value_or_path(value)))
    return found


def value_or_path(text: str) -> Any:
    """A number or a list of numbers as such, anything else as a path. Raises UsageError."""
    return literal_value(text.strip().lstrip("+")) if _LITERAL.match(text) and not Path(text).is_file() else Path(text)
