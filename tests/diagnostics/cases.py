"""The cases of mistakes.txt, and what is reported of them: one reviewed snapshot file per family of cases."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from netspec.diagnostics import Diagnostic
from netspec.diagnostics.terminal import render
from netspec.model import check
from netspec.source import SourceFile

__all__ = ["CASES", "Case", "findings", "read_snapshots", "rendered", "write_snapshots"]

HERE = Path(__file__).resolve().parent
SNAPSHOTS = HERE / "snapshots"
MARK = "«"


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    codes: tuple[str, ...]
    text: str
    places: tuple[tuple[int, int], ...]
    """Line and column of every mark."""

    @property
    def family(self) -> str:
        """The first word of the name."""
        return re.match(r"\w+", self.name).group()  # type: ignore[union-attr]

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


def findings(text: str) -> tuple[Diagnostic, ...]:
    return check(SourceFile(text, "spec.net")).diagnostics


def rendered(case: Case) -> str:
    return "\n".join(render(d, color=False, columns=80) for d in findings(case.text))


def read_snapshots() -> dict[str, str]:
    """The recorded text of every case, by its name."""
    found = {}
    for path in SNAPSHOTS.glob("*.txt"):
        for block in re.split(r"^### ", path.read_text("utf-8"), flags=re.M)[1:]:
            name, _, text = block.partition("\n")
            found[name] = text.removesuffix("\n")
    return found


def write_snapshots() -> None:
    SNAPSHOTS.mkdir(exist_ok=True)
    for old in SNAPSHOTS.glob("*.txt"):
        old.unlink()
    for family, cases in groupby(sorted(CASES, key=lambda case: case.family), key=lambda case: case.family):
        text = "".join(f"### {case.name}\n{rendered(case)}\n" for case in cases)
        (SNAPSHOTS / f"{family}.txt").write_text(text, "utf-8")
