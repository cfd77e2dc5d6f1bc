"""What is wrong at a place of the text that cannot be parsed, in words, with the changes that mend it.

Each rule looks at the place and answers, or leaves it to the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from netspec.diagnostics import nearest
from netspec.syntax.dialects import braced_net, caffe, darknet, definitions, docstrings, sequential, ultralytics
from netspec.syntax.figures import figures, input_size, leading_numbers, numbers, suffixes
from netspec.syntax.habits import (
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
from netspec.syntax.punctuation import HEADS, bare_setting, braced, colons, commas, hyphens, keras_units, quotes, signs
from netspec.syntax.recovery import masked
from netspec.syntax.strokes import (
    bare_else,
    bracketed,
    closing,
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

_STATEMENTS = (
    "input", "let", "default", "expect", "fit", "output", "aux", "train", "shared", "net", "use", "block", "fn",
)  # fmt: skip


_LONGEST = 2_000
"""Longer lines are not written by hand, and not looked at closely."""


def words_for(place: Place) -> Words:
    """The answer of the first rule that has one."""
    for rule in _RULES if len(place.line) <= _LONGEST else ():
        found = rule(place)
        if found is not None:
            return found
    return Words(f"`{place.shown}` cannot stand here")


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
        return bare_setting(p, named[1])
    place = p.start + named.start(1)
    value = masked(p.rest[1 : p.stop - p.at]).strip()
    if re.match(r"[A-Za-z]+\d*(?:x\d+)?-\w", value) or "->" in value:
        change = (p.start + named.end(1), p.at + 1, ":")
        help_ = f"a layer is labelled by a colon: `{named[1]}: …`"
        return Words("`=` cannot stand here", help_, (change,), safe=False, repairs=True, expected=False)
    shown = value if 0 < len(value) <= 40 else "…"
    return Words("a variable is declared with `let`", f"write `let {named[1]} = {shown}`", ((place, place, "let "),))


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
    if re.match(rf"\s*{HEADS}", p.line):
        return Words("this line ends too early", "put `{` on this line", braced(p, end, end), safe=False, repairs=True)
    return Words("this line ends too early")


def _word_before(p: Place, signs: str) -> re.Match[str] | None:
    """The word before one of the opening brackets named."""
    return re.search(r"([A-Za-z_]\w*)[ \t]*$", p.before) if p.char and p.char in signs else None


def _called_sections(p: Place) -> Words | None:
    """`train(epochs=10)`, `dense(64)`, and settings with their options in round brackets."""
    before, close = _word_before(p, "("), closing(p.text, p.at)
    if before is None or close is None:
        return None
    inside = p.text[p.at + 1 : close]
    if before[1] == "dense" and re.fullmatch(r"\s*\w+\s*", inside):
        return keras_units(p, p.start + before.start(1), close + 1, inside.strip())
    if before[1] == "train":
        text = "{ " + "; ".join(" ".join(part.replace("=", " ", 1).split()) for part in inside.split(",")) + " }"
        help_ = f"settings stand in braces: `train {text}`"
        return Words(
            "`(` cannot stand here", help_, ((p.at, close + 1, text),), safe=False, repairs=True, expected=False
        )
    if p.in_recipe():
        inside = re.sub(r"\w+(?:\.\w+)*\(\)[ \t]*,", "", inside)  # `model.parameters(),`
        inner = re.sub(r"\s*,\s*", " ", inside).strip()
        inner = re.sub(r"(\w+)=", lambda m: f"{recipe_name(m[1])}=", inner)
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
    word, close = before[1], closing(p.text, p.at)
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
    if word == named[2]:
        return None
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
    json_rows, elsewhere, paper_rows, quotes, comments, numbers, suffixes, leading_numbers, input_size, code_lines,
    _assignments, list_rows,
    _short_lines, colons, commas, hyphens, signs, figures, _listed, _names, _parentheses,
    _called_sections, _brackets, _misspelt_heads, prefixed_layers, sums, unlabelled_braces, _misplaced,
)  # fmt: skip
