"""Where a text cannot be parsed, as the rules see it, and what they answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from netspec.diagnostics import Applicability, Edit, Label
from netspec.source import Span
from netspec.syntax.tokens import Token, Tokens, masked

__all__ = ["ErrorSite", "Explain", "SyntaxFix"]


@dataclass(frozen=True, slots=True)
class SyntaxFix:
    """What is wrong, what to do, and the edits that do it."""

    message: str = ""
    """Empty where the title of the rule says it."""
    help: str = ""
    edits: tuple[Edit, ...] = ()
    marked: Span | None = None
    """What is underlined, where that is not the token in error."""
    secondary: tuple[Label, ...] = ()
    left_out: Span | None = None
    """What is left out where there are no edits to go on with; otherwise the statement."""
    expected: bool = False
    """Whether a list of what could have followed helps."""
    rule: str = ""
    applicability: Applicability | None = None
    """None where it is that of the rule."""

    @classmethod
    def write(
        cls, span: Span, text: str, message: str = "", *, help: str = "", marked: Span | None = None
    ) -> SyntaxFix:
        """A text in place of a span, which is underlined unless another one is."""
        return cls(message, help or f"write `{text.strip()}`", (Edit(span, text),), marked or span)


class ErrorSite:
    """One place at which the parser stopped."""

    def __init__(
        self, tokens: Tokens, at: int, terminal: str, accepted: frozenset[str], parses: Callable[[str], bool]
    ) -> None:
        self.tokens, self.at, self.terminal, self.accepted = tokens, at, terminal, accepted
        self.parses = parses
        """Whether a statement can be parsed."""
        self.text = tokens.source.text
        self.here = tokens.at(at)
        """The token in error; after the last one where the text ends too early."""
        self.opener = tokens.opener(at)
        """The innermost bracket that is still open."""

    def peek(self, distance: int) -> Token:
        """A token before (negative) or after the one in error."""
        return self.tokens[self.here.index + distance]

    @property
    def previous(self) -> Token:
        return self.peek(-1)

    @property
    def next(self) -> Token:
        return self.peek(1)

    @cached_property
    def line(self) -> list[Token]:
        return self.tokens.line(self.here if self.here.kind != "newline" or self.at <= self.here.start else self.next)

    @cached_property
    def row(self) -> Span:
        """The line in error from its first character that is no space to its last one that is no comment."""
        start = self.text.rfind("\n", 0, self.at) + 1
        line = masked(self.text[start : (self.text + "\n").index("\n", self.at)])
        return Span(self.tokens.source, start + len(line) - len(line.lstrip()), start + len(line.rstrip()))

    @property
    def indent(self) -> str:
        return self.text[self.text.rfind("\n", 0, self.row.start) + 1 : self.row.start]

    @property
    def begins_line(self) -> bool:
        """Whether the token in error is the first of its line."""
        return self.previous.kind in ("newline", "edge")

    @property
    def at_end(self) -> bool:
        """Whether nothing follows in the text."""
        return all(token.kind == "newline" for token in self.tokens.items[max(self.here.index, 0) :])

    @cached_property
    def begins_statement(self) -> bool:
        """Whether the token before the one in error begins a statement or a step, so that it may be a name."""
        return self.begins(self.previous)

    def begins(self, token: Token) -> bool:
        before = self.tokens[token.index - 1]
        return before.kind in ("newline", "edge") or before.text in ("->", ";", "{", "[", "}")

    def partner(self, bracket: Token) -> Token | None:
        return self.tokens.partner(bracket)

    def span(self, first: Token, last: Token | None = None) -> Span:
        return self.tokens.span(first, last)

    def between(self, start: int, end: int) -> Span:
        return Span(self.tokens.source, start, end)

    def shown(self, first: Token, last: Token | None = None) -> str:
        return self.span(first, last).text

    @cached_property
    def in_recipe(self) -> bool:
        """Whether one of the braces around it is that of a `train` section."""
        around = self.opener
        while around is not None:
            if around.text == "{" and self.tokens.head(around).text == "train":
                return True
            around = self.tokens.opener(around.start)
        return False

    @property
    def in_condition(self) -> bool:
        """Whether the line states or tests something: `expect`, `if`, `else if`."""
        words = [token.text for token in self.line[:3] if token.text not in ("}", "else")]
        return words[:1] == ["expect"] or words[:1] == ["if"]


Explain = Callable[[ErrorSite], SyntaxFix]
