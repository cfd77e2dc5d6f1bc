"""Values on the command line, in the syntax of the language: `10`, `0.5`, `3x5`, `yes`, `relu`, `[64, 128]`."""

from __future__ import annotations

from typing import Any

import click

from netspec.diagnostics import Diagnostics
from netspec.elaborate.arithmetic import EvaluationError
from netspec.elaborate.expressions import Evaluator
from netspec.elaborate.limits import LimitReached, Limits
from netspec.elaborate.state import FileScope, Frame, Namer
from netspec.graph import Region
from netspec.source import SourceFile, Span
from netspec.syntax import parse
from netspec.syntax import tree as t
from netspec.values import Word

__all__ = ["literal_value"]


def literal_value(text: str) -> Any:
    """Raises UsageError if the text is not a value."""
    source = SourceFile(f"let value = {text}", "<command line>")
    diagnostics = Diagnostics()
    tree = parse(source, diagnostics)
    if tree is None or len(tree.items) != 1 or not isinstance(tree.items[0], t.Let):
        raise click.UsageError(f"`{text}` is not a value; write a number, a word, a size or a list.")
    region = Region("net", "", "", None, Span(source, 0, 0))
    try:
        value = Evaluator(Limits()).value(tree.items[0].value, Frame(FileScope(), region, Namer(set())), words=True)
    except (EvaluationError, LimitReached) as error:
        raise click.UsageError(f"`{text}` is not a value: {error}.") from None
    return value.name if isinstance(value, Word) and not value.called else value
