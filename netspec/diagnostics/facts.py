"""Facts that diagnostics of any stage carry for code to read: words that are not known, values that an option does not take."""

from __future__ import annotations

from typing import Any

from netspec.records import Record
from netspec.source import Span

__all__ = ["BadOption", "ClassCount", "GivenTwice", "Instead", "Misspelt"]


class Misspelt(Record):
    """A word that is none of the candidates. `otherwise` is what to say where none of them is near."""

    span: Span
    """Where the word is; it may be part of what `span` covers."""
    word: str
    candidates: tuple[str, ...]
    otherwise: str = ""
    translated: str = ""
    """What other frameworks mean by the word, in netspec's words."""


class Instead(Record):
    """What was meant in place of a span, and what to say of it."""

    span: Span
    text: str
    title: str
    sure: bool = False


class BadOption(Record):
    """A value that an option does not take. `instead` is what was probably meant, `choices` are the words that it takes."""

    span: Span
    """The value, or the option with its name."""
    found: Any
    instead: str = ""
    title: str = ""
    choices: tuple[str, ...] = ()
    whole: bool = False
    """Whether it is a number with a fraction where a whole one belongs."""


class GivenTwice(Record):
    """The second of two values for one option."""

    span: Span


class ClassCount(Record):
    """Data with another number of classes than the net has outputs."""

    count: int
