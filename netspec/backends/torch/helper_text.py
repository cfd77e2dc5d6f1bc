"""The classes that layers bring along, without the lines for what no layer of a file uses."""

from __future__ import annotations

import re
from collections.abc import Set

__all__ = ["helper_text"]

_WIDTH = 110


def helper_text(text: str, uses: Set[str]) -> str:
    """A class as its file needs it: the marked lines that apply, and calls in one line where they fit."""
    lines = []
    for line in text.splitlines():
        code, *conditions = re.split(r"  #(?=[?!])", line)
        if all(_applies(condition, uses) for condition in conditions):
            lines.append(code)
    return "\n".join(_joined(lines))


def _applies(condition: str, uses: Set[str]) -> bool:
    """`?a,b !c`: whether all of a and b are used, and c is not."""
    return all(
        (set(names.split(",")) <= uses) if sign == "?" else not set(names.split(",")) & uses
        for sign, names in re.findall(r"([?!]) ?([\w,]+)", condition)
    )


def _joined(lines: list[str]) -> list[str]:
    """Puts brackets that are open at the end of a line on one line where they fit."""
    found: list[str] = []
    i = 0
    while i < len(lines):
        line, indent = lines[i], len(lines[i]) - len(lines[i].lstrip())
        end = next((j for j in range(i + 1, len(lines)) if lines[j].startswith(" " * indent + ")")), None)
        if line.endswith("(") and end is not None:
            inner = " ".join(part.strip() for part in lines[i + 1 : end]).rstrip(",")
            whole = f"{line}{inner}{lines[end].strip()}"
            if len(whole) <= _WIDTH and '"""' not in whole:
                found.append(whole)
                i = end + 1
                continue
        found.append(line)
        i += 1
    return found
