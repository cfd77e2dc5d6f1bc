"""Lists, indices and loops between branches as Python writes them, and the inputs and outputs of blocks."""

from __future__ import annotations

import re

from netspec.diagnostics import Edit
from netspec.fixes.rule import syntax_rule
from netspec.syntax.error_site import ErrorSite, SyntaxFix
from netspec.syntax.tokens import Token

__all__ = ["RULES"]

_MODULES = ("np", "numpy", "math", "torch", "tf", "jnp")
_PAIR = "block pair {\n  input a, b\n  add [ from a; from b ]\n  output sum\n  relu\n  output act\n}\ninput 784\n"


def _around(site: ErrorSite, signs: str) -> tuple[Token, Token] | None:
    """The innermost bracket around the error with its other half, where it is one of these signs."""
    opener = site.opener
    close = site.partner(opener) if opener is not None and opener.text in signs else None
    return (opener, close) if opener is not None and close is not None else None


@syntax_rule(
    "NS101-comprehension", "a comprehension is in square brackets, and begins with its value", priority=12,
    wrong="let n = sum(i * 2 for i in [4, 8])\ninput 3x8x8\nconv1-n\n",
    right="let n = sum([i * 2 for i in [4, 8]])\ninput 3x8x8\nconv1-n\n",
)  # fmt: skip
def comprehension(site: ErrorSite) -> SyntaxFix | None:
    """`[2 * i for i in range(3) if i > 0]` is a list: first the value, then where its names come from, then a condition."""
    found = _around(site, "[(")
    if found is None or site.tokens.opens_join(found[0]):
        return None
    opener, close = found
    words = [token.text for token in site.tokens.items[opener.index + 1 : close.index]]
    if "for" not in words:
        return None
    within = site.between(opener.end, close.start)
    if opener.text == "(" and "in" in words[words.index("for") :] and words[0] != "for":
        called = site.tokens[opener.index - 1].kind == "name"
        text = f"([{within.text}])" if called else f"[{within.text}]"
        return SyntaxFix.write(site.span(opener, close), text, "a comprehension is in `[ ]`", help=f"write `{text}`")
    if words[0] == "for" and len(words) > 1:
        first = site.between(opener.end, opener.end)
        help_ = f"write the value before `for`: `[{words[1]} {within.text.strip()}]`"
        message = "a comprehension begins with its value"
        return SyntaxFix.write(first, f"{words[1]} ", message, help=help_, marked=site.span(site.here))
    help_ = "write `[2 * i for i in range(3)]`, with `in` and a list"
    return SyntaxFix("a comprehension is `[value for name in list]`", help_, marked=within, applicability="unsure")


@syntax_rule(
    "NS101-loop-of-branches", "a loop between branches has its body in braces", priority=11,
    wrong="input 3x8x8\nconcat [ conv(k)-4 pad=same for k in [3, 5] ]\n",
    right="input 3x8x8\nconcat [ for k in [3, 5] { conv(k)-4 pad=same } ]\n",
)  # fmt: skip
def loop_of_branches(site: ErrorSite) -> SyntaxFix | None:
    """`for k in [3, 5] { … }` among the branches makes a branch for each k; the layers are in braces after the list."""
    found = _around(site, "[")
    if found is None or not site.tokens.opens_join(found[0]):
        return None
    opener, close = found
    inside = site.tokens.items[opener.index + 1 : close.index]
    words = [token.text for token in inside]
    if (
        "for" not in words
        or "in" not in words
        or "{" in words
        or any(t.kind == "newline" or t.text == ";" for t in inside)
    ):
        return None
    loop = inside[words.index("for")]
    if loop is inside[0]:
        first = inside[words.index("in") + 1]
        end = site.partner(first) if first.text == "[" else None
        if end is None or end.index + 1 >= close.index:
            return None
        head, body = site.shown(loop, end), site.shown(site.tokens[end.index + 1], inside[-1])
    else:
        head, body = site.shown(loop, inside[-1]), site.shown(inside[0], site.tokens[loop.index - 1])
    text = f"{head} {{ {body} }}"
    message = "a loop between branches has a body in `{ }`"
    return SyntaxFix.write(site.span(inside[0], inside[-1]), text, message, help=f"write `{text}`")


@syntax_rule(
    "NS101-two-indices", "an index is one number", priority=13,
    wrong="let xs = [[4, 8], [16, 32]]\ninput 784\nFC-(xs[0, 1])\n",
    right="let xs = [[4, 8], [16, 32]]\ninput 784\nFC-(xs[0][1])\n",
)  # fmt: skip
def two_indices(site: ErrorSite) -> SyntaxFix | None:
    """A list of lists is taken apart one index at a time."""
    found = _around(site, "[")
    if site.here.text != "," or found is None or found[0].start != site.tokens[found[0].index - 1].end:
        return None
    text = site.between(found[0].end, found[1].start).text
    indices = "][".join(part.strip() for part in text.split(","))
    return SyntaxFix.write(site.span(*found), f"[{indices}]", "an index is one number", help=f"write `[{indices}]`")


@syntax_rule(
    "NS101-list-in-braces", "lists are in square brackets", priority=14, applicability="safe",
    wrong="let xs = {4, 8}\ninput 784\nFC-(xs[0])\n", right="let xs = [4, 8]\ninput 784\nFC-(xs[0])\n",
)  # fmt: skip
def list_in_braces(site: ErrorSite) -> SyntaxFix | None:
    """`[4, 8]` is a list and `(4, 8)` a tuple; braces hold statements."""
    close = site.partner(site.here) if site.here.text == "{" and site.previous.text in ("=", "in") else None
    if close is None:
        return None
    edits = (Edit(site.span(site.here), "["), Edit(site.span(close), "]"))
    return SyntaxFix("a list is in `[ ]`", "write it in `[ ]`", edits, site.span(site.here))


@syntax_rule(
    "NS101-module-function", "functions are in no module", priority=16, applicability="safe",
    wrong="let n = math.floor(8.5)\ninput 784\nFC-n\n", right="let n = floor(8.5)\ninput 784\nFC-n\n",
)  # fmt: skip
def module_function(site: ErrorSite) -> SyntaxFix | None:
    """`floor`, `sqrt`, `log`, `linspace` and the others are called by their names alone."""
    module = site.peek(-3)
    if site.here.text != "(" or site.peek(-2).text != "." or module.text not in _MODULES:
        return None
    name = site.previous.text
    before = site.between(module.start, site.previous.start)
    return SyntaxFix.write(
        before, "", f"`{module.text}` is not known here", help=f"write `{name}(…)`", marked=site.span(module)
    )


@syntax_rule(
    "NS101-results", "what a block gives is reached by its label", priority=17, applicability="review",
    wrong=f"{_PAIR}x, y = pair() [ identity; relu ]\nfrom pair1.act\n",
    right=f"{_PAIR}pair1: pair() [ identity; relu ]\nfrom pair1.act\n",
)  # fmt: skip
def results(site: ErrorSite) -> SyntaxFix | None:
    """The label of a call has the outputs of the block: `p: pair() [ … ]`, then `from p.sum`."""
    row = re.match(r"(\w+(?:\s*,\s*\w+)+)\s*=\s*(\w+)", site.row.text)
    if site.here.text != "," or row is None:
        return None
    names = site.between(site.row.start, site.row.start + row.start(2))
    label = f"{row[2]}1"
    help_ = f"label the call, `{label}: {row[2]}…`, and go on from its outputs: `from {label}.…`"
    return SyntaxFix.write(names, f"{label}: ", "a call has no results on its left", help=help_)


@syntax_rule(
    "NS101-outputs", "each output has a statement of its own", priority=19, applicability="unsure",
    wrong="input 784\nFC-10\noutput x, y\n", right="input 784\nFC-10\noutput x\nrelu\noutput y\n",
)  # fmt: skip
def outputs(site: ErrorSite) -> SyntaxFix | None:
    """`output x` names the current tensor, so that two outputs are named at two places."""
    if site.here.text != "," or not site.line or site.line[0].text != "output":
        return None
    return SyntaxFix("an `output` has one name", "write `output x` after each layer that gives one")


@syntax_rule(
    "NS101-output-by-number", "outputs have names", priority=9, applicability="unsure",
    wrong=f"{_PAIR}p: pair() [ identity; relu ]\nfrom p[0]\n", right=f"{_PAIR}p: pair() [ identity; relu ]\nfrom p.sum\n",
)  # fmt: skip
def output_by_number(site: ErrorSite) -> SyntaxFix | None:
    """`from p.sum` goes on from the output `sum` of the block that `p` labels."""
    dotted = site.previous.text == "."
    label = site.peek(-2) if dotted else site.previous
    word = site.tokens[label.index - 1]
    if word.text != "from" or not (site.here.text == "[" or (dotted and site.here.kind == "number")):
        return None
    return SyntaxFix("the outputs of a block have names", f"write `from {label.text}.…` with the name of an output")


@syntax_rule(
    "NS101-branches-in-braces", "the branches of a call are in square brackets", priority=7, applicability="safe",
    wrong=f"{_PAIR}pair() {{ identity; relu }}\n", right=f"{_PAIR}pair() [ identity; relu ]\n",
)  # fmt: skip
def branches_in_braces(site: ErrorSite) -> SyntaxFix | None:
    """A block with several inputs takes a branch for each, in `[ ]` as those of a join."""
    opener = site.partner(site.previous) if site.previous.text == ")" else None
    close = site.partner(site.here) if site.here.text == "{" else None
    name = site.tokens[opener.index - 1] if opener is not None else None
    if close is None or name is None or not re.search(rf"\b(?:block|shared) +{re.escape(name.text)}\b", site.text):
        return None
    if not (site.begins(name) or site.tokens[name.index - 1].text == ":"):
        return None
    edits = (Edit(site.span(site.here), "["), Edit(site.span(close), "]"))
    return SyntaxFix("unexpected `{`", f"the branches of `{name.text}` are in `[ ]`", edits, site.span(site.here))


RULES = (
    branches_in_braces, output_by_number, loop_of_branches, comprehension, two_indices, list_in_braces, module_function, results,
    outputs,
)  # fmt: skip
