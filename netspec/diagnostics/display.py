"""Text as a terminal shows it: how wide it is, what may be printed, where its lines break."""

from __future__ import annotations

import json
import unicodedata

__all__ = ["glyph", "json_printable", "printable", "width", "wrapped"]

TAB = 4
_HIDDEN = ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")
"""Categories of what is not printed: control and format characters, surrogates, unassigned and private ones, separators
of lines."""


def glyph(char: str) -> tuple[str, int]:
    """What is printed for a character, and on how many columns: a tab is blanks, and what could drive the terminal,
    turn the direction of the text or hide in it is escaped as in a Python string, `\\x1b`."""
    if " " <= char <= "~":
        return char, 1
    if char == "\t":
        return " " * TAB, TAB
    category = unicodedata.category(char)
    if category in _HIDDEN:
        escaped = _escape(char)
        return escaped, len(escaped)
    if category in ("Mn", "Me") or unicodedata.combining(char):
        return char, 0
    return char, 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is not UTF-8
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def printable(text: str) -> str:
    """A text of one line or several with every character that may not be printed escaped."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\n" if char == "\n" else glyph(char)[0] for char in text)


def json_printable(text: str) -> str:
    """A JSON document with every character that may not be printed escaped by JSON's own rules."""
    if text.isascii():
        return text  # json.dumps has escaped control characters
    return "".join(
        char if char < "\x7f" or unicodedata.category(char) not in _HIDDEN else json.dumps(char)[1:-1] for char in text
    )


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
