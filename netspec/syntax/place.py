"""Where a syntax error stands, and what is said of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lark import Token

from netspec.syntax.recovery import Change, masked

__all__ = ["Place", "Words"]


@dataclass(frozen=True, slots=True)
class Words:
    """What is wrong, what to do, and the changes of the text that do it."""

    message: str
    help: str = ""
    changes: tuple[Change, ...] = ()
    safe: bool = True
    repairs: bool | None = None
    """Whether parsing goes on with the changes, as it does with safe ones; otherwise without the statement."""
    marked: tuple[int, int] | None = None
    left_out: tuple[int, int] | None = None
    expected: bool = True


class Place:
    """Where the error stands."""

    def __init__(self, text: str, at: int, token: Token | None, accepted: frozenset[str], opener: int | None) -> None:
        self.text, self.at, self.token, self.accepted, self.opener = text, at, token, accepted, opener
        self.rest = text[at:]
        self.char = text[at : at + 1]
        self.start = text.rfind("\n", 0, at) + 1
        self.stop = (text + "\n").index("\n", at)
        self.line = text[self.start : self.stop]
        self.before = text[self.start : at]
        found = re.match(r"\w+|->|\S", self.rest)
        self.shown = found.group() if found else self.char

    def ends_line(self) -> bool:
        return self.token is not None and self.token.type == "_NL"

    def in_recipe(self) -> bool:
        """Whether the innermost brace is one of a `train` section."""
        plain = masked(self.text[: self.at])
        depth = 0
        for i in range(len(plain) - 1, -1, -1):
            depth += (plain[i] == "}") - (plain[i] == "{")
            if depth < 0:
                head = plain[plain.rfind("\n", 0, i) + 1 : i].split()
                if head[:1] == ["train"]:
                    return True
                depth = 0
        return False
