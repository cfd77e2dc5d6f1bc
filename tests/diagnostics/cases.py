"""The cases of mistakes.txt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CASES", "GOLDEN", "Case"]

HERE = Path(__file__).resolve().parent
GOLDEN = HERE / "golden"
MARK = "«"


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    codes: tuple[str, ...]
    text: str
    places: tuple[tuple[int, int], ...]
    """Line and column of every mark."""

    @property
    def golden(self) -> Path:
        return GOLDEN / (re.sub(r"[^a-z0-9]+", "_", self.name.lower()).strip("_") + ".txt")

    def __str__(self) -> str:
        return self.name


def _case(block: str) -> Case:
    head, _, body = block.partition("\n")
    name, codes = re.fullmatch(r"(.*?)((?: NS\d{3})+)", head).groups()  # type: ignore[union-attr]
    text, places = "", []
    for part in body.split(MARK)[:-1]:
        text += part
        places.append((text.count("\n") + 1, len(text) - text.rfind("\n")))
    return Case(name, tuple(codes.split()), text + body.split(MARK)[-1], tuple(places))


CASES = [_case(block) for block in re.split(r"^### ", (HERE / "mistakes.txt").read_text("utf-8"), flags=re.M)[1:]]
