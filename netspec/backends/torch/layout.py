"""Long lines of generated source, broken as Python's formatters break them."""

from __future__ import annotations

import re

__all__ = ["WIDTH", "wrapped"]

WIDTH = 120
_PAIRS = {"(": ")", "[": "]", "{": "}"}


def wrapped(line: str, indent: int) -> list[str]:
    """The lines of one statement that is indented by `indent` columns; its own leading spaces count as well.

    What does not fit is broken at its last bracket group: the inside on a line of its own, or an item a line. A chain of calls is
    broken before each of them.
    """
    if indent + len(line) <= WIDTH:
        return [line]
    lead = line[: len(line) - len(line.lstrip())]
    chain = re.fullmatch(r"\s*((?:\w+ = |return ))(.+)", line)
    if chain is not None and len(calls := _calls(chain[2])) > 2:
        broken = [part for call in calls for part in wrapped(f"{lead}    {call}", indent)]
        return [f"{lead}{chain[1]}(", *broken, f"{lead})"]
    group = _last_group(line)
    if group is None:
        return [line]
    start, stop = group
    inner = line[start + 1 : stop]
    inside = f"{lead}    {inner}"
    if not line.endswith(",") and indent + len(inside) <= WIDTH:
        return [line[: start + 1], inside, lead + line[stop:]]
    items = [part for item in _items(inner) for part in wrapped(f"{lead}    {item},", indent)]
    return [line[: start + 1], *items, lead + line[stop:]]


def _last_group(line: str) -> tuple[int, int] | None:
    """Where the outermost bracket group that ends a line (but for `,`, or `) -> Tensor:`) begins and ends."""
    stack: list[int] = []
    found = None
    for i, char in enumerate(line):
        if char in _PAIRS:
            stack.append(i)
        elif char in _PAIRS.values() and stack:
            start = stack.pop()
            if not stack:
                found = (start, i)
    if found is None or found[1] - found[0] < 2:
        return None
    return found


def _calls(text: str) -> list[str]:
    """The parts of an expression, each of which begins with a dot after a bracket."""
    calls, depth, start = [], 0, 0
    for i, char in enumerate(text):
        depth += (char in _PAIRS) - (char in _PAIRS.values())
        if depth == 0 and char == "." and text[i - 1 : i] in (")", "]"):
            calls.append(text[start:i])
            start = i
        elif depth == 0 and char == " ":  # an operator: not a chain alone
            return [text]
    return [*calls, text[start:]]


def _items(text: str) -> list[str]:
    """The parts between the commas outside brackets."""
    items, depth, start = [], 0, 0
    for i, char in enumerate(text):
        depth += (char in _PAIRS) - (char in _PAIRS.values())
        if char == "," and depth == 0:
            items.append(text[start:i].strip())
            start = i + 1
    return [item for item in [*items, text[start:].strip()] if item]
