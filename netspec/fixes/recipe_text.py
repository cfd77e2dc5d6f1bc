"""Settings of a recipe as scripts write them, in netspec's words, and lines that are moved into the `train` section."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netspec.diagnostics import Edit
from netspec.settings.words import OF_OPTIMIZER, own_name
from netspec.source import Span

__all__ = ["into_recipe", "without_parentheses"]


def without_parentheses(name: str, inside: str) -> str:
    """`Adam(model.parameters(), lr=0.1, wd=0)` as `adam lr=0.1 weight_decay=0`."""
    inside = re.sub(r"\w+(?:\.\w+)*\(\)[ \t]*,?", "", inside)
    options = re.sub(r"(\w+)[ \t]*=[ \t]*", lambda m: f"{own_name(m[1])}=", re.sub(r"\s*,\s*", " ", inside).strip())
    return f"{own_name(name)} {options}".rstrip()


def into_recipe(rows: Sequence[Span]) -> tuple[Edit, ...]:
    """Moves lines such as `lr = 0.1` and `epochs 3` into the `train` section, which is made of them where there is none."""
    source = rows[0].source
    section = re.search(r"(?m)^[ \t]*train[ \t]*(\{)[ \t]*(\n)?", source.text)
    there = None
    if section is not None:
        end = (source.text + "}").index("}", section.end())
        there = re.compile(r"(?:(?<=[\n{;])|(?<=[\n{;][ \t])|^)[ \t]*optimizer\b[^;\n}#]*").search(
            source.text, section.end(), end
        )
    lines, options = _translated(rows)
    if options and there is None:
        at = next((i for i, line in enumerate(lines) if line.startswith("optimizer ")), None)
        if at is None:
            at = 0
            lines.insert(0, "optimizer sgd")
        lines[at] += "".join(f" {option}" for option in options)
    places = [_whole(row) for row in rows]
    if section is None:
        body = "".join(f"  {line}\n" for line in lines)
        first = Edit(places[0], f"train {{\n{body}}}\n")
        return first, *(Edit(place, "") for place in places[1:])
    made = [Edit(place, "") for place in places]
    if options and there is not None:
        end = there.start() + len(there.group().rstrip())
        made.append(Edit(Span(source, end, end), "".join(f" {option}" for option in options)))
    text = "".join(f"  {line}\n" for line in lines) if section[2] else "".join(f" {line};" for line in lines)
    after = section.end() if section[2] else section.end(1)
    return (*made, Edit(Span(source, after, after), text)) if lines else tuple(made)


def _translated(rows: Sequence[Span]) -> tuple[list[str], list[str]]:
    """Settings, and options of the optimizer, from lines `name = value`, `name: value` and `name value`."""
    lines: list[str] = []
    options: list[str] = []
    for row in rows:
        found = re.match(r"[ \t]*([A-Za-z_]\w*)[ \t]*[=:]?[ \t]*(.*)", row.text)
        name, value = (own_name(found[1]), found[2].rstrip(" \t,")) if found else (row.text, "")
        call = re.fullmatch(r"(?:\w+\.)*(\w+)\((.*)\)", value)
        word = re.fullmatch(r"[\"']?([A-Za-z_]\w*)[\"']?", value)
        value = without_parentheses(call[1], call[2]) if call else own_name(word[1]) if word else value
        (options if name in OF_OPTIMIZER else lines).append(
            f"{name}={value}" if name in OF_OPTIMIZER else f"{name} {value}".rstrip()
        )
    return lines, options


def _whole(row: Span) -> Span:
    """The line of a row, with its end."""
    text = row.source.text
    return Span(row.source, text.rfind("\n", 0, row.start) + 1, min((text + "\n").index("\n", row.end) + 1, len(text)))
