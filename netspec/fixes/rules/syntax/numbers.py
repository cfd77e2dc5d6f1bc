"""Numbers and sizes as they are written elsewhere."""

from __future__ import annotations

import re

from netspec.diagnostics import Edit
from netspec.fixes.edits import insert_before
from netspec.fixes.rule import syntax_rule
from netspec.source import Span
from netspec.syntax.error_site import ErrorSite, SyntaxFix

__all__ = ["RULES"]

_INPUT = re.compile(
    r"input(?P<name>[ \t]+(?!shape\b|size\b|None\b|[BN]x\d)[A-Za-z_]\w*\b)?[ \t]*(?:shape|size)?[ \t:=]*[(\[]?[ \t]*"
    r"(?P<batch>None|-1|\?|[BN](?=x\d)|(?<=[(\[])[BN]\b)?(?P<size>[ \t,*x×]*\d+(?:[ \t]*[,*x×][ \t]*\d+|[ \t]+\d+)*)[ \t]*,?[ \t]*[)\]]?(?=[ \t]|$)"
)
_QUANTITY = re.compile(
    r"(\d[\d._]*)[ \t]*(?:(k|thousand)|(m|million)|(g|b|billion))s?(?:i?b(?:ytes)?)?[ \t_]*(?:flops?|macs?|params?|parameters)?(?![\w.])",
    re.IGNORECASE,
)


@syntax_rule(
    "NS101-input-size", "a size is written with `x` between its numbers", priority=30, applicability="safe",
    wrong="input [3, 8, 8]\nFC-10\n", right="input 3x8x8\nFC-10\n",
)  # fmt: skip
def input_size(site: ErrorSite) -> SyntaxFix | None:
    """An input is `input 3x224x224`: channels, height and width of one example, without the batch."""
    found = _INPUT.match(site.row.text)
    if found is None or not site.row.start <= site.at <= site.row.start + found.end():
        return None
    numbers = re.findall(r"\d+", found["size"])
    size = "x".join(_channels_first(numbers, batch=found["batch"] is not None))
    start = site.row.start + (found.end("name") if found["name"] else len("input"))
    span = site.between(start, site.row.start + found.end())
    help_ = f"write `input{found['name'] or ''} {size}`"
    if found["batch"]:
        fix = SyntaxFix.write(span, f" {size}", "an input has no batch", help=help_, marked=_here(site))
        return SyntaxFix(fix.message, fix.help, fix.edits, fix.marked, applicability="review")
    only = site.here.text in (":", "=") and re.fullmatch(r"\d+(?:x\d+)*", found["size"].strip())
    message = f"unexpected `{site.here.text}` after `input`" if only else ""
    return SyntaxFix.write(span, f" {size}", message, help=help_, marked=_here(site))


def _here(site: ErrorSite) -> Span:
    at = min(site.at, max(0, len(site.text) - 1))  # the last character where the text ends too early
    return site.between(at, max(site.here.end, at + 1))


def _channels_first(numbers: list[str], *, batch: bool) -> list[str]:
    """The sizes of an image in netspec's order: without a batch before them, its channels first."""
    sizes = [int(number) for number in numbers]
    if len(sizes) == 4 and not batch and (sizes[1] in (1, 3) or sizes[3] in (1, 3)) and sizes[2] > 4:
        numbers, sizes = numbers[1:], sizes[1:]
    if len(sizes) == 3 and sizes[2] in (1, 3, 4) and min(sizes[:2]) > 4:
        return [numbers[2], *numbers[:2]]
    return numbers


_NAMED_SIZES = re.compile(
    r"input(?P<name>[ \t]+[A-Za-z_]\w*)??[ \t]+"
    r"(?P<sizes>(?=.*[A-Za-z_])(?:\w+|\([^()\n]*\))(?:[ \t]*(?:[ \t][xX]|[×*,])[ \t]*(?:\w+|\([^()\n]*\)))*)"
    r"(?P<word>[ \t]+(?:int|rgb|gray|sequence)\b)?[ \t]*"
)


@syntax_rule(
    "NS101-input-name", "a name in the size of an input needs parentheses", priority=29,
    wrong="net N(context = 7)\ninput ids context int\nembed-8 vocab=9\n",
    right="net N(context = 7)\ninput ids (context) int\nembed-8 vocab=9\n",
)  # fmt: skip
def input_name(site: ErrorSite) -> SyntaxFix | None:
    """Parameters and variables are written in parentheses in a size, `3x(size)x(size)`, or as a tuple, `(3, size, size)`. A
    name without a value gets one by `let`, or as a parameter of the net."""
    found = _NAMED_SIZES.fullmatch(site.row.text)
    if found is None or not site.row.start <= site.at <= site.row.end or found["sizes"] in ("rgb", "gray", "sequence"):
        return None
    parts = re.split(r"[ \t]*(?:[ \t][xX]|[×*,])[ \t]*", found["sizes"])
    if len(parts) > 3 and parts[0] in ("None", "N", "B"):
        parts = parts[1:]  # the batch
    if len(parts) == 3 and re.fullmatch(r"[A-Z]\d?", parts[0]):  # channels are a number, and come first
        parts = [parts[2], *parts[:2]] if parts[2].isdigit() else ["3", *parts[1:]]
    names = dict.fromkeys(part for part in parts if re.fullmatch(r"[A-Za-z_]\w*", part))
    if not names:
        return None
    sizes = "x".join(part if re.fullmatch(r"\d+|\(.*\)|[A-Z]\d?", part) else f"({part})" for part in parts)
    written = f"input{found['name'] or ''} {sizes}{found['word'] or ''}"
    free = [name for name in names if not re.fullmatch(r"[A-Z]\d?", name) and not _declared(name, site.text)]
    whole = site.between(site.row.start + found.start("sizes"), site.row.start + found.end("sizes"))
    if not free:
        return SyntaxFix.write(whole, sizes, help=f"write `{written}`")
    lines = "".join(f"let {name} = 64\n{site.indent}" for name in free)
    declared = ", ".join(f"`let {name} = 64`" for name in free)
    edits = (insert_before(site.row, lines), Edit(whole, sizes))
    subject = " and ".join(f"`{name}`" for name in free)
    return SyntaxFix(
        f"{subject} {'are' if len(free) > 1 else 'is'} not defined", f"give {'them values' if len(free) > 1 else 'it a value'}, "
        f"{declared}, and write `{written}`", edits, whole,
    )  # fmt: skip


def _declared(name: str, text: str) -> bool:
    """Whether a name is a variable, or a parameter of the net, of the text."""
    return re.search(rf"\blet[ \t]+{name}\b|\bnet\s+\w+\s*\([^)]*\b{name}\b", text) is not None


@syntax_rule(
    "NS101-size-expression", "a size with expressions is a tuple", priority=43,
    wrong="net N(w = 4)\ninput 8\nFC-(4*w)\nreshape 1x4x4\nexpect output == (w // 4)x4x4\n",
    right="net N(w = 4)\ninput 8\nFC-(4*w)\nreshape 1x4x4\nexpect output == (w // 4, 4, 4)\n",
)  # fmt: skip
def size_expression(site: ErrorSite) -> SyntaxFix | None:
    """`3x224x224` is a size of numbers. With names and expressions it is a tuple: `(3, size, size // 2)`."""
    part = r"(?:\((?:[^()\n]|\([^()\n]*\))*\)|\d+|[A-Za-z_]\w*)"
    for found in re.finditer(rf"(?<=[=<>~ ])\((?:[^()\n]|\([^()\n]*\))*\)(?:x{part})+(?!\w)", site.row.text):
        start, end = site.row.start + found.start(), site.row.start + found.end()
        if start <= site.at <= end and site.in_condition:
            parts = re.findall(part, re.sub(r"x(?=[\d(]|[A-Za-z_])", " ", found.group()))
            text = f"({', '.join(p[1:-1] if p.startswith('(') else p for p in parts)})"
            return SyntaxFix.write(site.between(start, end), text)
    return None


@syntax_rule(
    "NS101-list-brackets", "a list needs brackets", priority=42,
    wrong="input 784\nFC-10\ntrain { loss cross_entropy; epochs 9; optimizer sgd lr=0.1; schedule multistep at=4,8 }\n",
    right="input 784\nFC-10\ntrain { loss cross_entropy; epochs 9; optimizer sgd lr=0.1; schedule multistep at=[4, 8] }\n",
)  # fmt: skip
def list_brackets(site: ErrorSite) -> SyntaxFix | None:
    """A list is written `[100, 150]`, and a pair such as `betas` in parentheses."""
    first, sign = site.previous, site.peek(-2)
    if site.here.text != "," or first.kind != "number" or sign.text != "=" or site.in_condition:
        return None
    last = first
    while site.tokens[last.index + 1].text == "," and site.tokens[last.index + 2].kind == "number":
        last = site.tokens[last.index + 2]
    values = ", ".join(token.text for token in site.tokens.items[first.index : last.index + 1 : 2])
    text = f"({values})" if site.peek(-3).text == "betas" else f"[{values}]"
    return SyntaxFix.write(site.span(first, last), text, marked=site.span(site.here)) if last is not first else None


@syntax_rule(
    "NS101-decimal-comma", "the decimal separator is a point", priority=40, applicability="safe",
    wrong="input 784\ndropout 0,5\nFC-10\n", right="input 784\ndropout 0.5\nFC-10\n",
)  # fmt: skip
def decimal_comma(site: ErrorSite) -> SyntaxFix | None:
    """Decimals are written with a point, `0.5`."""
    glued = site.previous.text == "0" and site.next.kind == "number" and site.next.start == site.here.end
    if site.here.text != "," or not glued or site.line[0].text == "for":
        return None
    return SyntaxFix.write(site.span(site.here), ".", help=f"write `0.{site.next.text}`")


@syntax_rule(
    "NS101-thousands", "a number is written without commas", priority=44, applicability="safe",
    wrong="input 784\nFC-1,024\n", right="input 784\nFC-1024\n",
)  # fmt: skip
def thousands(site: ErrorSite) -> SyntaxFix | None:
    """Long numbers are written without separators, or with `_`: `1_000_000`."""
    first = last = site.previous
    while site.tokens[last.index + 1].text == "," and re.fullmatch(r"\d{3}", site.tokens[last.index + 2].text):
        if site.tokens[last.index + 2].start != last.end + 1:
            break
        last = site.tokens[last.index + 2]
    if not re.fullmatch(r"\d{1,3}", first.text) or last is first or site.in_recipe:
        return None
    return SyntaxFix.write(
        site.span(first, last), site.shown(first, last).replace(",", ""), marked=site.span(site.here)
    )


@syntax_rule(
    "NS101-leading-point", "a number needs a digit before the point", priority=40, applicability="safe",
    wrong="input 784\ndropout .5\nFC-10\n", right="input 784\ndropout 0.5\nFC-10\n",
)  # fmt: skip
def leading_point(site: ErrorSite) -> SyntaxFix | None:
    """A point alone joins an input and its fact, as in `in.channels`."""
    glued = site.previous.end == site.here.start and site.previous.kind != "sign"
    if site.here.text != "." or site.next.kind != "number" or site.next.start != site.here.end or glued:
        return None
    return SyntaxFix("", f"write `0.{site.next.text}`", (insert_before(site.span(site.here), "0"),))


@syntax_rule(
    "NS101-percent", "a percentage is written as a fraction", priority=35,
    wrong="input 784\ndropout 50%\nFC-10\n", right="input 784\ndropout 0.5\nFC-10\n",
)  # fmt: skip
def percent(site: ErrorSite) -> SyntaxFix | None:
    """There is no sign for percent."""
    sign = site.here if site.here.text == "%" else site.previous
    number = site.tokens[sign.index - 1]
    if (
        sign.text != "%"
        or not re.fullmatch(r"[\d.]+", number.text)
        or (sign is site.here and site.next.kind in ("name", "number"))
    ):
        return None
    return SyntaxFix.write(site.span(number, sign), f"{float(number.text) / 100:g}")


@syntax_rule(
    "NS101-quantity", "a number ends in K, M, G or B, without a space or unit", priority=40, applicability="safe",
    wrong="input 784\nFC-10\nexpect params < 10 thousand\n", right="input 784\nFC-10\nexpect params < 10K\n",
)  # fmt: skip
def quantity(site: ErrorSite) -> SyntaxFix | None:
    """A figure has one capital letter after it, without a space and without a unit: `60M` parameters, `10M` bytes."""
    if not site.line or site.line[0].text != "expect":
        return None
    for found in _QUANTITY.finditer(site.row.text):
        start, end = site.row.start + found.start(), site.row.start + found.end()
        text = found[1] + ("K" if found[2] else "M" if found[3] else "B" if found[4][0] in "bB" else "G")
        if start <= site.at <= end and found.group() != text:
            return SyntaxFix.write(site.between(start, end), text, marked=_here(site))
    return None


RULES = (
    input_size,
    input_name,
    size_expression,
    list_brackets,
    decimal_comma,
    thousands,
    leading_point,
    percent,
    quantity,
)
