"""Signs that stand where they cannot, or are missing: quotes, colons, commas, hyphens, arrows. Rules as those of `wording`."""

from __future__ import annotations

import re

from netspec.syntax.braces import body_below
from netspec.syntax.habits import call_around
from netspec.syntax.place import Place, Words
from netspec.syntax.recovery import Change, masked
from netspec.syntax.strokes import recipe_name

__all__ = ["HEADS", "bare_setting", "braced", "colons", "commas", "hyphens", "keras_units", "quotes", "signs"]


_SIGNS = {
    "^": "**", "=>": "->", "→": "->", "|>": "->", ">>": "->", "–": "-", "—": "-", "−": "-", "＝": "=", "＞": ">", "（": "(", "）": ")",
    "，": ",", "：": ":", "；": ";", "｛": "{", "｝": "}", "\u00a0": " ", "\u3000": " ", "\u200b": "", "\u2028": "\n",
}  # fmt: skip


_CALLED = {"->": "the arrow is", "-": "a hyphen is", "=": "the sign is"}


_QUOTES = {"'": "'", "“": "”", "‘": "’", "„": "“”", "«": "»", "”": "”", "’": "’", "`": "`"}


HEADS = r"(?:block|repeat|for|if|else|residual|dense|aux|train|shared|checkpoint|augment)\b"


_TAKE_NAMES = ("net", "use", "fit", "output", "block", "fn", "expect", "let", "input", "shared")


def quotes(p: Place) -> Words | None:
    if p.char == '"':
        word = re.match(r'"[^\s"#;{}]*', p.rest)
        if '"' in p.rest[1:].split("\n", 1)[0] or word is None:
            return None
        end = p.at + word.end()
        return Words("this string does not end on its line", 'close it with `"`', ((end, end, '"'),), safe=False)
    if p.char not in _QUOTES:
        return None
    call = call_around(p)
    if call is not None:
        return call
    quoted = re.match(rf"{p.char}([^\n\"{_QUOTES[p.char]}]*)[{_QUOTES[p.char]}]", p.rest)
    changes = ((p.at, p.at + quoted.end(), f'"{quoted[1]}"'),) if quoted else ()
    return Words("strings take double quotes", 'write "…"', changes)


def bare_setting(p: Place, name: str) -> Words:
    """`epochs = 10`, `batch_size: 10` and `optimizer: sgd(lr=0.1)`, and the lines of the recipe below written so too."""
    changes: list[Change] = []
    shown = ""
    for row in re.finditer(r"[^\n]*", p.text[p.start :]):
        plain = masked(row.group())
        if row.start() and "}" in plain:
            break
        plain = re.sub(r"\w+(?:\.\w+)*\(\)[ \t]*,", lambda m: " " * len(m.group()), plain)  # `model.parameters(),`
        for line in re.finditer(
            r"(?:^|[;{])[ \t]*([A-Za-z_]\w*)[ \t]*([:=])(?!=)[ \t]*([^;}]*?)[ \t]*(?=[;}]|$)", plain
        ):
            called = re.sub(r"[ ]*,[ ]*", " ", line[3]) if "(" in line[3] else line[3]
            value = re.sub(r"^(\w+)\((.*)\)$", lambda m: f"{recipe_name(m[1])} {m[2]}".strip(), called)
            text = f"{recipe_name(line[1])} {value}"
            start = p.start + row.start()
            changes.append((start + line.start(1), start + line.end(3), text))
            shown = shown or text
    return Words(f"a setting takes no `{p.char}`", f"write `{shown or f'{name} …'}`", tuple(changes), expected=False)


def braced(p: Place, start: int, stop: int) -> tuple[Change, ...]:
    """The changes that put braces around the indented lines below a head; none where no line is indented."""
    end = body_below(p.text, p.start)
    if end <= p.stop:
        return ()
    indent = p.line[: len(p.line) - len(p.line.lstrip())]
    return (start, stop, " {"), (end, end, f"\n{indent}}}")


def colons(p: Place) -> Words | None:
    if p.char != ":":
        return None
    if re.search(rf"(?:^|[\s;{{}}]){HEADS}[^\n:]*$", p.text[: p.at]) and not re.match(r"[ \t]*\w", p.rest[1:]):
        return _python_body(p)
    dashed = re.search(r"(?:^|->|[;{\[])[ \t]*(\w+(?:[-.]\w+)+)[ \t]*$", p.before)
    if dashed:
        label = re.sub(r"\W", "_", dashed[1])
        change = (p.start + dashed.start(1), p.start + dashed.end(1), label)
        return Words(
            "a label is one word of letters, digits and `_`", f"call it `{label}:`", (change,), safe=False, repairs=True
        )
    word = re.search(r"([A-Za-z_]\w*)[ \t]*$", p.before)
    if word is None:
        return None
    if p.in_recipe() and re.fullmatch(r"[ \t]*|.*[{;][ \t]*", p.before[: word.start()]):
        return bare_setting(p, word[1])
    if (
        not p.before[: word.start()].strip()
        and word[1] in _TAKE_NAMES
        and not re.match(r":[ \t]*(?:[A-Za-z_]\w*-\w|[A-Za-z_]\w*[ \t]*->)", p.rest)
    ):
        return Words(f"`{word[1]}` takes no colon", "leave it out", _no_colons(p), expected=False)
    lead = p.before[: word.start()].strip()
    if lead and not lead.endswith(("->", "{", ";", "[")):
        if lead in ("net", "use", "fit", "output", "block"):
            return Words(f"`{lead}` takes no colon", "leave it out", ((p.at, p.at + 1, ""),), expected=False)
        changes = _equal_signs(p, word.start(1))
        value = re.match(r":[ \t]*([\w.]+)", p.rest)
        shown = f"{word[1]}={value[1] if value else '…'}"
        return Words(
            "`:` cannot stand here", f"values follow `=`: `{shown}`", changes, safe=False, repairs=True, expected=False
        )
    change = (p.start + word.start(1), p.start + word.end(1), f"{word[1]}1")
    uses = tuple((m.start(1), m.end(1), f"{word[1]}1") for m in re.finditer(rf"\bfrom[ \t]+({word[1]})\b", p.text))
    message = f"`{word[1]}` is a word of the language and cannot be a label"
    return Words(message, f"call it `{word[1]}1:`", (change, *uses), safe=False, repairs=True)


def _python_body(p: Place) -> Words:
    """A body behind a colon, by its indentation."""
    plain = masked(p.text)
    if plain.count("}") > plain.count("{"):
        change = (len(p.before.rstrip()) + p.start, p.at + 1, " {")
        return Words("a body starts with `{`, not with `:`", "write `{`", (change,), expected=False)
    changes = braced(p, p.at, p.at + 1)
    counted = re.fullmatch(r"([ \t]*)for[ \t]+(\w+)[ \t]+in[ \t]+range\((\w+)\)[ \t]*", p.before)
    if counted and changes:
        text = f"repeat {counted[3]} as {counted[2]} {{"
        changes = ((p.start + counted.end(1), p.at + 1, text), *changes[1:])
        return Words("loops are written otherwise than in Python", f"write `{text} … }}`: it counts from 0", changes,
                     safe=False, repairs=True, expected=False)  # fmt: skip
    return Words(
        "a body starts with `{`, not with `:`",
        "write `{`, and `}` behind the body",
        changes,
        safe=False,
        repairs=True,
    )


def _no_colons(p: Place) -> tuple[Change, ...]:
    """The colons behind the words of statements, in this line and the others: one habit, told once."""
    changes = []
    words = "|".join(_TAKE_NAMES)
    for row in re.finditer(rf"^[ \t]*(?:{words})[ \t]*(:)(?!:)", p.text[p.start :], re.MULTILINE):
        at = p.start + row.start(1)
        changes.append((at, at + 1, "" if p.text[at + 1 : at + 2] in (" ", "\t") else " "))
    return tuple(changes)


def _equal_signs(p: Place, start: int) -> tuple[Change, ...]:
    """The changes that write `pad: 1, act: relu` with signs of equality and without commas, to the end of the line."""
    changes = []
    row = masked(p.line)
    for pair in re.finditer(r"([A-Za-z_]\w*)[ \t]*:[ \t]*|[ \t]*(,)[ \t]*", row[start:]):
        at = p.start + start + pair.start()
        changes.append((at, at + len(pair.group()), f"{pair[1]}=" if pair[1] else " "))
    return tuple(changes)


def commas(p: Place) -> Words | None:
    if p.char != ",":
        return None
    gap = len(p.rest) - len(p.rest[1:].lstrip(" \t"))
    after = p.rest[gap:]
    if p.in_recipe():
        section = p.opener is not None and p.text[: p.opener].rstrip().endswith("augment")
        sign = "; " if section else " "
        help_ = "settings are separated by `;`" if section else "options and values are separated by spaces"
        changes = tuple(
            (start, stop, sign) for start, stop, _ in ((p.at, p.at + gap, ""), *_more_commas(p, p.at + gap))
        )
        return Words("`,` cannot stand here", help_, changes, safe=False, repairs=True, expected=False)
    help_ = "options are separated by spaces; a layer of its own follows `->` or a new line"
    return Words(
        "`,` cannot stand here", help_, ((p.at, p.at + gap, _instead_of_a_comma(after)), *_more_commas(p, p.at + gap))
    )


def _instead_of_a_comma(after: str) -> str:
    if re.match(r"[A-Za-z_]\w*(?![\w ]*=)", after):
        return " -> "
    return " " if after[:1] != "\n" else ""


def _more_commas(p: Place, start: int) -> tuple[Change, ...]:
    """The changes of the commas further on in the line that stand outside of brackets: one habit, told once."""
    changes, depth = [], 0
    row = masked(p.line)
    for i in range(start - p.start, len(row)):
        depth += (row[i] in "([{") - (row[i] in ")]}")
        if depth < 0:
            break
        if row[i] == "," and depth == 0:
            gap = len(row) - i - len(row[i + 1 :].lstrip(" \t"))
            changes.append((p.start + i, p.start + i + gap, _instead_of_a_comma(row[i + gap :] or "\n")))
    return tuple(changes)


def hyphens(p: Place) -> Words | None:
    units = re.search(r"(?:^|->|[;{\[:])[ \t]*(dense)$", p.before)
    if p.char == "-" and units and (width := re.match(r"-(\w+)", p.rest)):
        return keras_units(p, p.start + units.start(1), p.at + width.end(), width[1])
    if p.char == "-" and p.before.endswith("/") and re.match(r"-[ \t]*\d", p.rest):
        return Words("a stride is at least 1", "take the sign out", ((p.at, p.at + 1, ""),), safe=False, repairs=True)
    if p.char != "-" or not (width := re.search(r"([A-Za-z_]\w*)-(\w+)$", p.before)):
        return None
    last = re.match(r"-(\w+)", p.rest)
    if last and re.fullmatch(r"fc|linear|dense", width[1], re.IGNORECASE):
        change = (p.start + width.start(2), p.at + 1, "")
        return Words(
            "a layer has one width, that of what it gives", f"write `{width[1]}-{last[1]}`", (change,), safe=False
        )
    return Words(
        "`-` cannot stand here", "the stride stands after a slash: `conv3-64/2`", ((p.at, p.at + 1, "/"),), safe=False
    )


def signs(p: Place) -> Words | None:
    if p.char in (">", "|") and not p.rest.startswith((">>", "|>", ">=")):
        stop = len(masked(p.line))
        arrows = [m.start() for m in re.finditer(r"(?<![-=])[>|](?![=>])", masked(p.line)[:stop])]
        if len(arrows) == len(re.findall(r"[>|]\s*[A-Za-z_]", p.line)):
            changes = tuple((p.start + i, p.start + i + 1, "->") for i in arrows)
            return Words(f"`{p.char}` cannot stand here", "the arrow is `->`", changes)
    long = re.match(r"-{2,}>|[=~]{1,2}>|—>|–>", p.rest)
    if long:
        change = (p.at, p.at + long.end(), "->")
        return Words(f"`{long.group()}` cannot stand here", "the arrow is `->`", (change,))
    for length in (2, 1):
        sign = p.rest[:length]
        if sign in _SIGNS and len(sign) == length:
            new = _SIGNS[sign]
            if not sign.isprintable():
                return Words(
                    "this character does not belong in a spec", "take it out", ((p.at, p.at + length, " "),), safe=False
                )
            return Words(
                f"`{sign}` cannot stand here",
                f"{_CALLED.get(new, 'the sign is')} `{new}`",
                ((p.at, p.at + length, new),),
            )
    if not p.shown.isprintable():
        change = (p.at, p.at + len(p.shown), " ")
        return Words("this character does not belong in a spec", "take it out", (change,), safe=False)
    return None


def keras_units(p: Place, start: int, stop: int, width: str) -> Words:
    """`dense-64` and `dense(64)` of Keras: units, and not the dense block of DenseNet."""
    help_ = f"units are written `FC-{width}`"
    return Words("`dense { … }` is DenseNet's block", help_, ((start, stop, f"FC-{width}"),), safe=False, repairs=True,
                 expected=False)  # fmt: skip
