"""What is wrong at a place of the text that cannot be parsed, in words, with the changes that mend it.

Each rule looks at the place and answers, or leaves it to the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from netspec.diagnostics import nearest
from netspec.syntax.braces import body_below
from netspec.syntax.dialects import braced_net, caffe, darknet, definitions, docstrings, sequential, ultralytics
from netspec.syntax.figures import figures, input_size, leading_numbers, numbers, suffixes
from netspec.syntax.habits import (
    call_around,
    code_lines,
    comments,
    elsewhere,
    json_rows,
    list_rows,
    paper_rows,
    prefixed_layers,
    sums,
)
from netspec.syntax.place import Place, Words
from netspec.syntax.recovery import Change, masked
from netspec.syntax.strokes import (
    bare_else,
    bracketed,
    copies,
    double_brackets,
    else_without_brace,
    figures_with_units,
    headless_braces,
    keywords,
    late_values,
    negatives,
    option_quotes,
    recipe_name,
    shares,
    two_labels,
    unlabelled_braces,
    wrong_pair,
)
from netspec.syntax.terms import (
    between,
    chained,
    decimal_commas,
    elif_branches,
    functions,
    indices,
    listed_branches,
    missing_commas,
    named_inputs,
    penalties,
    signs_turned,
    typed_parameters,
)

__all__ = ["words_for"]

_SIGNS = {
    "^": "**", "=>": "->", "→": "->", "|>": "->", ">>": "->", "–": "-", "—": "-", "−": "-", "＝": "=", "＞": ">", "（": "(", "）": ")",
    "，": ",", "：": ":", "；": ";", "｛": "{", "｝": "}", "\u00a0": " ", "\u3000": " ", "\u200b": "", "\u2028": "\n",
}  # fmt: skip
_CALLED = {"->": "the arrow is", "-": "a hyphen is", "=": "the sign is"}
_QUOTES = {"'": "'", "“": "”", "‘": "’", "„": "“”", "«": "»", "”": "”", "’": "’", "`": "`"}
_HEADS = r"(?:block|repeat|for|if|else|residual|dense|aux|train|shared|checkpoint|augment)\b"
_STATEMENTS = (
    "input", "let", "default", "expect", "fit", "output", "aux", "train", "shared", "net", "use", "block", "fn",
)  # fmt: skip
_TAKE_NAMES = ("net", "use", "fit", "output", "block", "fn", "expect", "let", "input", "shared")


def words_for(place: Place) -> Words:
    """The answer of the first rule that has one."""
    for rule in _RULES:
        found = rule(place)
        if found is not None:
            return found
    return Words(f"`{place.shown}` cannot stand here")


def _quotes(p: Place) -> Words | None:
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


def _assignments(p: Place) -> Words | None:
    if p.char != "=":
        return None
    if re.match(r"\s*expect\b", p.line) and p.before.rstrip().endswith("~"):
        return Words("`~=` is no comparison", "write `~`", ((p.at, p.at + 1, ""),), expected=False)
    if re.match(r"\s*expect\b", p.line) and p.rest[1:2] != "=" and not re.search(r"[=<>!]", p.before):
        return Words("`=` does not compare", "write `==` to compare", ((p.at, p.at + 1, "=="),))
    arrow = re.search(r"[ \t]*->[ \t]*(\w+)[ \t]*$", p.before)
    if arrow and p.rest[1:2] != "=":
        change = (p.start + arrow.start(), p.start + arrow.start(1), " ")
        help_ = f"an option follows its layer without an arrow: `{arrow[1]}=…`"
        return Words("`=` cannot stand here", help_, (change,), safe=False, repairs=True)
    named = re.fullmatch(r"\s*([A-Za-z_]\w*)[ \t]*", p.before)
    if named is None or p.rest[1:2] == "=":
        return None
    if p.in_recipe():
        return _bare_setting(p, named[1])
    place = p.start + named.start(1)
    value = masked(p.rest[1 : p.stop - p.at]).strip()
    if re.match(r"[A-Za-z]+\d*(?:x\d+)?-\w", value) or "->" in value:
        change = (p.start + named.end(1), p.at + 1, ":")
        help_ = f"a layer is labelled by a colon: `{named[1]}: …`"
        return Words("`=` cannot stand here", help_, (change,), safe=False, repairs=True, expected=False)
    shown = value if 0 < len(value) <= 40 else "…"
    return Words("a variable is declared with `let`", f"write `let {named[1]} = {shown}`", ((place, place, "let "),))


def _bare_setting(p: Place, name: str) -> Words:
    """`epochs = 10`, `batch_size: 10` and `optimizer: sgd(lr=0.1)`, and the lines of the recipe below written so too."""
    changes: list[Change] = []
    shown = ""
    for row in re.finditer(r"[^\n]*", p.text[p.start :]):
        plain = masked(row.group())
        if row.start() and "}" in plain:
            break
        line = re.match(
            r"[ \t]*(?:\w+[ \t]*\{[ \t]*)?([A-Za-z_]\w*)[ \t]*([:=])(?!=)[ \t]*([^;}]*?)[ \t]*(?=[;}]|$)", plain
        )
        if line is None:
            continue
        value = re.sub(
            r"^(\w+)\((.*)\)$", lambda m: f"{recipe_name(m[1])} {re.sub(r'[ ]*,[ ]*', ' ', m[2])}".strip(), line[3]
        )
        text = f"{recipe_name(line[1])} {value}"
        start = p.start + row.start()
        changes.append((start + line.start(1), start + line.end(3), text))
        shown = shown or text
    return Words(f"a setting takes no `{p.char}`", f"write `{shown or f'{name} …'}`", tuple(changes), expected=False)


def _short_lines(p: Place) -> Words | None:
    if not p.rest.strip():
        return Words("the file ends too early")
    if not p.ends_line():
        return None
    end = p.start + len(masked(p.line).rstrip())
    following = re.match(r"\s*\{", p.text[p.stop :])
    if following and "LBRACE" in p.accepted:
        changes = ((end, p.stop + following.end(), " {"),)
        return Words("this line ends too early", "put `{` on this line", changes)
    if re.match(rf"\s*{_HEADS}", p.line):
        return Words("this line ends too early", "put `{` on this line", _braced(p, end, end), safe=False, repairs=True)
    return Words("this line ends too early")


def _braced(p: Place, start: int, stop: int) -> tuple[Change, ...]:
    """The changes that put braces around the indented lines below a head; none where no line is indented."""
    end = body_below(p.text, p.start)
    if end <= p.stop:
        return ()
    indent = p.line[: len(p.line) - len(p.line.lstrip())]
    return (start, stop, " {"), (end, end, f"\n{indent}}}")


def _colons(p: Place) -> Words | None:
    if p.char != ":":
        return None
    if re.search(rf"(?:^|[\s;{{}}]){_HEADS}[^\n:]*$", p.text[: p.at]) and not re.match(r"[ \t]*\w", p.rest[1:]):
        plain = masked(p.text)
        if plain.count("}") > plain.count("{"):
            change = (len(p.before.rstrip()) + p.start, p.at + 1, " {")
            return Words("a body starts with `{`, not with `:`", "write `{`", (change,), expected=False)
        changes = _braced(p, p.at, p.at + 1)
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
        return _bare_setting(p, word[1])
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


def _commas(p: Place) -> Words | None:
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


def _hyphens(p: Place) -> Words | None:
    units = re.search(r"(?:^|->|[;{\[:])[ \t]*(dense)$", p.before)
    if p.char == "-" and units and (width := re.match(r"-(\w+)", p.rest)):
        return _units(p, p.start + units.start(1), p.at + width.end(), width[1])
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


def _signs(p: Place) -> Words | None:
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


def _units(p: Place, start: int, stop: int, width: str) -> Words:
    """`dense-64` and `dense(64)` of Keras: units, and not the dense block of DenseNet."""
    help_ = f"units are written `FC-{width}`"
    return Words("`dense { … }` is DenseNet's block", help_, ((start, stop, f"FC-{width}"),), safe=False, repairs=True,
                 expected=False)  # fmt: skip


def _word_before(p: Place, signs: str) -> re.Match[str] | None:
    """The word before one of the opening brackets named."""
    return re.search(r"([A-Za-z_]\w*)[ \t]*$", p.before) if p.char and p.char in signs else None


def _closer(p: Place) -> int | None:
    """The offset of the bracket that closes the one at the place."""
    depth = 0
    for i, char in enumerate(masked(p.rest)):
        depth += (char in "{[(") - (char in "}])")
        if depth == 0:
            return p.at + i
    return None


def _called_sections(p: Place) -> Words | None:
    """`train(epochs=10)`, `dense(64)`, and settings with their options in round brackets."""
    before, close = _word_before(p, "("), _closer(p)
    if before is None or close is None:
        return None
    inside = p.text[p.at + 1 : close]
    if before[1] == "dense" and re.fullmatch(r"\s*\w+\s*", inside):
        return _units(p, p.start + before.start(1), close + 1, inside.strip())
    if before[1] == "train":
        text = "{ " + "; ".join(" ".join(part.replace("=", " ", 1).split()) for part in inside.split(",")) + " }"
        help_ = f"settings stand in braces: `train {text}`"
        return Words(
            "`(` cannot stand here", help_, ((p.at, close + 1, text),), safe=False, repairs=True, expected=False
        )
    if p.in_recipe():
        inner = re.sub(r"\s*,\s*", " ", inside).strip()
        name = recipe_name(before[1])
        help_ = f"options follow without brackets: `{name} {inner}`" if inner else "leave the brackets out"
        change = (p.start + before.start(1), close + 1, f"{name} {inner}".rstrip())
        return Words(
            "a setting takes no brackets", help_, (change,), safe=name == before[1], repairs=True, expected=False
        )
    return None


def _brackets(p: Place) -> Words | None:
    """Round, square and curly brackets taken for each other."""
    before = _word_before(p, "{[(")
    if before is None:
        return None
    word, close = before[1], _closer(p)
    wanted = (
        "[]"
        if word in ("concat", "add", "mul")
        else "{}"
        if word in ("residual", "dense", "train", "aux", "augment")
        else ""
    )
    if not wanted or wanted[0] == p.char:
        return None
    what = "branches stand in `[ ]`" if wanted == "[]" else f"the body of `{word}` stands in `{{ }}`"
    ends = ((close, close + 1, wanted[1]),) if close is not None else ()
    changes = ((p.at, p.at + 1, wanted[0]), *ends)
    return Words(f"`{p.char}` cannot stand here", what, changes, repairs=bool(ends), expected=False)


def _misspelt_heads(p: Place) -> Words | None:
    """`elif x {`, `reapet 3 {`: what stands before a brace and opens none."""
    before = _word_before(p, "{")
    branch = re.match(r"\s*(elif|elsif|elseif)\b", p.line)
    if before is None:
        return None
    if branch:
        change = (p.start + branch.start(1), p.start + branch.end(1), "else if")
        message = f"`{branch[1]}` is no word of the language"
        return Words(message, "write `else if`", (change,), repairs=True, expected=False, marked=change[:2])
    known = nearest(before[1], ("residual", "dense", "repeat", "block", "shared", "train", "aux"))
    if known is None:
        return None
    change = (p.start + before.start(1), p.start + before.end(1), known)
    return Words("`{` cannot stand here", f"did you mean `{known}`?", (change,), safe=False)


def _listed(p: Place) -> Words | None:
    """`for (w, s) in …`, `widths[0]`, `from stage.conv`: names that are taken apart as in Python."""
    unpacked = re.match(r"[ \t]*for[ \t]*(\(([\w, \t]+)\))[ \t]*in\b", p.line)
    if p.char == "(" and unpacked and p.at == p.start + unpacked.start(1):
        change = (p.at, p.start + unpacked.end(1), ("" if p.before.endswith(" ") else " ") + unpacked[2].strip())
        return Words(
            "the names of a loop stand without brackets",
            f"write `for {unpacked[2].strip()} in …`",
            (change,),
            expected=False,
        )
    if p.char == "[" and re.search(r"[A-Za-z_]\w*$", p.before) and re.match(r"\[[ \t]*-?\w+[ \t]*\]", p.rest):
        help_ = "run over the list: `for w in widths { … }`, or give each value a name of its own"
        return Words("the items of a list have no numbers", help_, expected=False)
    if p.char == "." and re.search(r"\bfrom[ \t]+\w+$", p.before):
        help_ = "labels inside braces are visible there only: label the braces, or put the layer outside of them"
        return Words("`.` cannot stand here", help_, expected=False)
    return None


def _names(p: Place) -> Words | None:
    """`net ResNet-50`, `block 3x3(w)`: names that are not one word."""
    named = re.match(r"\s*(net|block|fn)[ \t]+([\w.-]+)", p.line)
    if named is None or not p.start + named.start(2) <= p.at <= p.start + named.end(2):
        return None
    word = re.sub(r"\W", "_", named[2])
    word = f"{named[1].capitalize() if named[1] == 'net' else named[1]}_{word}" if word[0].isdigit() else word
    change = (p.start + named.start(2), p.start + named.end(2), word)
    message = "a name is one word of letters, digits and `_`, and begins with a letter"
    return Words(message, f"call it `{word}`", (change,), safe=False, repairs=True, marked=change[:2], expected=False)


def _parentheses(p: Place) -> Words | None:
    """`conv3-8(pad=1)` and `conv3-8()`: options behind the slots stand without parentheses."""
    inside = re.match(r"\(([^()\n]*)\)", p.rest)
    square = re.match(r"\[([^\[\]\n]*=[^\[\]\n]*)\]", p.rest)
    inside = inside or square
    if (
        p.char not in "(["
        or inside is None
        or not re.search(r"[A-Za-z_]\w*(?:-\w+|/\w+)+[ \t]*$", p.before)
        or p.in_recipe()
    ):
        return None
    options = " ".join(part.strip() for part in inside[1].split(",") if part.strip())
    if options and not re.fullmatch(r"(?:\w+=\S+ ?)+", options):
        return None
    help_ = f"options follow without parentheses: `{options}`" if options else "leave them out"
    space = "" if p.before.endswith((" ", "\t")) else " "
    change = (p.at, p.at + inside.end(), f"{space}{options}" if options else "")
    return Words("parentheses cannot stand here", help_, (change,), expected=False, marked=(p.at, p.at + inside.end()))


def _misplaced(p: Place) -> Words | None:
    if p.token is not None and p.token.type in {word.upper() for word in _STATEMENTS}:
        help_ = f"`{p.shown}` starts a statement of its own, and blocks, nets and files are declared at the top level"
        return Words(f"`{p.shown}` cannot stand here", help_)
    if p.shown in ("x", "×"):
        return Words(f"`{p.shown}` is not followed by a number of copies", "write `x3`, or `x(n)` for an expression")
    if p.accepted == {"LBRACE"} and (gap := re.match(r"[^\n{#]*(?=\{)", p.rest)):
        words = gap.group().strip()
        return Words(
            f"`{p.shown}` cannot stand here", f"take `{words}` out", ((p.at, p.at + gap.end(), ""),), safe=False
        )
    if p.shown == "import" or p.before.strip() == "import":
        return Words(f"`{p.shown}` cannot stand here", 'other specs are brought in with `use "file.net" as name`')
    return None


_RULES: tuple[Callable[[Place], Words | None], ...] = (
    functions, typed_parameters, between, signs_turned, chained, decimal_commas, elif_branches, indices, penalties, missing_commas, named_inputs, listed_branches,
    docstrings, definitions, darknet, caffe, ultralytics, sequential, braced_net, headless_braces, keywords, wrong_pair, double_brackets, option_quotes,
    else_without_brace, bare_else, two_labels, shares, negatives, late_values, figures_with_units, bracketed, copies,
    json_rows, elsewhere, paper_rows, _quotes, comments, numbers, suffixes, leading_numbers, input_size, code_lines,
    _assignments, list_rows,
    _short_lines, _colons, _commas, _hyphens, _signs, figures, _listed, _names, _parentheses,
    _called_sections, _brackets, _misspelt_heads, prefixed_layers, sums, unlabelled_braces, _misplaced,
)  # fmt: skip
