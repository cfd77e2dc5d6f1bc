"""Statements with a misspelled keyword, or without a part that they need."""

from __future__ import annotations

import re

from netspec import library
from netspec.diagnostics import Edit, nearest
from netspec.diagnostics.foreign import ALIASES, PLACES, PYTHON_MODULES
from netspec.fixes.edits import line_of_its_own
from netspec.fixes.rule import syntax_rule
from netspec.ops import CATALOGUE
from netspec.syntax.error_site import ErrorSite, SyntaxFix
from netspec.syntax.recovery import statement_around

__all__ = ["RULES"]

_KEYWORDS = (
    "input", "let", "default", "expect", "net", "use", "block", "shared", "repeat", "for", "if", "fn", "output", "fit",
)  # fmt: skip
_LONGEST_STATEMENT = 2_000


@syntax_rule(
    "NS101-keyword", "a misspelled keyword", priority=18,
    wrong="input 784\nFC-10\nexpct params == 7_850\n", right="input 784\nFC-10\nexpect params == 7_850\n",
)  # fmt: skip
def keyword(site: ErrorSite) -> SyntaxFix | None:
    """With the keyword that this word resembles, the statement can be parsed."""
    word = next((token for token in site.line if token.kind == "name"), None)
    if word is None or word is not site.line[0] or not word.start < site.at or site.in_recipe:
        return None
    known = (*_KEYWORDS, *CATALOGUE, *ALIASES, *PLACES)
    near = nearest(word.text, _KEYWORDS) if word.text.lower() not in known else None
    if near is None or len(near) < len(word.text) - 1:
        return None
    statement = statement_around(site.tokens, site.at)
    row = site.text[word.end : site.row.end]
    texts = [near + site.text[word.end : statement.end]] if statement.end > word.end else []
    texts += [f"{near}{row}\n}}"] if row.endswith("{") else [near + row]
    if len(statement.text) > _LONGEST_STATEMENT or not any(site.parses(text) for text in texts):
        return None
    return SyntaxFix.write(site.span(word), near, f"`{word.text}` is not a keyword", help=f"did you mean `{near}`?")


@syntax_rule(
    "NS101-output-name", "an output needs a name", priority=44,
    wrong="input 784\nFC-20\noutput\nFC-10\noutput scores\n", right="input 784\nFC-20\noutput output1\nFC-10\noutput scores\n",
)  # fmt: skip
def output_name(site: ErrorSite) -> SyntaxFix | None:
    """`output NAME` makes the current tensor an output. Without such a statement, the last tensor is the output."""
    word = site.previous
    if word.text != "output" or site.row.text != "output" or site.here.kind not in ("newline", "edge"):
        return None
    line = line_of_its_own(site.row)
    named = [t for t in site.tokens.items if t.text == "output" and site.begins(t)]
    if not site.text[site.row.end :].strip() and line is not None and len(named) == 1:
        help_ = "remove it: the last tensor is the output; or give it a name: `output scores`"
        return SyntaxFix("", help_, (Edit(line, ""),), marked=site.row)
    text = f"output output{named.index(word) + 1}"
    return SyntaxFix.write(site.row, text, help=f"give it a name: `{text}`")


@syntax_rule(
    "NS101-default-layers", "a default names its layers", priority=44,
    wrong="default act=relu\ninput 784\nFC-20\nFC-10\n", right="default FC act=relu\ninput 784\nFC-20\nFC-10\n",
)  # fmt: skip
def default_layers(site: ErrorSite) -> SyntaxFix | None:
    """`default conv, FC act=relu`: first the layers, then the options that they get."""
    found = re.match(r"default[ \t]+([A-Za-z_]\w*)[ \t]*=", site.row.text)
    if found is None or not site.row.start <= site.at <= site.row.start + found.end():
        return None
    words = (word.lower() for word in re.findall(r"(?m)(?:^|->|[;{\[:])[ \t]*([A-Za-z_]+)(?=[\d(-])", site.text))
    heads = [CATALOGUE[word].name for word in dict.fromkeys(words) if word in CATALOGUE]
    layers = ", ".join(head for head in heads if found[1] in CATALOGUE[head.lower()].options) or "conv"
    end = site.row.start + found.start(1)
    rest = site.text[end : site.row.end]
    return SyntaxFix.write(
        site.between(end, end), f"{layers} ", help=f"write `default {layers} {rest}`", marked=site.span(site.here)
    )


@syntax_rule(
    "NS101-net-parameters", "the parameters of a net are in parentheses", priority=44, applicability="safe",
    wrong="net N classes=10 width=20\ninput 784\nFC-width\nFC-classes\n",
    right="net N(classes = 10, width = 20)\ninput 784\nFC-width\nFC-classes\n",
)  # fmt: skip
def net_parameters(site: ErrorSite) -> SyntaxFix | None:
    """`net NAME(classes = 10)` declares a parameter, which `-D classes=100` sets."""
    value = r"(?:\w+|\d[\w.]*|\"[^\"\n]*\"|[(\[][^()\[\]\n]*[)\]])"
    found = re.fullmatch(rf"(net[ \t]+[A-Za-z_]\w*)((?:[ \t,]+[A-Za-z_]\w*[ \t]*=[ \t]*{value})+)", site.row.text)
    if found is None or not site.row.start <= site.at <= site.row.end:
        return None
    pairs = re.findall(rf"([A-Za-z_]\w*)[ \t]*=[ \t]*({value})", found[2])
    text = f"{found[1]}({', '.join(f'{name} = {given}' for name, given in pairs)})"
    return SyntaxFix.write(site.row, text, marked=site.between(site.row.start + found.end(1), site.row.end))


@syntax_rule(
    "NS101-import", "a spec imports nothing", priority=24,
    wrong="import torch.nn as nn\nfrom torch import optim\ninput 784\nFC-10\n", right="input 784\nFC-10\n",
)  # fmt: skip
def python_import(site: ErrorSite) -> SyntaxFix | None:
    """The layers are part of the language. `use "file.net"` reads the blocks of another spec."""
    modules = "|".join(PYTHON_MODULES)
    row = re.compile(rf"(?m)^[ \t]*(?:import|from)[ \t]+(?:{modules})\b(?:[\w. \t,]*\bimport\b)?[^\n;{{]*\n?")
    lines = [found for found in row.finditer(site.text) if re.match(r"\s*import|.*\bimport\b", found.group())]
    if not any(found.start() <= site.at <= found.end() for found in lines):
        return None
    edits = tuple(Edit(site.between(found.start(), found.end()), "") for found in lines)
    return SyntaxFix("", "remove " + ("it" if len(lines) == 1 else "these lines"), edits, marked=site.row)


@syntax_rule(
    "NS101-use-library", "files of the library are in angle brackets", priority=17,
    wrong="use <resnet.net>, densenet\ninput 3x64x64\nstem\n", right="use <resnet>\nuse <densenet>\ninput 3x64x64\nstem\n",
)  # fmt: skip
def use_library(site: ErrorSite) -> SyntaxFix | None:
    """`use <resnet>` reads a file of the library, one for each `use`; `netspec library` lists them."""
    row = re.fullmatch(r"(?:use|import|include)\b([\s\w.,<>'\"()]+)", site.row.text)
    names = re.findall(r"\w+", re.sub(r"\.net\b", "", row[1])) if row else []
    if not names or not set(names) <= set(library.names()):
        return None
    lines = [f"use <{name}>" for name in names]
    return SyntaxFix.write(site.row, "\n".join(lines), help=f"write `{'`, and on the next line `'.join(lines)}`")


@syntax_rule(
    "NS101-one-line-body", "a body is in braces", priority=44,
    wrong="input 784\nrepeat 3: FC-784 act=relu\nFC-10\n", right="input 784\nrepeat 3 { FC-784 act=relu }\nFC-10\n",
)  # fmt: skip
def one_line_body(site: ErrorSite) -> SyntaxFix | None:
    """Braces hold the body of a loop, a block or a condition, also on one line."""
    found = re.fullmatch(r"((?:repeat|for|if|block|shared)\b[^{}:\n]*?)[ \t]*:[ \t]*([^{}\n]+)", site.row.text)
    if found is None or site.here.text != ":" or not site.parses(f"{found[1]} {{ {found[2]} }}"):
        return None
    text = f"{found[1]} {{ {found[2]} }}"
    return SyntaxFix.write(site.row, text, "`:` does not start a body", marked=site.span(site.here))


@syntax_rule(
    "NS101-option-after-copies", "the number of copies comes last", priority=44,
    wrong="input 784\nFC-784 bias=no x3 act=relu\n", right="input 784\nFC-784 bias=no act=relu x3\n",
)  # fmt: skip
def option_after_copies(site: ErrorSite) -> SyntaxFix | None:
    """`x3` makes copies of the layer before it, with all of its options."""
    found = re.search(
        r"[ \t]+(?P<copies>[xX×]\d+|x\([^()\n]*\))(?P<options>(?:[ \t]+[A-Za-z_]\w*[ \t]*=[ \t]*[^\s;>{}]+)+)(?=[ \t]*(?:$|->|;|\}))",
        site.row.text,
    )
    if found is None or not site.row.start + found.start("options") <= site.at <= site.row.start + found.end():
        return None
    text = f"{found['options']} {found['copies']}"
    span = site.between(site.row.start + found.start(), site.row.start + found.end())
    return SyntaxFix.write(span, text, help=f"write `…{text}`", marked=site.between(site.at, span.end))


RULES = (
    use_library,
    one_line_body,
    option_after_copies,
    python_import,
    keyword,
    output_name,
    default_layers,
    net_parameters,
)
