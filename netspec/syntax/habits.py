"""What other languages and formats write, where it cannot be parsed here: rules as those of `wording`."""

from __future__ import annotations

import re

from netspec.syntax.place import Place, Words
from netspec.syntax.recovery import masked

__all__ = [
    "call_around", "code_lines", "comments", "elsewhere", "json_rows", "list_rows", "paper_rows", "prefixed_layers",
    "sums",
]  # fmt: skip


def call_around(p: Place) -> Words | None:
    """A layer called as in Python, with words in single quotes: one habit, told once."""
    for call in re.finditer(r"(?:^|->|[;{\[])[ \t]*(([A-Za-z_]\w*)\(((?:[^()\n]|\([^()\n]*\))*)\))", p.line):
        if not call.start(3) <= p.at - p.start < call.end(3):
            continue
        from netspec.diagnostics.foreign import ALIASES, OPTIONS, translated_call

        text = translated_call(call[2], call[3])
        options = re.findall(r"(\w+)[ \t]*=", call[3])
        if text is None or not (call[2].lower() in ALIASES or any(option in OPTIONS for option in options)):
            return None
        whole = p.start + call.start(1), p.start + call.end(1)
        message = f"this is how other frameworks write `{text.split('-')[0].split(' ')[0].rstrip('0123456789x')}`"
        return Words(
            message, f"netspec writes it `{text}`", ((*whole, text),),
            safe=False, repairs=True, marked=whole, expected=False,
        )  # fmt: skip
    return None


def comments(p: Place) -> Words | None:
    if p.rest.startswith("/*"):
        end = p.text.find("*/", p.at)
        stop = end + 2 if end >= 0 else p.stop
        rows = p.text[p.at : stop].split("\n")
        kept = ["# " + row.strip().removeprefix("/*").removesuffix("*/").strip("* ") for row in rows]
        if p.text[stop : (p.text + "\n").index("\n", stop)].strip():
            kept[-1] += "\n"
        return Words("`/*` does not start a comment here", "comments start with `#`", ((p.at, stop, "\n".join(kept)),))
    for sign in ("//", "--"):
        if p.rest.startswith(sign) and (sign == "//" or not p.before.strip()):
            change = (p.at, p.at + 2, "#")
            return Words(f"`{sign}` does not start a comment here", "comments start with `#`", (change,))
    return None


def elsewhere(p: Place) -> Words | None:
    """A line that begins with a word which has no layer of its own here: `route -1, 0`, `def forward(self, x):`."""
    first = re.match(r"[ \t]*([A-Za-z_]\w*)[ \t]+(?![=:])", p.line)
    if first is None or p.at < p.start + first.end(1):
        return None
    from netspec.diagnostics.foreign import PLACES

    help_ = PLACES.get(first[1].lower())
    if help_ is None:
        return None
    marked = p.start + first.start(1), p.start + first.end(1)
    return Words(f"there is no `{first[1]}` here", help_, marked=marked, expected=False)


_PAPER = re.compile(
    r"[ \t]*(?:(?P<size>\d+[x×]\d+)[ \t]+(?P<name>conv|max[ ]?pool(?:ing)?|av(?:erage|g)[ ]?pool(?:ing)?)"
    r"|(?P<name2>conv|max[ ]?pool(?:ing)?)[ \t]*(?P<size2>\d+[x×]\d+|\d+))"
    r"(?:,[ \t]*(?P<width>\d+))?(?:[, \t]+(?:stride|s)?[ \t]*[=/]?[ \t]*(?P<stride>\d+))?(?P<rest>(?:[, \t]+\w+=[^\s,]+)*)[ \t]*"
)
_WORDED = re.compile(
    r"[ \t]*(?P<layer>[A-Za-z]+\d*(?:x\d+)?(?:-\w+)?)(?P<options>(?:[, \t]+(?:stride|pad|padding|s|p)[ \t]*=?[ \t]*\d+)+)(?P<rest>(?:[, \t]+\w+=[^\s,]+)*)[ \t]*"
)


def paper_rows(p: Place) -> Words | None:
    """`3x3 conv, 64, /2`, as figures of papers label their layers."""
    row = masked(p.line)
    found = _PAPER.fullmatch(row)
    worded = _WORDED.fullmatch(row) if "," in row else None
    if found is None and worded is not None and re.search(r"(?:stride|pad|padding|s|p)[ \t]*\d", worded["options"]):
        return _worded(p, worded)
    if found is None or not ("," in row or found["size"]):
        return None
    sizes = re.split("[x×]", found["size"] or found["size2"])
    kernel = sizes[0] if len(set(sizes)) == 1 else "x".join(sizes)
    name = (found["name"] or found["name2"]).replace(" ", "").replace("ing", "").replace("average", "avg")
    width, stride = found["width"], found["stride"]
    if name != "conv" and width and not stride:
        width, stride = None, width
    if name == "conv" and not width:
        width, stride = stride, None
    if name == "conv" and not width:
        return None
    text = name + kernel + (f"-{width}" if width and name == "conv" else "") + (f"/{stride}" if stride else "")
    text += "".join(f" {option}" for option in re.findall(r"\w+=[^\s,]+", found["rest"]))
    start = p.start + len(row) - len(row.lstrip())
    whole = start, p.start + len(row.rstrip())
    return Words("layers are written without spaces and commas", f"write `{text}`", ((*whole, text),),
                 safe=False, repairs=True, marked=whole, expected=False)  # fmt: skip


def _worded(p: Place, found: re.Match[str]) -> Words:
    """`conv7-64, stride 2, pad=3`: options in words, between commas."""
    text, row = found["layer"], masked(p.line)
    for word, value in re.findall(r"(stride|pad|padding|s|p)[ \t]*=?[ \t]*(\d+)", found["options"]):
        text += f"/{value}" if word[0] == "s" else f" pad={value}"
    text += "".join(f" {option}" for option in re.findall(r"\w+=[^\s,]+", found["rest"]))
    whole = p.start + len(row) - len(row.lstrip()), p.start + len(row.rstrip())
    return Words("layers are written without commas", f"write `{text}`", ((*whole, text),), safe=False, repairs=True,
                 marked=whole, expected=False)  # fmt: skip


def list_rows(p: Place) -> Words | None:
    """`- conv3-64`, line for line, as YAML writes a list."""
    if p.before.strip() or not re.match(r"-[ \t]+\w", p.rest):
        return None
    changes = []
    for row in re.finditer(r"^[ \t]*(-[ \t]+)(?=\w)", masked(p.text), re.MULTILINE):
        if row.start(1) >= p.at:
            changes.append((row.start(1), row.end(1), ""))
    return Words("layers stand in their lines without `-`", "leave it out", tuple(changes), expected=False)


def json_rows(p: Place) -> Words | None:
    if p.char != '"' or p.opener is None or not re.match(r'"\w+"[ \t]*:', p.rest) or p.text[p.opener] != "{":
        return None
    return Words("this is JSON", "a layer and its options are one line: `conv3-64 pad=1`", expected=False)


_CALL = re.compile(
    r"\s*(?:[A-Za-z_]\w*[ \t]*=[ \t]*)?((?:[A-Za-z_]\w*\.)*)([A-Za-z_]\w*)((?:-\w+)?(?:/\w+)?)\((.*)\)\s*"
)


def code_lines(p: Place) -> Words | None:
    """`x = F.relu(x)`, `model.add(Dense(10))`, `w *= 2`: lines of a program."""
    row = masked(p.line)
    flat = re.fullmatch(r"[ \t]*\w+[ \t]*=[ \t]*\w+(?:\.\w+)*\.(?:view|flatten|reshape)\(.*\)[ \t]*", row)
    if flat and p.char == "=":
        start = p.start + len(row) - len(row.lstrip())
        whole = start, p.start + len(row.rstrip())
        message = "a layer takes what stands above it: there are no variables for tensors"
        return Words(
            message, "write `flatten`", ((*whole, "flatten"),), safe=False, repairs=True, marked=whole, expected=False
        )
    changed = re.match(r"[ \t]*([A-Za-z_]\w*)[ \t]*(?:\*\*?|\+|-|//?)=", row)
    if changed and p.start <= p.at <= p.start + changed.end():
        help_ = "compute it from a counter: `repeat 3 as i { conv3-(16 * 2**i) }`, or run over a list with `for`"
        return Words(
            "a variable does not change",
            help_,
            expected=False,
            marked=(p.start + changed.start(1), p.start + changed.end()),
        )
    call = _CALL.fullmatch(row)
    if call is None or not ((p.char == "=" and not p.in_recipe()) or (p.char == "." and call[1])):
        return None
    from netspec.diagnostics.foreign import ALIASES, translated_call
    from netspec.ops import CATALOGUE

    head, inside = call[2], call[4]
    inner = re.fullmatch(r"\s*(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)\((.*)\)\s*", inside)
    if head in ("add", "append", "add_module") and inner:
        head, inside = inner[1], inner[2]
    elif inner:
        return None
    known = head.lower() in ALIASES or re.sub(r"\d+(x\d+)?$", "", head.lower()) in CATALOGUE
    if not known or (
        p.char == "." and call[2] not in ("add", "append") and call[1].split(".")[0] in ("nn", "tf", "layers")
    ):
        return None
    text = f"{head}{call[3]}" if call[3] else translated_call(head, inside)
    if text is None:
        return None
    start = p.start + len(row) - len(row.lstrip())
    whole = start, p.start + len(row.rstrip())
    return Words(
        "a layer takes what stands above it: there are no variables for tensors", f"write `{text}`", ((*whole, text),),
        safe=False, repairs=True, marked=whole, expected=False,
    )  # fmt: skip


def _closing(text: str, opener: int) -> int:
    """Behind the bracket that closes the one at an offset; the end of the text if none does."""
    depth = 0
    for i, char in enumerate(masked(text[opener:])):
        depth += (char in "([{") - (char in ")]}")
        if depth == 0:
            return opener + i + 1
    return len(text)


def prefixed_layers(p: Place) -> Words | None:
    """`nn.Conv2d(3, 64, 3)`: a layer of another framework behind the name of its module."""
    prefix = re.search(r"(?:^|->|[;{\[])[ \t]*([A-Za-z_]\w*)$", p.before)
    if p.char != "." or prefix is None:
        return None
    start = p.start + prefix.start(1)
    called = re.match(r"(?:\.\w+)*\.([A-Za-z_]\w*)(?:\(((?:[^()\n]|\([^()\n]*\))*)\))?", p.rest)
    if called is None:
        return None
    from netspec.diagnostics.foreign import PLACES, translated_call

    stop = p.at + called.end()
    if called[1].lower() in PLACES:
        end = _closing(p.text, stop) if p.text[stop : stop + 1] == "(" else stop
        help_, marked = PLACES[called[1].lower()], (start, p.at + called.end(1))
        return Words(f"there is no `{called[1]}` here", help_, marked=marked, left_out=(start, end), expected=False)
    text = translated_call(called[1], called[2] or "")
    if text is None:
        help_ = f"layers are named without `{p.text[start : p.at + 1]}`"
        return Words("`.` cannot stand here", help_, ((start, p.at + called.start(1), ""),), repairs=False)
    message = f"a layer has no `{p.text[start : p.at + called.start(1)]}` before its name"
    return Words(message, f"netspec writes it `{text}`", ((start, stop, text),), safe=False, repairs=True)


def sums(p: Place) -> Words | None:
    both = re.fullmatch(r"\s*([A-Za-z_]\w*)[ \t]*\+[ \t]*([A-Za-z_]\w*)\s*", masked(p.line))
    if p.char != "+" or both is None:
        return None
    text = f"add [ from {both[1]}; from {both[2]} ]"
    change = (p.start + both.start(1), p.start + both.end(2), text)
    return Words("`+` cannot stand here", f"tensors are added by `{text}`", (change,), safe=False, repairs=True)
