"""Layers with their options and values: commas, colons and parentheses that do not belong, or are missing."""

from __future__ import annotations

import re

from netspec.diagnostics import Edit
from netspec.diagnostics.foreign import OPTIONS
from netspec.fixes.edits import insert_after
from netspec.fixes.rule import syntax_rule
from netspec.ops import CATALOGUE, JOINS
from netspec.syntax.error_site import ErrorSite, SyntaxFix
from netspec.syntax.tokens import Token

__all__ = ["RULES"]


@syntax_rule(
    "NS101-option-comma", "options are separated by spaces", priority=75, applicability="safe",
    wrong="input 784\nFC-10, act=relu, bias=no\n", right="input 784\nFC-10 act=relu bias=no\n",
)  # fmt: skip
def option_comma(site: ErrorSite) -> SyntaxFix | None:
    """The options of a layer follow it, separated by spaces. Another layer follows after `->`, or on a new line."""
    if site.in_condition or (site.line[:1] and site.line[0].text == "let"):
        return None
    if site.here.text != "," or site.in_recipe or (site.opener is not None and site.opener.text in ("(", "[")):
        return None
    commas = [
        t
        for t in site.line
        if t.text == "," and t.index >= site.here.index and site.tokens.opener(t.start) == site.opener
    ]
    help_ = "separate options with spaces; another layer follows after `->` or on a new line"
    return SyntaxFix("unexpected `,`", help_, tuple(_instead(site, comma) for comma in commas))


def _instead(site: ErrorSite, comma: Token) -> Edit:
    """A space where an option follows a comma, an arrow where a layer does."""
    after = site.tokens[comma.index + 1]
    if after.kind in ("newline", "edge"):
        return Edit(site.span(comma), "")
    value = site.tokens[after.index + 1]
    if OPTIONS.get(after.text) and value.kind == "number" and value.start > after.end:
        return Edit(site.between(comma.start, value.start), f" {OPTIONS[after.text]}=")
    layer = after.kind == "name" and value.text != "="
    return Edit(site.between(comma.start, after.start), " -> " if layer else " ")


@syntax_rule(
    "NS101-option-colon", "the value of an option follows `=`", priority=63,
    wrong="input 784\nFC-10 act: relu\n", right="input 784\nFC-10 act=relu\n",
)  # fmt: skip
def option_colon(site: ErrorSite) -> SyntaxFix | None:
    """An option is `name=value`; a colon follows the label of a layer."""
    if site.here.text != ":" or site.previous.kind != "name" or site.in_recipe or site.begins(site.previous):
        return None
    if site.next.kind == "sign" or site.begins(site.peek(-2)):
        return None
    edits = []
    for sign in (token for token in site.line if token.index >= site.here.index):
        before, after = site.tokens[sign.index - 1], site.tokens[sign.index + 1]
        gap = site.between(before.end, after.start if after.kind not in ("newline", "edge") else sign.end)
        if sign.text == ":" and before.kind == "name":
            edits.append(Edit(gap, "="))
        elif sign.text == ",":
            edits.append(Edit(gap, " "))
    return SyntaxFix("unexpected `:`", f"write `{site.previous.text}={site.next.text}`", tuple(edits))


@syntax_rule(
    "NS101-option-parentheses", "options have no parentheses", priority=45, applicability="safe",
    wrong="input 784\nFC-10(act=relu, bias=no)\n", right="input 784\nFC-10 act=relu bias=no\n",
)  # fmt: skip
def option_parentheses(site: ErrorSite) -> SyntaxFix | None:
    """After its width and stride a layer has options without parentheses; only blocks take arguments in them."""
    close = site.partner(site.here) if site.here.text in ("(", "[") else None
    if close is None or site.peek(-2).text not in ("-", "/") or site.in_recipe:
        return None
    inside = [part.strip() for part in site.text[site.here.end : close.start].split(",") if part.strip()]
    if not all(re.fullmatch(r"\w+[ \t]*=[ \t]*[^\s=]+", part) for part in inside):
        return None
    text = " ".join(inside)
    space = " " if text and site.previous.end == site.here.start else ""
    help_ = f"write the options without parentheses: `{text}`" if text else "remove them"
    return SyntaxFix.write(site.span(site.here, close), space + text, "unexpected parentheses", help=help_)


@syntax_rule(
    "NS101-option-arrow", "an option follows its layer without an arrow", priority=52,
    wrong="input 784\nFC-10 -> act=relu\n", right="input 784\nFC-10 act=relu\n",
)  # fmt: skip
def option_arrow(site: ErrorSite) -> SyntaxFix | None:
    """An arrow is followed by another layer; options belong to the layer before them."""
    arrow, name = site.peek(-2), site.previous
    if site.here.text != "=" or arrow.text != "->":
        return None
    gap = site.between(site.peek(-3).end, name.start)
    return SyntaxFix.write(
        gap, " ", "unexpected `=`", help=f"remove the arrow before `{name.text}=`", marked=site.span(site.here)
    )


@syntax_rule(
    "NS101-word-value", "a value without its parentheses", priority=50,
    wrong="input 784\ndefault FC act=leaky_relu 0.1\nFC-10\n", right="input 784\ndefault FC act=leaky_relu(0.1)\nFC-10\n",
)  # fmt: skip
def word_value(site: ErrorSite) -> SyntaxFix | None:
    """Activations and norms with a value are written as calls, `act=leaky_relu(0.1)`."""
    word = site.previous
    if site.here.kind != "number" or site.peek(-2).text != "=" or site.peek(-3).text not in ("act", "norm"):
        return None
    text = f"{word.text}({site.here.text})"
    return SyntaxFix.write(
        site.span(word, site.here),
        text,
        f"missing parentheses around the value of `{word.text}`",
        help=f"write `{site.peek(-3).text}={text}`",
        marked=site.span(site.here),
    )


@syntax_rule(
    "NS101-missing-comma", "values are separated by commas", priority=72,
    wrong="input 784\nfor w in [8 4] { FC-w }\n", right="input 784\nfor w in [8, 4] { FC-w }\n",
)  # fmt: skip
def missing_comma(site: ErrorSite) -> SyntaxFix | None:
    """The values of a list and the arguments of a call are separated by commas."""
    opener, before = site.opener, site.previous
    if opener is None or opener.text == "{" or site.tokens.opens_join(opener) or "COMMA" not in site.accepted:
        return None
    values = site.here.kind in ("name", "number", "string") or site.here.text in ("(", "[")
    ended = before.kind in ("name", "number", "string") or before.text in (")", "]")
    if not values or not ended or site.partner(opener) is None or before.end == site.here.start == site.at - 1:
        return None
    return SyntaxFix(
        "missing comma before this", "separate the values with commas", (insert_after(site.span(before), ","),)
    )


_PAPER = re.compile(
    r"(?:(?P<size>\d+[x×]\d+)[ \t]+(?P<name>conv|max[ ]?pool(?:ing)?|av(?:erage|g)[ ]?pool(?:ing)?)"
    r"|(?P<name2>conv|max[ ]?pool(?:ing)?)[ \t]*(?P<size2>\d+[x×]\d+|\d+))"
    r"(?:,[ \t]*(?P<width>\d+))?(?:[, \t]+(?:stride|s)?[ \t]*[=/]?[ \t]*(?P<stride>\d+))?(?P<rest>(?:[, \t]+\w+=[^\s,]+)*)"
)


@syntax_rule(
    "NS101-paper-notation", "a layer is written without spaces and commas", priority=24,
    wrong="input 3x9x9\n3x3 conv, 64, /2\n", right="input 3x9x9\nconv3-64/2\n",
)  # fmt: skip
def paper_notation(site: ErrorSite) -> SyntaxFix | None:
    """A layer is one word: its name and kernel, `-` and its width, `/` and its stride."""
    found = _PAPER.fullmatch(site.row.text)
    if found is None or not ("," in site.row.text or found["size"]):
        return None
    sizes = re.split("[x×]", found["size"] or found["size2"])
    word = (found["name"] or found["name2"]).replace(" ", "").replace("ing", "").replace("average", "avg")
    width, stride = (found["width"] or found["stride"], found["stride"] if found["width"] else None)
    if word != "conv":
        width, stride = "", found["stride"] or found["width"]
    elif not width:
        return None
    text = word + (sizes[0] if len(set(sizes)) == 1 else "x".join(sizes))
    text += (f"-{width}" if width else "") + (f"/{stride}" if stride else "")
    text += "".join(f" {option}" for option in re.findall(r"\w+=[^\s,]+", found["rest"]))
    return SyntaxFix.write(site.row, text)


@syntax_rule(
    "NS101-spaced-kernel", "a layer is written without spaces", priority=23, applicability="safe",
    wrong="input 3x9x9\nconv 5x5-6\n", right="input 3x9x9\nconv5x5-6\n",
)  # fmt: skip
def spaced_kernel(site: ErrorSite) -> SyntaxFix | None:
    """The kernel of a layer follows its name without a space, then `-` and the width, `/` and the stride."""
    name, kernel = site.peek(-2), site.previous
    if site.here.text not in ("-", "/") or kernel.kind != "number" or site.next.kind not in ("number", "name"):
        return None
    op = CATALOGUE.get(name.text)
    if op is None or not any(option.slot == "kernel" for option in op.options.values()):
        return None
    gap, text = site.between(name.end, kernel.start), site.text[kernel.start : site.next.end]
    help_ = f"write the numbers after the name without a space: `{name.text}{text}`"
    return SyntaxFix.write(gap, "", f"unexpected `{site.here.text}`", help=help_, marked=site.span(site.here))


@syntax_rule(
    "NS101-dense-units", "`dense { … }` is a block of DenseNet", priority=49,
    wrong="input 784\ndense-10\n", right="input 784\nFC-10\n",
)  # fmt: skip
def dense_units(site: ErrorSite) -> SyntaxFix | None:
    """A fully connected layer of 10 units is `FC-10`; `dense { … }` joins its input and the outputs of its layers."""
    if (
        site.previous.text not in ("dense", "output")
        or not site.begins(site.previous)
        or (site.here.text not in ("-", "(") and site.here.kind != "number")
    ):
        return None
    bare = site.here.kind == "number"
    close = site.here if bare else site.partner(site.here) if site.here.text == "(" else site.next
    start = site.here.start if bare else site.here.end
    inside = site.text[start : close.start if site.here.text == "(" else close.end].strip() if close else ""
    if close is None or not re.fullmatch(r"\w+", inside):
        return None
    message = f"`{site.previous.text}` is not a layer"
    return SyntaxFix.write(
        site.span(site.previous, close), f"FC-{inside}", message, marked=site.span(site.previous, site.here)
    )


@syntax_rule(
    "NS101-output-layer", "`output` names a tensor, and holds no layer", priority=48,
    wrong="input 784\noutput FC-10\n", right="input 784\nFC-10\n",
)  # fmt: skip
def output_layer(site: ErrorSite) -> SyntaxFix | None:
    """The last layer is the output. `output name`, on a line after a layer, gives it a name."""
    words = site.line[:2]
    if len(words) < 2 or words[0].text != "output" or words[1].kind != "name" or site.here.text not in ("-", "("):
        return None
    if words[1] is not site.previous or re.sub(r"\d+$", "", words[1].text.lower()) not in CATALOGUE:
        return None
    gap = site.between(words[0].start, words[1].start)
    return SyntaxFix(
        edits=(Edit(gap, ""),), help="remove `output`: the last layer is the output", marked=site.span(words[0])
    )


@syntax_rule(
    "NS101-join-list", "branches are in brackets", priority=43,
    wrong="input 784\na: FC-784\nadd a, input\n", right="input 784\na: FC-784\nadd [ from a; from input ]\n",
)  # fmt: skip
def join_list(site: ErrorSite) -> SyntaxFix | None:
    """A join has its branches in brackets, one per line or separated by `;`. A branch that is a label begins with `from`."""
    found = re.search(rf"\b({'|'.join(JOINS)})[ \t]+(\w+(?:[ \t]*,[ \t]*\w+)+)$", site.row.text)
    if found is None or site.here.text != "," or not site.row.start + found.start() <= site.at:
        return None
    text = f"{found[1]} [ {'; '.join('from ' + label.strip() for label in found[2].split(','))} ]"
    span = site.between(site.row.start + found.start(), site.row.end)
    return SyntaxFix.write(span, text, "unexpected `,`", marked=site.span(site.here))


RULES = (
    join_list, option_comma, option_colon, option_parentheses, option_arrow, word_value, missing_comma, paper_notation,
    spaced_kernel, dense_units, output_layer,
)  # fmt: skip
