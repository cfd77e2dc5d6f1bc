"""Statements, declarations and whole lines as other languages write them."""

from __future__ import annotations

import re

from netspec.diagnostics import Edit, nearest
from netspec.diagnostics.foreign import ALIASES, OPTIONS, PLACES, TENSORS, translated_call
from netspec.fixes.edits import insert_before
from netspec.fixes.rule import syntax_rule
from netspec.ops import CATALOGUE
from netspec.source import Span
from netspec.syntax.brackets import end_of_body
from netspec.syntax.error_site import ErrorSite, SyntaxFix

__all__ = ["RULES"]

_HEADS = ("residual", "dense", "repeat", "block", "shared", "train", "aux", "checkpoint", "windows", "each")
_ELIF = ("elif", "elsif", "elseif")


def _is_layer(site: ErrorSite, index: int) -> bool:
    """Whether a layer begins at a token: `conv3-8`, or any word before an arrow."""
    word, sign, width = (site.tokens[index + i] for i in range(3))
    glued = sign.text == "-" and word.end == sign.start and sign.end == width.start
    return word.kind == "name" and (glued or sign.text == "->")


@syntax_rule(
    "NS101-label-sign", "a label is followed by a colon", priority=55,
    wrong="input 784\nhead = FC-10\nrelu\n", right="input 784\nhead: FC-10\nrelu\n",
)  # fmt: skip
def label_sign(site: ErrorSite) -> SyntaxFix | None:
    """A label names a layer and is followed by `:`. Only `let` declares variables, and only for numbers and lists."""
    name = site.previous
    later = [token.text for token in site.line if token.index > site.here.index]
    if site.here.text != "=" or not site.begins(name) or name.kind != "name" or site.in_recipe:
        return None
    if not (_is_layer(site, site.here.index + 1) or "->" in later):
        return None
    gap = site.between(name.end, site.here.end)
    return SyntaxFix.write(
        gap, ":", "unexpected `=`", help=f"label a layer with a colon: `{name.text}: …`", marked=site.span(site.here)
    )


@syntax_rule(
    "NS101-let", "a variable is declared with `let`", priority=60, applicability="safe",
    wrong="w = 8\ninput 3x8x8\nconv3-w\n", right="let w = 8\ninput 3x8x8\nconv3-w\n",
)  # fmt: skip
def let(site: ErrorSite) -> SyntaxFix | None:
    """Variables hold numbers, words and lists, and are declared with `let`."""
    name = site.previous
    if site.here.text != "=" or name.kind != "name" or not site.begins(name) or site.in_recipe:
        return None
    around = site.tokens.opener(name.start)
    if around is not None and around.text in ("(", "[") and site.tokens.partner(around) is not None:
        return None  # in the middle of a list
    text = site.text[name.start : site.row.end]
    if all(text.count(a) == text.count(b) for a, b in ("()", "[]", "{}")) and not site.parses(f"let {text}"):
        return None  # `act=relu FC-30`
    op = CATALOGUE.get(name.text.lower())
    if op is not None and any(option.slot == "value" for option in op.options.values()):
        gap = site.between(name.end, site.next.start)
        layer = f"{name.text} {site.text[site.next.start : site.row.end]}"
        return SyntaxFix(
            "unexpected `=`", f"`{name.text}` is a layer: write `{layer}`", (Edit(gap, " "),), applicability="review"
        )
    return SyntaxFix(
        "", f"write `let {text if len(text) <= 50 else name.text + ' = …'}`", (insert_before(site.span(name), "let "),)
    )


@syntax_rule(
    "NS101-keyword-label", "a keyword is used as a label", priority=65,
    wrong="input 784\noutput: FC-10\n", right="input 784\noutput1: FC-10\n",
)  # fmt: skip
def keyword_label(site: ErrorSite) -> SyntaxFix | None:
    """Keywords, such as `input` and `output`, cannot be labels. Choose another word."""
    word = site.previous
    if site.here.text != ":" or not site.begins(word) or not _is_layer(site, site.next.index):
        return None
    if word.text in ("residual", "dense", "checkpoint"):
        rest = site.text[site.here.end : site.row.end].strip()
        return SyntaxFix.write(site.between(word.start, site.row.end), f"{word.text} {{ {rest} }}", "unexpected `:`")
    after = zip(site.tokens.items, site.tokens.items[1:], strict=False)
    uses = [token for sign, token in after if sign.text == "from" and token.text == word.text]
    edits = tuple(Edit(site.span(token), f"{word.text}1") for token in (word, *uses))
    return SyntaxFix(f"`{word.text}` is a keyword and cannot be a label", f"call it `{word.text}1:`", edits)


@syntax_rule(
    "NS101-name", "a name that is not one word", priority=20,
    wrong="net ResNet-50\ninput 784\nFC-10\n", right="net ResNet_50\ninput 784\nFC-10\n",
)  # fmt: skip
def name(site: ErrorSite) -> SyntaxFix | None:
    """The names of nets, blocks, functions and labels are one word of letters, digits and `_` that begins with a letter."""
    row = site.row.text
    head = re.match(r"(net|block|fn)[ \t]+([\w.-]+|\"[^\"]*\"|'[^']*')", row)
    label = (
        re.match(r"[A-Za-z_]\w*(?:[-.]\w+)+(?=[ \t]*:)", row) if site.here.text == ":" and not site.in_recipe else None
    )
    if head is not None:
        start, old = site.row.start + head.start(2), head[2]
    elif label is not None:
        start, old = site.row.start, label[0]
    else:
        return None
    new = re.sub(r"\W+", "_", old.strip("\"'"))
    new = f"{'Net' if head and head[1] == 'net' else 'b'}_{new}" if new[:1].isdigit() else new
    span = site.between(start, start + len(old))
    inside = span.start <= site.at <= span.end + (label is not None)
    if not inside or old == new:
        return None
    return SyntaxFix.write(span, new, f"`{old}` is not a valid name", help=f"call it `{new}`")


@syntax_rule(
    "NS101-elif", "`elif` is not a keyword", priority=30, applicability="safe",
    wrong="input 784\nif in.channels > 9 { relu } elif in.channels > 3 { gelu }\nFC-10\n",
    right="input 784\nif in.channels > 9 { relu } else if in.channels > 3 { gelu }\nFC-10\n",
)  # fmt: skip
def elif_(site: ErrorSite) -> SyntaxFix | None:
    """An `if` is followed by `else { … }`, or by `else if` with another condition."""
    word = next((token for token in site.line if token.text in _ELIF), None)
    if word is None or site.here.index < word.index:
        return None
    return SyntaxFix.write(site.span(word), "else if", f"`{word.text}` is not a keyword")


@syntax_rule(
    "NS101-function", "a function is one expression", priority=30,
    wrong="fn half(v) { return v // 2 }\ninput 784\nFC-(half(20))\n", right="fn half(v) = v // 2\ninput 784\nFC-(half(20))\n",
)  # fmt: skip
def function(site: ErrorSite) -> SyntaxFix | None:
    """`fn name(parameter) = expression` computes numbers; layers under a name of their own are a block."""
    head = re.fullmatch(
        r"(?:fn|def|function)[ \t]+(\w+)[ \t]*(\([^()\n]*\))[ \t]*"
        r"(?:\{[ \t]*(?:return[ \t]+)?([^{}\n]+?)[ \t]*\}|(?::|=>|->)[ \t]*(?:return[ \t]+)?([^\n#{]+))", site.row.text
    )  # fmt: skip
    if head is None:
        return None
    return SyntaxFix.write(site.row, f"fn {head[1]}{head[2]} = {head[3] or head[4]}")


@syntax_rule(
    "NS101-definition", "layers under a name of their own are a block", priority=28,
    wrong="def unit(w):\n  FC-w\n  relu\ninput 784\nunit(10)\n",
    right="block unit(w) {\n  FC-w\n  relu\n}\ninput 784\nunit(10)\n",
)  # fmt: skip
def definition(site: ErrorSite) -> SyntaxFix | None:
    """`block name(parameter) { … }` declares layers that are used in several places."""
    head = re.fullmatch(
        r"(def|function|func|define|macro|module|fn)[ \t]+(\w+)[ \t]*(\([^()\n]*\))?[ \t]*([:{])", site.row.text
    )
    if head is None or site.indent or "self" in (head[3] or "") or (head[1] == "fn" and head[4] == ":"):
        return None
    text, end = f"block {head[2]}{head[3] or ''} {{", end_of_body(site.tokens, site.line[0])
    if head[4] == ":" and end is None:
        return None
    closing = (Edit(site.between(end, end), "\n}"),) if head[4] == ":" and end else ()
    return SyntaxFix(
        f"`{head[1]}` does not declare layers", f"declare a block: `{text} … }}`", (Edit(site.row, text), *closing),
        site.span(site.line[0]),
    )  # fmt: skip


@syntax_rule(
    "NS101-parameter-type", "parameters do not have types", priority=40,
    wrong="block unit(w: int, n = 2) { FC-w x(n) }\ninput 784\nunit(10)\n",
    right="block unit(w, n = 2) { FC-w x(n) }\ninput 784\nunit(10)\n",
)  # fmt: skip
def parameter_type(site: ErrorSite) -> SyntaxFix | None:
    """Parameters are names, some with a default."""
    opener = site.opener
    if site.here.text != ":" or opener is None or site.line[0].text not in ("block", "fn", "net", "def"):
        return None
    edits, ends = [], (",", "=", ")")
    for colon in (token for token in site.tokens.inside(opener) if token.text == ":"):
        last = colon
        while site.tokens[last.index + 1].text not in ends and site.tokens[last.index + 1].kind != "edge":
            last = site.tokens[last.index + 1]
        edits.append(Edit(site.span(colon, last), ""))
    return SyntaxFix("", "remove the types", tuple(edits))


@syntax_rule(
    "NS101-head", "a word before braces", priority=70,
    wrong="input 784\nresidul { FC-784 }\n", right="input 784\nresidual { FC-784 }\n",
)  # fmt: skip
def head(site: ErrorSite) -> SyntaxFix | None:
    """Braces follow `residual`, `repeat 3` and the like; any other word is a label, with a colon."""
    word = site.peek(-2) if site.previous.kind == "number" else site.previous
    if site.here.text != "{" or word.kind != "name" or not site.begins(word) or site.in_recipe:
        return None
    near, message = nearest(word.text, _HEADS), f"`{word.text}` is not a keyword"
    if near is not None:
        return SyntaxFix.write(site.span(word), near, message, help=f"did you mean `{near}`?")
    help_ = f"label the braces: `{word.text}: {{ … }}`"
    return SyntaxFix.write(site.span(word), f"{word.text}:", message, help=help_) if word is site.previous else None


@syntax_rule(
    "NS101-use", "files are read by `use`, with the path in quotes", priority=25, applicability="unsure",
    wrong="use blocks.net\ninput 784\nunit(10)\n", right='use "blocks.net"\ninput 784\nunit(10)\n',
)  # fmt: skip
def use(site: ErrorSite) -> SyntaxFix | None:
    """`use "file.net"` reads the blocks and functions of another file; `use "file.net" as name` reads a whole net as one block."""
    row = re.fullmatch(
        r"use[ \t]+([\w./-]+?)(?:\.net)?((?:[ \t]+as[ \t]+\w+)?)|(?:import|include)[ \t]+[\"'<]([\w./-]+?)(?:\.net)?[\"'>]", site.row.text
    )  # fmt: skip
    if row is None:
        return None
    return SyntaxFix.write(site.row, f'use "{row[1] or row[3]}.net"{row[2] or ""}')


@syntax_rule(
    "NS101-assert", "what must hold is stated by `expect`", priority=35,
    wrong="input 784\nFC-10\nassert params == 7_850\n", right="input 784\nFC-10\nexpect params == 7_850\n",
)  # fmt: skip
def assertion(site: ErrorSite) -> SyntaxFix | None:
    """`expect` compares a figure of the net, such as `params`, `macs` or `output`, with its value."""
    if not site.line or site.line[0].text.lower() not in ("assert", "require", "ensure", "check") or len(site.line) < 4:
        return None
    return SyntaxFix.write(site.span(site.line[0]), "expect", f"`{site.line[0].text}` is not a keyword")


@syntax_rule(
    "NS101-list-row", "a layer has no `-` before it", priority=40, applicability="safe",
    wrong="input 784\n- FC-10\n- relu\n", right="input 784\nFC-10\nrelu\n",
)  # fmt: skip
def list_row(site: ErrorSite) -> SyntaxFix | None:
    """Each layer is on a line of its own, without a sign before it."""
    if site.here.text != "-" or not site.begins_line or site.next.kind != "name" or site.next.start == site.here.end:
        return None
    rows = [
        t
        for t in site.tokens.items[site.here.index :]
        if t.text == "-" and site.tokens[t.index - 1].kind in ("newline", "edge")
    ]
    edits = tuple(Edit(site.between(t.start, site.tokens[t.index + 1].start), "") for t in rows)
    return SyntaxFix("unexpected `-`", "remove it", edits)


@syntax_rule(
    "NS101-foreign-word", "a statement of another language or format", priority=45, applicability="unsure",
    wrong="input 784\na: FC-10\nFC-10\nroute -1, -2\n", right="input 784\na: FC-10\nFC-10\nconcat [ identity; from a ]\n",
)  # fmt: skip
def foreign_word(site: ErrorSite) -> SyntaxFix | None:
    """Some words of Python, PyTorch and Darknet have no counterpart that is a single layer."""
    first = site.here if site.here.text == "import" or not site.line else site.line[0]
    help_ = PLACES.get(first.text.lower()) if first.kind == "name" else None
    if (
        help_ is None
        or site.here.index < first.index + (first.text != "import")
        or site.tokens[first.index + 1].text in ("=", ":", ".")
    ):
        return None
    return SyntaxFix(f"`{first.text}` is not a layer or keyword", help_, marked=site.span(first))


@syntax_rule(
    "NS101-foreign-call", "this is a call of another framework", priority=22,
    wrong="input 784\nnn.Linear(784, 10)\n", right="input 784\nlinear-10\n",
)  # fmt: skip
def foreign_call(site: ErrorSite) -> SyntaxFix | None:
    """A layer is its name, kernel, width and stride, then options; it takes the output of the layer before it."""
    if site.in_recipe:
        return None
    for bracket in (token for token in site.line if token.text == "(" and site.tokens[token.index - 1].kind == "name"):
        close, name = site.partner(bracket), site.tokens[bracket.index - 1]
        path = name
        while site.tokens[path.index - 1].text == "." and site.tokens[path.index - 2].kind == "name":
            path = site.tokens[path.index - 2]
        assigned = site.tokens[path.index - 1].text == "="
        first = site.tokens[path.index - 2] if assigned else path
        while assigned and site.tokens[first.index - 1].text == ".":
            first = site.tokens[first.index - 2]
        if close is None or close.text != ")" or not site.begins(first) or not first.start <= site.at <= close.end:
            continue
        inside = site.text[bracket.end : close.start]
        text = f"from {inside.strip()} -> {first.text}: {name.text}()"
        if assigned and path is name and _is_block_call(name.text, inside) and site.parses(text):
            return SyntaxFix.write(site.span(first, close), text, "layers are not called with tensors")
        if path is name and not assigned and not _is_foreign(name.text, inside):
            return None
        called = site.partner(site.tokens[close.index + 1]) if site.tokens[close.index + 1].start == close.end else None
        span = site.span(first, called if called is not None and called.text == ")" else close)  # `Dense(10)(x)`
        if path is not name and not assigned and not _is_known(name.text):
            return _of_module(site, site.text[name.start : close.end], span)
        found = _translation(name.text, inside, span)
        if found is None and path is not name:
            return SyntaxFix("", "write each layer on a line of its own: `conv3-64 pad=1`", marked=span, left_out=span)
        return found
    return None


def _is_block_call(head: str, inside: str) -> bool:
    """Whether `y = head(a)` applies a block to a tensor with a name."""
    known = head.lower() in (*CATALOGUE, *ALIASES, *PLACES)
    return not known and inside.strip().isidentifier() and inside.strip() not in TENSORS


def _is_known(head: str) -> bool:
    stem = re.sub(r"\d.*", "", head.lower())
    return stem in (*CATALOGUE, *ALIASES, *PLACES, "view", "append", "add_module", "add")


def _of_module(site: ErrorSite, call: str, span: Span) -> SyntaxFix:
    """`blocks.unit(8)`: what a used file has is called by its own name."""
    if "use" in {token.text for token in site.tokens.items} and site.parses(call):
        help_ = f"what is imported with `use` is called by its name: `{call}`"
        return SyntaxFix("unexpected `.`", help_, (Edit(span, call),), applicability="review")
    return SyntaxFix("", "write each layer on a line of its own: `conv3-64 pad=1`", marked=span, left_out=span)


def _is_foreign(head: str, inside: str) -> bool:
    return head.lower() in ALIASES or any(option in OPTIONS for option in re.findall(r"(\w+)[ \t]*=", inside))


def _translation(head: str, inside: str, span: Span) -> SyntaxFix | None:
    inner = re.fullmatch(r"\s*(?:\w+\.)*(\w+)\((.*)\)\s*", inside, re.DOTALL)
    if inner and head in ("add", "append", "add_module"):
        head, inside = inner[1], inner[2]
    text = "flatten" if head in ("view", "reshape", "flatten") else translated_call(head, inside)
    if head.lower() in PLACES and text != "flatten":
        return SyntaxFix(f"`{head}` is not a layer", PLACES[head.lower()], marked=span, left_out=span)
    return SyntaxFix.write(span, text) if text else None


@syntax_rule(
    "NS101-sequential", "a list of layers of PyTorch or Keras", priority=21, applicability="unsure",
    wrong="input 784\nnn.Sequential(\n  nn.Linear(784, 10),\n  nn.ReLU(),\n)\n", right="input 784\nlinear-10\nrelu\n",
)  # fmt: skip
def sequential(site: ErrorSite) -> SyntaxFix | None:
    """A net is its layers, one per line or joined by `->`, without a list around them."""
    word = next((token for token in site.line if token.text.endswith("Sequential")), None)
    close = site.partner(site.tokens[word.index + 1]) if word is not None else None
    if word is None or close is None or not site.line[0].start <= site.at <= close.end:
        return None
    span = site.span(site.line[0], close)
    return SyntaxFix(
        f"`{word.text}` is not a layer",
        "write the layers one per line: `conv3-64 pad=1`",
        marked=site.span(word),
        left_out=span,
    )


RULES = (
    label_sign, let, keyword_label, name, elif_, function, definition, parameter_type,
    head, use, assertion, list_row, foreign_word, foreign_call, sequential,
)  # fmt: skip
