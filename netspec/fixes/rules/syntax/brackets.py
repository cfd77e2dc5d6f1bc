"""Brackets and braces: missing, too many, or of another kind."""

from __future__ import annotations

import itertools

from netspec.diagnostics import Edit, Label
from netspec.fixes.edits import delete, insert_after, insert_before, line_of_its_own
from netspec.fixes.rule import syntax_rule
from netspec.source import SourceFile
from netspec.syntax.brackets import Flaw, end_of_body, missing_or_extra
from netspec.syntax.error_site import ErrorSite, SyntaxFix
from netspec.syntax.recovery import statement_around
from netspec.syntax.tokens import CLOSERS, JOINS, OPENERS, Token, Tokens

__all__ = ["RULES"]

_DECLARE = ("net", "use", "block", "fn")
_BODIES = ("residual", "dense", "checkpoint", "windows", "each", "train", "aux", "augment")
_HEADS = (*_BODIES, "block", "repeat", "for", "if", "else", "shared")


def _flaw(site: ErrorSite) -> Flaw | None:
    """The brace without its other half from which an error comes, if it may come from one."""
    here, opener = site.here, site.opener
    if opener is not None and opener.text == "(":
        return None
    declares = here.text in _DECLARE or (not site.indent and [t.kind for t in site.line[1:2]] == ["name"])
    if here.text == "}" or (opener is not None and (site.at_end or (declares and site.line[0].text in _DECLARE))):
        return missing_or_extra(site.tokens)
    if here.text == "]" and opener is not None and opener.text == "{":
        return missing_or_extra(site.tokens)
    return None


@syntax_rule(
    "NS101-mismatched", "a bracket is closed by one of another kind", priority=1,
    wrong="input 784\nadd [\n  FC-10\n  FC-10\n}\n", right="input 784\nadd [\n  FC-10\n  FC-10\n]\n",
)  # fmt: skip
def mismatched(site: ErrorSite) -> SyntaxFix | None:
    """The branches of a join are in `[ ]`, bodies are in `{ }`, arguments are in `( )`."""
    flaw = _flaw(site)
    if flaw is None or flaw.below is None or flaw.below.text not in OPENERS:
        return None
    wanted, found = CLOSERS[flaw.bracket.text], flaw.below
    if missing_or_extra(Tokens(SourceFile(site.text[: found.start] + wanted + site.text[found.end :]))) is not None:
        return None
    span, opened = site.span(found), Label(site.span(flaw.bracket), "opened here")
    message = f"`{found.text}` does not close `{flaw.bracket.text}`"
    return SyntaxFix(message, f"write `{wanted}`", (Edit(span, wanted),), span, (opened,))


@syntax_rule(
    "NS102-brace", "a brace is never closed", priority=2,
    wrong="input 784\nresidual {\n  FC-784\nFC-10\n", right="input 784\nresidual {\n  FC-784\n}\nFC-10\n",
)  # fmt: skip
def unclosed_brace(site: ErrorSite) -> SyntaxFix | None:
    """Every `{` needs a `}`, and the `[` of a join a `]`. The indentation of the lines shows where it was meant."""
    flaw = _flaw(site)
    if flaw is None or flaw.place is None:
        return None
    closer, place, labels = CLOSERS[flaw.bracket.text], site.between(flaw.place, flaw.place), ()
    help_ = f"add `{closer}` at the end of the file"
    if flaw.below is not None:
        below = site.span(flaw.below)
        help_ = (
            f"add `{closer}` before this" if place.line == below.line else f"add `{closer}` before line {below.line}"
        )
        labels = (Label(below, f"`{closer}` expected before this"),)  # type: ignore[assignment]
    message = f"this `{flaw.bracket.text}` is never closed"
    return SyntaxFix(message, help_, (Edit(place, flaw.text),), site.span(flaw.bracket), labels)


@syntax_rule(
    "NS101-extra-bracket", "a bracket closes nothing", priority=3,
    wrong="input 784\nFC-10\n}\n", right="input 784\nFC-10\n",
)  # fmt: skip
def extra_bracket(site: ErrorSite) -> SyntaxFix | None:
    """There is one closing bracket more than opening ones."""
    flaw = _flaw(site)
    if flaw is not None and flaw.place is None:
        bracket = flaw.bracket
    elif site.here.text in (")", "]") and site.opener is None:
        bracket = site.here
    else:
        return None
    span = site.span(bracket)
    return SyntaxFix(
        f"this `{bracket.text}` closes nothing", "remove it", (Edit(line_of_its_own(span) or span, ""),), span
    )


@syntax_rule(
    "NS101-dangling-arrow", "no layer follows the arrow", priority=4,
    wrong="input 784\nresidual { FC-784 -> }\n", right="input 784\nresidual { FC-784 }\n",
)  # fmt: skip
def dangling_arrow(site: ErrorSite) -> SyntaxFix | None:
    """An arrow joins two layers."""
    arrow = site.previous
    while arrow.kind == "newline":
        arrow = site.tokens[arrow.index - 1]
    if site.here.text not in OPENERS or arrow.text != "->":
        return None
    before = site.tokens[arrow.index - 1]
    gap = site.between(before.end, site.here.start)
    return SyntaxFix(f"no layer follows the arrow before `{site.here.text}`", "remove the arrow", (Edit(gap, " "),))


@syntax_rule(
    "NS101-missing-value", "something is missing before a closing bracket", priority=65, applicability="unsure",
    wrong="input 3x8x8\nconv3-(2*)\n", right="input 3x8x8\nconv3-(2*4)\n",
)  # fmt: skip
def missing_value(site: ErrorSite) -> SyntaxFix | None:
    """An operator, an `=` or a comma before a closing bracket needs a value after it."""
    opener = site.opener
    if opener is None or site.here.text != CLOSERS[opener.text]:
        return None
    at = site.at - 1 if opener.text != "{" else max(opener.end, site.at - 1)
    return SyntaxFix(f"something is missing before `{site.here.text}`", left_out=statement_around(site.tokens, at))


@syntax_rule(
    "NS102-parenthesis", "a parenthesis or bracket is never closed", priority=6,
    wrong="input 3x8x8\nconv3-(2*4\nmaxpool\n", right="input 3x8x8\nconv3-(2*4)\nmaxpool\n",
)  # fmt: skip
def unclosed_parenthesis(site: ErrorSite) -> SyntaxFix | None:
    """Every `(` needs a `)`, and every `[` a `]`."""
    opener, here = site.opener, site.here
    if opener is None or opener.text == "{" or here.text == CLOSERS[opener.text] or not _open_too_long(site, opener):
        return None
    closer, span = CLOSERS[opener.text], site.span(opener)
    line_end = (site.text + "\n").index("\n", opener.start)
    accepted = {")": "RPAR", "]": "RSQB"}[closer] in site.accepted
    last = site.tokens[site.tokens.at(site.at if accepted and site.at < line_end else line_end).index - 1]
    while last.kind == "newline":
        last = site.tokens[last.index - 1]
    labels = (Label(site.span(here), f"`{closer}` expected before this"),) if here.text in OPENERS else ()
    edits = (insert_after(site.span(last), closer),) if last.start > opener.start else ()
    start = statement_around(site.tokens, opener.start).start
    left_out = site.between(start, line_end if line_end > opener.start else len(site.text))
    return SyntaxFix(
        f"this `{opener.text}` is never closed", f"add `{closer}` where it should end", edits, span, labels, left_out,
        applicability="review" if accepted else "unsure",
    )  # fmt: skip


def _open_too_long(site: ErrorSite, opener: Token) -> bool:
    """Whether a bracket is open where it can no longer be closed."""
    if site.at_end or site.here.text in OPENERS:
        return True
    close = site.partner(opener)
    for token in site.tokens.items[opener.index + 1 : close.index if close else None]:
        if token.text in ("{", "}"):
            break
    else:
        if close is not None and close.text != "}":
            return False
    begins = site.here.kind == "name" and site.here.start == site.at
    return site.here.text in ("{", "->") or begins or "\n" in site.text[opener.start : site.at]


@syntax_rule(
    "NS101-nested-block", "a block is declared inside braces", priority=10, applicability="unsure",
    wrong="input 784\nresidual {\n  block a { FC-784 }\n  a\n}\n",
    right="block a { FC-784 }\ninput 784\nresidual {\n  a\n}\n",
)  # fmt: skip
def nested_block(site: ErrorSite) -> SyntaxFix | None:
    """Blocks are declared at the top level of a file. Move the block out of the braces."""
    word = site.peek(-2)
    if word.text != "block" or site.here.text not in ("{", "(") or not site.begins(word):
        return None
    return SyntaxFix(
        "`block` is not allowed inside braces", "declare the block at the top level", marked=site.span(word)
    )


@syntax_rule(
    "NS101-body", "a body is in braces", priority=20,
    wrong="input 784\nrepeat 2:\n  FC-784\n", right="input 784\nrepeat 2 {\n  FC-784\n}\n",
)  # fmt: skip
def body_without_brace(site: ErrorSite) -> SyntaxFix | None:
    """The body of a statement begins with `{` on the line of the statement, and ends with `}`."""
    here, tokens = site.here, site.tokens
    colon = here.text == ":" and site.next.kind in ("newline", "edge")
    if not (colon or (here.kind == "newline" and site.terminal == "_NL")):
        return None
    if not any(token.text in _HEADS for token in site.line):
        return None
    gap = site.between(site.previous.end, here.end if colon else site.previous.end)
    opening, below = Edit(gap, " {"), tokens[here.index + 1]
    while below.kind == "newline":
        below = tokens[below.index + 1]
    signs, end = [token.text for token in tokens.items], end_of_body(tokens, site.previous)
    if below.text == "{":
        edits: tuple[Edit, ...] = (opening, Edit(line_of_its_own(site.span(below)) or site.span(below), ""))
    elif signs.count("}") > signs.count("{"):
        edits = (opening,)
    else:
        closing = site.between(end or 0, end or 0)
        edits = (opening, Edit(closing, f"\n{site.indent}}}")) if end else ()
    message = "`:` does not start a body" if colon else "missing `{` after this"
    return SyntaxFix(message, "put the body in `{ }`", edits, site.span(here if colon else site.previous))


@syntax_rule(
    "NS101-bracket-kind", "brackets of the wrong kind", priority=15, applicability="safe",
    wrong="input 784\nadd { FC-10; FC-10 }\n", right="input 784\nadd [ FC-10; FC-10 ]\n",
)  # fmt: skip
def bracket_kind(site: ErrorSite) -> SyntaxFix | None:
    """The branches of `concat`, `add` and `mul` are in `[ ]`; bodies, as of `residual`, are in `{ }`."""
    bracket = site.here if site.here.text in CLOSERS else site.opener
    close = site.partner(bracket) if bracket is not None else None
    head = site.tokens.head(bracket).text if bracket is not None else ""
    if bracket is None or close is None or head not in (*JOINS, *_BODIES):
        return None
    wanted = "[]" if head in JOINS else "{}"
    pairs = [(half, sign) for half, sign in zip((bracket, close), wanted, strict=True) if half.text != sign]
    if not pairs or (bracket.text == "(" and head in ("train", "dense", "aux")):
        return None
    edits = tuple(Edit(site.span(half), sign) for half, sign in pairs)
    edits += _without_commas(site, bracket) if wanted == "[]" else ()
    what = "the branches" if wanted == "[]" else "the body"
    verb = "are" if wanted == "[]" else "is"
    return SyntaxFix(
        f"unexpected `{pairs[0][0].text}`", f"{what} of `{head}` {verb} in `{wanted[0]} {wanted[1]}`", edits,
        site.span(pairs[0][0]),
    )  # fmt: skip


def _without_commas(site: ErrorSite, bracket: Token) -> tuple[Edit, ...]:
    """The commas between branches become `;`, or nothing where a new line follows."""
    commas = [token for token in site.tokens.inside(bracket) if token.text in (",", "|")]
    ends = [site.tokens[token.index + 1].kind == "newline" for token in commas]
    return tuple(Edit(site.span(comma), "" if end else ";") for comma, end in zip(commas, ends, strict=True))


@syntax_rule(
    "NS101-branch-comma", "branches are not separated by commas", priority=30,
    wrong="input 784\na: FC-10\nadd [ a, identity ]\n", right="input 784\na: FC-10\nadd [ from a; identity ]\n",
)  # fmt: skip
def branch_comma(site: ErrorSite) -> SyntaxFix | None:
    """The branches of a join are separated by `;` or by lines. A branch that begins at a labeled layer is `from label`."""
    opener = site.opener
    if site.here.text not in (",", "|") or opener is None or opener.text != "[" or not site.tokens.opens_join(opener):
        return None
    edits, parts = _without_commas(site, opener), [[]]  # type: ignore[var-annotated]
    for token in site.tokens.inside(opener):
        if token.text in (",", "|", ";", "\n"):
            parts.append([])
        else:
            parts[-1].append(token)
    before = site.tokens.items[: opener.index]
    labels = {token.text for token, sign in itertools.pairwise(before) if sign.text == ":"}
    lone = [part[0] for part in parts if len(part) == 1 and part[0].text in labels]
    edits += tuple(insert_before(site.span(token), "from ") for token in lone)
    help_ = "separate the branches with `;`" + (", and write `from` before labels" if lone else "")
    return SyntaxFix(f"unexpected `{site.here.text}`", help_, edits, applicability="review" if lone else "safe")


@syntax_rule(
    "NS101-group", "layers are grouped by braces", priority=35,
    wrong="input 784\n(FC-10 -> relu) x2\n", right="input 784\n{FC-10 -> relu} x2\n",
)  # fmt: skip
def grouped(site: ErrorSite) -> SyntaxFix | None:
    """Braces take several layers together, to repeat or to label them."""
    close = site.partner(site.here) if site.here.text in ("[", "(") else None
    if close is None or site.in_recipe or not (site.begins(site.here) or site.previous.text == ":"):
        return None
    inside = site.tokens.items[site.here.index + 1 : close.index]
    if not any(token.text == "->" or token.kind == "newline" for token in inside):
        return None
    edits = (Edit(site.span(site.here), "{"), Edit(site.span(close), "}"))
    return SyntaxFix(f"unexpected `{site.here.text}`", "group layers with `{ }`", edits)


@syntax_rule(
    "NS101-else", "`else` is not between two bodies", priority=12,
    wrong="input 4x8x8\nresidual {\n  conv3-4 pad=1\nelse { conv1-4 }\n",
    right="input 4x8x8\nresidual {\n  conv3-4 pad=1\n} else { conv1-4 }\n",
)  # fmt: skip
def else_between(site: ErrorSite) -> SyntaxFix | None:
    """The body before `else` ends with `}`, and what follows it is in braces, too."""
    word = site.here if site.here.text == "else" else site.previous
    if word.text != "else":
        return None
    before = site.tokens[word.index - 1]
    if before.kind == "newline" and site.opener is not None and site.opener.text == "{":
        message, span = "missing `}` before `else`", site.span(word)
        return SyntaxFix(message, "write `} else`", (insert_before(span, "} "),), span)
    rest = [token for token in site.line if token.index >= site.here.index]
    if "LBRACE" not in site.accepted or site.here.kind != "name" or any(token.text in ("{", "}") for token in rest):
        return None
    text = f"{{ {site.shown(site.here, rest[-1])} }}"
    return SyntaxFix.write(
        site.span(site.here, rest[-1]), text, "missing `{` after `else`", help=f"write `else {text}`"
    )


@syntax_rule(
    "NS101-net-braces", "a net has no braces", priority=18,
    wrong="net A {\ninput 784\nFC-10\n}\n", right="net A\ninput 784\nFC-10\n",
)  # fmt: skip
def net_braces(site: ErrorSite) -> SyntaxFix | None:
    """The layers of a net are the lines below `net Name`, to the end of the file."""
    close = site.partner(site.here) if site.here.text == "{" else None
    if close is None or site.line[0].text != "net":
        return None
    return SyntaxFix("", "remove the braces", (delete(site.span(site.here)), delete(site.span(close))))


RULES = (
    mismatched, unclosed_brace, extra_bracket, dangling_arrow, missing_value, unclosed_parenthesis, nested_block,
    body_without_brace, bracket_kind, branch_comma, grouped, else_between, net_braces,
)  # fmt: skip
