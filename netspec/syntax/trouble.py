"""Syntax errors in words."""

from __future__ import annotations

import re

from lark import Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from netspec.diagnostics import Diagnostics, Label
from netspec.source import SourceFile, Span

__all__ = ["report_syntax_error"]

_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_WORDS = {
    "_NL": "the end of the line", "$END": "the end of the file", "NAME": "a name", "INT": "a number", "FLOAT": "a number",
    "QUANTITY": "a number", "SIZE": "a size such as 3x224x224", "STRING": "a string", "LBRACE": "`{`", "RBRACE": "`}`",
    "LPAR": "`(`", "RPAR": "`)`", "LSQB": "`[`", "RSQB": "`]`", "EQUAL": "`=`", "COMMA": "`,`", "COLON": "`:`",
    "_ARROW": "`->`", "REPEAT": "a repeat such as x2", "COMPARE": "a comparison",
}  # fmt: skip
_STATEMENT = [
    "input",
    "let",
    "default",
    "expect",
    "fit",
    "output",
    "aux",
    "train",
    "shared",
    "net",
    "use",
    "block",
    "fn",
]


def report_syntax_error(
    source: SourceFile, text: str, error: UnexpectedInput, diagnostics: Diagnostics
) -> tuple[int, int]:
    """Reports one error; returns the range of text to blank before parsing goes on (empty: stop here)."""
    at = error.pos_in_stream if error.pos_in_stream is not None else len(text)
    token = error.token if isinstance(error, UnexpectedToken) else None
    if token is not None and token.type == "$END":
        at = len(text)
    opener = _open_bracket(text, at)
    if opener is not None and (at >= len(text.rstrip()) or _is_closer(text, at)):
        _report_unclosed(source, text, opener, at, diagnostics)
        return 0, 0
    end = token.end_pos if token is not None and token.end_pos else at + 1
    span = Span(source, at, max(end, at + 1))
    message, helps = _words(text, at, token, error)
    expected = _expected(error)
    diagnostics.error("NS101", message, span, label=f"expected {expected}" if expected else "", helps=helps)
    if text[at : at + 1] == "{":
        return 0, 0  # where it would close cannot be known
    if isinstance(error, UnexpectedCharacters) and text[at : at + 1] == "}":
        return at, at + 1
    return _statement_around(text, at)


def _words(text: str, at: int, token: Token | None, error: UnexpectedInput) -> tuple[str, list[str]]:
    rest = text[at:]
    char = rest[:1]
    line = text[text.rfind("\n", 0, at) + 1 : (text + "\n").index("\n", at)]
    if char == '"' and '"' not in rest[1:].split("\n", 1)[0]:
        return "this string does not end on its line", ['close it with `"`']
    if char == "'":
        return "strings take double quotes", ['write "…"']
    if rest.startswith("//") or text[at - 1 : at + 1] == "//":
        return "`//` does not start a comment here", ["comments start with `#`"]
    if char == "." and rest[1:2].isdigit():
        return "a number needs a digit before the point", [f"write `0{re.match(r'[.0-9]+', rest).group()}`"]  # type: ignore[union-attr]
    if char == "=" and re.match(r"\s*expect\b", line):
        return "`=` does not compare", ["write `==` to compare"]
    if not rest.strip():
        return "the file ends too early", []
    if token is not None and token.type == "_NL":
        return "this line ends too early", ["put `{` on this line"] if re.match(r"\s*\{", rest.lstrip("\n")) else []
    before = re.search(r"([A-Za-z_]\w*)[ \t]*$", text[:at])
    if char == ":" and before:
        return f"`{before.group(1)}` is a word of the language and cannot be a label", [
            f"call it `{before.group(1)}1:`"
        ]
    if char == ",":
        return "`,` cannot stand here", [
            "options are separated by spaces; a layer of its own follows `->` or a new line"
        ]
    if char == "-" and re.search(r"-\w+$", text[:at]):
        return "`-` cannot stand here", ["the stride stands after a slash: `conv3-64/2`"]
    word = re.match(r"\w+|->|\S", rest)
    shown = word.group() if word else char
    if not shown.isprintable():
        return "this character does not belong in a spec", []
    if token is not None and token.type in {w.upper() for w in _STATEMENT}:
        return f"`{shown}` cannot stand here", [
            f"`{shown}` starts a statement of its own, and blocks, nets and files are declared at the top level"
        ]
    if shown in ("x", "×"):
        return f"`{shown}` is not followed by a number of copies", ["write `x3`, or `x(n)` for an expression"]
    return f"`{shown}` cannot stand here", []


def _expected(error: UnexpectedInput) -> str:
    """What could have stood here, where that is short enough to help."""
    accepted = (
        getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    )
    words = sorted({_WORDS[name] for name in accepted if name in _WORDS})
    if not words or len(accepted) > 8:
        return ""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _mask(text: str) -> str:
    """The text with comments and strings blanked, so that brackets in them do not count."""
    return re.sub(r'"[^"\n]*"|#[^\n]*', lambda m: " " * len(m.group()), text)


def _open_bracket(text: str, at: int) -> int | None:
    """The offset of the innermost bracket that is still open at an offset."""
    stack: list[int] = []
    for i, c in enumerate(_mask(text[:at])):
        if c in _CLOSERS:
            stack.append(i)
        elif c in _CLOSERS.values() and stack:
            stack.pop()
    return stack[-1] if stack else None


def _is_closer(text: str, at: int) -> bool:
    return text[at : at + 1] in set(_CLOSERS.values())


def _report_unclosed(source: SourceFile, text: str, opener: int, at: int, diagnostics: Diagnostics) -> None:
    bracket = text[opener]
    closer = _CLOSERS[bracket]
    found = text[at : at + 1]
    if found == closer:
        diagnostics.error("NS101", f"something is missing before `{found}`", Span(source, at, at + 1))
        return
    secondary = [Label(Span(source, at, at + 1), f"`{closer}` expected before this")] if _is_closer(text, at) else []
    diagnostics.error(
        "NS102", f"this `{bracket}` is never closed", Span(source, opener, opener + 1), secondary=secondary,
        helps=[f"add `{closer}` where it should end"],
    )  # fmt: skip


def _statement_around(text: str, at: int) -> tuple[int, int]:
    start = max(text.rfind("\n", 0, at), text.rfind(";", 0, at)) + 1
    ends = [i for i in (text.find("\n", at), text.find(";", at)) if i >= 0]
    stop = min(ends, default=len(text))
    if not text[start:stop].strip(" {}") and stop < len(text):
        start, stop = at, at + 1
    return start, stop
