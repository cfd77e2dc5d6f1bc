"""Operators, arrows, quotes and comments, as other languages write them."""

from __future__ import annotations

import re
from dataclasses import replace

from netspec.diagnostics import Edit
from netspec.diagnostics.foreign import OPTIONS, option_text
from netspec.fixes.edits import insert_after, insert_before
from netspec.fixes.rule import syntax_rule
from netspec.ops import CATALOGUE
from netspec.syntax.error_site import ErrorSite, SyntaxFix
from netspec.syntax.recovery import statement_around
from netspec.syntax.tokens import Token, masked

__all__ = ["RULES"]

_COMPARES = ("==", "!=", "<=", ">=", "<", ">", "~")
_MEANT = {
    "=": "==",
    "===": "==",
    "!==": "!=",
    "=<": "<=",
    "=>": ">=",
    "~=": "~",
    "<>": "!=",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "≈": "~",
    "is": "==",
    ":": "==",
}
_LOGIC = {"&&": "and", "&": "and", "||": "or", "|": "or", "!": "not"}
_ARROW = re.compile(r"[-=~—–]+>|\|>|>>|[→⇒➔>|]")
_SIGNS = {
    "^": "**", "–": "-", "—": "-", "−": "-", "＝": "=", "（": "(", "）": ")", "，": ",", "：": ":", "；": ";", "｛": "{",
    "｝": "}", "÷": "/", "·": "*",
}  # fmt: skip
_QUOTES = {"'": "'", "`": "`", "“": "”", "‘": "’", "„": "“”", "«": "»", "”": "”", "’": "’"}


@syntax_rule(
    "NS101-slot-expression", "an expression in a slot needs parentheses", priority=20,
    wrong="let w = 8\ninput 3x9x9\nconv3-4*w/2\n", right="let w = 8\ninput 3x9x9\nconv3-(4*w)/2\n",
)  # fmt: skip
def slot_expression(site: ErrorSite) -> SyntaxFix | None:
    """The width after `-` and the stride after `/` are a number, a name, or an expression in parentheses."""
    operand, sign = site.previous, site.peek(-2)
    glued = site.peek(-3).end == sign.start and sign.end == operand.start and operand.end == site.here.start
    if (
        site.here.text not in _OPERATORS
        or sign.text not in ("-", "/")
        or not glued
        or site.in_recipe
        or site.in_condition
    ):
        return None
    last = operand
    while site.tokens[last.index + 1].text in _OPERATORS and (term := _term(site, last.index + 2)) is not None:
        last = term
    if last is operand:
        return None
    head, text = sign, f"({site.shown(operand, last)})"
    while (before := site.tokens[head.index - 1]).end == head.start and before.text not in ("", "{", ";", "[", "\n"):
        head = before
    return SyntaxFix.write(site.span(operand, last), text, help=f"write `{site.shown(head, sign)}{text}`")


_OPERATORS = ("*", "**", "//", "+", "%")


def _term(site: ErrorSite, index: int) -> Token | None:
    """The last token of a number, a name, a fact or an expression in parentheses."""
    token = site.tokens[index]
    if token.text == "(":
        return site.partner(token)
    if token.kind not in ("name", "number"):
        return None
    fact = site.tokens[index + 1].text == "." and site.tokens[index + 2].kind == "name"
    return site.tokens[index + 2] if fact else token


@syntax_rule(
    "NS101-comparison", "this sign does not compare", priority=25, applicability="safe",
    wrong="input 784\nFC-10\nexpect params = 7_850\n", right="input 784\nFC-10\nexpect params == 7_850\n",
)  # fmt: skip
def comparison(site: ErrorSite) -> SyntaxFix | None:
    """Comparisons are `==`, `!=`, `<`, `<=`, `>`, `>=`, and `~` for a rounded figure."""
    before = [token.text for token in site.line if token.index < site.here.index]
    wanted = _MEANT.get(site.here.text)
    if wanted is None or not site.in_condition or any(text in _COMPARES for text in before):
        return None
    return SyntaxFix.write(site.span(site.here), wanted, f"`{site.here.text}` does not compare")


@syntax_rule(
    "NS101-chained-comparison", "comparisons cannot be chained", priority=26,
    wrong="input 784\nFC-10\nexpect 5K < params < 10K\n", right="input 784\nFC-10\nexpect 5K < params and params < 10K\n",
)  # fmt: skip
def chained_comparison(site: ErrorSite) -> SyntaxFix | None:
    """Two comparisons are joined by `and`."""
    before = [token for token in site.line if token.index < site.here.index and token.text in _COMPARES]
    if site.here.text not in _COMPARES or not site.in_condition or len(before) != 1:
        return None
    middle = site.shown(site.tokens[before[0].index + 1], site.previous)
    text = f"and {middle} {site.here.text}"
    return SyntaxFix("", f"write `… {text} …`", (insert_before(site.span(site.here), f"and {middle} "),))


@syntax_rule(
    "NS101-logic", "logic is written in words", priority=27, applicability="safe",
    wrong="input 784\nif in.channels > 3 && in.channels < 9 { relu }\nFC-10\n",
    right="input 784\nif in.channels > 3 and in.channels < 9 { relu }\nFC-10\n",
)  # fmt: skip
def logic(site: ErrorSite) -> SyntaxFix | None:
    """`and`, `or` and `not` join and negate conditions."""
    if site.here.text not in _LOGIC or not (site.in_condition or site.line[0].text in ("let", "fn")):
        return None
    signs = [token for token in site.line if token.text in _LOGIC]
    edits = tuple(Edit(site.span(t), _LOGIC[t.text] + (" " if t.text == "!" else "")) for t in signs)
    return SyntaxFix(f"unexpected `{site.here.text}`", f"write `{_LOGIC[site.here.text]}`", edits)


@syntax_rule(
    "NS101-arrow", "the arrow is `->`", priority=40, applicability="safe",
    wrong="input 784\nFC-10 => relu\n", right="input 784\nFC-10 -> relu\n",
)  # fmt: skip
def arrow(site: ErrorSite) -> SyntaxFix | None:
    """Layers on one line are joined by `->`."""
    sign = site.here.text
    if (
        _ARROW.fullmatch(sign) is None
        or sign == "->"
        or site.in_condition
        or site.line[0].text == "fn"
        or site.next.kind not in ("name", "newline")
    ):
        return None
    same = [token for token in site.line if token.text == sign]
    return SyntaxFix(f"unexpected `{sign}`", "the arrow is `->`", tuple(Edit(site.span(t), "->") for t in same))


@syntax_rule(
    "NS101-character", "a character of another alphabet or notation", priority=60, applicability="safe",
    wrong="input 3x8x8\nconv3–4\n", right="input 3x8x8\nconv3-4\n",
)  # fmt: skip
def character(site: ErrorSite) -> SyntaxFix | None:
    """Signs are those of ASCII: a hyphen is not a dash, and powers are written `**`."""
    wanted = _SIGNS.get(site.here.text)
    return SyntaxFix.write(site.span(site.here), wanted, f"unexpected `{site.here.text}`") if wanted else None


@syntax_rule(
    "NS101-invisible", "an invisible character", priority=15, applicability="safe",
    wrong="input 784\nFC-10\u00a0act=relu\n", right="input 784\nFC-10 act=relu\n",
)  # fmt: skip
def invisible(site: ErrorSite) -> SyntaxFix | None:
    """Texts copied from web pages and documents hold spaces that are no spaces. All of the same kind are replaced."""
    char = site.text[site.at : site.at + 1]
    if not char or char in " \t\n" or (char.isprintable() and not char.isspace()):
        return None
    places = [m.start() for m in re.finditer(re.escape(char), masked(site.text))] or [site.at]
    edits = tuple(Edit(site.between(at, at + 1), " ") for at in places)
    here = site.between(site.at, site.at + 1)
    return SyntaxFix(f"invisible character U+{ord(char):04X}", "replace it with a space", edits, here)


@syntax_rule(
    "NS101-quotes", "quotes where none are needed, or of another kind", priority=45, applicability="safe",
    wrong="input 784\nFC-10 activation='relu'\n", right="input 784\nFC-10 act=relu\n",
)  # fmt: skip
def quotes(site: ErrorSite) -> SyntaxFix | None:
    """Words of options have no quotes. Strings, such as paths, are in double quotes."""
    ends, rest = _QUOTES.get(site.here.text), site.text[site.here.end : site.row.end]
    found = re.match(rf"([^\n\"{ends}]*)[{ends}]", rest) if ends else None
    if found is None:
        return None
    end, name = site.here.end + found.end(), site.peek(-2)
    if site.previous.text == "=" and name.kind == "name" and re.fullmatch(r"\w+", found[1]):
        text = f"{OPTIONS.get(name.text) or name.text}={option_text(found[1]).lower()}"
        return SyntaxFix.write(site.between(name.start, end), text, "unexpected quotes", marked=site.span(site.here))
    span = site.between(site.here.start, end)
    return SyntaxFix.write(span, f'"{found[1]}"', "strings are in double quotes", marked=site.span(site.here))


@syntax_rule(
    "NS101-comment", "a comment starts with `#`", priority=30, applicability="safe",
    wrong="input 784\nFC-10 // ten classes\n", right="input 784\nFC-10 # ten classes\n",
)  # fmt: skip
def comment(site: ErrorSite) -> SyntaxFix | None:
    """A comment starts with `#` and ends with the line."""
    sign, at = site.here.text, site.here.start
    ends = {"/*": "*/", "'''": "'''", '"""': '"""'}.get(sign)
    span = site.span(site.here)
    if ends is None:
        spaced = site.begins_line or site.text[at - 1] in " \t"
        words = (
            sign == "//" or (sign == "--" and site.begins_line) or (sign == "%" and spaced and site.next.kind == "name")
        )
        return (
            SyntaxFix.write(span, "#", f"`{sign}` does not start a comment", help="comments start with `#`")
            if words
            else None
        )
    close = site.text.find(ends, at + len(sign))
    stop = close + len(ends) if close >= 0 else site.row.end
    rows = site.text[at + len(sign) : close if close >= 0 else stop].strip(" \n*").split("\n")
    text = "\n".join(f"# {row.strip(' *')}".rstrip() for row in rows)
    more = site.text[stop : (site.text + "\n").index("\n", stop)].strip()
    edit = Edit(site.between(at, stop), text + ("\n" if more else ""))
    return SyntaxFix(f"`{sign}` does not start a comment", "comments start with `#`", (edit,), span)


@syntax_rule(
    "NS101-copies", "the number of copies follows the layer", priority=40,
    wrong="input 784\n3x FC-10\n", right="input 784\nFC-10 x3\n",
)  # fmt: skip
def copies(site: ErrorSite) -> SyntaxFix | None:
    """A layer, a block or a group in braces is repeated by `x3` after it."""
    if site.in_recipe or not site.line:
        return None
    if site.here.text == "*" and site.next.text.isdigit() and _ends_step(site, 2) and site.previous.kind != "newline":
        return SyntaxFix.write(site.span(site.here, site.next), f"x{site.next.text}", "unexpected `*`")
    if site.here is site.line[0] and site.here.text.isdigit() and site.next.kind == "name" and site.next.text != "x":
        head = f"{site.next.text}-{site.here.text}"
        fix = SyntaxFix.write(site.span(site.here, site.next), head, "a layer begins with its name")
        return replace(fix, applicability="unsure")
    first, second, third = site.line[0], *(site.tokens[site.line[0].index + i] for i in (1, 2))
    glued = re.fullmatch(r"(\d+)[x×]|[x×](\d+)", first.text)
    apart = first.text.isdigit() and second.text in ("x", "×", "*")
    layer = third if apart else second
    if not (glued or apart) or layer.kind != "name" or any(token.text in ("{", "}") for token in site.line):
        return None
    count = (glued[1] or glued[2]) if glued else first.text
    last = next((site.tokens[t.index - 1] for t in site.line if t.text in ("->", ";")), site.line[-1])
    edits = (Edit(site.between(first.start, layer.start), ""), insert_after(site.span(last), f" x{count}"))
    return SyntaxFix("", f"write `{site.shown(layer, last)} x{count}`", edits, site.span(first))


def _ends_step(site: ErrorSite, distance: int) -> bool:
    after = site.peek(distance)
    return after.kind in ("newline", "edge") or after.text in ("->", ";", "}", "]")


@syntax_rule(
    "NS101-second-hyphen", "a layer has one width", priority=50, applicability="unsure",
    wrong="input 3x9x9\nconv3-4-2\n", right="input 3x9x9\nconv3-4/2\n",
)  # fmt: skip
def second_hyphen(site: ErrorSite) -> SyntaxFix | None:
    """`-` is followed by the width, what the layer gives, and `/` by the stride. What comes in is known."""
    head, sign, width = site.peek(-3), site.peek(-2), site.previous
    glued = head.end == sign.start and width.end == site.here.start
    if site.here.text != "-" or sign.text != "-" or head.kind != "name" or not glued:
        return None
    if head.text.lower() in ("fc", "linear", "dense"):
        span = site.between(width.start, site.here.end)
        help_ = f"write `{head.text}-{site.next.text}`"
        return SyntaxFix.write(span, "", "unexpected second width", help=help_, marked=site.span(site.here))
    return SyntaxFix.write(
        site.span(site.here),
        "/",
        "unexpected second `-`",
        help=f"the stride is after a slash: `{site.shown(head, width)}/{site.next.text}`",
    )


@syntax_rule(
    "NS101-sum", "tensors are added by `add`", priority=50,
    wrong="input 784\na: FC-10\nb: FC-10\na + b\n", right="input 784\na: FC-10\nb: FC-10\nadd [ from a; from b ]\n",
)  # fmt: skip
def tensor_sum(site: ErrorSite) -> SyntaxFix | None:
    """There are no variables for tensors: a layer has a label, and `add [ … ]` joins branches."""
    kinds = [token.kind for token in site.line]
    parts = re.split(r"[ \t]*\+[ \t]*", site.row.text)
    if site.here.text == "+" and all(
        re.sub(r"[\dx]*(?:-\w+)?(?:/\w+)?$", "", part).lower() in CATALOGUE for part in parts
    ):
        return SyntaxFix.write(site.row, " -> ".join(parts), "unexpected `+`", marked=site.span(site.here))
    if site.here.text == "=" and kinds == ["name", "sign", "name", "sign", "name"] and site.peek(2).text == "+":
        label, one, other = site.line[0], site.line[2], site.line[4]
        if all(re.search(rf"\b{part.text}[ \t]*:", site.text) for part in (one, other)):
            text = f"{label.text}: add [ from {one.text}; from {other.text} ]"
            return SyntaxFix.write(site.span(label, other), text, "unexpected `=`", marked=site.span(site.here))
    if site.here.text != "+" or kinds != ["name", "sign", "name"]:
        return None
    one, _, other = site.line
    return SyntaxFix.write(
        site.span(one, other),
        f"add [ from {one.text}; from {other.text} ]",
        "unexpected `+`",
        marked=site.span(site.here),
    )


@syntax_rule(
    "NS101-assignment-operator", "a variable cannot be reassigned", priority=45, applicability="unsure",
    wrong="let w = 8\ninput 3x8x8\nrepeat 2 {\n  conv3-w\n  w *= 2\n}\n",
    right="input 3x8x8\nrepeat 2 as i {\n  conv3-(8 * 2**i)\n}\n",
)  # fmt: skip
def assignment_operator(site: ErrorSite) -> SyntaxFix | None:
    """A variable has one value. Compute what changes from the counter of a loop, or loop over a list."""
    if not re.fullmatch(r"(?:\*\*?|//?|[-+%])=", site.here.text) or site.previous.kind != "name":
        return None
    help_ = "compute it from a counter: `repeat 3 as i { conv3-(16 * 2**i) }`, or loop over a list with `for`"
    return SyntaxFix("", help_, marked=site.span(site.previous, site.here))


@syntax_rule(
    "NS101-stray", "a word or sign too many", priority=90, applicability="unsure",
    wrong="input 784\nrepeat 2 times {\n  FC-784\n}\n", right="input 784\nrepeat 2 {\n  FC-784\n}\n",
)  # fmt: skip
def stray(site: ErrorSite) -> SyntaxFix | None:
    """Without this word, sign or pair of brackets the statement can be parsed."""
    here, close = site.here, site.partner(site.here)
    statement = statement_around(site.tokens, site.at)
    if here.kind in ("newline", "edge") or here.start != site.at or len(statement.text) > _LONGEST_STATEMENT:
        return None
    first = site.previous if here.text == site.peek(-2).text == ":" else here
    before, after = site.tokens[first.index - 1].end < first.start, here.end < site.next.start
    if here.text in (".", ",") and not (before or after):
        return None  # a number of two parts
    edits = [Edit(site.between(site.tokens[first.index - 1].end if before and after else first.start, here.end), "")]
    if here.text == "=" and site.previous.kind == "name":  # an option where there is none
        first = site.previous
        edits = [Edit(site.between(site.tokens[first.index - 1].end, site.next.end), "")]
    if here.text in ("(", "[") and close is not None:
        edits = [Edit(site.span(here), ""), Edit(site.span(close), "")]
    kept, place = "", statement.start
    for edit in edits:
        kept, place = kept + site.text[place : edit.span.start], edit.span.end
    if place > statement.end or not site.parses(kept + site.text[place : statement.end]):
        return None
    last = site.next if here.text == "=" and first is site.previous else here
    gone = f"`{here.text} {close.text}`" if len(edits) > 1 and close else f"`{site.shown(first, last)}`"
    message = "this string does not end on its line" if here.text == '"' else f"unexpected `{here.text}`"
    return SyntaxFix(message, f"remove {gone}", tuple(edits))


_LONGEST_STATEMENT = 500


RULES = (
    slot_expression, comparison, chained_comparison, logic, arrow, character, invisible, quotes, comment,
    copies, second_hyphen, tensor_sum, assignment_operator,
    stray,
)  # fmt: skip
