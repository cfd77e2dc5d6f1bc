"""Expressions, comparisons and functions written otherwise than here. Rules as those of `wording`."""

from __future__ import annotations

import re

from netspec.syntax.place import Place, Words
from netspec.syntax.recovery import Change, masked
from netspec.syntax.strokes import closing

__all__ = [
    "annotations",
    "between",
    "chained",
    "decimal_commas",
    "elif_branches",
    "functions",
    "indices",
    "listed_branches",
    "penalties",
    "signs_turned",
]

_TERM = r"(?:[\w.]+|\([^()\n]*\))"


def between(p: Place) -> Words | None:
    """`conv1-4*w`: an expression in a slot without its parentheses."""
    slot = re.search(r"[A-Za-z)\d]([-/])([\w.]+)$", p.before)
    more = re.match(rf"(?:[ \t]*(?:\*\*|//|[*+%])[ \t]*{_TERM})+", p.rest)
    if (
        slot is None
        or more is None
        or p.char not in "*+%/"
        or p.in_recipe()
        or re.match(r"[ \t]*(?:let|expect|fn)\b", p.line)
    ):
        return None
    text = f"({slot[2]}{more.group()})"
    start = p.start + slot.start(2)
    shown = p.text[p.start + len(p.line) - len(p.line.lstrip()) : start] + text
    return Words("an expression in a slot stands in parentheses", f"write `{shown.split('->')[-1].strip()}`",
                 ((start, p.at + more.end(), text),), safe=False, repairs=True, expected=False)  # fmt: skip


def signs_turned(p: Place) -> Words | None:
    """`=<` and `=>` in a comparison."""
    sign = re.match(r"=[<>]", p.rest)
    if sign is None or not re.match(r"[ \t]*(?:\}[ \t]*else[ \t]+)?(?:expect|if)\b", p.line):
        return None
    text = sign.group()[::-1]
    return Words(f"`{sign.group()}` does not compare", f"write `{text}`", ((p.at, p.at + 2, text),), expected=False)


def chained(p: Place) -> Words | None:
    """`if 4 < here.height < 32 {`."""
    found = re.match(
        rf"([ \t]*(?:\}}[ \t]*else[ \t]+)?if[ \t]+)({_TERM})[ \t]*(<=?|>=?)[ \t]*({_TERM})[ \t]*(<=?|>=?)[ \t]*({_TERM})(?=[ \t]*\{{)",
        p.line,
    )
    if found is None or p.at != p.start + found.start(5):
        return None
    lead, low, first, middle, second, high = found.groups()
    text = f"{low} {first} {middle} and {middle} {second} {high}"
    change = (p.start + len(lead), p.start + found.end(), text)
    return Words("a comparison has two sides", f"write `{text}`", (change,), safe=False, repairs=True, expected=False)


def decimal_commas(p: Place) -> Words | None:
    """`dropout 0,25`."""
    more = re.match(r",(\d+)(?![\d.,])", p.rest)
    if more is None or not re.search(r"(?<![\d.,\w])0$", p.before) or re.match(r"[ \t]*(?:input|for)\b", p.line):
        return None
    return Words("the decimal sign is a point", f"write `0.{more[1]}`", ((p.at, p.at + 1, "."),), expected=False)


def elif_branches(p: Place) -> Words | None:
    """`} elif x {`."""
    word = re.match(r"(elif|elsif|elseif|else[ \t]+if)\b", p.rest)
    if word is None or not p.before.rstrip().endswith("}") or word[1].startswith("else "):
        return None
    return Words(f"`{word[1]}` is no word of the language", "write `else if`", ((p.at, p.at + len(word[1]), "else if"),),
                 expected=False)  # fmt: skip


def typed_parameters(p: Place) -> Words | None:
    """`block basic(w: int, stride: int = 1)`: types of parameters."""
    head = re.match(r"[ \t]*(?:block|fn|net|def)[ \t]+\w+[ \t]*\(([^()\n]*)\)", p.line)
    if p.char != ":" or head is None or not head.start(1) <= p.at - p.start < head.end(1):
        return None
    changes: list[Change] = []
    for kind in re.finditer(r"[ \t]*:[ \t]*\w+(?:\[\w+\])?", head[1]):
        at = p.start + head.start(1) + kind.start()
        changes.append((at, at + len(kind.group()), ""))
    bare = re.sub(r"[ \t]*:[ \t]*\w+(?:\[\w+\])?", "", head[1])
    return Words(
        "parameters have no types", f"write `({bare})`", tuple(changes), safe=False, repairs=True, expected=False
    )


def functions(p: Place) -> Words | None:
    """`fn half(v) { return v // 2 }` and `def half(v): return v // 2`."""
    head = re.match(
        r"[ \t]*(fn|def|function)[ \t]+(\w+)[ \t]*(\([^()\n]*\))[ \t]*(?:\{[ \t]*(?:return[ \t]+)?([^{}\n]+?)[ \t]*\}|:[ \t]*return[ \t]+([^\n#]+))$",
        masked(p.line).rstrip(),
    )
    if head is None or not p.start <= p.at <= p.start + head.end():
        return None
    text = f"fn {head[2]}{head[3]} = {head[4] or head[5]}"
    start = p.start + head.start(1)
    return Words("a function is one expression", f"write `{text}`", ((start, p.start + len(masked(p.line).rstrip()), text),),
                 safe=False, repairs=True, expected=False)  # fmt: skip


def indices(p: Place) -> Words | None:
    """`take [-1]` and `permute [0, 2, 1]`: values in square brackets."""
    head = re.search(r"(?:^|->|[;{\[:])[ \t]*([A-Za-z_]\w*)[ \t]+$", p.before)
    values = re.match(r"\[[ \t]*(-?[\w.]+(?:[ \t]*,[ \t]*-?[\w.]+)*)[ \t]*\]", p.rest)
    if p.char != "[" or head is None or values is None or p.in_recipe() or head[1] in ("concat", "add", "mul"):
        return None
    text = values[1] if "," not in values[1] else f"({values[1]})"
    start = p.at if "," not in values[1] else p.start + head.end(1)
    return Words("values stand without square brackets", f"write `{head[1]}{' ' if ',' not in text else ''}{text}`",
                 ((start, p.at + values.end(), text),), safe=False, repairs=True, expected=False)  # fmt: skip


def penalties(p: Place) -> Words | None:
    """`loss cross_entropy + 1e-4 * l2`."""
    term = re.match(
        r"\+[ \t]*(?:([\d.e-]+)[ \t]*\*[ \t]*(l1|l2)|(l1|l2)[ \t]*\*[ \t]*([\d.e-]+)|(l1|l2))\b", p.rest, re.IGNORECASE
    )
    if term is None or not p.in_recipe() or not re.match(r"[ \t]*(?:train[ \t]*\{[ \t]*)?loss\b", p.line):
        return None
    norm = (term[2] or term[3] or term[5]).lower()
    factor = term[1] or term[4] or ""
    indent = p.line[: len(p.line) - len(p.line.lstrip())]
    text = f"regularize {norm} {factor}".rstrip()
    start = p.start + len(p.before.rstrip())
    return Words("a penalty is a setting of its own", f"write `{text}` on a line of its own",
                 ((start, p.at + term.end(), f"\n{indent}{text}"),), safe=False, repairs=True, expected=False)  # fmt: skip


def listed_branches(p: Place) -> Words | None:
    """`add [ fine, up ]`: branches with commas, and labels without `from`."""
    if p.char != "," or p.opener is None or not re.search(r"\b(?:concat|add|mul)\b[^\n;\[\]{}]*$", p.text[: p.opener]):
        return None
    close = closing(p.text, p.opener)
    if close is None or p.text[close] != "]":
        return None
    changes: list[Change] = []
    depth, start, parts = 0, p.opener + 1, []
    for i, char in enumerate(masked(p.text[p.opener : close + 1])):
        depth += (char in "([{") - (char in ")]}")
        if (char in ",;\n" and depth == 1) or depth == 0:
            parts.append((start, p.opener + i))
            if char == "," and depth == 1:
                rest = p.text[p.opener + i + 1 :]
                changes.append((p.opener + i, p.opener + i + 1, "" if re.match(r"[ \t]*(?:#[^\n]*)?\n", rest) else ";"))
            start = p.opener + i + 1
    labelled = False
    for low, high in parts:
        word = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*", p.text[low:high])
        if word and re.search(rf"(?m)(?:^|->|[;{{\[])[ \t]*{word[1]}[ \t]*:", p.text[: p.opener]):
            changes.append((low + word.start(1), low + word.start(1), "from "))
            labelled = True
    help_ = "branches are separated by `;`" + (", and labels stand behind `from`" if labelled else "")
    return Words("`,` cannot stand here", help_, tuple(changes), safe=not labelled, repairs=True, expected=not labelled)


def missing_commas(p: Place) -> Words | None:
    """`[(32, 1) (64, 2)]`: values of a list or a call without a comma between them."""
    if p.opener is None or p.text[p.opener] not in "([" or not re.match(r"[(\[\w\"]", p.rest):
        return None
    if not re.search(r"[\w)\]\"][ \t]+$|[)\]]$", p.before) or re.search(
        r"\b(?:concat|add|mul)\b[^\n;\[\]{}]*$", p.text[: p.opener]
    ):
        return None
    if closing(p.text, p.opener) is None or "COMMA" not in p.accepted or re.match(r"\w+[ \t]*[-/]?[ \t]*\n", p.rest):
        return None
    at = p.start + len(p.before.rstrip())
    return Words("a comma is missing here", "values are separated by commas", ((at, at, ","),), safe=False, repairs=True,
                 expected=False)  # fmt: skip


def named_inputs(p: Place) -> Words | None:
    """`input left: 1x28x28`."""
    head = re.match(r"[ \t]*input[ \t]+([A-Za-z_]\w*)[ \t]*([:=])[ \t]*(?=\d)", p.line)
    if head is None or p.at != p.start + head.start(2):
        return None
    change = (p.start + head.end(1), p.start + head.end(), " ")
    return Words(f"`input` takes no `{head[2]}`", f"write `input {head[1]} …`", (change,), expected=False)
