"""Settings of `train` and `aux` sections as scripts of other frameworks write them."""

from __future__ import annotations

import re

from netspec.diagnostics import Edit
from netspec.fixes.recipe_text import into_recipe, without_parentheses
from netspec.fixes.rule import syntax_rule
from netspec.ops.kinds import Number
from netspec.settings import SETTINGS
from netspec.settings.words import is_setting, own_name
from netspec.source import Span
from netspec.syntax.error_site import ErrorSite, SyntaxFix
from netspec.syntax.tokens import Token

__all__ = ["RULES"]

_HEAD = "input 784\nFC-10\n"
_RANGE = re.compile(r"=[ \t]*(([\d./]+?)\.\.([\d./]+))")


@syntax_rule(
    "NS101-setting-sign", "a setting has no `=` or `:`", priority=32, applicability="safe",
    wrong=_HEAD + "train {\n  loss = cross_entropy\n  epochs: 3\n  optimizer = SGD(lr=0.1)\n}\n",
    right=_HEAD + "train {\n  loss cross_entropy\n  epochs 3\n  optimizer sgd lr=0.1\n}\n",
)  # fmt: skip
def setting_sign(site: ErrorSite) -> SyntaxFix | None:
    """A setting is followed by its value: `epochs 10`. Only its options have `=`."""
    name = site.previous
    if site.here.text not in ("=", ":") or name.kind != "name" or not site.in_recipe or not site.begins(name):
        return None
    edits, tokens = [], site.tokens
    for sign in tokens.items[site.here.index : tokens.pairs.get(site.opener.index) if site.opener else None]:
        before = tokens[sign.index - 1]
        if sign.text in ("=", ":") and before.kind == "name" and site.begins(before):
            edits.append(_setting(site, before, sign))
    return SyntaxFix(f"unexpected `{site.here.text}` after a setting", f"write `{edits[0].text}`", tuple(edits))


def _setting(site: ErrorSite, name: Token, sign: Token) -> Edit:
    """The edit that writes a setting and its value."""
    last = sign
    while (after := site.tokens[last.index + 1]).kind not in ("newline", "edge") and after.text not in (";", "}"):
        last = after
    value = site.between(sign.end, last.end).text.rstrip(" \t,").lstrip()
    call = re.fullmatch(r"(?:\w+\.)*(\w+)\((.*)\)", value)
    value = without_parentheses(call[1], call[2]) if call else value
    return Edit(site.span(name, last), f"{own_name(name.text)} {value}".rstrip())


@syntax_rule(
    "NS101-setting-parentheses", "a setting has no parentheses", priority=34,
    wrong=_HEAD + "train { loss cross_entropy; epochs 3; optimizer SGD(lr=0.1, momentum=0.9) }\n",
    right=_HEAD + "train { loss cross_entropy; epochs 3; optimizer sgd lr=0.1 momentum=0.9 }\n",
)  # fmt: skip
def setting_parentheses(site: ErrorSite) -> SyntaxFix | None:
    """The options of a setting follow it, separated by spaces."""
    close = site.partner(site.here) if site.here.text == "(" and site.in_recipe else None
    if close is None or site.previous.kind != "name":
        return None
    text = without_parentheses(site.previous.text, site.text[site.here.end : close.start])
    fix = SyntaxFix.write(site.span(site.previous, close), text, "unexpected `(`")
    same = own_name(site.previous.text) == site.previous.text
    return SyntaxFix(fix.message, fix.help, fix.edits, applicability="safe" if same else "review")


@syntax_rule(
    "NS101-train-parentheses", "settings are in braces", priority=33,
    wrong=_HEAD + "train (loss=cross_entropy, epochs=3, optimizer=sgd lr=0.1)\n",
    right=_HEAD + "train { loss cross_entropy; epochs 3; optimizer sgd lr=0.1 }\n",
)  # fmt: skip
def train_parentheses(site: ErrorSite) -> SyntaxFix | None:
    """The settings of `train` are in braces, one per line or separated by `;`."""
    bracket = site.here if site.here.text == "(" else site.opener
    close = site.partner(bracket) if bracket is not None and bracket.text == "(" else None
    if close is None or bracket is None or site.tokens[bracket.index - 1].text != "train":
        return None
    inside = re.split(r"\s*,\s*", site.text[bracket.end : close.start].strip())
    text = "{ " + "; ".join(re.sub(r"\s*=\s*", " ", part, count=1) for part in inside) + " }"
    return SyntaxFix.write(
        site.span(bracket, close), text, "unexpected `(`", help=f"write `train {text}`", marked=site.span(bracket)
    )


@syntax_rule(
    "NS101-aux-parentheses", "the weight of `aux` is an option", priority=36,
    wrong="input 784\nFC-20\naux(0.3) { FC-10 }\nFC-10\n", right="input 784\nFC-20\naux weight=0.3 { FC-10 }\nFC-10\n",
)  # fmt: skip
def aux_parentheses(site: ErrorSite) -> SyntaxFix | None:
    """An auxiliary head is `aux weight=0.3 { … }`."""
    close = site.partner(site.here) if site.here.text == "(" and site.previous.text == "aux" else None
    value = re.fullmatch(r"\s*(?:weight\s*=\s*)?([\d.]+)\s*", site.text[site.here.end : close.start]) if close else None
    if close is None or value is None:
        return None
    text = f"{'' if site.previous.end < site.here.start else ' '}weight={value[1]}"
    return SyntaxFix.write(site.span(site.here, close), text, help=f"write `aux weight={value[1]} {{ … }}`")


@syntax_rule(
    "NS101-penalty", "a penalty is a separate setting", priority=38,
    wrong=_HEAD + "train {\n  loss cross_entropy + 1e-4 * l2\n  epochs 3\n  optimizer sgd lr=0.1\n}\n",
    right=_HEAD + "train {\n  loss cross_entropy\n  regularize l2 1e-4\n  epochs 3\n  optimizer sgd lr=0.1\n}\n",
)  # fmt: skip
def penalty(site: ErrorSite) -> SyntaxFix | None:
    """Weights are penalized by `regularize l2 1e-4`, on a line of its own."""
    term = re.match(
        r"\+[ \t]*(?:([\d.e-]+)[ \t]*\*[ \t]*)?(l1|l2)\b(?:[ \t]*\*[ \t]*([\d.e-]+))?", site.text[site.here.start :], re.IGNORECASE
    )  # fmt: skip
    if term is None or not site.in_recipe:
        return None
    text = f"regularize {term[2].lower()} {term[1] or term[3] or ''}".rstrip()
    gap = site.between(site.previous.end, site.here.start + term.end())
    return SyntaxFix.write(
        gap, f"\n{site.indent}{text}", help=f"write `{text}` on a line of its own", marked=site.span(site.here)
    )


@syntax_rule(
    "NS101-setting-comma", "settings are not separated by commas", priority=75,
    wrong=_HEAD + "train { loss cross_entropy; epochs 3; optimizer sgd lr=0.1, momentum=0.9 }\n",
    right=_HEAD + "train { loss cross_entropy; epochs 3; optimizer sgd lr=0.1 momentum=0.9 }\n",
)  # fmt: skip
def setting_comma(site: ErrorSite) -> SyntaxFix | None:
    """Settings are separated by lines or `;`, the values and options of one setting by spaces."""
    if site.here.text != "," or not site.in_recipe or site.opener is None:
        return None
    listed = site.tokens.head(site.opener).text == "augment"
    listed = listed or (site.next.text in SETTINGS and site.tokens[site.next.index + 1].text != "=")
    commas = [
        t
        for t in site.line
        if t.text == "," and t.index >= site.here.index and site.tokens.opener(t.start) == site.opener
    ]
    gaps = [site.between(t.start, max(t.end, min(site.tokens[t.index + 1].start, site.row.end))) for t in commas]
    help_ = "separate settings with `;`" if listed else "separate options and values with spaces"
    return SyntaxFix("unexpected `,`", help_, tuple(Edit(gap, "; " if listed else " ") for gap in gaps))


@syntax_rule(
    "NS101-negative-setting", "a setting cannot be negative", priority=33,
    wrong=_HEAD + "train {\n  loss cross_entropy\n  epochs -3\n}\n",
    right=_HEAD + "train {\n  loss cross_entropy\n  epochs 3\n}\n",
)  # fmt: skip
def negative_setting(site: ErrorSite) -> SyntaxFix | None:
    """Numbers of epochs, rates and seeds begin at 0; a sign before the value of a setting has no meaning."""
    name = site.previous
    if site.here.text != "-" or site.next.kind != "number" or not site.in_recipe or not site.begins(name):
        return None
    edits = (Edit(site.span(site.here), ""),)
    return SyntaxFix(f"`{name.text}` cannot be negative", f"write `{name.text} {site.next.text}`", edits)


@syntax_rule(
    "NS101-signed-value", "a value with a sign has its name before it", priority=32, applicability="safe",
    wrong=_HEAD + "train {\n  init bias -1\n}\n", right=_HEAD + "train {\n  init bias value=-1\n}\n",
)  # fmt: skip
def signed_value(site: ErrorSite) -> SyntaxFix | None:
    """A value without a name has no sign, which would make it a difference: `bias -1`. Where it may be negative, write its name."""
    word, setting = site.previous, SETTINGS.get(site.peek(-2).text)
    if site.here.text != "-" or site.next.kind != "number" or setting is None or not site.begins(site.peek(-2)):
        return None
    form = next((form for form in setting.forms if form.word == word.text), None)
    value = next((o for o in form.options.values() if o.slot == "value"), None) if form is not None else None
    if value is None or not isinstance(value.kind, Number) or value.kind.low >= 0:
        return None
    text = f"{value.name}=-{site.next.text}"
    return SyntaxFix.write(
        site.span(site.here, site.next),
        text,
        "unexpected `-`",
        help=f"write `{word.text} {text}`",
        marked=site.span(site.here),
    )


@syntax_rule(
    "NS101-range-dots", "a range is a pair", priority=31, applicability="safe",
    wrong=_HEAD + "train {\n  augment { crop 24 scale=0.08..1 ratio=3/4..4/3 }\n}\n",
    right=_HEAD + "train {\n  augment { crop 24 scale=(0.08, 1) ratio=(3/4, 4/3) }\n}\n",
)  # fmt: skip
def range_dots(site: ErrorSite) -> SyntaxFix | None:
    """A range of an option has its two ends in parentheses: `scale=(0.08, 1)`."""
    row = site.text[site.row.start : site.row.end]
    ranges = {site.row.start + found.start(1): found for found in _RANGE.finditer(row)}
    if not site.in_recipe or not any(start <= site.at <= start + len(found[1]) for start, found in ranges.items()):
        return None
    edits = [
        Edit(site.between(start, start + len(found[1])), f"({found[2]}, {found[3]})") for start, found in ranges.items()
    ]
    return SyntaxFix("unexpected `..`", "write " + " and ".join(f"`{edit.text}`" for edit in edits), tuple(edits))


@syntax_rule(
    "NS101-setting-outside", "settings of the training are in `train { … }`", priority=54,
    wrong=_HEAD + "lr = 0.1\nepochs = 3\n", right=_HEAD + "train {\n  optimizer sgd lr=0.1\n  epochs 3\n}\n",
)  # fmt: skip
def setting_outside(site: ErrorSite) -> SyntaxFix | None:
    """A setting, or an option of the optimizer, is assigned outside of the recipe, and nothing else reads it."""
    rows = _assigned_settings(site)
    if not any(row.start <= site.at <= row.end for row in rows):
        return None
    edits = into_recipe(rows)
    made = "; ".join(line.strip(" ;") for edit in edits for line in edit.text.splitlines() if line.strip(" ;"))
    made = made.replace("{; ", "{ ").replace("; }", " }")
    return SyntaxFix("", f"write `{made}`" + ("" if made.startswith("train") else " there"), edits, marked=site.row)


def _assigned_settings(site: ErrorSite) -> list[Span]:
    """The lines `lr = 0.1` and `epochs: 3` outside of all braces, of names that are read nowhere."""
    found, place = [], 0
    for line in site.text.splitlines(keepends=True):
        row = re.match(r"[ \t]*([A-Za-z_]\w*)[ \t]*[=:][ \t]*[^\s=][^\n]*?(?=[ \t]*(?:#[^\n]*)?\n?$)", line)
        if row is not None and is_setting(row[1]) and site.tokens.opener(place) is None:
            read = re.search(rf"(?<![\w.\"'])(?<!\n){row[1]}(?!\w|[ \t]*[=:])", site.text)
            layer = re.search(r"[:=][ \t]*[A-Za-z]+\d*-\d", row.group())
            if read is None and layer is None:
                found.append(site.between(place, place + row.end()))
        place += len(line)
    return found


RULES = (
    setting_outside,
    range_dots,
    signed_value,
    negative_setting,
    setting_sign,
    setting_parentheses,
    train_parentheses,
    aux_parentheses,
    penalty,
    setting_comma,
)
