"""Text as a terminal shows it: how wide it is, what may be printed, where its lines break."""

from __future__ import annotations

import unicodedata

__all__ = ["glyph", "printable", "width", "wrapped"]

TAB = 4


def glyph(char: str) -> tuple[str, int]:
    """What is printed for a character, and on how many columns: a tab is blanks, and what could drive the terminal,
    turn the direction of the text or hide in it is a replacement character."""
    if " " <= char <= "~":
        return char, 1
    if char == "\t":
        return " " * TAB, TAB
    category = unicodedata.category(char)
    if category in ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"):
        return "\N{REPLACEMENT CHARACTER}", 1
    if category in ("Mn", "Me") or unicodedata.combining(char):
        return char, 0
    return char, 2 if unicodedata.east_asian_width(char) in "WF" else 1


def printable(text: str) -> str:
    """A text of one line or several with every character that may not be printed replaced."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\n" if char == "\n" else glyph(char)[0] for char in text)


def width(text: str) -> int:
    """The number of columns that a text of one line takes."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(glyph(char)[1] for char in text)


def wrapped(text: str, columns: int, lead: str = "", hang: int = 0) -> list[str]:
    """Lines of at most `columns` columns: `lead` and the words of the text, further lines indented by `hang`. A word
    that is longer than a line is broken."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        current, used, empty = lead, width(lead), True
        for word in paragraph.split(" "):
            if not empty and used + 1 + width(word) > columns:
                lines.append(current)
                current, used, empty = " " * hang, hang, True
            current, used = current + " " * (not empty), used + (not empty)
            for part in _parts(word, columns - used, columns - hang):
                if part is None:
                    lines.append(current)
                    current, used = " " * hang, hang
                else:
                    current, used = current + part, used + width(part)
            empty = False
        lines.append(current)
        lead = " " * hang
    return lines


def _parts(word: str, first: int, room: int) -> list[str | None]:
    """A word in parts that fit, and None where a line ends between them."""
    if width(word) <= max(first, 1):
        return [word]
    parts: list[str | None] = []
    current, free = "", max(first, 1)
    for char in word:
        if current and width(current) + width(char) > free:
            parts += [current, None]
            current, free = "", max(room, 1)
        current += char
    return [*parts, current]
