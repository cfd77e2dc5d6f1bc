"""Strokes of the pen: brackets of another kind, signs and words put otherwise, a brace left out. Rules as those of `wording`."""

from __future__ import annotations

import re

from netspec.diagnostics.foreign import OPTIONS, RECIPE, option_text
from netspec.syntax.place import Place, Words
from netspec.syntax.recovery import Change, masked

__all__ = [
    "bare_else", "bracketed", "closing", "copies", "double_brackets", "else_without_brace", "figures_with_units", "headless_braces",
    "keywords", "late_values", "negatives", "option_quotes", "shares", "two_labels", "unlabelled_braces", "wrong_pair",
]  # fmt: skip

_JOINS = ("concat", "add", "mul")
_BODIES = ("residual", "dense", "checkpoint", "train", "aux", "augment")


def closing(text: str, opener: int) -> int | None:
    """The offset of the bracket, of whatever kind, that closes the one at an offset."""
    depth = 0
    for i, char in enumerate(masked(text[opener:])):
        depth += (char in "([{") - (char in ")]}")
        if depth == 0:
            return opener + i
    return None


def option_quotes(p: Place) -> Words | None:
    """`activation='relu'`: a word of an option in quotes."""
    named = re.search(r"(?:^|[\s(,])([A-Za-z_]\w*)[ \t]*=[ \t]*$", p.before)
    word = re.match(r"(['\"])([A-Za-z_]\w*)\1", p.rest)
    if named is None or word is None or (p.opener is not None and p.text[p.opener] == "("):
        return None
    name, value = OPTIONS.get(named[1], "") or named[1], option_text(word[2])
    text = f"{name}={value.lower()}"
    change = (p.start + named.start(1), p.at + word.end(), text)
    return Words("words stand without quotes", f"write `{text}`", (change,), expected=False)


def copies(p: Place) -> Words | None:
    """`conv3-64 * 2`, and `x3 conv3-64`."""
    count = re.match(r"\*[ \t]*(\d+)[ \t]*(?=\n|\Z|->|;|\}|#)", p.rest)
    if count and re.search(r"[\w)}\]][ \t]*$", p.before) and not p.in_recipe():
        change = (p.at, p.at + len(count.group().rstrip()), f"x{count[1]}")
        return Words(
            "`*` does not count copies", f"write `x{count[1]}`", (change,), safe=False, repairs=True, expected=False
        )
    lead = re.match(r"[ \t]*([xX×]\d+)[ \t]+(?=[A-Za-z_{])", p.line)
    if lead is None or p.at < p.start + lead.end(1):
        return None
    row = masked(p.line).rstrip()
    text = f"{row[lead.end() :].strip()} x{lead[1][1:]}"
    changes = (
        (p.start + lead.start(1), p.start + lead.end(), ""),
        (p.start + len(row), p.start + len(row), f" x{lead[1][1:]}"),
    )
    return Words(
        "copies are counted behind the layer", f"write `{text}`", changes, safe=False, repairs=True, expected=False
    )


def bracketed(p: Place) -> Words | None:
    """`[ conv3-64 -> relu ] x2` and `( … )`: layers taken together by other brackets than braces."""
    if p.char not in ("[", "(") or re.search(r"[^\s;{\[>:]|[^-]>$", p.before.rstrip()[-2:] if p.before.strip() else ""):
        return None
    close = closing(p.text, p.at)
    if close is None or p.in_recipe() or re.match(r"\[\w+\][ \t]*(?:\n|$)", p.rest):
        return None
    inside = p.text[p.at + 1 : close]
    if "->" not in inside and "\n" not in inside.strip():
        return None
    changes = ((p.at, p.at + 1, "{"), (close, close + 1, "}"))
    return Words(
        "layers are taken together by braces", "write `{ … }`", changes, safe=False, repairs=True, expected=False
    )


def wrong_pair(p: Place) -> Words | None:
    """`concat ( … )` and `residual [ … ]` over several lines; `concat [ … }`."""
    if p.opener is None:
        return None
    head = re.search(
        r"(?:^|[\s;{\[>:])([A-Za-z_]\w*)((?:[ \t]+\w+=\S+)*)[ \t]*$", p.text[: p.opener].rsplit("\n", 1)[-1]
    )
    wanted = "[]" if head and head[1] in _JOINS else "{}" if head and head[1] in _BODIES else ""
    if head is None or not wanted:
        return None
    close = closing(p.text, p.opener)
    if close is None or (p.text[p.opener], p.text[close]) == tuple(wanted):
        return None
    changes: tuple[Change, ...] = ()
    for at, char in ((p.opener, wanted[0]), (close, wanted[1])):
        changes += ((at, at + 1, char),) if p.text[at] != char else ()
    if wanted == "[]":
        changes += _branch_commas(p.text, p.opener, close)
    what = "the branches" if wanted == "[]" else "the body"
    help_ = f"{what} of `{head[1]}` stand{'s' if wanted == '{}' else ''} in `{wanted[0]} {wanted[1]}`"
    at = changes[0][0]
    return Words(
        f"`{p.text[at]}` cannot stand here",
        help_,
        changes,
        safe=False,
        repairs=True,
        marked=(at, at + 1),
        expected=False,
    )


def _branch_commas(text: str, opener: int, close: int) -> tuple[Change, ...]:
    """The commas between branches: a new line is enough, or `;`."""
    depth, changes = 0, []
    for i, char in enumerate(masked(text[opener:close])):
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 1:
            at = opener + i
            changes.append((at, at + 1, "" if re.match(r",[ \t]*(?:#[^\n]*)?\n", text[at:]) else ";"))
    return tuple(changes)


def double_brackets(p: Place) -> Words | None:
    """`concat [[ … ]]`."""
    if p.char != "[" or not re.search(rf"\b(?:{'|'.join(_JOINS)})[ \t]*\[[ \t]*$", p.before):
        return None
    close = closing(p.text, p.at)
    if close is None:
        return None
    return Words("one pair of brackets is enough", "take these out", ((p.at, p.at + 1, ""), (close, close + 1, "")),
                 safe=False, repairs=True, expected=False)  # fmt: skip


def else_without_brace(p: Place) -> Words | None:
    """An `else` before which its body is not closed."""
    if p.opener is not None and p.char == "{" and re.fullmatch(r"[ \t]*else[ \t]*", p.before):
        at = p.start + len(p.before) - len(p.before.lstrip())
        return Words("`}` is missing before `else`", "write `} else`", ((at, at, "} "),), safe=False, repairs=True,
                     marked=(at, at + len("else")), expected=False)  # fmt: skip
    if p.shown != "else" or p.opener is None or p.text[p.opener] != "{" or p.before.strip():
        return None
    return Words("`}` is missing before `else`", "write `} else`", ((p.at, p.at, "} "),), safe=False, repairs=True,
                 expected=False)  # fmt: skip


def bare_else(p: Place) -> Words | None:
    """`} else conv1-64` without braces, and `} shortcut { … }`."""
    word = re.match(r"(shortcut|skip|downsample|projection|identity|proj)\b(?=[ \t]*\{)", p.rest)
    if word and p.before.rstrip().endswith("}"):
        change = (p.at, p.at + word.end(), "else")
        return Words("the layers of a shortcut follow `else`", "write `else { … }`", (change,), safe=False, repairs=True,
                     expected=False)  # fmt: skip
    if p.accepted & {"LBRACE"} and re.search(r"\belse[ \t]*$", p.before) and re.match(r"[A-Za-z_]", p.rest):
        end = p.start + len(masked(p.line).rstrip())
        text = p.text[p.at : end]
        if not re.search(r"[{}]", text):
            help_ = f"write `else {{ {text} }}`"
            return Words("what follows `else` stands in braces", help_, ((p.at, p.at, "{ "), (end, end, " }")),
                         safe=False, repairs=True, expected=False)  # fmt: skip
    return None


def headless_braces(p: Place) -> Words | None:
    """`Sequential { … }` and `stage1 { … }`: a word before braces that is none of the language."""
    word = re.search(r"(?:^|->|[;{\[])[ \t]*([A-Za-z_]\w*)[ \t]*$", p.before)
    if p.char != "{" or word is None:
        return None
    start, end = p.start + word.start(1), p.start + word.end(1)
    if word[1].lower() in ("sequential", "layers", "model", "network", "features", "body", "chain"):
        return Words(f"there is no `{word[1]}` here", "braces alone take layers together: leave the word out",
                     ((start, p.at, ""),), safe=False, repairs=True, marked=(start, end), expected=False)  # fmt: skip
    if word[1] == "while":
        return Words(
            "there is no `while` here", "copies are counted: `repeat 3 { … }`", marked=(start, end), expected=False
        )
    return None


def unlabelled_braces(p: Place) -> Words | None:
    """`stage1 { … }`: a label without its colon."""
    word = re.search(r"(?:^|->|[;{\[])[ \t]*([A-Za-z_]\w*)[ \t]*$", p.before)
    if p.char != "{" or word is None or p.in_recipe():
        return None
    help_ = f"a label is followed by a colon: `{word[1]}: {{ … }}`"
    change = (p.start + word.end(1), p.at, ": ")
    return Words("`{` cannot stand here", help_, (change,), safe=False, repairs=True, expected=False)


def keywords(p: Place) -> Words | None:
    """Words of other languages for those of this one: `assert`, `let w == 3`, `if a = 1`, `% comment`, `import`."""
    first = re.match(r"[ \t]*([A-Za-z_]\w*)[ \t]+", p.line)
    word = first[1] if first else ""
    start = p.start + first.start(1) if first else p.start
    if word.lower() in ("assert", "require", "ensure", "check") and re.search(r"[<>=~]", p.rest[:2]):
        return Words(f"there is no `{word}` here", "write `expect`", ((start, start + len(word), "expect"),), safe=False,
                     repairs=True, marked=(start, start + len(word)), expected=False)  # fmt: skip
    units = re.match(r"-(\w+)", p.rest)
    if units and re.fullmatch(r"[ \t]*output", p.before):
        lead = p.at - len("output")
        return Words("`output` names a tensor, and is no layer", f"a layer of {units[1]} units is `FC-{units[1]}`",
                     ((lead, p.at + units.end(), f"FC-{units[1]}"),), safe=False, repairs=True, expected=False)  # fmt: skip
    logic = re.match(r"&&?|\|\|?|!(?!=)", p.rest)
    if logic and re.match(r"[ \t]*(?:\}[ \t]*else[ \t]+)?(?:if|let|fn|expect)\b", p.line):
        changes = []
        for sign in re.finditer(r"&&?|\|\|?|!(?!=)", masked(p.line)):
            said = {"&": "and", "|": "or", "!": "not "}[sign.group()[0]]
            changes.append((p.start + sign.start(), p.start + sign.end(), said))
        said = {"&": "and", "|": "or", "!": "not"}[logic.group()[0]]
        return Words(f"`{logic.group()}` is no word of the language", f"write `{said}`", tuple(changes), expected=False)
    if word == "let" and p.char == "=" and re.fullmatch(r"[ \t]*let[ \t]+\w+[ \t]*=", p.before):
        return Words("`==` compares", "a variable takes `=`", ((p.at, p.at + 1, ""),), expected=False)
    if p.char == "=" and re.match(r"[ \t]*(?:\}[ \t]*else[ \t]+)?if\b", p.line):
        more = re.match(r"=+", p.rest)
        assert more is not None
        end = p.at + more.end()
        start = p.at - len(re.findall(r"[=!]*$", p.before)[0])
        compare = "!=" if "!" in p.text[start:end] else "=="
        return Words(
            f"`{p.text[start:end]}` does not compare", f"write `{compare}`", ((start, end, compare),), expected=False
        )
    if p.char == "%" and re.match(r"%+[ \t]*[A-Za-z]", p.rest) and re.search(r"(?:[\w)\]}]\s+|^\s*)$", p.before):
        signs = re.match(r"%+", p.rest)
        assert signs is not None
        return Words("`%` does not start a comment here", "comments start with `#`", ((p.at, p.at + signs.end(), "#"),),
                     expected=False)  # fmt: skip
    return _brought_in(p)


def _brought_in(p: Place) -> Words | None:
    row = masked(p.line).rstrip() if '"' not in p.line else p.line.rstrip()
    bare = re.fullmatch(r"([ \t]*use[ \t]+)([\w./-]+?)(\.net)?((?:[ \t]+as[ \t]+\w+)?)", row)
    other = re.fullmatch(
        r"([ \t]*)(?:from|import|include|#include)[ \t]+[\"'<]([\w./-]+?)(?:\.net)?[\"'>](?:[ \t]+import\b.*)?", row
    )
    path = bare[2] if bare else other[2] if other else ""
    if not path or p.at >= p.start + len(row):
        return None
    text = f'{bare[1]}"{path}.net"{bare[4]}' if bare else f'{other[1] if other else ""}use "{path}.net"'
    change = (p.start, p.start + len(row), text)
    return Words("files are brought in by `use`, with the path in quotes", f"write `{text.strip()}`", (change,), safe=False,
                 repairs=True, expected=False)  # fmt: skip


def two_labels(p: Place) -> Words | None:
    """`p4: p3: concat [ … ]`."""
    both = re.search(r"(?:^|->|[;{\[])[ \t]*[A-Za-z_]\w*[ \t]*:[ \t]*([A-Za-z_]\w*)[ \t]*$", p.before)
    if p.char != ":" or both is None:
        return None
    gap = len(p.rest) - len(p.rest[1:].lstrip(" \t"))
    change = (p.start + both.start(1), p.at + gap, "")
    return Words("a layer has one label", f"take `{both[1]}:` out", (change,), safe=False, repairs=True, expected=False)


def shares(p: Place) -> Words | None:
    """`lr=1%`, `weight=30% {`: a share at the end of what is given."""
    share = re.search(r"(?<![\w.])(\d+(?:\.\d+)?)[ \t]*%[ \t]*$", p.before)
    if share is None:
        return None
    value = f"{float(share[1]) / 100:g}"
    start, end = p.start + share.start(1), p.start + share.start() + len(share.group().rstrip())
    return Words("a share is written as a number from 0 to 1", f"write `{value}`", ((start, end, value),), safe=False,
                 repairs=True, marked=(start, end), expected=False)  # fmt: skip


def negatives(p: Place) -> Words | None:
    """`epochs -5`: a sign before the value of a setting; `(-10, 10)`, a range of which the upper end is enough."""
    if not p.in_recipe():
        return None
    ends = re.match(r"[(\[][ \t]*(-?[\d.]+)[ \t]*,[ \t]*(-?[\d.]+)[ \t]*[)\]]", p.rest)
    word = re.search(r"([A-Za-z_]\w*)[ \t]*$", p.before)
    if ends and word and word[1] in ("rotate", "translate", "shear"):
        low, high = ends[1], ends[2]
        text = high if low == f"-{high}" else f"{high} low={low}"
        space = "" if p.before.endswith((" ", "\t")) else " "
        change = (p.at, p.at + ends.end(), space + text)
        return Words("a range is its upper end, and its lower one where that is not the same below 0",
                     f"write `{word[1]} {text}`", (change,), safe=False, repairs=True, expected=False)  # fmt: skip
    number = re.match(r"-[ \t]*(\d[\d.]*)", p.rest)
    if number and word and re.search(r"(?:^|[;{])[ \t]*[A-Za-z_]\w*[ \t]*$", p.before):
        return Words(f"`{word[1]}` cannot be negative", f"write `{word[1]} {number[1]}`", ((p.at, p.at + 1, ""),),
                     safe=False, repairs=True, expected=False)  # fmt: skip
    return None


def late_values(p: Place) -> Words | None:
    """`default conv act=leaky_relu 0.1`; `aux(0.3) {`; `multistep [10, 15]`."""
    word = re.search(r"\b((?:act|norm)=[A-Za-z_]\w*)[ \t]+$", p.before)
    number = re.match(r"[\d.]+(?:e-?\d+)?", p.rest)
    if word and number:
        text = f"{word[1]}({number.group()})"
        change = (p.start + word.end(1), p.at + number.end(), f"({number.group()})")
        return Words("the value of a word stands in parentheses", f"write `{text}`", (change,), safe=False, repairs=True,
                     expected=False)  # fmt: skip
    weight = re.match(r"\([ \t]*(?:weight[ \t]*=[ \t]*)?([\d.]+)[ \t]*\)", p.rest)
    if weight and re.search(r"(?:^|[;{])[ \t]*aux[ \t]*$", p.before):
        space = "" if p.before.endswith((" ", "\t")) else " "
        change = (p.at, p.at + weight.end(), f"{space}weight={weight[1]}")
        return Words("`aux` takes no parentheses", f"write `aux weight={weight[1]} {{ … }}`", (change,), safe=False,
                     repairs=True, expected=False)  # fmt: skip
    listed = re.match(r"[\[(]([\d, \t]+)[\])]", p.rest)
    if listed and p.in_recipe() and re.search(r"\bmultistep[ \t]*$", p.before):
        text = f"at=[{listed[1].strip()}]"
        space = "" if p.before.endswith((" ", "\t")) else " "
        change = (p.at, p.at + listed.end(), space + text)
        return Words("the list needs its name", f"write `multistep {text}`", (change,), safe=False, repairs=True,
                     expected=False)  # fmt: skip
    return None


def figures_with_units(p: Place) -> Words | None:
    """`10MB`, `1GFLOPs`, `5Mparams`: a figure with its unit."""
    unit = re.match(r"([KMGBkmgb])(?:i?[bB](?:ytes)?|[ _]?(?:FLOPs?|flops?|MACs?|macs?|params?))\b", p.rest)
    digits = re.search(r"(\d[\d._]*)[ \t]*$", p.before)
    if unit is None or digits is None or not re.match(r"\s*expect\b", p.line):
        return None
    text = f"{digits[1]}{unit[1].upper()}"
    change = (p.start + digits.start(1), p.at + unit.end(), text)
    return Words(
        "a figure has a suffix and no unit", f"write `{text}`", (change,), safe=False, repairs=True, expected=False
    )


def recipe_name(name: str) -> str:
    """A setting as it is called here."""
    return RECIPE.get(name.lower(), "") or (name.lower() if name[:1].isupper() else name)
