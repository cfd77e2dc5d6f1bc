"""Syntax errors in words."""

from __future__ import annotations

import re
from collections.abc import Callable

from lark import Token, UnexpectedInput, UnexpectedToken

from netspec.diagnostics import Diagnostics, Fix, Label, nearest
from netspec.source import SourceFile, Span
from netspec.syntax.recovery import masked, statement_around

__all__ = ["report_syntax_error"]

_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_WORDS = {
    "_NL": "the end of the line", "$END": "the end of the file", "NAME": "a name", "INT": "a number", "FLOAT": "a number",
    "QUANTITY": "a number", "SIZE": "a size such as 3x224x224", "STRING": "a string", "LBRACE": "`{`", "RBRACE": "`}`",
    "LPAR": "`(`", "RPAR": "`)`", "LSQB": "`[`", "RSQB": "`]`", "EQUAL": "`=`", "COMMA": "`,`", "COLON": "`:`",
    "_ARROW": "`->`", "REPEAT": "a repeat such as x2", "COMPARE": "a comparison",
}  # fmt: skip
_ARROWS = {
    "=>": ("->", "the arrow is `->`"), "→": ("->", "the arrow is `->`"), "|>": ("->", "the arrow is `->`"),
    ">>": ("->", "the arrow is `->`"), "–": ("-", "a hyphen is `-`"), "—": ("-", "a hyphen is `-`"),
    "−": ("-", "a minus is `-`"), "＝": ("=", "the sign is `=`"),
}  # fmt: skip
Mend = Callable[..., tuple[list[str], list[Fix]]]
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
    """Reports one error; returns the range of text to leave out before parsing goes on (empty: stop here)."""
    at = error.pos_in_stream if error.pos_in_stream is not None else len(text)
    token = error.token if isinstance(error, UnexpectedToken) else None
    if token is not None and token.type == "$END":
        at = len(text)
    at = min(max(at, 0), len(text))
    opener = _open_bracket(text, at)
    if opener is not None and (at >= len(text.rstrip()) or _is_closer(text, at) or _ran_on(text, opener, at)):
        return _report_unclosed(source, text, opener, at, diagnostics)
    if text[at : at + 1] == "}" and _lost_its_opener(source, text, at, diagnostics):
        return at, at + 1
    if text[at : at + 1] == "/" and text[max(0, at - 1) : at] == "/":
        at -= 1
    nested = (
        re.search(r"(?:^|[\n;{])[ \t]*(block[ \t]+\w+[ \t]*)$", text[:at]) if text[at : at + 1] in ("{", "(") else None
    )
    if nested:
        return _nested_block(source, text, nested.start(1), diagnostics)
    end = token.end_pos if token is not None and token.end_pos else at + 1
    if token is not None and token.type in ("_NL", "$END"):
        span = _line_end(source, text, at)
    else:
        start = min(at, max(0, len(text) - 1))
        span = Span(source, start, min(max(end, start + 1), len(text)))
    message, helps, fixes = _words(source, text, at, token)
    expected = _expected(error)
    diagnostics.error(
        "NS101", message, span, label=f"expected {expected}" if expected else "", helps=helps, fixes=fixes
    )
    if text[at : at + 1] == "}":
        return at, at + 1
    return statement_around(text, at)


def _nested_block(source: SourceFile, text: str, at: int, diagnostics: Diagnostics) -> tuple[int, int]:
    """A `block` inside braces looks like a layer up to its own brace."""
    diagnostics.error(
        "NS101",
        "`block` cannot stand here",
        Span(source, at, at + len("block")),
        helps=["blocks are declared at the top level of a file, not inside braces"],
    )
    return statement_around(text, at)


def _line_end(source: SourceFile, text: str, at: int) -> Span:
    """The last character of the line that ends too early, so that the underline stands on it."""
    end = len(text[:at].rstrip())
    return Span(source, max(0, end - 1), end)


def _ran_on(text: str, opener: int, at: int) -> bool:
    """Whether a round or square bracket was left open on an earlier line than the error: newlines in it do not count."""
    return text[opener] in "([" and "\n" in text[opener:at] and not _closes(text, opener)


def _closes(text: str, opener: int) -> bool:
    """Whether a bracket is closed before the next line that looks like a statement of its own."""
    depth = 0
    for char in masked(text)[opener:]:
        depth += (char in "([") - (char in ")]")
        if depth == 0:
            return True
        if char in "{}":
            return False
    return False


def _lost_its_opener(source: SourceFile, text: str, at: int, diagnostics: Diagnostics) -> bool:
    """Whether a `}` too many belongs to a `{` that stood in, or is missing from, a statement reported before."""
    earlier = [d for d in diagnostics if d.span is not None and d.span.source is source and d.span.start < at]
    closers = sum(text[d.span.start] == "}" for d in earlier if d.span is not None and d.span.start < len(text))
    openers = sum("put `{` on this line" in h or "starts with `{`" in h for d in earlier for h in d.helps)
    return openers > closers


Words = tuple[str, list[str], list[Fix]]
_BODIES = r"\s*(?:block|repeat|for|if|residual|dense|aux|train|shared)\b"


def _words(source: SourceFile, text: str, at: int, token: Token | None) -> Words:
    """The message for an error at an offset, what to do, and the edits that do it where that is certain."""
    rest = text[at:]
    char = rest[:1]
    line = text[text.rfind("\n", 0, at) + 1 : (text + "\n").index("\n", at)]

    def mend(start: int, end: int, new: str, help_: str, *, safe: bool = True) -> tuple[list[str], list[Fix]]:
        return [help_], [Fix.replace(Span(source, start, end), new, help_, safe=safe)]

    if char == '"' and '"' not in rest[1:].split("\n", 1)[0]:
        return "this string does not end on its line", ['close it with `"`'], []
    if char == "'":
        quoted = re.match(r"'([^'\n\"]*)'", rest)
        helps: list[str] = ['write "…"']
        fixes: list[Fix] = []
        if quoted:
            helps, fixes = mend(at, at + quoted.end(), f'"{quoted[1]}"', 'write "…"')
        return "strings take double quotes", helps, fixes
    if rest.startswith("//"):
        return "`//` does not start a comment here", *mend(at, at + 2, "#", "comments start with `#`")
    if char == "." and rest[1:2].isdigit():
        return "a number needs a digit before the point", *mend(
            at, at, "0", f"write `0{re.match(r'[.0-9]+', rest).group()}`"  # type: ignore[union-attr]
        )  # fmt: skip
    if char == "=" and re.match(r"\s*expect\b", line):
        return "`=` does not compare", *mend(at, at + 1, "==", "write `==` to compare")
    if not rest.strip():
        return "the file ends too early", [], []
    if token is not None and token.type == "_NL":
        return _short_line(line, rest)
    return _in_the_middle(source, text, at, token, mend)


def _short_line(line: str, rest: str) -> Words:
    if re.match(r"\s*\{", rest.lstrip("\n")) or re.match(_BODIES, line):
        return "this line ends too early", ["put `{` on this line"], []
    return "this line ends too early", [], []


def _in_the_middle(source: SourceFile, text: str, at: int, token: Token | None, mend: Mend) -> Words:
    rest, char = text[at:], text[at : at + 1]
    before = re.search(r"([A-Za-z_]\w*)[ \t]*$", text[:at])
    if char == ":" and re.search(r"(?:^|[\s;{])(?:block|repeat|for|if|else|residual)\b[^\n:]*$", text[:at]):
        return "a body starts with `{`, not with `:`", ["write `{`, and `}` behind the body"], []
    if char == ":" and before:
        word = before.group(1)
        return f"`{word}` is a word of the language and cannot be a label", *mend(
            before.start(1), before.end(1), f"{word}1", f"call it `{word}1:`", safe=False
        )
    if char == ",":
        after = len(rest) - len(rest[1:].lstrip(" \t"))
        return "`,` cannot stand here", *mend(
            at, at + after, " ", "options are separated by spaces; a layer of its own follows `->` or a new line"
        )
    if char == "-" and re.search(r"-\w+$", text[:at]):
        return "`-` cannot stand here", *mend(
            at, at + 1, "/", "the stride stands after a slash: `conv3-64/2`", safe=False
        )
    found = re.match(r"\w+|->|\S", rest)
    shown = found.group() if found else char
    if not shown.isprintable():
        return "this character does not belong in a spec", *mend(at, at + len(shown), " ", "take it out", safe=False)
    near = _ARROWS.get(rest[:2]) or _ARROWS.get(char)
    if near:
        length = len(rest[:2]) if rest[:2] in _ARROWS else 1
        return f"`{rest[:length]}` cannot stand here", *mend(at, at + length, near[0], near[1])
    if token is not None and token.type in {w.upper() for w in _STATEMENT}:
        return (
            f"`{shown}` cannot stand here",
            [f"`{shown}` starts a statement of its own, and blocks, nets and files are declared at the top level"],
            [],
        )
    if shown in ("x", "×"):
        return f"`{shown}` is not followed by a number of copies", ["write `x3`, or `x(n)` for an expression"], []
    if char == "{" and before:
        known = nearest(before.group(1), ("residual", "dense", "repeat", "block", "shared", "train", "aux"))
        if known:
            return "`{` cannot stand here", *mend(
                before.start(1), before.end(1), known, f"did you mean `{known}`?", safe=False
            )
    return f"`{shown}` cannot stand here", [], []


def _expected(error: UnexpectedInput) -> str:
    """What could have stood here, where that is short enough to help."""
    accepted = (
        getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    )
    words = sorted({_WORDS[name] for name in accepted if name in _WORDS})
    if not words or len(accepted) > 8:
        return ""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _open_bracket(text: str, at: int) -> int | None:
    """The offset of the innermost bracket that is still open at an offset."""
    stack: list[int] = []
    for i, c in enumerate(masked(text[:at])):
        if c in _CLOSERS:
            stack.append(i)
        elif c in _CLOSERS.values() and stack:
            stack.pop()
    return stack[-1] if stack else None


def _is_closer(text: str, at: int) -> bool:
    return text[at : at + 1] in set(_CLOSERS.values())


def _report_unclosed(source: SourceFile, text: str, opener: int, at: int, diagnostics: Diagnostics) -> tuple[int, int]:
    """Reports a bracket that is not closed; returns the range to leave out."""
    bracket = text[opener]
    closer = _CLOSERS[bracket]
    found = text[at : at + 1]
    if found == closer:
        diagnostics.error("NS101", f"something is missing before `{found}`", Span(source, at, at + 1))
        return statement_around(text, at - 1) if bracket != "{" else statement_around(text, max(opener + 1, at - 1))
    secondary = [Label(Span(source, at, at + 1), f"`{closer}` expected before this")] if _is_closer(text, at) else []
    help_ = f"add `{closer}` where it should end"
    line_end = (text + "\n").index("\n", opener)
    place = len(masked(text[:line_end]).rstrip())
    fix = Fix.replace(Span(source, place, place), closer, help_)
    whole = bracket == "{" and not _is_closer(text, at)
    fixes = [] if bracket == "{" or place <= opener + 1 else [fix]
    diagnostics.error(
        "NS102", f"this `{bracket}` is never closed", Span(source, opener, opener + 1), secondary=secondary,
        helps=[help_], fixes=fixes,
    )  # fmt: skip
    start = statement_around(text, opener)[0]
    if whole:  # nothing says where it ends: what follows may stand in it or behind it
        outer = _outermost(text, at)
        return statement_around(text, outer if outer is not None else opener)[0], len(text)
    return start, line_end if line_end > opener else len(text)


def _outermost(text: str, at: int) -> int | None:
    """The offset of the outermost brace that is still open at an offset."""
    stack: list[int] = []
    for i, c in enumerate(masked(text[:at])):
        if c in _CLOSERS:
            stack.append(i)
        elif c in _CLOSERS.values() and stack:
            stack.pop()
    return next((i for i in stack if text[i] == "{"), None)
