"""A text as tokens, whatever is wrong with it: comments are left out, and every bracket knows its other half."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from netspec.source import SourceFile, Span

__all__ = ["CLOSERS", "JOINS", "OPENERS", "Token", "Tokens", "masked"]

Kind = Literal["name", "number", "string", "sign", "newline", "edge"]
CLOSERS = {"(": ")", "[": "]", "{": "}"}
OPENERS = {closer: opener for opener, closer in CLOSERS.items()}
JOINS = ("add", "sub", "mul", "div", "maximum", "minimum", "matmul", "concat")

_BEFORE_LISTS = ("if", "for", "in", "not", "repeat", "expect", "let", "from", "else", "and", "or", "output")
"""Words after which a bracket begins a list."""
_STRING_OR_COMMENT = re.compile(r'"[^"\n]*"|#[^\n]*')
_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*) | (?P<string>"(?!"")[^"\n]*") | (?P<newline>\n)
    | (?P<number>\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?[\w×]*)
    | (?P<name>[^\W\d]\w*)
    | (?P<sign>[-=~—–]+> | [=!<>~]=+ | =< | <> | \|> | >> | \*\*=? | //=? | [-+*/%]= | /\* | -- | && | \|\| | '{3} | "{3} | \S)
    | (?P<space>\s)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a line; `index` is its place among the tokens. Of kind `edge` before the first and after the last."""

    kind: Kind
    text: str
    start: int
    end: int
    index: int


class Tokens:
    """The tokens of a text."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.items: list[Token] = []
        for found in _TOKEN.finditer(source.text):
            kind = found.lastgroup
            if kind not in ("comment", "space"):
                self.items.append(Token(kind, found.group(), *found.span(), len(self.items)))  # type: ignore[arg-type]
        self.pairs: dict[int, int] = {}
        """The index of the other half, both ways; halves need not be of one kind."""
        self._around: list[int | None] = []
        self._pair()

    def _pair(self) -> None:
        open_: list[int] = []
        for token in self.items:
            if token.text in OPENERS and open_:
                self.pairs[token.index], self.pairs[open_[-1]] = open_[-1], token.index
                open_.pop()
            self._around.append(open_[-1] if open_ else None)
            if token.text in CLOSERS:
                open_.append(token.index)

    @cached_property
    def _starts(self) -> list[int]:
        return [token.start for token in self.items]

    def __getitem__(self, index: int) -> Token:
        if 0 <= index < len(self.items):
            return self.items[index]
        at = 0 if index < 0 else len(self.source.text)
        return Token("edge", "", at, at, max(-1, min(index, len(self.items))))

    def at(self, offset: int) -> Token:
        """The token that holds an offset, or the first one after it."""
        before = self[bisect_right(self._starts, offset) - 1]
        return before if before.kind != "edge" and offset < before.end else self[before.index + 1]

    def partner(self, bracket: Token) -> Token | None:
        other = self.pairs.get(bracket.index)
        return None if other is None else self.items[other]

    def opener(self, offset: int) -> Token | None:
        """The innermost bracket that is still open before an offset."""
        index = bisect_right(self._starts, offset - 1) - 1
        if index < 0:
            return None
        if self.items[index].text in CLOSERS:
            return self.items[index]
        around = self._around[index]
        return None if around is None else self.items[around]

    def opens_join(self, bracket: Token) -> bool:
        """Whether a bracket opens branches: of a join, `concat` with options or without, or of a block: `fuse(32) [`."""
        if self.head(bracket).text in JOINS:
            return True
        word = self[bracket.index - 1]
        opener = self.partner(word) if word.text == ")" else None
        word = self[opener.index - 1] if opener is not None else word
        before = self[word.index - 1]
        begins = before.kind in ("newline", "edge") or before.text in ("->", ";", "{", "[", ":")
        return word.kind == "name" and begins and word.text not in _BEFORE_LISTS

    def head(self, bracket: Token) -> Token:
        """The first word before a bracket that is not an option: `residual` of `residual act=relu {`."""
        index = bracket.index - 1
        while self[index - 1].text == "=" and self[index - 2].kind == "name":
            index -= 3
        return self[index]

    def line(self, token: Token) -> list[Token]:
        """The tokens of the line that a token is on, without its newline."""
        start = end = token.index
        while self[start - 1].kind not in ("newline", "edge"):
            start -= 1
        while self[end].kind not in ("newline", "edge"):
            end += 1
        return self.items[max(start, 0) : end]

    def inside(self, bracket: Token) -> list[Token]:
        """The tokens between a bracket and its other half, of inner brackets only the opening ones."""
        close, index, found = self.pairs.get(bracket.index, len(self.items)), bracket.index + 1, []
        while index < close:
            token = self.items[index]
            found.append(token)
            index = max(index, self.pairs.get(index, index)) + 1
        return found

    def span(self, first: Token, last: Token | None = None) -> Span:
        return Span(self.source, first.start, (last or first).end)


def masked(text: str) -> str:
    """The text with comments and strings blanked, so that brackets in them do not count."""
    return _STRING_OR_COMMENT.sub(lambda m: " " * len(m.group()), text)
