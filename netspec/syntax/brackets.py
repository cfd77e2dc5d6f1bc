"""Braces that are missing or too many: where they belong, by the indentation and the shape of the lines."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.syntax.tokens import CLOSERS, Token, Tokens

__all__ = ["Flaw", "end_of_body", "missing_or_extra"]

_TOP_LEVEL = ("net", "block", "use", "fn")
_OUTERMOST = (*_TOP_LEVEL, "input", "default", "expect", "train", "fit")
"""Statements that are rarely inside braces; the first of them ends a body whose lines are not indented."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A bracket without its other half; for one that is not closed, where the other half belongs."""

    bracket: Token
    place: int | None = None
    """None where this is a closing bracket too many."""
    text: str = ""
    below: Token | None = None
    """The first token after that place, if there is one."""


@dataclass(slots=True)
class _Open:
    token: Token
    indent: int
    ends_line: bool
    """Whether nothing follows on its line, so that its body is below."""
    deeper: bool = False
    """Whether a line of the body is indented."""


def missing_or_extra(tokens: Tokens) -> Flaw | None:
    """The first brace (or bracket of a join) without its other half; None where every one has it."""
    stack: list[_Open] = []
    odd: list[Token] = []
    """Closing braces that are not below the line of their opening ones."""
    for line in _lines(tokens):
        first, indent = line[0], _indent(tokens, line[0])
        if first.text not in (")", "]", "}", "->", "else"):
            for opened in stack:
                opened.deeper = opened.deeper or indent > opened.indent
            if stack and _is_outside(stack[-1], first, indent):
                return _unclosed(tokens, stack[-1], first)
        for token in line:
            if token.text == "{" or (token.text == "[" and tokens.opens_join(token)):
                stack.append(_Open(token, indent, token is line[-1]))
            elif token.text == "}" or (token.text == "]" and stack and stack[-1].token.text == "["):
                flaw = _closed_wrongly(tokens, stack, odd, token, first, indent)
                if flaw is not None:
                    return flaw
                stack.pop()
    return _open_at_end(tokens, stack[-1]) if stack else None


def _lines(tokens: Tokens) -> list[list[Token]]:
    lines: list[list[Token]] = [[]]
    for token in tokens.items:
        if token.kind == "newline":
            lines.append([])
        else:
            lines[-1].append(token)
    return [line for line in lines if line]


def _indent(tokens: Tokens, first: Token) -> int:
    return first.start - tokens.source.text.rfind("\n", 0, first.start) - 1


def _is_outside(last: _Open, first: Token, indent: int) -> bool:
    """Whether a line shows a brace to be unclosed, because it is not indented as the body is."""
    single = not last.ends_line and not last.deeper
    return indent <= last.indent and (last.deeper or single or first.text in _TOP_LEVEL)


def _closed_wrongly(
    tokens: Tokens, stack: list[_Open], odd: list[Token], token: Token, first: Token, indent: int
) -> Flaw | None:
    """What is wrong with the brackets where one is closed; closing braces at an odd place are noted for later."""
    leads = token is first
    if not stack:
        return Flaw(odd[0] if odd else token)
    last = stack[-1]
    if leads and last.ends_line and indent < last.indent and any(o.indent == indent for o in stack[:-1]):
        return _unclosed(tokens, last, token)
    if CLOSERS[last.token.text] != token.text:
        return _unclosed(tokens, last, token)
    if leads and last.ends_line and indent != last.indent:
        odd.append(token)
    return None


def _open_at_end(tokens: Tokens, last: _Open) -> Flaw:
    if not last.deeper:
        for token in tokens.items[last.token.index + 1 :]:
            if token.text in _OUTERMOST and _indent(tokens, token) == 0:
                return _unclosed(tokens, last, token)
    return _unclosed(tokens, last, None)


def _unclosed(tokens: Tokens, opened: _Open, below: Token | None) -> Flaw:
    """The flaw of a brace that belongs closed after the last statement before a token."""
    index = below.index - 1 if below is not None else len(tokens.items) - 1
    while tokens[index].kind == "newline":
        index -= 1
    last, text = tokens[index], tokens.source.text
    closer = CLOSERS[opened.token.text]
    if "\n" not in text[opened.token.start : last.end]:
        return Flaw(opened.token, last.end, f" {closer}", below)
    start = text.rfind("\n", 0, opened.token.start) + 1
    blank = text[start : start + opened.indent]
    return Flaw(opened.token, (text + "\n").index("\n", last.end), f"\n{blank}{closer}", below)


def end_of_body(tokens: Tokens, head: Token) -> int | None:
    """The end of the lines below a head that are indented more than its own line; None where no line is."""
    rows = tokens.line(head)
    indent, end = _indent(tokens, rows[0]), None
    index = rows[-1].index + 1
    while tokens[index].kind != "edge":
        if tokens[index].kind != "newline":
            row = tokens.line(tokens[index])
            if _indent(tokens, row[0]) <= indent:
                break
            end, index = row[-1].end, row[-1].index
        index += 1
    return end
